"""MLflow's filter language for traces: names in backticks where MLflow needs them, and the filters that arguments stand for."""

from __future__ import annotations

import re

from mlflow_mcp.client.filters import COMPARATOR, blanked, quote_unless_quoted, quoted_value, refuse_what_mlflow_cannot
from mlflow_mcp.client.moments import with_milliseconds
from mlflow_mcp.client.traces.window import Window
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import as_number, clipped

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
# Databases find every number less than every text, and MLflow passes both on.
_DURATION = re.compile(
    rf"(?i)(?<![\w.`\"'])(?:(?:attributes?|attr|trace)\.)?execution_time(?:_ms)?\s*{COMPARATOR}\s*('[^']*'|\"[^\"]*\")"
)
# Figures that only the traces themselves have.
_NOT_SEARCHED = re.compile(
    rf"(?i)(?<![\w.`\"'])(?:(?:attributes?|attr|trace)\.)?((?:total_|input_|output_)?tokens|(?:total_)?cost)(?=\s*{COMPARATOR})"
)
# A text without quotes; numbers of attributes and the NULL of IS stay.
_UNQUOTED = re.compile(
    r"(?i)(?<![\w.`\"'])((?:tags?|(?:request_)?metadata|feedback|expectation|span)\.[^\s=!<>]+"
    r"|(?:(?:attributes?|attr|trace)\.)?(?:status|state|name|run_id))\s*(!=|==?)\s*([\w.\-]+)(?=\s*$|\s+AND\s)"
)
_WRITTEN = {"text": "trace.text", "timestamp": "trace.timestamp_ms", "state": "status"}


def quoted_trace_query(query: str) -> str:
    """The filter with backticks where MLflow needs them. Raises Problem for what MLflow cannot express."""
    _refuse_what_has_another_way(query)
    text = _with_numbers(with_milliseconds(_with_words(query.strip())))
    parts: list[str] = []
    end = 0
    for found in _FIELD.finditer(blanked(text)):
        parts += [text[end : found.start(2)], quote_unless_quoted(text[found.start(2) : found.end(2)].strip())]
        end = found.end(2)
    quoted = "".join([*parts, text[end:]])
    refuse_what_mlflow_cannot(quoted, "traces")
    return quoted


def _refuse_what_has_another_way(query: str) -> None:
    """Raises Problem for figures that MLflow does not search, and for a text without quotes."""
    blank = blanked(query)
    if found := _NOT_SEARCHED.search(blank):
        figure = "cost" if found[1].lower().endswith("cost") else "tokens"
        raise Problem(
            f"MLflow cannot filter traces by {found[1]}.",
            f"search_traces with order_by='{figure} DESC' lists those with the most first.",
        )
    if found := _UNQUOTED.search(blank):
        field, value = query[found.start(1) : found.end(1)], found[3]
        raise Problem(
            f"The value {value} of {field} has no quotes.",
            f"Write {field} {found[2]} '{value}': values of traces are compared as text, in quotes.",
        )


def _with_words(text: str) -> str:
    for found in reversed(list(_WORD.finditer(blanked(text)))):
        text = f"{text[: found.start()]}{_WRITTEN[found[1].lower()]}{text[found.end() :]}"
    return text


def _with_numbers(text: str) -> str:
    """Quoted durations as numbers. Raises Problem for other texts."""
    for found in reversed(list(_DURATION.finditer(blanked(text)))):
        number = text[found.start(1) + 1 : found.end(1) - 1].strip()
        if as_number(number) is None:
            raise Problem(
                f"'{clipped(number)}' is no duration that can be searched for.",
                "Durations are numbers of milliseconds: execution_time_ms > 2000.",
            )
        text = text[: found.start(1)] + number + text[found.end(1) :]
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
