"""A table with a row for each group of spans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.traces.metric_filters import Scope
from mlflow_mcp.text import number
from mlflow_mcp.tools.traces.summaries import computed
from mlflow_mcp.tools.traces.summaries.figures import Figures, rate_shown, seconds_shown
from mlflow_mcp.tools.traces.summaries.kinds import LATER, LATER_SAYS, SOME_SPAN, Later, later_ok
from mlflow_mcp.tools.traces.summaries.question import Question
from mlflow_mcp.tools.traces.summaries.sampled import LABELS, Sample, spans_sampled

SPANS = {"span": "span_name", "tool": "span_name", "span_type": "span_type", "model": "span_model_name"}
# Keys whose groups are spans of one name, where a later one may be another try.
_NAMES = ("span", "tool")
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
        lambda: _computed_spans(client, question, scope, key), lambda: _sampled(client, question, key)
    )


def _computed_spans(client: Client, question: Question, scope: Scope, key: str) -> Groups:
    within = scope.where("span.type = 'TOOL'") if key == "tool" else scope
    found = computed.spans_by(client, within, SPANS[key])
    traces = sum(computed.states(client, scope).values())
    if key not in _NAMES or not any(each.errors for each in found.values()):
        return _spans_shown(key, found, traces)
    if computed.why_not_searched(client, question):
        return _spans_shown(key, found, traces)
    sample = spans_sampled(client, question, SOME_SPAN, "trace with a failed span")
    shown = _spans_shown(key, found, traces, affected(sample, key))
    if sample.partial:
        shown.notes.append(f"failed_in, {', '.join(LATER)} are partial. {sample.partial}")
    return shown


def _sampled(client: Client, question: Question, key: str) -> Groups:
    sample = spans_sampled(client, question)
    shown = _spans_shown(key, sample.by(key), sample.traces, affected(sample, key) if key in _NAMES else {})
    shown.partial = sample.partial
    return shown


def affected(sample: Sample, key: str) -> dict[str, Counter[Later]]:
    """By the name of a span or tool what came after it failed, the worst in each trace."""
    found: dict[str, Counter[Later]] = {}
    for _, tree in sample.trees:
        worst: dict[str, Later] = {}
        for node in tree.nodes:
            if node.failed and (label := LABELS[key](node)) is not None:
                worst[label] = max(worst.get(label, LATER[0]), later_ok(tree, node), key=LATER.index)
        for label, later in worst.items():
            found.setdefault(label, Counter())[later] += 1
    return found


def _spans_shown(
    key: str, found: Mapping[str, computed.SpanFigures], traces: int, failed: Mapping[str, Counter[Later]] | None = None
) -> Groups:
    rows: Sequence[tuple[str, computed.SpanFigures]] = sorted(
        found.items(), key=lambda each: (-each[1].errors, -each[1].spans, each[0])
    )
    cells: list[list[Any]] = [
        [
            label,
            each.spans,
            each.errors,
            rate_shown(each.errors / each.spans),
            *_after(each, (failed or {}).get(label)),
            seconds_shown(each.latency.get("p50")),
            seconds_shown(each.latency.get("p95")),
            number(each.cost),
        ]
        for label, each in rows[:MOST_ROWS]
    ]
    columns = [key, "spans", "errors", "error_rate", "failed_in", *LATER, "p50", "p95", "cost"]
    shown = Groups(Table.of(columns, cells, keep=(key, "spans")), traces)
    if len(rows) > MOST_ROWS:
        shown.notes.append(f"{len(rows):,} groups; the {MOST_ROWS} with the most failures are shown.")
    if any(each.errors for _, each in rows) and key != "model":
        shown.notes.append(
            "A failure counts in each span it passed through; group_by='failure' tells where they began."
        )
    if failed:
        shown.notes.append(f"failed_in: traces in which it failed. {LATER_SAYS}")
    return shown


def _after(figures: computed.SpanFigures, later: Counter[Later] | None) -> list[int | None]:
    """In how many traces it failed, and what came after."""
    if not figures.errors or later is None:
        return [None] * (1 + len(LATER))
    return [sum(later.values()), *(later[each] for each in LATER)]
