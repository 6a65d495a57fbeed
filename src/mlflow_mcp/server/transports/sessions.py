"""Sessions of MCP of 2025: a share for each caller, so that nobody has them all."""

from __future__ import annotations

from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlflow_mcp.http_settings import HttpSettings
from mlflow_mcp.server.auth.callers import Asker, asker_of
from mlflow_mcp.server.transports.limits import Limits, refusal

# Seconds after which a session ends that nobody uses.
SESSION_SECONDS = 1_800.0
_RETRY_SECONDS = 60


class Sessions:
    """Whose sessions are open. They end in the SDK's manager, which is asked which ones it still has."""

    def __init__(self, manager: StreamableHTTPSessionManager, settings: HttpSettings, limits: Limits) -> None:
        self._manager, self._limits = manager, limits
        self._share = settings.sessions_each or -(-settings.sessions // 4)
        self._of: dict[object, Asker] = {}

    def shared(self, app: ASGIApp) -> ASGIApp:
        """The app; 429 for a caller who would begin another session than those of the share."""
        sentence = (
            f"{self._share} sessions of this caller are open already. End one with DELETE, or wait: "
            f"a session that nobody uses for {SESSION_SECONDS / 60:g} minutes ends by itself."
        )

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            asker = asker_of(Request(scope))
            if not _begins_session(Headers(scope=scope)):
                await app(scope, receive, send)
            elif self._held(asker) >= self._share:
                await refusal(429, sentence, _RETRY_SECONDS)(scope, receive, send)
            else:
                await self._begin(app, asker, scope, receive, send)

        return serve

    async def _begin(self, app: ASGIApp, asker: Asker, scope: Scope, receive: Receive, send: Send) -> None:
        beginning = object()  # it counts from here, and its id comes with the answer

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                session = Headers(raw=message["headers"]).get(MCP_SESSION_ID_HEADER)
                if session is not None:
                    self._of[session] = self._of.pop(beginning)
            await send(message)

        self._of[beginning] = asker
        try:
            await app(scope, receive, note)
        finally:
            self._of.pop(beginning, None)

    def _held(self, asker: Asker) -> int:
        """How many this caller has. Credentials that MLflow has accepted since have a share of their own."""
        open_now = self._manager._server_instances
        ended = [each for each in self._of if isinstance(each, str) and each not in open_now]
        for each in ended:
            del self._of[each]
        share = self._limits.share_of(asker)
        return sum(self._limits.share_of(each) == share for each in self._of.values())


def _begins_session(headers: Headers) -> bool:
    """Requests of 2026 have none, and those of 2025 name theirs, except for the first."""
    version = headers.get(MCP_PROTOCOL_VERSION_HEADER)
    is_of_2025 = version is None or version in HANDSHAKE_PROTOCOL_VERSIONS
    return is_of_2025 and MCP_SESSION_ID_HEADER not in headers
