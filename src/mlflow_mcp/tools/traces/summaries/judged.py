"""Assessments: how often each value was given."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.traces.metric_filters import Scope
from mlflow_mcp.client.traces.metrics import MOST_GROUPS, Figure, Measure
from mlflow_mcp.entities.trace import Judgement, TraceView
from mlflow_mcp.text import number, plural
from mlflow_mcp.tools.traces.shown import text_of
from mlflow_mcp.tools.traces.summaries.figures import rate_shown
from mlflow_mcp.tools.traces.summaries.question import Question

_MOST_VALUES = 6
_VALUE = 60
# By name and then value, as JSON: how many feedbacks.
Counts = dict[str, dict[str, int]]
COUNT = Measure("ASSESSMENTS", "assessment_count", by=("assessment_name", "assessment_value"))


# By name and then value: how many were given by whom.
Sources = dict[str, dict[str, Counter[str]]]
_WHO = {"human": "person", "llm_judge": "judge"}


class Judged:
    """Assessments in the making, from traces that are read one by one. Overridden ones do not count."""

    def __init__(self) -> None:
        self.traces = 0
        self.counts: Counts = {}
        self.sources: Sources = {}
        self.overridden = 0

    def add(self, trace: TraceView) -> None:
        self.traces += 1
        feedback = [each for each in trace.judgements if each.kind == "feedback"]
        self.overridden += sum(not each.is_valid for each in feedback)
        for each in feedback:
            if each.is_valid:
                kind = each.source.partition(" ")[0]
                sources = self.sources.setdefault(each.name, {}).setdefault(as_json(each), Counter())
                sources[_WHO.get(kind, kind)] += 1
                values = self.counts.setdefault(each.name, {})
                values[as_json(each)] = values.get(as_json(each), 0) + 1

    @property
    def not_counted(self) -> str:
        return (
            f"Not counted in assessments: {plural(self.overridden, 'overridden feedback')}." if self.overridden else ""
        )


def one_value_each(trace: TraceView) -> dict[str, str]:
    """By name the value of the trace's last valid feedback, a person's before any other's, as JSON."""
    valid = [each for each in trace.judgements if each.kind == "feedback" and each.is_valid and not each.error]
    ordered = sorted(valid, key=lambda each: each.source.startswith("human"))
    return {each.name: as_json(each) for each in ordered if not each.span_id}


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


def counts_table(client: Client, counts: Counts, sources: Sources | None = None) -> Table | None:
    """A row for each value of each name; of a measure one row with its range and mean. `by` parts those of a name that
    several kinds of sources gave."""
    rows: list[list[Any]] = []
    for name, values in sorted(counts.items(), key=lambda each: (-sum(each[1].values()), each[0])):
        whole = sum(values.values())
        numbers = _numbers(values)
        mean = sum(value * count for value, count in numbers) / sum(count for _, count in numbers) if numbers else None
        if mean is not None and _is_measure(numbers):
            low, high = (number(end([value for value, _ in numbers])) for end in (min, max))
            rows.append([name, f"{low} to {high}", whole, None, number(mean), None])
            continue
        shown = sorted(values.items(), key=lambda each: (-each[1], each[0]))
        for value, count in shown[:_MOST_VALUES]:
            rows.append(
                [
                    name,
                    value_shown(client, value),
                    count,
                    rate_shown(count / whole),
                    number(mean),
                    _by(sources, name, value),
                ]
            )
        if rest := shown[_MOST_VALUES:]:
            count = sum(count for _, count in rest)
            rows.append([name, f"{len(rest)} other values", count, rate_shown(count / whole), None, None])
    return (
        Table.of(["name", "value", "feedbacks", "share", "mean", "by"], rows, keep=("name", "value", "feedbacks"))
        if rows
        else None
    )


def _by(sources: Sources | None, name: str, value: str) -> str | None:
    """`person 1, judge 4`; None for a name of one kind of sources, or of which they are not known."""
    of_name = (sources or {}).get(name, {})
    kinds = sorted({kind for each in of_name.values() for kind in each}, key=lambda kind: (kind != "person", kind))
    given = of_name.get(value, Counter())
    return ", ".join(f"{kind} {given[kind]}" for kind in kinds if given[kind]) or None if len(kinds) > 1 else None


def _is_measure(numbers: Sequence[tuple[float, int]]) -> bool:
    """Whether numbers measure rather than name a class: many, or fractions of which there are more than two."""
    fractions = any(isinstance(value, float) and not value.is_integer() for value, _ in numbers)
    return len(numbers) > (2 if fractions else _MOST_VALUES)


def _numbers(values: Mapping[str, int]) -> list[tuple[float, int]]:
    """Values that are numbers, when all are that any was given."""
    loaded = [(json.loads(value), count) for value, count in values.items() if value != "null"]
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value, _ in loaded):
        return []
    return loaded


def as_json(judgement: Judgement) -> str:
    return json.dumps(None if judgement.error else judgement.value)


def value_shown(client: Client, value: str) -> Any:
    """A value in a row; `(none)` where a judge failed."""
    loaded = json.loads(value)
    if loaded is None:
        return "(none)"
    return (
        loaded
        if isinstance(loaded, (bool, int, float))
        else text_of(client, loaded if isinstance(loaded, str) else value, _VALUE)
    )
