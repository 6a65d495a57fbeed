"""Which failures two sets of traces have, side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.statistics.exact import Shares
from mlflow_mcp.text import plural
from mlflow_mcp.tools.traces.summaries.computed import why_not_searched
from mlflow_mcp.tools.traces.summaries.kinds import FAILED, SOME_SPAN, Kind, all_kinds
from mlflow_mcp.tools.traces.summaries.overview import Overview
from mlflow_mcp.tools.traces.summaries.question import Question

_MOST_SHOWN = 8
_SIDES = ("these", "compare_to")
# By span and message what each side has of it.
_Pairs = dict[tuple[str, str], list[Kind | None]]


@dataclass
class Changes:
    table: Table | None = None
    notes: list[str] = field(default_factory=list)


def failure_changes(
    client: Client, sides: tuple[Question, Question], found: tuple[Overview, Overview], is_tested: bool
) -> Changes:
    """A row for each failure, those first that tell the sides apart. Tested only where all traces with one were read."""
    if not any(side.figures.errors or side.failed_spans for side in found):
        return Changes()
    why_not = why_not_searched(client, sides[0]) or why_not_searched(client, sides[1])
    more = FAILED if why_not else SOME_SPAN
    first, second = client.run_concurrently(
        lambda: all_kinds(client, sides[0], more), lambda: all_kinds(client, sides[1], more)
    )
    pairs: _Pairs = {}
    for at, kinds in enumerate((first, second)):
        for kind in kinds.ordered:
            pairs.setdefault(kind.name, [None, None])[at] = kind
    notes = [
        f"failure_changes, {name}: {each.sample.partial}"
        for name, each in zip(_SIDES, (first, second))
        if each.sample.partial
    ]
    is_tested = is_tested and not notes
    if is_tested and pairs:
        tests = plural(len(pairs), "test")
        notes.append(
            f"failure_changes: traces with such a failure, retried ones included; their verdicts are of {tests}."
        )
    return Changes(_table(pairs, found, is_tested), [*notes, why_not])


def _table(pairs: _Pairs, found: tuple[Overview, Overview], is_tested: bool) -> Table | None:
    ended = [side.figures.ended for side in found]
    counts = {name: [len(kind.traces) if kind else 0 for kind in pair] for name, pair in pairs.items()}
    shares = {name: Shares(these, ended[0], others, ended[1]) for name, (these, others) in counts.items()}
    ordered = sorted(shares, key=lambda name: (shares[name].p, -sum(counts[name]), name))
    rows: list[list[Any]] = []
    for name in ordered[:_MOST_SHOWN]:
        ended_ok = [kind.ended_ok if kind else 0 for kind in pairs[name]]
        verdict = f"{_seen(*counts[name])}{shares[name].verdict(len(shares))}" if is_tested else None
        rows.append([*name, *(cell for pair in zip(counts[name], ended_ok) for cell in pair), verdict])
    columns = ["span", "message", *(cell for side in _SIDES for cell in (side, f"{side} ended OK")), "verdict"]
    return Table.of(columns, rows, keep=columns[:-1]) if rows else None


def _seen(these: int, others: int) -> str:
    if these and others:
        return ""
    return "only in these; " if these else "only in compare_to; "
