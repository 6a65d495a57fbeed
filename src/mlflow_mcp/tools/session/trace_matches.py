"""The traces and sessions that an id names."""

from __future__ import annotations

from contextlib import suppress

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.parse import is_run_id
from mlflow_mcp.client.ids.traces import session_called, traces_called
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.errors import UnsupportedByServer
from mlflow_mcp.tools.session.id_match import IdMatch


def traces_matched(client: Client, text: str) -> list[IdMatch]:
    if not text.startswith("tr-") and not is_run_id(text):  # MLflow 2 wrote trace ids without a prefix
        return []
    return [
        IdMatch(
            kind="trace",
            id=trace.id,
            name=trace.name,
            experiment=client.experiments.name_of(trace.experiment_id),
            time=trace.time,
            next=f"get_trace(trace_id='{trace.id}')",
        )
        for trace in map(TraceView, traces_called(client, text))
    ]


def sessions_matched(client: Client, text: str) -> list[IdMatch]:
    """The session of traces of this id. A server without traces has none."""
    with suppress(UnsupportedByServer):
        infos, more = session_called(client, text)
        first = [TraceView(info) for info in infos[:1]]
        count = f"at least {len(infos)}" if more else str(len(infos))
        return [
            IdMatch(
                kind="session",
                id=text,
                experiment=client.experiments.name_of(trace.experiment_id),
                time=trace.time,
                matched=f"session of {count} traces",
                next=f"get_trace(trace_id='{text}')",
            )
            for trace in first
        ]
    return []
