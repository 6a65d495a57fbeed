"""The public keys of an issuer of JWTs: fetched when they are needed, kept for a while, fetched again for a new key."""

from __future__ import annotations

import logging
import math
import time
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import jwt

from mlflow_mcp.http_settings import LOOPBACK
from mlflow_mcp.server.auth.callers import NotLetIn
from mlflow_mcp.settings import SettingsError

logger = logging.getLogger(__name__)

# Seconds: keys are used for so long; an unknown key or a failure makes the issuer be asked again only after the second.
_KEPT = 3_600.0
_PAUSE = 10.0
_PATIENCE = 5.0
_LARGEST = 500_000


class IssuerKeys:
    def __init__(self, issuer: str, keys_url: str | None) -> None:
        for name, url in (("MLFLOW_MCP_JWT_ISSUER", issuer), ("MLFLOW_MCP_JWT_KEYS_URL", keys_url)):
            if url and not _is_safe(url):
                raise SettingsError(
                    f"{name}={url!r} must begin with https://: keys that came without TLS could be anybody's."
                )
        self._issuer, self._keys_url = issuer, keys_url
        self._keys: list[jwt.PyJWK] = []
        self._fetched = self._tried = -math.inf
        self._one = anyio.Lock()

    async def candidates(self, kid: Any, algorithm: str) -> list[jwt.PyJWK]:
        """The keys that may have signed. Raises NotLetIn when they cannot be had: nobody is let in unseen."""
        if not self._of(kid, algorithm) or time.monotonic() - self._fetched > _KEPT:
            async with self._one:
                await self._refresh(kid, algorithm)
        if time.monotonic() - self._fetched > _KEPT:
            raise NotLetIn(
                503, "The issuer of the tokens cannot be reached: no token can be checked now.", {"Retry-After": "10"}
            )
        return self._of(kid, algorithm)

    def _of(self, kid: Any, algorithm: str) -> list[jwt.PyJWK]:
        return [
            key
            for key in self._keys
            if key.algorithm_name == algorithm and (kid is None or key.key_id is None or key.key_id == kid)
        ]

    async def _refresh(self, kid: Any, algorithm: str) -> None:
        now = time.monotonic()
        expired = now - self._fetched > _KEPT
        if now - self._tried < _PAUSE or (self._of(kid, algorithm) and not expired):
            return
        self._tried = now
        try:
            with anyio.fail_after(_PATIENCE):
                self._keys = await self._fetch()
        except (httpx2.HTTPError, OSError, TimeoutError, ValueError, TypeError, KeyError, jwt.PyJWTError) as error:
            logger.warning("the keys of %s could not be read: %s", self._issuer, type(error).__name__)
            return
        self._fetched = time.monotonic()

    async def _fetch(self) -> list[jwt.PyJWK]:
        async with httpx2.AsyncClient(timeout=_PATIENCE) as client:
            url = self._keys_url
            if url is None:
                about = await _json(client, f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
                url = str(about["jwks_uri"])
                if about["issuer"] != self._issuer or not _is_safe(url):
                    raise ValueError("the issuer's configuration names another issuer, or keys without TLS")
            found = (await _json(client, url))["keys"]
        keys = [_key(each) for each in found if isinstance(each, dict) and each.get("use", "sig") == "sig"]
        return [key for key in keys if key is not None]


async def _json(client: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    async with client.stream("GET", url) as answer:
        answer.raise_for_status()
        body = b""
        async for piece in answer.aiter_bytes():
            body += piece
            if len(body) > _LARGEST:
                raise ValueError("longer than any list of keys")
    found = httpx2.Response(200, content=body).json()
    if not isinstance(found, dict):
        raise TypeError("no JSON object")
    return found


def _key(entry: dict[str, Any]) -> jwt.PyJWK | None:
    """A public key; None for one of a kind that is not used here."""
    if entry.get("kty") == "oct":
        return None
    try:
        return jwt.PyJWK(entry)
    except jwt.PyJWTError:
        return None


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
