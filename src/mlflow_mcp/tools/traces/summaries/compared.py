"""Two sets of traces side by side, with a verdict where an exact test gives one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import COMPARATOR, blanked
from mlflow_mcp.client.traces.filters import quoted_trace_query
from mlflow_mcp.client.traces.window import Window, window_of
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.errors import Problem
from mlflow_mcp.statistics.exact import Medians, Shares, percentiles_around_median
from mlflow_mcp.statistics.values import Statistics
from mlflow_mcp.text import number
from mlflow_mcp.tools.traces.shown import text_of
from mlflow_mcp.tools.traces.summaries.computed import latency_at
from mlflow_mcp.tools.traces.summaries.figures import Counted, Figures, rate_shown, seconds_shown
from mlflow_mcp.tools.traces.summaries.judged import Counts, one_value_each
from mlflow_mcp.tools.traces.summaries.overview import Overview
from mlflow_mcp.tools.traces.summaries.question import Question, read_all
from mlflow_mcp.tools.traces.summaries.tokens import token_notes

PREVIOUS = "previous"
# Of so many traces on each side the latencies themselves are read.
_MOST_READ = 1_000
# Error rate and latency.
_TESTS_OF_MANY = 2
_MOST_VALUES = 6


@dataclass
class Compared:
    table: Table
    notes: list[str] = field(default_factory=list)
    overlaps: bool = False
    """Whether a trace is on both sides."""


def other_question(question: Question, compare_to: str, now: int) -> Question:
    """What `compare_to` names: 'previous' or another time, or another filter in place of the query. Raises Problem where it
    would be compared with a part of itself."""
    text = compare_to.strip()
    if re.search(rf"(?i){COMPARATOR}", blanked(text)):
        if not question.query:
            raise Problem(
                "compare_to is a filter, and there is no query: all traces would be compared with a part of themselves.",
                f"Say with query what is compared with it: query=\"tags.version = 'v2'\", compare_to={text!r}.",
            )
        return replace(question, query=quoted_trace_query(text))
    window = question.window
    if window.start is None:
        raise Problem(
            f"compare_to='{text}' is a time, and `when` has no beginning: all traces would be compared with a part of themselves.",
            f"Say with when what is compared with it: when='24h', compare_to='{PREVIOUS}'.",
        )
    end = now * 1000 if window.end is None else window.end
    other = Window(2 * window.start - end, window.start) if text.lower() == PREVIOUS else window_of(text, now)
    if not ((other.end is not None and other.end <= window.start) or (other.start is not None and other.start >= end)):
        raise Problem(
            f"The times {window} and {other} overlap.",
            "Compare times that have no trace in common; a day at the end counts whole: end the earlier time a day before the later one begins.",
        )
    return replace(question, window=other)


def compared(client: Client, sides: tuple[Question, Question], found: tuple[Overview, Overview]) -> Compared:
    """A row for each figure, with a verdict on the error rate, the latency and the shares of assessments."""
    overlaps = share_a_trace(client, *sides)
    rows = [row for row in _rows(found[0].figures, found[1].figures) if row[1:] != [None, None]]
    tested = [] if overlaps else list(_tested(client, sides, found))
    verdicts = {name: shares.verdict(len(tested)) for name, shares in tested}
    for name, shares in tested:
        if isinstance(shares, Shares) and name not in {row[0] for row in rows}:
            rows.append([name, rate_shown(shares.hits / shares.of), rate_shown(shares.other_hits / shares.other_of)])
    cells = [[*row, _difference(*row[1:]), _cut(client, verdicts.get(row[0]))] for row in rows]
    table = Table.of(
        ["figure", "these", "compare_to", "difference", "verdict"], cells, keep=("figure", "these", "compare_to")
    )
    answer = Compared(table, overlaps=overlaps)
    if overlaps:
        answer.notes.append("No verdict: some traces are on both sides. Use filters that exclude each other.")
    if tested:
        answer.notes.append(f"Verdicts: Fisher's exact test, two-sided, at 0.05 over all {len(tested)} tests.")
    if "latency p50" in verdicts:
        answer.notes.append(_how_tested(found))
    for name, side, question in zip(("these", "compare_to"), found, sides):
        answer.notes += token_notes(client, question, side.figures, name)
    return answer


def _how_tested(found: tuple[Overview, Overview]) -> str:
    if max(side.figures.traces for side in found) > _MOST_READ:
        return (
            "Medians differ where the intervals that surely hold them (distribution-free, by the DKW inequality) are apart; "
            f"assessments are tested where each side has at most {_MOST_READ:,} traces."
        )
    return (
        "Latency is tested by how many took longer than the median of both sides together; assessments by one value per trace, "
        "a person's before a judge's."
    )


def share_a_trace(client: Client, these: Question, others: Question) -> bool:
    """Whether a trace is on both sides: then no test of two samples holds."""
    return these.window == others.window and bool(these.newest(client, 1, others.query))


def _rows(these: Figures, others: Figures) -> Iterator[list[Any]]:
    yield ["traces", these.traces, others.traces]
    yield ["error_rate", rate_shown(these.error_rate), rate_shown(others.error_rate)]
    for name in ("mean", "p50", "p95", "p99"):
        yield [f"latency {name}", seconds_shown(these.latency.get(name)), seconds_shown(others.latency.get(name))]
    for name in ("mean", "p50"):
        yield [f"tokens per trace {name}", number(these.tokens.get(name)), number(others.tokens.get(name))]
    yield ["cost per trace", _per_trace(these), _per_trace(others)]


def _per_trace(figures: Figures) -> Any:
    return None if figures.cost is None or not figures.traces else number(figures.cost / figures.traces)


def _difference(these: Any, others: Any) -> Any:
    known = isinstance(these, (int, float)) and isinstance(others, (int, float))
    return number(these - others, 4) if known else None


def _cut(client: Client, verdict: str | None) -> str | None:
    return text_of(client, verdict, 200)


def _tested(
    client: Client, sides: tuple[Question, Question], found: tuple[Overview, Overview]
) -> Iterator[tuple[str, Shares | Medians]]:
    these, others = found[0].figures, found[1].figures
    if not these.ended or not others.ended:
        return
    yield "error_rate", Shares(these.errors, these.ended, others.errors, others.ended)
    if max(these.traces, others.traces) > _MOST_READ:
        if medians := _medians_of_many(client, sides, found):
            yield "latency p50", medians
        return
    first, second = (_values_of(client, side) for side in sides)
    if slower := _slower(first.seconds, second.seconds):
        yield "latency p50", slower
    yield from _assessed(first.counts, second.counts)


def _medians_of_many(
    client: Client, sides: tuple[Question, Question], found: tuple[Overview, Overview]
) -> Medians | None:
    """Where each side's median surely lies. Needs a server that computes percentiles."""
    if any(side.scope is None or each.is_read for side, each in zip(sides, found)):
        return None
    ends: list[list[float]] = client.run_concurrently(
        *(
            partial(latency_at, client, side.scope, percentiles_around_median(each.figures.ended, _TESTS_OF_MANY))
            for side, each in zip(sides, found)
            if side.scope is not None
        )
    )
    first, second = ends
    return Medians(*first, *second) if len(first) == len(second) == 2 else None


@dataclass
class _Values:
    """The latencies of traces, and how many have which value of an assessment."""

    seconds: list[float]
    counts: Counts


def _values_of(client: Client, question: Question) -> _Values:
    read, counts = Counted(), dict[str, dict[str, int]]()

    def take(trace: TraceView) -> None:
        read.add(trace)
        for name, value in one_value_each(trace).items():
            values = counts.setdefault(name, {})
            values[value] = values.get(value, 0) + 1

    read_all(client, question, take, _MOST_READ)
    return _Values(read.seconds.values, counts)


def _slower(these: list[float], others: list[float]) -> Shares | None:
    """Of each side those that took longer than the median of both together."""
    median = Statistics([*these, *others]).quantile(0.5)
    if median is None or not these or not others:
        return None
    return Shares(sum(each > median for each in these), len(these), sum(each > median for each in others), len(others))


def _assessed(first: Counts, second: Counts) -> Iterator[tuple[str, Shares]]:
    """The share of each value of what was assessed on both sides; of two values of the one that is given more often."""
    for name in sorted(set(first) & set(second)):
        these, others = first[name], second[name]
        values = sorted({*these, *others}, key=lambda value: (-these.get(value, 0) - others.get(value, 0), value))
        if not 2 <= len(values) <= _MOST_VALUES:
            continue
        whole, other_whole = sum(these.values()), sum(others.values())
        for value in values[: 1 if len(values) == 2 else None]:
            label = f"{name}={value}".replace('"', "")
            yield label, Shares(these.get(value, 0), whole, others.get(value, 0), other_whole)
