"""Calls of tools that are not offered: the SDK repeats their names, of any length, and says no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mcp_types as types
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from mlflow_mcp.text import clipped, nearest
from mlflow_mcp.tools.catalog import CATALOG, Entry


class UnknownTools:
    """Answers a call of what is no tool here with what to do instead, and passes all other requests on."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._names = [entry.name for entry in entries]

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        name = (ctx.params or {}).get("name") if ctx.method == "tools/call" else None
        if not isinstance(name, str) or name in self._names:
            return await call_next(ctx)
        return types.CallToolResult(content=[types.TextContent(type="text", text=self._sentence(name))], is_error=True)

    def _sentence(self, name: str) -> str:
        known = next((entry for entry in CATALOG if entry.name == name), None)
        if known is None:
            close = nearest(name, self._names, 1)
            return f"There is no tool '{clipped(name)}'." + (f" Nearest: '{close[0]}'." if close else "")
        return not_offered(known)


def not_offered(entry: Entry) -> str:
    """That a tool is not offered, and who can change it."""
    if entry.effect.changes_mlflow:
        return (
            f"{entry.name} is not offered here: it changes MLflow. The operator allows it with "
            f"MLFLOW_MCP_ALLOW_WRITE={entry.toolset}; MLFLOW_MCP_READ_ONLY forbids it."
        )
    return f"{entry.name} is not offered here. The operator chooses tools with MLFLOW_MCP_TOOLSETS ('{entry.toolset}' has it)."
