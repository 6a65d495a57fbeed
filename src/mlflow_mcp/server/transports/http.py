"""Serving over HTTP: the socket, TLS, and an end that lets running calls finish."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
import time
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from mlflow_mcp.http_settings import LOOPBACK, HttpSettings
from mlflow_mcp.server.app import build_server
from mlflow_mcp.server.auth.callers import network_of
from mlflow_mcp.server.auth.gate import Gate
from mlflow_mcp.server.connections import Connections
from mlflow_mcp.server.records.metrics import Metrics, timed
from mlflow_mcp.server.records.tracing import traces_sent
from mlflow_mcp.server.transports.hosts import EVERYWHERE, KnownHosts
from mlflow_mcp.server.transports.limits import Limits
from mlflow_mcp.server.transports.probes import Readiness
from mlflow_mcp.server.transports.web import PATH, Parts, http_app
from mlflow_mcp.settings import Settings, SettingsError

# Connections at a time; one more is answered with 503. Connections from one address; one more is closed.
_MOST_CONNECTIONS = 1_000
_MOST_OF_ADDRESS = 750
# Seconds in which the head of a request has to come.
_HEAD_SECONDS = 10.0
# Seconds that streams get, after all calls have ended.
_FAREWELL = 2


def serve_http(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises SettingsError for what keeps it from starting."""
    server = HttpServer(settings)
    with listening_at(settings) as listening, traces_sent(settings):
        _announce(settings, listening)
        asyncio.run(server.serve([listening]))


def app_of(settings: Settings, parts: Parts) -> Starlette:
    server = build_server(settings, parts.connections, [timed(parts.metrics, settings), parts.limits.hold])
    return http_app(server, parts)


def parts_of(settings: Settings) -> Parts:
    """Raises SettingsError for a mode that lacks something."""
    connections, metrics = Connections(settings), Metrics()
    limits = Limits(settings, connections.has_proved)
    connections.observe = metrics.asked_mlflow
    metrics.show("mlflow_mcp_open_requests", "MCP requests that are open now.", lambda: limits.open)
    metrics.show("mlflow_mcp_identities", "Callers whose connection to MLflow is kept.", lambda: connections.identities)
    metrics.show("mlflow_mcp_identities_unproved", "Those that MLflow has not accepted.", lambda: connections.unproved)
    return Parts(settings, connections, limits, metrics, Readiness(connections.own), Gate(settings))


def check_reach(settings: Settings, connections: Connections) -> None:
    """Raise SettingsError for a server that would let in whom the operator did not mean."""
    if settings.auth == "none" and settings.host not in LOOPBACK and not settings.allow_anyone:
        raise SettingsError(
            f"MLFLOW_MCP_HOST={settings.host} can be reached from other machines, and anyone there could read MLflow with this server's "
            "credentials. Set MLFLOW_MCP_AUTH=shared or passthrough, or MLFLOW_MCP_ALLOW_ANYONE=true if that is meant."
        )
    if settings.auth == "passthrough" and not all(each.is_http for each in connections.own.servers.connections):
        raise SettingsError(
            "MLFLOW_MCP_AUTH=passthrough needs an MLflow server in MLFLOW_TRACKING_URI, http:// or https://, and no other kind "
            "of store in MLFLOW_MCP_SERVERS: only a server knows what a caller may read."
        )
    stores = [urlsplit(str(each.uri)) for each in connections.own.servers.connections]
    if settings.auth == "passthrough" and any("@" in each.netloc for each in stores):
        raise SettingsError(
            "MLFLOW_MCP_AUTH=passthrough cannot be used with a user name or password in MLFLOW_TRACKING_URI or MLFLOW_MCP_SERVERS: "
            "they would take the place of the caller's."
        )
    if settings.tls_key and not settings.tls_cert:
        raise SettingsError("MLFLOW_MCP_TLS_KEY needs MLFLOW_MCP_TLS_CERT.")


def listening_at(settings: HttpSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family, backlog=2_048)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None) or 0  # below 0: of the look-up of the host's name
        reason = os.strerror(number) if number > 0 else getattr(error, "strerror", None) or "no such host"
        raise SettingsError(
            f"Cannot listen at {settings.host}, port {settings.port} ({reason}). Choose others with --host and --port."
        ) from None
    # For connections too, which inherit it: asyncio does it for sockets of its own only, and without it the body of an answer
    # waits 40 ms for the client to acknowledge the head.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _announce(settings: Settings, listening: socket.socket) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    scheme = "https" if settings.tls_cert else "http"
    lines = [f"serving {scheme}://{host}:{listening.getsockname()[1]}{PATH} (auth: {settings.auth})."]
    if settings.host not in LOOPBACK:
        bound = [] if settings.host in EVERYWHERE else [host]
        hosts = [*bound, *map(str, KnownHosts(settings).named)]
        lines.append(
            f"It answers to the Host {', '.join(hosts)}."
            if hosts
            else "Set MLFLOW_MCP_PUBLIC_URL: it answers to the Host localhost only."
        )
        if not settings.tls_cert:
            lines.append("Without TLS: put a proxy with TLS before it, or set MLFLOW_MCP_TLS_CERT.")
    print(f"mlflow-mcp: {' '.join(lines)}", file=sys.stderr, flush=True)  # noqa: T201  # the operator's channel


class HttpServer(uvicorn.Server):
    """uvicorn's server; at SIGTERM it first says that it leaves, and lets calls finish while it still answers."""

    def __init__(self, settings: Settings) -> None:
        self.parts = parts_of(settings)
        check_reach(settings, self.parts.connections)
        config = uvicorn.Config(
            app_of(settings, self.parts),
            http=_InTime,
            ws="none",
            lifespan="on",
            log_config=None,  # the SDK's, which writes to stderr
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_FAREWELL,
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "reason", None) or error.strerror or type(error).__name__
            raise SettingsError(
                f"The certificate {settings.tls_cert} with the key {settings.tls_key or 'in it'} cannot be used ({reason}). "
                "Correct MLFLOW_MCP_TLS_CERT and MLFLOW_MCP_TLS_KEY: PEM files that belong together, the key without a password."
            ) from None
        super().__init__(config)
        self._leaves_at = float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.parts.readiness.leaving:
            self.should_exit = self.force_exit = True  # asked twice
        self.leave()

    def leave(self) -> None:
        """Refuse new requests, and end when the open ones are answered or their time is over."""
        self.parts.readiness.leaving = True
        self._leaves_at = min(self._leaves_at, time.monotonic() + self.parts.settings.shutdown_seconds)

    async def on_tick(self, counter: int) -> bool:
        if self.parts.readiness.leaving and (not self.parts.limits.calls or time.monotonic() > self._leaves_at):
            self.should_exit = True
        return await super().on_tick(counter)


class _InTime(H11Protocol):
    """uvicorn's protocol, which waits for the head of a request, and for the rest of one that is answered, for as long as a
    client likes; and which lets one address have all connections."""

    _waiting: asyncio.TimerHandle | None = None
    network = ""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.network = network_of(self.client[0] if self.client else "")
        if sum(getattr(each, "network", None) == self.network for each in self.connections) > _MOST_OF_ADDRESS:
            transport.close()
        else:
            self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    @property
    def _is_owed(self) -> bool:
        """Whether the client has a head to send, or a body that nobody reads any more; the app waits for the others."""
        theirs = self.conn.their_state
        return theirs is h11.IDLE or (theirs is h11.SEND_BODY and self.conn.our_state in (h11.DONE, h11.MUST_CLOSE))

    def _watch(self) -> None:
        if not self._is_owed:
            self._stop_waiting()
        elif self._waiting is None:
            self._waiting = self.loop.call_later(_HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self._is_owed:
            self.transport.close()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
