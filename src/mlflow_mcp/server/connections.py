"""Which connection to MLflow a request uses: the one place where a caller's identity is decided."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from mcp.server.context import ServerRequestContext

from mlflow_mcp.client.call import Call
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.server.auth.callers import Caller, caller_of
from mlflow_mcp.settings import Settings

# Identities whose connections are kept, and the seconds for which one is that nobody uses.
MOST_IDENTITIES = 200
IDLE_SECONDS = 900.0
# Credentials that MLflow has not accepted yet: whoever makes up many must not push out those that it has.
MOST_UNPROVED = 20


class Connections:
    """The connections of one server: its own, whose credentials are MLflow's own environment's, and one for each caller who
    brings credentials."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        # Told the status and seconds of every answer of MLflow's to a call.
        self.observe: Callable[[int, float], None] | None = None
        self._own = Connection(settings)
        self._proved, self._unproved = _Kept(), _Kept()
        # The event loop asks for connections, the threads of calls say which have been accepted.
        self._lock = threading.Lock()

    def of(self, request: ServerRequestContext[Connections, Any]) -> Connection:
        """The connection of whoever sent this request. Requests nothing."""
        caller = caller_of(request.request)
        return self._own if caller.credentials is None else self._kept(caller)

    @property
    def identities(self) -> int:
        return len(self._proved)

    @property
    def unproved(self) -> int:
        return len(self._unproved)

    @property
    def own(self) -> Connection:
        return self._own

    def has_proved(self, key: str) -> bool:
        """Whether MLflow has accepted what the caller of this key brings."""
        return key in self._proved

    def watch(self, call: Call, request: ServerRequestContext[Connections, Any], connection: Connection) -> None:
        """Have this call tell what MLflow answers, and that it accepts the caller's credentials."""
        if self.observe is not None:
            call.answered = self.observe
        caller = caller_of(request.request)
        if caller.credentials is not None:
            call.accepted = partial(self._prove, caller.key, connection)

    def drop_idle(self) -> None:
        """Forget connections that nobody has used for a while. A call that still runs keeps its own until it ends."""
        with self._lock:
            for kept in (self._proved, self._unproved):
                kept.drop_idle()

    def _kept(self, caller: Caller) -> Connection:
        self.drop_idle()
        with self._lock:
            kept, most = (
                (self._proved, MOST_IDENTITIES) if caller.key in self._proved else (self._unproved, MOST_UNPROVED)
            )
            connection = kept.take(caller.key) or Connection(self.settings, credentials=caller.credentials)
            kept.put(caller.key, connection, most)
        return connection

    def _prove(self, key: str, connection: Connection) -> None:
        with self._lock:
            if key not in self._proved:
                self._unproved.take(key)
                self._proved.put(key, connection.servers.default, MOST_IDENTITIES)


class _Kept:
    """Connections by the digest of their credentials, the one used last at the end, with the time of its last use."""

    def __init__(self) -> None:
        self._used: OrderedDict[str, tuple[Connection, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._used)

    def __contains__(self, key: str) -> bool:
        return key in self._used

    def take(self, key: str) -> Connection | None:
        found = self._used.pop(key, None)
        return found[0] if found else None

    def put(self, key: str, connection: Connection, most: int) -> None:
        self._used[key] = (connection, time.monotonic())
        if len(self._used) > most:
            self._used.popitem(last=False)

    def drop_idle(self) -> None:
        before = time.monotonic() - IDLE_SECONDS
        while self._used and next(iter(self._used.values()))[1] < before:
            self._used.popitem(last=False)
