"""Completion: what a person may mean who types an argument of a prompt or resource. It never fails and never waits long."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import mcp_types as types
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.context import Context

from mlflow_mcp.client.transport.servers import Servers
from mlflow_mcp.server.call.tool import BoundTool
from mlflow_mcp.server.connections import Connections
from mlflow_mcp.server.records import host_log
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.session.completions import MOST_VALUES, PLAIN, completions

logger = logging.getLogger(__name__)

# Nobody waits longer for a list of suggestions.
_SECONDS = 2.0


class Completer:
    """Answers `completion/complete`, and passes all other requests on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._bound: BoundTool | None = None

    def advertise(self, server: MCPServer[Connections]) -> None:
        """Let the server say that it completes: the SDK does where a handler is registered. This one is never reached."""

        @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]
        async def complete(ref: object, argument: object, context: object) -> types.Completion:
            return types.Completion(values=[])

    async def __call__(self, ctx: ServerRequestContext[Connections, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method != "completion/complete":
            return await call_next(ctx)
        values = await self._values(ctx)
        return types.CompleteResult(
            completion=types.Completion(values=values, total=len(values), has_more=len(values) == MOST_VALUES)
        )

    async def _values(self, ctx: ServerRequestContext[Connections, Any]) -> list[str]:
        params = ctx.params or {}
        argument, context = _mapping(params.get("argument")), _mapping(params.get("context"))
        asked = {
            "argument": argument.get("name"),
            "text": argument.get("value"),
            "given": dict(_mapping(context.get("arguments"))),
        }
        prefix = _prefix(asked, ctx.lifespan_context.of(ctx).servers)
        try:
            answer = await self._tool().answered(asked, Context(request_context=ctx))
        except Exception as error:
            problem = self._tool().problem_of(error, ctx.lifespan_context.of(ctx))
            logger.info("nothing completed: %s", problem)
            await host_log.log(ctx, "info", f"Nothing completed: {self._tool().sentence_of(problem)}")
            return []
        values: list[str] = (self._tool().rendered(answer).structured_content or {})["values"]
        return [prefix + value for value in values]

    def _tool(self) -> BoundTool:
        """Made when the first completion is asked for: the start of the server does not wait for it."""
        if self._bound is None:
            hasty = self._settings.model_copy(update={"timeout": min(self._settings.timeout, _SECONDS)})
            self._bound = BoundTool.of(completions, "completion").bound(hasty)
        return self._bound


def _prefix(asked: Mapping[str, Any], servers: Servers) -> str:
    """What stands before the values of the one server that is meant: as it was typed, or as an argument that is given says."""
    typed = str(asked["text"])
    if asked["argument"] in PLAIN:
        return ""
    if servers.split(typed)[0]:
        return typed.partition(":")[0] + ":"
    named = (servers.split(str(value))[0] for value in asked["given"].values())
    return next((servers.prefix_of(each) for each in named if each), "")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
