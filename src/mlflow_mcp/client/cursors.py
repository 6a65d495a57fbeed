"""Opaque cursors, bound to the arguments of the call that gave them."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from mlflow_mcp.errors import Problem


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def encode_cursor(content: Any, bound_to: str) -> str:
    text = json.dumps([bound_to, content], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, bound_to: str) -> Any:
    """What `encode_cursor` was given. Raises Problem when the cursor is broken or belongs to other arguments."""
    try:
        owner, content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        raise Problem(
            "This cursor is not one that this server gave.", "Leave cursor out to start at the first page."
        ) from None
    if owner != bound_to:
        raise Problem(
            "This cursor belongs to other arguments.",
            "Repeat the arguments of the call that gave it (limit may differ), or leave cursor out to start anew.",
        )
    return content
