"""Assessments: how often each value was given, and where judges and people disagree."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.traces.metric_filters import Scope
from mlflow_mcp.client.traces.metrics import MOST_GROUPS, Figure, Measure
from mlflow_mcp.entities.trace import Judgement, TraceView
from mlflow_mcp.text import number
from mlflow_mcp.tools.traces.shown import text_of
from mlflow_mcp.tools.traces.summaries.figures import rate_shown
from mlflow_mcp.tools.traces.summaries.question import Question, read_all

# Traces that are read to find where judges and people disagree.
_MOST_COMPARED = 2_000
_MOST_VALUES = 6
_MOST_NAMED = 5
_VALUE = 60
# By name and then value, as JSON: how many feedbacks.
Counts = dict[str, dict[str, int]]
COUNT = Measure("ASSESSMENTS", "assessment_count", by=("assessment_name", "assessment_value"))


@dataclass
class Disagreement:
    """What people and judges said of the traces that both assessed."""

    both: int = 0
    pairs: dict[tuple[str, str], list[str]] = field(default_factory=dict)


class Judged:
    """Assessments in the making, from traces that are read one by one. Overridden ones count only for disagreement: a person
    who corrects a judge overrides it."""

    def __init__(self) -> None:
        self.traces = 0
        self.counts: Counts = {}
        self.disagreements: dict[str, Disagreement] = {}

    def add(self, trace: TraceView) -> None:
        self.traces += 1
        feedback = [each for each in trace.judgements if each.kind == "feedback"]
        for each in feedback:
            if each.is_valid:
                values = self.counts.setdefault(each.name, {})
                values[_json(each)] = values.get(_json(each), 0) + 1
        for name in {each.name for each in feedback}:
            self._compare(trace, name, [each for each in feedback if each.name == name and not each.error])

    def _compare(self, trace: TraceView, name: str, feedback: list[Judgement]) -> None:
        people = [each for each in feedback if each.is_valid and each.source.startswith("human")]
        judges = [each for each in feedback if each.source.startswith("llm_judge") and not each.span_id]
        people = [each for each in people if not each.span_id]
        if not people or not judges:
            return
        judge, person = _json(judges[-1]), _json(people[-1])
        found = self.disagreements.setdefault(name, Disagreement())
        found.both += 1
        if judge != person:
            found.pairs.setdefault((judge, person), []).append(trace.id)


def one_value_each(trace: TraceView) -> dict[str, str]:
    """By name the value of the trace's last valid feedback, a person's before any other's, as JSON."""
    valid = [each for each in trace.judgements if each.kind == "feedback" and each.is_valid and not each.error]
    ordered = sorted(valid, key=lambda each: each.source.startswith("human"))
    return {each.name: _json(each) for each in ordered if not each.span_id}


def counts_of(client: Client, question: Question) -> Counts | None:
    """Feedback by name and value as the server counts it; None where that cannot be, or not be complete."""
    scope = question.scope
    if scope is None:
        return None
    return client.trace_metrics.or_else(
        lambda: counts_in(client.trace_metrics.query(feedback_of(scope), COUNT)), lambda: None
    )


def feedback_of(scope: Scope) -> Scope:
    return scope.where("assessment.type = 'feedback'")


def counts_in(figures: Sequence[Figure]) -> Counts | None:
    """From what the measure COUNT found."""
    if len(figures) >= MOST_GROUPS:
        return None
    counts: Counts = {}
    for each in figures:
        counts.setdefault(each.by["assessment_name"], {})[each.by["assessment_value"]] = int(each.values["COUNT"])
    return counts


def read_judged(client: Client, question: Question, whole: bool) -> tuple[Judged, str | None]:
    """All traces with their assessments, or enough of the newest to see where judges and people disagree."""
    judged = Judged()
    partial = read_all(client, question, judged.add, *(() if whole else (_MOST_COMPARED,)))
    return judged, partial


def counts_table(client: Client, counts: Counts) -> Table | None:
    """A row for each value of each name; of a name with many numbers one row with their mean."""
    rows: list[list[Any]] = []
    for name, values in sorted(counts.items(), key=lambda each: (-sum(each[1].values()), each[0])):
        whole = sum(values.values())
        numbers = _numbers(values)
        mean = sum(value * count for value, count in numbers) / sum(count for _, count in numbers) if numbers else None
        if len(values) > _MOST_VALUES and mean is not None:
            rows.append([name, f"{len(values)} values", whole, None, number(mean)])
            continue
        shown = sorted(values.items(), key=lambda each: (-each[1], each[0]))
        for value, count in shown[:_MOST_VALUES]:
            rows.append([name, _shown(client, value), count, rate_shown(count / whole), number(mean)])
        if rest := shown[_MOST_VALUES:]:
            count = sum(count for _, count in rest)
            rows.append([name, f"{len(rest)} other values", count, rate_shown(count / whole), None])
    return (
        Table.of(["name", "value", "feedbacks", "share", "mean"], rows, keep=("name", "value", "feedbacks"))
        if rows
        else None
    )


def disagreement_table(client: Client, found: Mapping[str, Disagreement]) -> Table | None:
    """A row for each pair of values that a judge and a person gave to one trace."""
    rows: list[list[Any]] = []
    for name, each in sorted(found.items()):
        differing = sum(map(len, each.pairs.values()))
        for (judge, person), traces in sorted(each.pairs.items(), key=lambda pair: -len(pair[1])) or [(("", ""), [])]:
            shown = [_shown(client, judge), _shown(client, person)] if traces else [None, None]
            rows.append([name, each.both, differing, rate_shown(differing / each.both), *shown, len(traces) or None,
                         traces[:_MOST_NAMED] or None])  # fmt: skip
    columns = ["name", "assessed_by_both", "disagree", "share", "judge", "person", "traces", "newest"]
    return Table.of(columns, rows, keep=columns[:3]) if rows else None


def _numbers(values: Mapping[str, int]) -> list[tuple[float, int]]:
    """Values that are numbers, when all are that any was given."""
    loaded = [(json.loads(value), count) for value, count in values.items() if value != "null"]
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value, _ in loaded):
        return []
    return loaded


def _json(judgement: Judgement) -> str:
    return json.dumps(None if judgement.error else judgement.value)


def _shown(client: Client, value: str) -> Any:
    """A value in a row; `(none)` where a judge failed."""
    loaded = json.loads(value)
    if loaded is None:
        return "(none)"
    return (
        loaded
        if isinstance(loaded, (bool, int, float))
        else text_of(client, loaded if isinstance(loaded, str) else value, _VALUE)
    )
