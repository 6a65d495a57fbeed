"""Traces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_mcp.errors import NotFound, TraceNotFound

if TYPE_CHECKING:
    from mlflow.entities import TraceInfo

    from mlflow_mcp.client import Client


class Traces:
    """`client.traces`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def info(self, trace_id: str) -> TraceInfo:
        """The trace without its spans. Raises TraceNotFound when the server has none of that id."""
        try:
            trace = self._client.ask_feature(
                lambda: self._client.connection.mlflow.get_trace(trace_id), "traces", since="2.14"
            )
        except NotFound as error:
            raise TraceNotFound(f"No trace has the id '{trace_id}'.", "resolve_id finds what an id is.") from error
        info: TraceInfo = trace.info
        return info
