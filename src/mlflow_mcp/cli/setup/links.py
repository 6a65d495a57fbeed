"""Links that a host opens to add a server: for those who would rather click than have a file written."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote


def install_link(host: str, name: str, entry: Mapping[str, Any]) -> str | None:
    """The link for this entry; None where the host has no such links."""
    write = _LINKS.get(host)
    return write(name, entry) if write else None


def _cursor(name: str, entry: Mapping[str, Any]) -> str:
    """cursor.com/docs/mcp/install-links"""
    config = base64.b64encode(_compact(entry).encode()).decode()
    return f"cursor://anysphere.cursor-deeplink/mcp/install?name={quote(name, safe='')}&config={quote(config, safe='')}"


def _vscode(name: str, entry: Mapping[str, Any]) -> str:
    """code.visualstudio.com/docs/copilot/guides/mcp-developer-guide: MCP URL handler"""
    return f"vscode:mcp/install?{quote(_compact({'name': name, **entry}), safe='')}"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


_LINKS: dict[str, Callable[[str, Mapping[str, Any]], str]] = {"cursor": _cursor, "vscode": _vscode}
