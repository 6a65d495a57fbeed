"""A table with a row for each group of spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.traces.metric_filters import Scope
from mlflow_mcp.text import number
from mlflow_mcp.tools.traces.summaries import computed
from mlflow_mcp.tools.traces.summaries.figures import Figures, rate_shown, seconds_shown
from mlflow_mcp.tools.traces.summaries.question import Question
from mlflow_mcp.tools.traces.summaries.sampled import spans_sampled

SPANS = {"span": "span_name", "tool": "span_name", "span_type": "span_type", "model": "span_model_name"}
# Rows of a table that is not one of times.
MOST_ROWS = 40


@dataclass
class Groups:
    """A row for each group; `traces` counts all that match, in whichever group. `figures` are those of all groups of traces,
    by their labels; none for groups of spans."""

    table: Table
    traces: int | None = None
    partial: str | None = None
    notes: list[str] = field(default_factory=list)
    figures: Mapping[str, Figures] = field(default_factory=dict)


def span_groups(client: Client, question: Question, key: str) -> Groups:
    scope = question.scope
    if scope is None:
        return _sampled(client, question, key)
    return client.trace_metrics.or_else(
        lambda: _computed_spans(client, scope, key), lambda: _sampled(client, question, key)
    )


def _computed_spans(client: Client, scope: Scope, key: str) -> Groups:
    within = scope.where("span.type = 'TOOL'") if key == "tool" else scope
    found = computed.spans_by(client, within, SPANS[key])
    return _spans_shown(key, found, sum(computed.states(client, scope).values()))


def _sampled(client: Client, question: Question, key: str) -> Groups:
    sample = spans_sampled(client, question)
    shown = _spans_shown(key, sample.by(key), sample.traces)
    shown.partial = sample.partial
    return shown


def _spans_shown(key: str, found: Mapping[str, computed.SpanFigures], traces: int) -> Groups:
    rows: Sequence[tuple[str, computed.SpanFigures]] = sorted(
        found.items(), key=lambda each: (-each[1].errors, -each[1].spans, each[0])
    )
    cells: list[list[Any]] = [
        [
            label,
            each.spans,
            each.errors,
            rate_shown(each.errors / each.spans),
            seconds_shown(each.latency.get("p50")),
            seconds_shown(each.latency.get("p95")),
            number(each.cost),
        ]
        for label, each in rows[:MOST_ROWS]
    ]
    columns = [key, "spans", "errors", "error_rate", "p50", "p95", "cost"]
    shown = Groups(Table.of(columns, cells, keep=(key, "spans")), traces)
    if len(rows) > MOST_ROWS:
        shown.notes.append(f"{len(rows):,} groups; the {MOST_ROWS} with the most failures are shown.")
    if any(each.errors for _, each in rows) and key != "model":
        shown.notes.append(
            "A failure counts in each span it passed through; group_by='failure' tells where they began."
        )
    return shown
