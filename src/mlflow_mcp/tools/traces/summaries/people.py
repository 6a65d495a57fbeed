"""Judges beside people: where they disagree under one name, what they say of the same traces under different names, and what
people expected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.entities.trace import Judgement, TraceView
from mlflow_mcp.tools.traces.shown import text_of, value_of
from mlflow_mcp.tools.traces.summaries.figures import rate_shown
from mlflow_mcp.tools.traces.summaries.judged import Judged, as_json, value_shown
from mlflow_mcp.tools.traces.summaries.question import Question, read_all

# Traces that are read to set judges beside people.
_MOST_COMPARED = 2_000
_MOST_NAMED = 5
_MOST_REASONS = 3
_MOST_EXAMPLES = 5
_MOST_ROWS = 12
# Values of one name in a cross table.
_MOST_VALUES = 4
_REASON = 90
_YES = ("true", '"yes"')


@dataclass
class Pairs:
    """What judges and people said of the traces that both assessed, with the newest first."""

    both: int = 0
    said: dict[tuple[str, str], list[tuple[str, str | None]]] = field(default_factory=dict)
    """By the judge's value and the person's: the traces, each with the person's reason."""

    def add(self, trace: TraceView, judge: Judgement, person: Judgement) -> None:
        self.both += 1
        values = (as_json(judge), as_json(person))
        self.said.setdefault(values, []).append((trace.id, person.rationale))

    @property
    def differing(self) -> dict[tuple[str, str], list[tuple[str, str | None]]]:
        return {values: traces for values, traces in self.said.items() if values[0] != values[1]}

    @property
    def is_crossed(self) -> bool:
        """Whether a table of all pairs is short."""
        return all(len({values[at] for values in self.said}) <= _MOST_VALUES for at in (0, 1))


class People:
    """In the making, from traces that are read one by one. An overridden judge counts: a person who corrects it overrides it."""

    def __init__(self) -> None:
        self.same: dict[str, Pairs] = {}
        self.crossed: dict[tuple[str, str], Pairs] = {}
        self.of_judges: Counter[str] = Counter()
        self.of_people: Counter[str] = Counter()
        self.expected: dict[str, list[Any]] = {}

    def add(self, trace: TraceView) -> None:
        whole = [each for each in trace.judgements if not each.span_id and not each.error]
        for each in whole:
            if each.kind == "expectation" and each.is_valid:
                self.expected.setdefault(each.name, []).append(each.value)
        feedback = [each for each in whole if each.kind == "feedback"]
        judges = {each.name: each for each in feedback if each.source.startswith("llm_judge")}
        people = {each.name: each for each in feedback if each.is_valid and each.source.startswith("human")}
        self.of_judges.update(judges.keys())
        self.of_people.update(people.keys())
        for name, person in people.items():
            for judged, judge in judges.items():
                pairs = (
                    self.same.setdefault(name, Pairs())
                    if judged == name
                    else self.crossed.setdefault((judged, name), Pairs())
                )
                pairs.add(trace, judge, person)

    def different_names(self) -> Iterator[tuple[tuple[str, str], Pairs]]:
        """Of what people assessed and no judge did, beside what judges assessed; those on most traces first."""
        for names, pairs in sorted(self.crossed.items(), key=lambda each: (-each[1].both, each[0])):
            if names[1] not in self.same and names[0] not in self.of_people and pairs.is_crossed:
                yield names, pairs


def read_people(client: Client, question: Question, whole: bool) -> tuple[Judged, People, str | None]:
    """All traces with their assessments, or enough of the newest to set judges beside people."""
    judged, people = Judged(), People()

    def take(trace: TraceView) -> None:
        judged.add(trace)
        people.add(trace)

    partial = read_all(client, question, take, *(() if whole else (_MOST_COMPARED,)))
    return judged, people, partial


def disagreement_table(client: Client, people: People) -> Table | None:
    """A row for each pair of values that a judge and a person gave to one trace under one name."""
    rows: list[list[Any]] = []
    for name, each in sorted(people.same.items()):
        differing = sum(map(len, each.differing.values()))
        head = [name, each.both, differing, rate_shown(differing / each.both)]
        if not differing:
            rows.append([*head, *[None] * 5])
        for values, traces in _most_first(each.differing):
            shown = [value_shown(client, value) for value in values]
            rows.append([*head, *shown, len(traces), _reasons(client, traces), _ids(traces)])
    columns = ["name", "assessed_by_both", "disagree", "share", "judge", "person", "traces", "reasons", "newest"]
    return Table.of(columns, rows, keep=columns[:3]) if rows else None


def cross_table(client: Client, people: People) -> tuple[Table | None, list[str]]:
    """A row for each pair of values of a judge's feedback and a person's of another name, and how many traces have which."""
    rows: list[list[Any]] = []
    counts = []
    for (judge, person), pairs in people.different_names():
        if len(rows) + len(pairs.said) > _MOST_ROWS:
            break
        for values, traces in _most_first(pairs.said):
            why = [None, None] if all(value in _YES for value in values) else [_reasons(client, traces), _ids(traces)]
            shown = [value_shown(client, value) for value in values]
            rows.append([judge, person, *shown, len(traces), *why])
        counts.append(
            f"'{judge}' by judges is on {people.of_judges[judge]:,} traces, '{person}' by people on "
            f"{people.of_people[person]:,}, both on {pairs.both:,}"
        )
    if not rows:
        return None, []
    columns = ["judged", "by_people", "judge", "person", "traces", "reasons", "newest"]
    note = f"{'; '.join(counts)}. Different names may be different questions: a pair is no disagreement by itself."
    return Table.of(columns, rows, keep=columns[:5]), [note]


def expected_table(client: Client, people: People) -> Table | None:
    """A row for each name, with its most frequent values."""
    rows = [
        [name, len(values), _most_frequent(client, [str(value_of(each)) for each in values], _MOST_EXAMPLES)]
        for name, values in sorted(people.expected.items())
    ]
    columns = ["name", "traces", "values"]
    return Table.of(columns, rows, keep=columns) if rows else None


_Said = dict[tuple[str, str], list[tuple[str, str | None]]]


def _most_first(said: _Said) -> list[tuple[tuple[str, str], list[tuple[str, str | None]]]]:
    return sorted(said.items(), key=lambda each: (-len(each[1]), each[0]))


def _reasons(client: Client, traces: list[tuple[str, str | None]]) -> str | None:
    """What people gave as their reasons."""
    return _most_frequent(client, [reason for _, reason in traces if reason], _MOST_REASONS)


def _most_frequent(client: Client, texts: list[str], most: int) -> str | None:
    counts = Counter(text_of(client, text, _REASON) for text in texts)
    shown = [f"{text} ({count})" if count > 1 else str(text) for text, count in counts.most_common(most)]
    more = [f"and {len(counts) - most} more"] if len(counts) > most else []
    return "; ".join([*shown, *more]) or None


def _ids(traces: list[tuple[str, str | None]]) -> list[str] | None:
    return [trace for trace, _ in traces[:_MOST_NAMED]] or None
