"""How much of the server one caller may take, so that the others are served beside him."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import INTERNAL_ERROR, ErrorData, JSONRPCError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from mlflow_mcp.http_settings import HttpSettings
from mlflow_mcp.server.auth.callers import Asker, asker_of

# Requests of one caller that may be open at a time: those that run, those that wait, and streams.
OPEN_FOR_EACH_RUNNING = 8
# Requests in a minute from one address with credentials that MLflow has not accepted yet.
UNPROVED_PER_MINUTE = 120
# Callers whose pace is remembered; the one seen longest ago is forgotten, and begins anew.
_MOST_CALLERS = 10_000
# What asks MLflow; the rest is answered from memory.
_ASKS_MLFLOW = ("tools/call", "resources/list", "resources/read", "completion/complete")


class Pace:
    """One caller: what may still be asked this minute, what is open, and what runs."""

    def __init__(self, per_minute: int, at_once: int) -> None:
        self.per_minute = per_minute
        self._left, self._seen = float(per_minute), time.monotonic()
        self.open = 0
        self.running = anyio.CapacityLimiter(at_once)

    def seconds_to_wait(self) -> float:
        """0 for a request that may be served, which then counts."""
        if not self.per_minute:
            return 0.0
        now = time.monotonic()
        self._left = min(self.per_minute, self._left + (now - self._seen) * self.per_minute / 60)
        self._seen = now
        if self._left < 1:
            return (1 - self._left) * 60 / self.per_minute
        self._left -= 1
        return 0.0


class Limits:
    """The paces of all callers, as a middleware of the SDK (`hold`) and of the HTTP app (`admitting`)."""

    def __init__(self, settings: HttpSettings, has_proved: Callable[[str], bool]) -> None:
        self._settings, self._has_proved = settings, has_proved
        self._paces: OrderedDict[str, Pace] = OrderedDict()
        # Calls that run or wait for their turn: what a shutdown lets finish. Streams may stay open for ever.
        self.calls = 0

    def is_unproved(self, asker: Asker) -> bool:
        """Whether these are credentials that nobody has checked yet: anyone can make up many."""
        return self._settings.auth == "passthrough" and not self._has_proved(asker.key)

    def share_of(self, asker: Asker) -> str:
        """The key of whose share this one takes. Who has made up credentials, or needs none, is known by the address."""
        return asker.address if self.is_unproved(asker) or not asker.key else asker.key

    def of(self, asker: Asker) -> Pace:
        key, per_minute = self.share_of(asker), self._settings.calls_per_minute
        if self.is_unproved(asker):
            per_minute = min(per_minute or UNPROVED_PER_MINUTE, UNPROVED_PER_MINUTE)
        pace = self._paces.pop(key, None) or Pace(per_minute, self._settings.calls_at_once)
        self._paces[key] = pace
        if len(self._paces) > _MOST_CALLERS:
            self._paces.popitem(last=False)
        return pace

    @property
    def open(self) -> int:
        return sum(pace.open for pace in self._paces.values())

    async def hold(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Let so many calls of one caller run at a time; the next one waits for its turn."""
        if ctx.method not in _ASKS_MLFLOW or ctx.request is None:
            return await call_next(ctx)
        # The limiter lends to tasks, and one task may run several calls.
        turn = object()
        limiter = self.of(asker_of(ctx.request)).running
        self.calls += 1
        try:
            await limiter.acquire_on_behalf_of(turn)
            try:
                return await call_next(ctx)
            finally:
                limiter.release_on_behalf_of(turn)
        finally:
            self.calls -= 1

    def admitting(self, app: ASGIApp) -> ASGIApp:
        """The app, for callers within their limits; 429 for others."""

        async def admit(scope: Scope, receive: Receive, send: Send) -> None:
            asker = asker_of(Request(scope))
            pace = self.of(asker)
            most = OPEN_FOR_EACH_RUNNING * self._settings.calls_at_once
            if pace.open >= most:
                await refusal(429, f"{most} requests of this caller are open already.", 1)(scope, receive, send)
                return
            if wait := pace.seconds_to_wait():
                of_whom = (
                    " with credentials that MLflow has not accepted, from one address"
                    if self.is_unproved(asker)
                    else ""
                )
                sentence = f"More than {pace.per_minute:,} requests in a minute{of_whom}. Wait, then go on."
                await refusal(429, sentence, wait)(scope, receive, send)
                return
            pace.open += 1
            try:
                await app(scope, receive, send)
            finally:
                pace.open -= 1

        return admit


def refusal(status: int, sentence: str, retry_after: float | None = None) -> Response:
    """An answer to a request that is not read: a JSON-RPC error without an id."""
    body = JSONRPCError(jsonrpc="2.0", id=None, error=ErrorData(code=INTERNAL_ERROR, message=sentence))
    headers = {} if retry_after is None else {"Retry-After": str(math.ceil(retry_after))}
    return Response(body.model_dump_json(by_alias=True), status, headers, "application/json")
