"""The HTTP app: one route for MCP, behind who may ask and how much, and those for probes."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from mcp.server import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import RequestBodyLimitMiddleware
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlflow_mcp.http_settings import HttpSettings
from mlflow_mcp.server.auth.gate import Gate
from mlflow_mcp.server.connections import Connections
from mlflow_mcp.server.records.metrics import Metrics
from mlflow_mcp.server.transports.hosts import KnownHosts
from mlflow_mcp.server.transports.limits import Limits, refusal
from mlflow_mcp.server.transports.probes import Readiness, probe_routes
from mlflow_mcp.server.transports.sessions import SESSION_SECONDS, Sessions

PATH = "/mcp"
# Bytes of a request: a call is some kilobytes. Seconds in which all of them have to come.
LARGEST_BODY = 1_000_000
BODY_SECONDS = 15.0
_SWEEP_SECONDS = 60.0


@dataclass(frozen=True)
class Parts:
    """What one HTTP server is made of, besides the MCP server itself."""

    settings: HttpSettings
    connections: Connections
    limits: Limits
    metrics: Metrics
    readiness: Readiness
    gate: Gate


def http_app(server: MCPServer[Connections], parts: Parts) -> Starlette:
    settings = parts.settings
    manager = StreamableHTTPSessionManager(
        server._lowlevel_server,  # as `streamable_http_app` of the SDK does, which knows bearer tokens only
        stateless=settings.sessions == 0,
        session_idle_timeout=SESSION_SECONDS if settings.sessions else None,
        max_sessions=settings.sessions or None,
        max_request_body_size=LARGEST_BODY,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with manager.run(), anyio.create_task_group() as tasks:
            tasks.start_soon(_sweep, parts.connections)
            parts.connections.own.warm()
            yield
            tasks.cancel_scope.cancel()

    served: ASGIApp = StreamableHTTPASGIApp(manager)
    if settings.sessions:
        served = Sessions(manager, settings, parts.limits).shared(served)
    served = parts.limits.admitting(in_time(served))
    served = KnownHosts(settings).before(parts.gate.before(served))
    served = counted(while_open(served, parts.readiness), parts.metrics)
    routes = [Route(PATH, _Endpoint(served)), *parts.gate.routes, *probe_routes(parts.readiness, parts.metrics)]
    return Starlette(routes=routes, lifespan=lifespan)


async def _sweep(connections: Connections) -> None:
    while True:
        await anyio.sleep(_SWEEP_SECONDS)
        connections.drop_idle()


class _Endpoint:
    """An app as the endpoint of a route, for which Starlette takes a function for one that answers a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def while_open(app: ASGIApp, readiness: Readiness) -> ASGIApp:
    """The app until a shutdown begins; then 503, which clients take to another instance."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        asked = refusal(503, "This server is shutting down.", 1) if readiness.leaving else app
        await asked(scope, receive, send)

    return serve


def in_time(app: ASGIApp) -> ASGIApp:
    """The app once the whole body is here; 413 for a body that is too large, 408 for one that takes too long."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        with anyio.CancelScope(deadline=anyio.current_time() + BODY_SECONDS) as waiting:

            async def go_on(scope: Scope, receive: Receive, send: Send) -> None:
                waiting.deadline = math.inf
                await app(scope, receive, send)

            await RequestBodyLimitMiddleware(go_on, LARGEST_BODY)(scope, receive, send)
        if waiting.cancelled_caught:
            response = refusal(408, f"The request did not come within {BODY_SECONDS:g} s.")
            response.headers["Connection"] = "close"
            await response(scope, receive, send)

    return serve


def counted(app: ASGIApp, metrics: Metrics) -> ASGIApp:
    """The app, its answers counted by their status."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                metrics.responses.add(status=str(message["status"]))
            await send(message)

        await app(scope, receive, note)

    return serve
