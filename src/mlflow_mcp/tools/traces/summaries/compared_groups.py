"""Two sets of traces side by side, group by group, with a verdict on each group's error rate."""

from __future__ import annotations

from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.errors import Problem
from mlflow_mcp.statistics.exact import Shares
from mlflow_mcp.text import plural
from mlflow_mcp.tools.traces.summaries.compared import Compared, share_a_trace
from mlflow_mcp.tools.traces.summaries.figures import Figures, rate_shown, seconds_shown
from mlflow_mcp.tools.traces.summaries.groups import TIMES, groups_by
from mlflow_mcp.tools.traces.summaries.question import Question
from mlflow_mcp.tools.traces.summaries.span_groups import MOST_ROWS, SPANS

_SIDES = ("these", "compare_to")
_FIGURES = ("traces", "error_rate", "p50", "p95")
_NOT_TOGETHER = {
    "failure": "compare_to without group_by compares the failures too.",
    "assessment": "compare_to without group_by compares the shares of assessments.",
    "status": "compare_to without group_by compares the error rate.",
}


def check_comparable(key: str) -> None:
    """Raises Problem for groups whose figures are not those of traces, or say nothing beside another side."""
    if key in _NOT_TOGETHER:
        raise Problem(f"group_by='{key}' cannot be combined with compare_to.", _NOT_TOGETHER[key])
    if key in SPANS:
        raise Problem(
            f"group_by='{key}' cannot be combined with compare_to: spans of one trace depend on each other, and no test allows for it.",
            f"Call with group_by='{key}' once for each side; group_by='name' or 'tags.<name>' is compared.",
        )


def compared_groups(client: Client, sides: tuple[Question, Question], key: str) -> tuple[Compared, str | None]:
    """A row for each group, those with the most traces first, and what is partial. A group that one side does not show has
    nothing there: it may be among the traces in no row."""
    these, others = sides
    if key in TIMES and these.window != others.window:
        raise Problem(
            f"group_by='{key}' cannot be combined with another time as compare_to: two times have no {key} in common.",
            f"Call with group_by='{key}' and a `when` that holds both times, or compare with another filter.",
        )
    first, second = client.run_concurrently(
        lambda: groups_by(client, these, key), lambda: groups_by(client, others, key)
    )
    overlaps = share_a_trace(client, these, others)
    pairs = {
        label: (first.figures.get(label), second.figures.get(label)) for label in {**first.figures, **second.figures}
    }
    ordered = sorted(pairs, key=lambda label: (-sum(each.traces for each in pairs[label] if each), label))
    shown = ordered[:MOST_ROWS]
    tested = {} if overlaps else {label: shares for label in shown if (shares := _shares(*pairs[label]))}
    rows = [
        [label, *_cells(*pairs[label]), tested[label].verdict(len(tested)) if label in tested else None]
        for label in shown
    ]
    columns = [name if side == "these" else f"compare_to {name}" for name in _FIGURES for side in _SIDES]
    keep = (key, "traces", "compare_to traces", "verdict")
    answer = Compared(Table.of([key, *columns, "verdict"], rows, keep=keep))
    if overlaps:
        answer.notes.append("No verdict: some traces are on both sides. Use filters that exclude each other.")
    if tested:
        answer.notes.append(
            "Verdicts are on the error rate of the traces that ended: Fisher's exact test, two-sided, at 0.05 over all "
            f"{plural(len(tested), 'test')}. Latency is not tested by group."
        )
    if len(ordered) > len(shown):
        answer.notes.append(f"{len(ordered):,} groups; the {len(shown)} with the most traces are shown.")
    for name, side in zip(_SIDES, (first, second)):
        answer.notes += [f"In {name}: {note}" for note in side.notes]
    partials = [f"{name}: {side.partial}" for name, side in zip(_SIDES, (first, second)) if side.partial]
    return answer, " ".join(partials) or None


def _shares(these: Figures | None, others: Figures | None) -> Shares | None:
    if not these or not others or not these.ended or not others.ended:
        return None
    return Shares(these.errors, these.ended, others.errors, others.ended)


def _cells(these: Figures | None, others: Figures | None) -> list[Any]:
    """The figures in their order, each of both sides."""
    both = [_figures(each) if each else [None] * len(_FIGURES) for each in (these, others)]
    return [cell for pair in zip(*both) for cell in pair]


def _figures(figures: Figures) -> list[Any]:
    return [
        figures.traces,
        rate_shown(figures.error_rate),
        seconds_shown(figures.latency.get("p50")),
        seconds_shown(figures.latency.get("p95")),
    ]
