"""Who sends a request: nobody in particular, a named caller, or one who brings credentials of MLflow's."""

from __future__ import annotations

import contextlib
import ipaddress
from dataclasses import dataclass, field
from typing import Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.authentication import AuthenticationError
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from mlflow_mcp.client.transport.connection import Credentials


@dataclass(frozen=True)
class Caller:
    """`key` tells callers apart and holds no secret; `name` is for the record of changes; `credentials` are for MLflow."""

    key: str = ""
    name: str = ""
    credentials: Credentials | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Asker:
    """Whose share of this server a request takes: a caller's, by `key`; or an address's, while nobody knows who it is."""

    key: str
    address: str


# Over stdio, and over HTTP without authentication.
NOBODY = Caller()


class KnownUser(AuthenticatedUser):
    """A caller as the SDK knows one: it binds sessions and confirmations to the key."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(AccessToken(token="", client_id=caller.key, scopes=[]))
        self.caller = caller


def caller_of(request: Any) -> Caller:
    """The caller of an HTTP request, or of a message that came in none."""
    user = request.scope.get("user") if isinstance(request, HTTPConnection) else None
    return user.caller if isinstance(user, KnownUser) else NOBODY


def asker_of(connection: HTTPConnection) -> Asker:
    host = connection.client.host if connection.client else ""
    return Asker(caller_of(connection).key, f"address {network_of(host)}")


def network_of(host: str) -> str:
    """An IPv6 address stands for its /64: whoever has one of these has them all."""
    if ":" in host:
        with contextlib.suppress(ValueError):
            return str(ipaddress.IPv6Network((host.partition("%")[0], 64), strict=False))
    return host


class NotLetIn(AuthenticationError):
    """A request that is not served, with the status and sentence that answer it."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.headers = status, headers or {}

    def response(self) -> Response:
        body = {"error": "invalid_token" if self.status == 401 else "temporarily_unavailable"}
        return JSONResponse({**body, "error_description": str(self)}, self.status, self.headers)
