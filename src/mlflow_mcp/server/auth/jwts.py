"""Mode `shared`, JWTs: signed by a key of the configured issuer, for this server, and not expired."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

import jwt

from mlflow_mcp.server.auth.callers import Caller
from mlflow_mcp.server.auth.keys import IssuerKeys
from mlflow_mcp.settings import Settings, SettingsError
from mlflow_mcp.text import clipped

logger = logging.getLogger(__name__)

# Signatures with a public key only: with HMAC, whoever may verify may also sign.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
# Seconds by which clocks may differ.
_LEEWAY = 30.0
_LONGEST = 16_384


class Jwts:
    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.jwt_issuer or ""
        self._audience = settings.jwt_audience or settings.public_url
        if not self._audience:
            raise SettingsError(
                "MLFLOW_MCP_JWT_ISSUER needs to know for whom its JWTs must be issued: set MLFLOW_MCP_PUBLIC_URL or MLFLOW_MCP_JWT_AUDIENCE."
            )
        self._keys = IssuerKeys(self._issuer, settings.jwt_keys_url)

    async def caller(self, token: str) -> Caller | None:
        """Who shows this JWT; None for one that does not hold. Raises NotLetIn while the issuer's keys cannot be had."""
        try:
            header = jwt.get_unverified_header(token) if len(token) <= _LONGEST else {}
        except jwt.PyJWTError:
            return None
        if header.get("alg") not in ALGORITHMS:
            return None
        for key in await self._keys.candidates(header.get("kid"), str(header["alg"])):
            try:
                claims = self._verified(token, key)
            except jwt.PyJWTError as error:
                logger.info("a JWT was refused: %s", type(error).__name__)
                continue
            return _caller(claims)
        return None

    def _verified(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            issuer=self._issuer,
            audience=self._audience,
            leeway=_LEEWAY,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
        return claims


def _caller(claims: dict[str, Any]) -> Caller:
    who = f"{claims['iss']}\0{claims['sub']}"
    name = next((str(claims[each]) for each in ("preferred_username", "email", "sub") if claims.get(each)), "")
    return Caller(hashlib.sha256(who.encode()).hexdigest(), clipped(name))
