"""Which connection to MLflow a request uses: the one place where a caller's identity is decided."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from mcp.server.context import ServerRequestContext

from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.server.auth.callers import Caller, caller_of
from mlflow_mcp.settings import Settings

# Identities whose connections are kept, and the seconds for which one is that nobody uses.
MOST_IDENTITIES = 200
IDLE_SECONDS = 900.0


class Connections:
    """The connections of one server: its own, whose credentials are MLflow's own environment's, and one for each caller who
    brings credentials."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        # Told the status and seconds of every answer of MLflow's to a call.
        self.observe: Callable[[int, float], None] | None = None
        self._own = Connection(settings)
        # By the digest of the credentials, the one used last at the end, with the time of its last use.
        self._of_callers: OrderedDict[str, tuple[Connection, float]] = OrderedDict()

    def of(self, request: ServerRequestContext[Connections, Any]) -> Connection:
        """The connection of whoever sent this request. Requests nothing."""
        caller = caller_of(request.request)
        return self._own if caller.credentials is None else self._kept(caller)

    @property
    def identities(self) -> int:
        return len(self._of_callers)

    @property
    def own(self) -> Connection:
        return self._own

    def drop_idle(self) -> None:
        """Forget connections that nobody has used for a while. A call that still runs keeps its own until it ends."""
        before = time.monotonic() - IDLE_SECONDS
        while self._of_callers and next(iter(self._of_callers.values()))[1] < before:
            self._of_callers.popitem(last=False)

    def _kept(self, caller: Caller) -> Connection:
        self.drop_idle()
        known = self._of_callers.pop(caller.key, None)
        connection = known[0] if known else Connection(self.settings, credentials=caller.credentials)
        self._of_callers[caller.key] = (connection, time.monotonic())
        if len(self._of_callers) > MOST_IDENTITIES:
            self._of_callers.popitem(last=False)
        return connection
