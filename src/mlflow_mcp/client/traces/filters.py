"""MLflow's filter language for traces: names in backticks where MLflow needs them, and the filters that arguments stand for."""

from __future__ import annotations

import re

from mlflow_mcp.client.filters import COMPARATOR, blanked, quote_unless_quoted, quoted_value, refuse_what_mlflow_cannot
from mlflow_mcp.client.moments import with_milliseconds
from mlflow_mcp.client.traces.window import Window

EXAMPLE = (
    "status = 'ERROR' AND execution_time_ms > 5000 AND span.name = 'search' AND feedback.correctness = 'no' "
    "AND tags.version = 'v2' AND text LIKE '%refund%'"
)
SESSION = "mlflow.trace.session"
RUN = "mlflow.sourceRun"
MODEL = "mlflow.modelId"
_FIELD = re.compile(
    rf"(?i)(?<![\w.`\"'])(tags?|(?:request_)?metadata|feedback|expectation)\."
    rf"(`[^`]+`|\"[^\"]+\"|(?:(?!\sAND\s)[^'\"`])+?)(\s*)(?={COMPARATOR})"
)
# Words that MLflow's parser takes for types of SQL unless they stand behind `trace.`, and what our tables call `status`.
_WORD = re.compile(rf"(?i)(?<![\w.`\"'])(text|timestamp|state)(?=\s*{COMPARATOR})")
_WRITTEN = {"text": "trace.text", "timestamp": "trace.timestamp_ms", "state": "status"}


def quoted_trace_query(query: str) -> str:
    """The filter with backticks where MLflow needs them. Raises Problem for what MLflow cannot express."""
    text = with_milliseconds(_with_words(query.strip()))
    parts: list[str] = []
    end = 0
    for found in _FIELD.finditer(blanked(text)):
        parts += [text[end : found.start(2)], quote_unless_quoted(text[found.start(2) : found.end(2)].strip())]
        end = found.end(2)
    quoted = "".join([*parts, text[end:]])
    refuse_what_mlflow_cannot(quoted, "traces")
    return quoted


def _with_words(text: str) -> str:
    for found in reversed(list(_WORD.finditer(blanked(text)))):
        text = f"{text[: found.start()]}{_WRITTEN[found[1].lower()]}{text[found.end() :]}"
    return text


def joined(query: str, window: Window, *, run_id: str = "", model_id: str = "", session: str = "") -> str:
    """One filter of a quoted one and of what else the traces are to have."""
    parts = [query] if query else []
    if run_id:
        parts.append(f"run_id = {quoted_value(run_id)}")
    parts += [
        f"metadata.`{key}` = {quoted_value(value)}" for key, value in ((MODEL, model_id), (SESSION, session)) if value
    ]
    if window.start is not None:
        parts.append(f"timestamp_ms >= {window.start}")
    if window.end is not None:
        parts.append(f"timestamp_ms < {window.end}")
    return " AND ".join(parts)


def of_session(session: str) -> str:
    return f"metadata.`{SESSION}` = {quoted_value(session)}"
