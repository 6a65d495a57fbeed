"""Log lines for hosts that ask for them, in both protocol eras.

Until 2025-11-25 a host sets the level of its session by `logging/setLevel`; until it does, it is sent nothing. Since
2026-07-28, which deprecates logging, it names the level with each request, and without one nothing may be sent.
"""

from __future__ import annotations

from typing import Any, get_args

import mcp_types as types
from mcp.server import MCPServer
from mcp.server.connection import allowed_log_levels
from mcp.server.context import ServerRequestContext
from mcp_types.version import is_version_at_least

from mlflow_mcp.server.connections import Connections

_Context = ServerRequestContext[Connections, Any]
_LEVELS: tuple[types.LoggingLevel, ...] = get_args(types.LoggingLevel)
_FIRST_WITHOUT_SESSION_LEVEL = "2026-07-28"
_KEY = "log level"


def advertise(server: MCPServer[Connections]) -> None:
    """Let the server say that it logs, and take the level of a session."""

    async def set_level(ctx: _Context, params: types.SetLevelRequestParams) -> types.EmptyResult:
        _state(ctx)[_KEY] = params.level
        return types.EmptyResult()

    # The SDK's own advice: MCPServer has no method for it since the newest protocol has no such request.
    server._lowlevel_server.add_request_handler("logging/setLevel", types.SetLevelRequestParams, set_level)


async def log(ctx: _Context, level: types.LoggingLevel, sentence: str) -> None:
    """Send the sentence, which holds no secrets, to a host that asked for lines of this level."""
    if not _is_wanted(ctx, level):
        return
    params = types.LoggingMessageNotificationParams(level=level, logger="mlflow-mcp", data=sentence)
    await ctx.session.send_notification(types.LoggingMessageNotification(params=params), ctx.request_id)


def _is_wanted(ctx: _Context, level: types.LoggingLevel) -> bool:
    if is_version_at_least(ctx.protocol_version, _FIRST_WITHOUT_SESSION_LEVEL):
        return level in allowed_log_levels(ctx.protocol_version, ctx.meta)
    lowest = _state(ctx).get(_KEY)
    return lowest is not None and _LEVELS.index(level) >= _LEVELS.index(lowest)


def _state(ctx: _Context) -> dict[str, Any]:
    """What the SDK keeps with a host's connection. Its context does not show it to handlers yet."""
    return ctx.session._connection.state
