"""Where failures began and what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.entities.spans import SpanNode, SpanTree
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.tools.traces.shown import text_of
from mlflow_mcp.tools.traces.summaries.figures import rate_shown
from mlflow_mcp.tools.traces.summaries.goes_with import goes_with
from mlflow_mcp.tools.traces.summaries.question import Question
from mlflow_mcp.tools.traces.summaries.sampled import spans_sampled

FAILED = "status = 'ERROR'"
MOST_SHOWN = 12
_MESSAGE = 240
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
# A number in it tells an id of letters and digits from a word.
_ID = re.compile(
    r"(?i)\b(?=[\w-]*\d)(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z]+[-_][0-9a-f]{8,}|[0-9a-f]{6,})\b"
)


@dataclass
class Failures:
    """The failures by span and message, and what traces that fail have more often than others."""

    table: Table
    traces: int
    partial: str | None = None
    goes_with: Table | None = None
    notes: list[str] = field(default_factory=list)


@dataclass
class _Kind:
    """Failures that begin in spans of one name and say the same but for numbers and ids."""

    span: str
    type: str | None
    message: str
    traces: list[TraceView] = field(default_factory=list)


def folded(message: str) -> str:
    """The message with its ids and numbers as `<id>` and `<n>`."""
    return _NUMBER.sub("<n>", _ID.sub("<id>", message))


def failures_of(client: Client, question: Question) -> Failures:
    sample = spans_sampled(client, question, FAILED)
    kinds: dict[tuple[str, str], _Kind] = {}
    unnamed = 0
    for trace, tree in sample.trees:
        began = list(_began(client, tree))
        unnamed += not began
        for kind in began:
            kinds.setdefault((kind.span, kind.message), kind).traces.append(trace)
    read = len(sample.trees)
    ordered = sorted(kinds.values(), key=lambda kind: (-len(kind.traces), kind.span, kind.message))
    rows: list[list[Any]] = [
        [
            kind.span,
            kind.type,
            kind.message,
            len(kind.traces),
            rate_shown(len(kind.traces) / read),
            kind.traces[-1].time,
            kind.traces[0].time,
            kind.traces[0].id,
        ]
        for kind in ordered[:MOST_SHOWN]
    ]
    columns = ["span", "type", "message", "traces", "share", "first", "last", "latest_trace"]
    found = Failures(Table.of(columns, rows, keep=("span", "message", "traces")), sample.traces, sample.partial)
    if len(ordered) > MOST_SHOWN:
        found.notes.append(f"{len(ordered)} kinds of failures; the {MOST_SHOWN} most frequent are shown.")
    if unnamed:
        found.notes.append(f"{unnamed} of them have no span that failed.")
    if sample.without:
        found.notes.append(f"Of {sample.without} failing traces there are no spans to read.")
    if sample.traces:
        beside = goes_with(client, question)
        found.goes_with = beside.table
        found.notes += beside.notes
    return found


def _began(client: Client, tree: SpanTree) -> Iterator[_Kind]:
    """The kinds of failures that this trace has, each once. Of spans that failed and were tried again only those count from
    which the failure went up to the root, where there are such."""
    failing = [node for node in tree.failing if all(above.failed for above in node.ancestors())] or tree.failing
    seen: set[tuple[str, str]] = set()
    # A retry that failed and the last try that failed are one failure, told by the last.
    for node in failing:
        kind = _Kind(node.name, None if node.type == "UNKNOWN" else node.type, _message(client, node))
        if (kind.span, kind.message) not in seen:
            seen.add((kind.span, kind.message))
            yield kind


def _message(client: Client, node: SpanNode) -> str:
    # Masked first: a secret whose numbers are folded is not recognised.
    text = text_of(client, node.message or node.exception, 2_000)
    line = folded(text) if text else "(no message)"
    return line if len(line) <= _MESSAGE else f"{line[: _MESSAGE - 1]}…"
