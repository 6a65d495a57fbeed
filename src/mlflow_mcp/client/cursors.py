"""Opaque cursors, bound to the arguments of the call that gave them."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from mlflow_mcp.errors import Problem


def encode_cursor(content: Any, *arguments: Any) -> str:
    """A cursor that holds `content` and belongs to these arguments of a call (JSON values), of which it keeps a digest:
    its length does not depend on theirs."""
    text = json.dumps([_digest(arguments), content], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _digest(arguments: tuple[Any, ...]) -> str:
    return hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()[:12]


def decode_cursor(cursor: str, *arguments: Any) -> Any:
    """The content that `encode_cursor` was given. Raises Problem when the cursor is broken or belongs to other arguments."""
    try:
        owner, content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError):
        raise forged() from None
    if owner != _digest(arguments):
        raise Problem(
            "This cursor belongs to other arguments.",
            "Repeat the arguments of the call that gave it (limit may differ), or leave cursor out to start anew.",
        )
    return content


def decode_offset(cursor: str, *arguments: Any) -> int:
    """The number that `encode_cursor` was given. Raises Problem as `decode_cursor` does."""
    try:
        return int(decode_cursor(cursor, *arguments))
    except (ValueError, TypeError):
        raise forged() from None


def decode_position(cursor: str, *arguments: Any) -> tuple[str | None, int]:
    """The page token and the rows to skip that `encode_cursor` was given. Raises Problem as `decode_cursor` does."""
    try:
        token, skip = decode_cursor(cursor, *arguments)
        return (None if token is None else str(token)), int(skip)
    except (ValueError, TypeError):
        raise forged() from None


def forged() -> Problem:
    return Problem("This cursor is not one that this server gave.", "Leave cursor out to start at the first page.")
