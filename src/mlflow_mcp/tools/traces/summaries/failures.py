"""Where failures began and what they say, those of traces that ended OK included."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.text import plural
from mlflow_mcp.tools.traces.summaries.computed import why_not_searched
from mlflow_mcp.tools.traces.summaries.figures import rate_shown
from mlflow_mcp.tools.traces.summaries.goes_with import goes_with
from mlflow_mcp.tools.traces.summaries.kinds import (
    HIDDEN,
    LATER,
    LATER_SAYS,
    Kind,
    Kinds,
    failing_kinds,
    hidden_kinds,
)
from mlflow_mcp.tools.traces.summaries.overview import Overview
from mlflow_mcp.tools.traces.summaries.question import Question
from mlflow_mcp.tools.traces.summaries.sampled import MOST_TRACES

MOST_SHOWN = 12
_MOST_NAMED = 5


@dataclass
class Failures:
    """The failures by span and message, and what traces that fail have more often than others. `hidden_traces` is None
    where the server cannot be asked for them."""

    table: Table | None
    traces: int
    hidden: Table | None = None
    hidden_traces: int | None = None
    hidden_partial: str | None = None
    partial: str | None = None
    goes_with: Table | None = None
    notes: list[str] = field(default_factory=list)


def failures_of(client: Client, question: Question) -> Failures:
    kinds = failing_kinds(client, question)
    why_not = why_not_searched(client, question)
    hidden = None if why_not else hidden_kinds(client, question)
    found = Failures(_failing_table(kinds), kinds.sample.traces, partial=kinds.sample.partial)
    if hidden:
        found.hidden, found.hidden_traces = _hidden_table(hidden), hidden.sample.traces
        found.hidden_partial = hidden.sample.partial
    else:
        found.notes.append(why_not)
    found.notes += _notes(kinds)
    if found.hidden:
        found.notes.append(LATER_SAYS)
    if kinds.sample.traces:
        beside = goes_with(client, question)
        found.goes_with = beside.table
        found.notes += beside.notes
    return found


def _failing_table(kinds: Kinds) -> Table | None:
    rows: list[list[Any]] = [
        [
            *_said(kind),
            len(kind.traces),
            rate_shown(len(kind.traces) / len(kinds.sample.trees)),
            *_when(kind),
        ]
        for kind in kinds.ordered[:MOST_SHOWN]
    ]
    columns = ["span", "type", "message", "traces", "share", "first", "last", "latest_trace"]
    return Table.of(columns, rows, keep=("span", "message", "traces")) if kinds.sample.traces else None


def _hidden_table(hidden: Kinds) -> Table | None:
    """A row for each kind, with what came after in how many traces, and some of those after which nothing did."""
    rows: list[list[Any]] = []
    for kind in hidden.ordered[:MOST_SHOWN]:
        lost = [trace.id for trace, later in kind.traces if later == "no_later_ok"]
        counts = [kind.later[each] for each in LATER]
        rows.append([*_said(kind), len(kind.traces), *counts, *_when(kind), lost[:_MOST_NAMED] or None])
    columns = ["span", "type", "message", "traces", *LATER, "first", "last", "latest_trace", "no_later_ok_in"]
    return Table.of(columns, rows, keep=("span", "message", "traces", "no_later_ok")) if rows else None


def _said(kind: Kind) -> list[Any]:
    return [kind.span, kind.type, kind.message]


def _when(kind: Kind) -> list[Any]:
    first, last = kind.traces[-1][0], kind.traces[0][0]
    return [first.time, last.time, last.id]


def _notes(kinds: Kinds) -> list[str]:
    notes = []
    if len(kinds.ordered) > MOST_SHOWN:
        notes.append(f"{len(kinds.ordered)} kinds of failures; the {MOST_SHOWN} most frequent are shown.")
    if kinds.unnamed:
        notes.append(f"{kinds.unnamed} of them have no span that failed.")
    if kinds.sample.without:
        notes.append(f"Of {kinds.sample.without} failing traces there are no spans to read.")
    return notes


def what_failed(found: Failures, ok_traces: int | None) -> str:
    """Whether traces ended in ERROR, and how many others hide a failure, of `ok_traces` where that is known."""
    no_error = "" if found.traces else "No matching trace ended in ERROR"
    if not found.hidden_traces:
        searched = found.hidden_traces is not None and ok_traces != 0
        return no_error and no_error + (", and no span failed in those that ended OK." if searched else ".")
    hidden = hide(found.hidden_traces, ok_traces, bool(found.hidden_partial))
    return "; ".join(filter(None, [no_error, f"{hidden}: hidden_failures."]))


def hide(count: int, ok_traces: int | None, is_partial: bool = False) -> str:
    """`9 of 33 traces that ended OK hold a failed span`."""
    holds = "holds" if count == 1 and ok_traces is None else "hold"
    of = plural(count, "trace") if ok_traces is None else f"{count:,} of {plural(ok_traces, 'trace')}"
    return f"{'at least ' if is_partial else ''}{of} that ended OK {holds} a failed span"


def hidden_in(client: Client, question: Question, found: Overview) -> str:
    """How many traces that ended OK hold a failed span, where the server has such spans and they are not too many."""
    if not found.failed_spans or why_not_searched(client, question):
        return ""
    hidden = len(question.newest(client, MOST_TRACES + 1, HIDDEN))
    is_partial = hidden > MOST_TRACES
    return hide(min(hidden, MOST_TRACES), found.figures.states.get("OK", 0), is_partial) if hidden else ""
