"""`build_server(settings)`: the catalog, filtered and bound, on the SDK's server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.request_state import RequestStateSecurity
from mcp_types import ToolAnnotations

from mlflow_mcp import __version__
from mlflow_mcp.server.call.tool import BoundTool
from mlflow_mcp.server.completion import Completer
from mlflow_mcp.server.connections import Connections
from mlflow_mcp.server.instructions import instructions_for
from mlflow_mcp.server.prompt_files import Prompts
from mlflow_mcp.server.records import host_log
from mlflow_mcp.server.resources import Resources
from mlflow_mcp.server.unknown_tools import UnknownTools
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.catalog import Entry, offered


def build_server(
    settings: Settings, connections: Connections | None = None, around: Sequence[ServerMiddleware[Any]] = ()
) -> MCPServer[Connections]:
    """The server over everything that `settings` allow. Making it reads nothing and imports no mlflow. `around` sees every
    message before the server's own middlewares."""

    entries = offered(settings)

    @asynccontextmanager
    async def lifespan(_: MCPServer[Connections]) -> AsyncIterator[Connections]:
        yield connections or Connections(settings)

    key = settings.state_key

    completer = Completer(settings)
    server = MCPServer(
        "mlflow-mcp",
        title="MLflow",
        version=__version__,
        instructions=instructions_for(entries, settings.servers),
        tools=[_described(entry).bound(settings) for entry in entries],
        lifespan=lifespan,
        subscriptions=False,  # nothing that is listed here changes while the server runs
        log_level=settings.log_level,
        # Confirmations of writes: another instance can check them where all have one key.
        request_state_security=RequestStateSecurity(keys=[key.get_secret_value()]) if key else None,
        middleware=[
            *around,
            _warm_after_listing,
            UnknownTools(entries),
            Resources(settings),
            Prompts(entries, settings.servers),
            completer,
        ],
    )
    completer.advertise(server)
    host_log.advertise(server)
    return server


@cache  # schemas take most of the time in which a server is built
def _described(entry: Entry) -> BoundTool:
    annotations = ToolAnnotations(
        title=entry.title,
        read_only_hint=entry.effect.is_read_only,
        destructive_hint=entry.effect.is_destructive,
        idempotent_hint=entry.effect.is_idempotent,
        # Only the configured server is ever contacted, but what it holds is the world's.
        open_world_hint=True,
    )
    return BoundTool.of(
        entry.function,
        entry.title,
        annotations,
        entry.wider,
        changes_mlflow=entry.effect.changes_mlflow,
        hidden=entry.without,
    )


async def _warm_after_listing(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Import mlflow once the host has its list of tools: before that, the import would delay the answer."""
    result = await call_next(ctx)
    if ctx.method == "tools/list":
        # The answer leaves after this returns; the import waits until it is on its way.
        asyncio.get_running_loop().call_later(0.05, ctx.lifespan_context.of(ctx).warm)
    return result
