"""Mode `passthrough`: the caller's Authorization header becomes the credentials of a connection of its own. MLflow decides."""

from __future__ import annotations

import base64
import binascii
import hashlib

from starlette.authentication import AuthCredentials, AuthenticationBackend
from starlette.requests import HTTPConnection

from mlflow_mcp.client.transport.connection import Credentials
from mlflow_mcp.server.auth.callers import Caller, KnownUser, NotLetIn
from mlflow_mcp.text import clipped

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="MLflow", charset="UTF-8"'}


class Passthrough(AuthenticationBackend):
    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, KnownUser]:
        headers = conn.headers.getlist("authorization")
        credentials = credentials_in(headers[0]) if len(headers) == 1 else None
        if credentials is None:
            raise NotLetIn(
                401,
                "Send your MLflow credentials in one Authorization header, Basic or Bearer; they go to MLflow only.",
                _CHALLENGE,
            )
        return AuthCredentials(), KnownUser(
            Caller(_digest(credentials), clipped(credentials.username or "a bearer token's owner"), credentials)
        )


def credentials_in(header: str) -> Credentials | None:
    """What an Authorization header holds, when MLflow's client can send the same. It sends nothing for an empty password."""
    scheme, _, value = header.partition(" ")
    value = value.strip(" ")
    if scheme.lower() == "bearer" and value and all("!" <= letter <= "~" for letter in value):
        return Credentials(token=value)
    if scheme.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return Credentials(username=name, password=password) if name and password else None


def _digest(credentials: Credentials) -> str:
    parts = (credentials.username or "", credentials.password or "", credentials.token or "")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
