"""Which trace an id means: a trace id or its beginning, MLflow's URL of it; or a session, which is several traces."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from mlflow_mcp.client.filters import like_prefix
from mlflow_mcp.client.traces.filters import of_session
from mlflow_mcp.client.traces.pages import TraceSearch, search_page
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.errors import Problem, TraceNotFound
from mlflow_mcp.text import hint, listed

if TYPE_CHECKING:
    from mlflow.entities import TraceInfo

    from mlflow_mcp.client import Client

MOST_TURNS = 100
_PREFIX = "tr-"
_WHOLE = re.compile(r"(?:tr-)?[0-9a-f]{32}")
_BEGINNING = re.compile(r"tr-[0-9a-f]{4,31}")
_IN_URL = re.compile(r"(?:/traces/|[?&](?:selectedEvaluationId|selectedTraceId|traceId|trace_id)=)([^/?#&]+)")
_SESSION_IN_URL = re.compile(r"/(?:chat-)?sessions/([^/?#&]+)")
_NEWEST = 200


def trace_in_url(text: str) -> str | None:
    """The trace id in a URL copied from MLflow's UI."""
    found = _IN_URL.search(text) if "://" in text or text.startswith("/") else None
    return unquote(found[1]) if found else None


def session_in_url(text: str) -> str | None:
    found = _SESSION_IN_URL.search(text) if "://" in text or text.startswith("/") else None
    return unquote(found[1]) if found else None


def traces_called(client: Client, text: str) -> list[TraceInfo]:
    """The trace of this id, or those whose ids begin so. None when the text is no trace id, or no trace has it."""
    if _WHOLE.fullmatch(text):
        for trace_id in (text, _PREFIX + text)[: 1 if text.startswith(_PREFIX) else 2]:
            try:
                return [client.traces.info(trace_id)]
            except TraceNotFound:
                continue
        return []
    if _BEGINNING.fullmatch(text):
        return search_page(client, TraceSearch(None, like_prefix("request_id", text)), 5).traces
    if text.startswith("trace:/"):  # Databricks
        return [client.traces.info(text)]
    return []


def session_called(client: Client, session: str, most: int = MOST_TURNS) -> tuple[list[TraceInfo], bool]:
    """The traces of a session, oldest first, and whether there are more."""
    page = search_page(client, TraceSearch(None, of_session(session), ["timestamp_ms ASC"]), most)
    return page.traces, page.more


def one_trace(client: Client, traces: list[TraceInfo], text: str) -> TraceInfo:
    """The one trace. Raises Problem when several are meant."""
    if len(traces) > 1:
        raise Problem(
            f"'{text}' begins the ids of several traces: {listed([str(each.trace_id) for each in traces], 5)}.",
            "Give more of the id.",
        )
    return traces[0]


def unknown_trace(client: Client, text: str) -> TraceNotFound:
    """The sentence for what is neither a trace nor a session, with the nearest sessions."""
    newest = [TraceView(info) for info in search_page(client, TraceSearch(None), _NEWEST).traces]
    if not newest:
        return TraceNotFound(
            f"No trace has the id '{text}', and this server has no traces.", "resolve_id finds what an id is."
        )
    sessions = {view.session for view in newest if view.session}
    return TraceNotFound(
        f"No trace and no session has the id '{text}'.",
        f"{hint(text, sessions)} search_traces finds traces by time, text, status or session.".strip(),
    )
