"""What a request passes before it is read: the mode of MLFLOW_MCP_AUTH, by the SDK's own middlewares."""

from __future__ import annotations

from typing import Any

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import RequireAuthMiddleware
from starlette.authentication import AuthenticationBackend
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mlflow_mcp.server.auth.callers import NotLetIn
from mlflow_mcp.server.auth.passthrough import Passthrough
from mlflow_mcp.server.auth.shared import Shared
from mlflow_mcp.settings import Settings


class Gate:
    def __init__(self, settings: Settings) -> None:
        self._backend: AuthenticationBackend | None = None
        self._metadata_url: Any = None
        self.routes: list[Route] = []
        if settings.auth == "passthrough":
            self._backend = Passthrough()
        elif settings.auth == "shared":
            shared = Shared(settings)
            self._backend, self._metadata_url, self.routes = shared, shared.metadata_url, shared.routes

    def before(self, app: ASGIApp) -> ASGIApp:
        """The app, for callers who are let in."""
        if self._backend is None:
            return app
        known = RequireAuthMiddleware(AuthContextMiddleware(app), [], self._metadata_url)
        return AuthenticationMiddleware(known, self._backend, _refused)


def _refused(_: HTTPConnection, error: Exception) -> Response:
    assert isinstance(error, NotLetIn)
    return error.response()
