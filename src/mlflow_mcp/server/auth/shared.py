"""Mode `shared`: callers show a token of the operator's or a JWT of an issuer's; MLflow is asked with this server's credentials."""

from __future__ import annotations

from typing import Any

from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from pydantic import AnyHttpUrl
from starlette.authentication import AuthCredentials, AuthenticationBackend
from starlette.requests import HTTPConnection
from starlette.routing import Route

from mlflow_mcp.server.auth.callers import KnownUser
from mlflow_mcp.server.auth.jwts import Jwts
from mlflow_mcp.server.auth.tokens import Tokens
from mlflow_mcp.settings import Settings, SettingsError


class Shared(AuthenticationBackend):
    def __init__(self, settings: Settings) -> None:
        self._tokens = Tokens(settings)
        self._jwts = Jwts(settings) if settings.jwt_issuer else None
        if not self._tokens and self._jwts is None:
            raise SettingsError(
                "MLFLOW_MCP_AUTH=shared needs to know whom to let in: set MLFLOW_MCP_TOKENS, MLFLOW_MCP_TOKENS_FILE or MLFLOW_MCP_JWT_ISSUER."
            )
        self.metadata_url: Any = None
        self.routes: list[Route] = []
        if settings.jwt_issuer and settings.public_url:
            resource = AnyHttpUrl(settings.public_url)
            self.metadata_url = build_resource_metadata_url(resource)
            self.routes = create_protected_resource_routes(resource, [AnyHttpUrl(settings.jwt_issuer)])

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, KnownUser] | None:
        headers = conn.headers.getlist("authorization")
        scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
        if scheme.lower() != "bearer":
            return None
        caller = self._tokens.caller(token.strip(" "))
        if caller is None and self._jwts is not None:
            caller = await self._jwts.caller(token.strip(" "))
        return None if caller is None else (AuthCredentials(), KnownUser(caller))
