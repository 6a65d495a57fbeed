"""Which connection to MLflow a request uses: the one place where a caller's identity is decided."""

from __future__ import annotations

from typing import Any

from mcp.server.context import ServerRequestContext

from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.settings import Settings


class Connections:
    """The connections of one server. Over stdio there is one caller, whose connection is MLflow's own environment's."""

    def __init__(self, settings: Settings) -> None:
        self._own = Connection(settings)

    def of(self, request: ServerRequestContext[Connections, Any]) -> Connection:
        """The connection of whoever sent this request. Requests nothing."""
        return self._own
