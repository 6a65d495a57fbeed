"""What machines ask this server: whether it lives, whether it is ready, and its figures."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING

import anyio
import httpx2
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mlflow_mcp.server.records.metrics import Metrics

if TYPE_CHECKING:
    from mlflow_mcp.client.transport.connection import Connection

# Seconds for which an answer of MLflow's is believed, and seconds that it has to give one.
_FRESH = 5.0
_PATIENCE = 3.0


class Readiness:
    """Whether calls can be served: MLflow's client is loaded, the server behind answers, and no shutdown has begun."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._asked: tuple[float, str] | None = None
        self._one = anyio.Lock()
        self.leaving = False

    async def obstacle(self) -> str:
        """Why not; an empty text when nothing is in the way."""
        if self.leaving:
            return "This server is shutting down."
        if not self._connection.is_loaded:
            return "MLflow's client is not loaded yet."
        async with self._one:
            if self._asked is None or time.monotonic() - self._asked[0] > _FRESH:
                self._asked = (time.monotonic(), await self._look())
            return self._asked[1]

    async def _look(self) -> str:
        if not self._connection.is_http:
            return ""
        uri = str(self._connection.uri).rstrip("/")
        try:
            async with httpx2.AsyncClient(verify=self._tls(), timeout=_PATIENCE) as client:
                answer = await client.get(f"{uri}/health")
        except (httpx2.HTTPError, OSError) as error:
            return f"MLflow does not answer ({type(error).__name__})."
        return f"MLflow answers with status {answer.status_code}." if answer.status_code >= 500 else ""

    def _tls(self) -> ssl.SSLContext | bool:
        """As MLflow's own variables say."""
        verify = self._connection.host_credentials().verify
        return ssl.create_default_context(cafile=verify) if isinstance(verify, str) else bool(verify)


def probe_routes(readiness: Readiness, metrics: Metrics) -> list[Route]:
    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        obstacle = await readiness.obstacle()
        return JSONResponse({"status": obstacle or "ready"}, 503 if obstacle else 200)

    async def figures(_: Request) -> Response:
        return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4")

    return [Route("/health", health), Route("/ready", ready), Route("/metrics", figures)]
