"""Our server over HTTP, in a thread of the test's process, on a real socket; and clients with an Authorization header."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mlflow_mcp.server.transports.http import HttpServer, listening_at
from mlflow_mcp.server.transports.web import Parts
from mlflow_mcp.settings import Settings
from tests.support.servers import HOST, Handler, QuietServer
from tests.support.servers import serving as serving_handler

ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
MODERN = {"MCP-Protocol-Version": "2026-07-28"}


@contextmanager
def serving(
    uri: str, *, app_of: Callable[[Parts], Any] | None = None, **options: Any
) -> Iterator[tuple[str, HttpServer]]:
    """`with serving(uri, auth="shared", …) as (address, server)`; MCP is at `{address}/mcp`. `app_of`: another app than ours."""
    settings = Settings(tracking_uri=uri, transport="http", port=0, **{"shutdown_seconds": 0, **options})
    server = HttpServer(settings)
    if app_of is not None:
        server.config.loaded_app = app_of(server.parts)
    listening = listening_at(settings)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
    thread.start()
    try:
        scheme = "https" if settings.tls_cert else "http"
        yield f"{scheme}://{'[::1]' if ':' in settings.host else '127.0.0.1'}:{listening.getsockname()[1]}", server
    finally:
        server.leave()
        thread.join(30)
        assert not thread.is_alive()


@asynccontextmanager
async def connected(address: str, authorization: str | None = None, **options: Any) -> AsyncIterator[Client]:
    headers = {"Authorization": authorization} if authorization else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{address}/mcp", http_client=http), **options) as client,
    ):
        yield client


def asked(address: str, tool: str, authorization: str | None = None, *, mode: str = "auto", **arguments: Any) -> Any:
    """The result of one call, by a client of its own."""

    async def ask() -> Any:
        with anyio.fail_after(60):
            async with connected(address, authorization, mode=mode) as client:
                return await client.call_tool(tool, arguments)

    return anyio.run(ask)


@contextmanager
def taking_turns(*addresses: str) -> Iterator[str]:
    """A proxy that sends each request to the next of several instances."""
    next_one = itertools.cycle(addresses)
    kept = (
        "authorization",
        "accept",
        "content-type",
        "mcp-protocol-version",
        "mcp-method",
        "mcp-name",
        "mcp-session-id",
    )

    class Turns(Handler):
        def answer(self, request_body: bytes) -> None:
            headers = {name: value for name, value in self.headers.items() if name.lower() in kept}
            answer = httpx2.request(
                self.command, f"{next(next_one)}{self.path}", content=request_body, headers=headers, timeout=60
            )
            names = ("content-type", "mcp-session-id")
            self.reply(
                answer.status_code,
                answer.content,
                {each: answer.headers[each] for each in names if each in answer.headers},
            )

    with serving_handler(QuietServer((HOST, 0), Turns)) as uri:
        yield uri


def posted(address: str, body: Any = None, **headers: str) -> httpx2.Response:
    """The answer to one request of 2025, as bytes on the wire would ask it."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}} if body is None else body
    return httpx2.post(f"{address}/mcp", json=message, headers=ACCEPT | sent, timeout=30)
