"""An issuer of JWTs: a web server with its configuration and keys, which it can change, hide and sign with."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.support.servers import Handler, scripted

AUDIENCE = "https://mcp.example.com/mcp"


@dataclass
class Issuer:
    url: str = ""
    keys: dict[str, Any] = field(default_factory=dict)
    published: list[str] = field(default_factory=list)
    is_down: bool = False
    asked: list[str] = field(default_factory=list)

    def make_key(self, kid: str, kind: str = "RS256") -> None:
        make = {
            "RS256": lambda: rsa.generate_private_key(public_exponent=65_537, key_size=2_048),
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        }
        self.keys[kid] = make[kind]()
        self.published.append(kid)

    def token(self, kid: str = "one", *, alg: str = "RS256", key: Any = None, **claims: Any) -> str:
        now = int(time.time())
        content = {"iss": self.url, "aud": AUDIENCE, "sub": "ana", "exp": now + 300, "iat": now} | claims
        held = {name: value for name, value in content.items() if value is not None}
        return jwt.encode(held, key if key is not None else self.keys[kid], algorithm=alg, headers={"kid": kid})

    def answer(self, request: Handler) -> None:
        self.asked.append(request.path)
        if self.is_down:
            request.reply(503, b"down", {})
        elif request.path.endswith("/openid-configuration"):
            about = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
            request.reply(200, json.dumps(about).encode(), {"Content-Type": "application/json"})
        else:
            keys = [self._public(kid) for kid in self.published]
            request.reply(200, json.dumps({"keys": keys}).encode(), {"Content-Type": "application/json"})

    def _public(self, kid: str) -> dict[str, Any]:
        key = self.keys[kid].public_key()
        shown = RSAAlgorithm.to_jwk(key, True) if isinstance(key, rsa.RSAPublicKey) else ECAlgorithm.to_jwk(key, True)
        return {**shown, "kid": kid, "use": "sig"}


@contextmanager
def issuing() -> Iterator[Issuer]:
    issuer = Issuer()
    issuer.make_key("one")
    with scripted(issuer.answer) as url:
        issuer.url = url.rstrip("/")
        yield issuer
