"""The rows of an outline as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.entities.spans import SpanNode, SpanTree, merged
from mlflow_mcp.text import number, plural
from mlflow_mcp.tools.traces.outline import DEEPEST, Row, names_used_twice
from mlflow_mcp.tools.traces.shown import text_of

_MESSAGE = 240
# Of the trace's duration; clocks of several processes differ by less than this.
_LATER = 0.01


def span_table(client: Client, tree: SpanTree, rows: Sequence[Row]) -> Table:
    """A row for each span or fold. Ids stand only beside names that several spans have."""
    whole = _length(tree)
    begin = tree.nodes[0].start
    twice = names_used_twice(tree)
    columns = ["span", "type", "start", "duration", "%", "tokens", "status", "id", "note"]
    cells: list[list[Any]] = []
    for row in rows:
        first = row.nodes[0]
        duration = _sum([node.duration for node in row.nodes])
        cells.append([
            _name(row),
            first.type,
            _rounded((first.start - begin) / 1e9),
            _rounded(duration),
            round(100 * _wall(row.nodes) / whole, 1) if duration is not None and whole else None,
            _sum([node.tokens for node in row.nodes]),
            first.status,
            first.id if not row.is_folded and first.name in twice else None,
            _note(client, tree, row),
        ])  # fmt: skip
    return Table.of(columns, cells, keep=("span", "duration"))


def _name(row: Row) -> str:
    times = f" x{len(row.nodes)}" if row.is_folded else ""
    return f"{'  ' * min(row.depth, DEEPEST + 3)}{row.name}{times}"


def _note(client: Client, tree: SpanTree, row: Row) -> str | None:
    first = row.nodes[0]
    parts = []
    if row.skipped > 1:
        parts.append(f"{row.skipped - 1} levels further down")
    if row.is_folded and (each := _each(row.nodes)):
        parts.append(each)
    if not row.is_folded and first.end is None:
        parts.append("has not ended")
    if row.is_folded and _overlap(row.nodes):
        parts.append("some at the same time")
    if first is tree.slowest and not row.is_folded:
        parts.append(f"slowest below the root: {number(_rounded(first.own_time))} s of its own")
    if _is_mostly_untraced(row):
        parts.append(f"{number(_rounded(first.own_time))} s in which no span below it ran")
    if not row.is_folded and first.outlasted_by > _LATER * _length(tree):
        parts.append(f"spans below it go on for {number(_rounded(first.outlasted_by))} s after its end")
    if first.failed and first.message:
        parts.append(text_of(client, first.message, _MESSAGE) or "")
    if row.hidden:
        parts.append(f"{plural(row.hidden, 'more span')} below it")
    return "; ".join(parts) or None


def _is_mostly_untraced(row: Row) -> bool:
    """Whether a root spent most of its time where no span tells on what."""
    root = row.nodes[0]
    return row.depth == 0 and not row.is_folded and bool(root.children) and root.own_time > (root.duration or 0) / 2


def _wall(nodes: Sequence[SpanNode]) -> float:
    """Seconds in which one of them or a span below them ran."""
    return sum(end - start for start, end in merged(times for node in nodes for times in node.busy)) / 1e9


def _overlap(nodes: Sequence[SpanNode]) -> bool:
    """Whether they ran at the same time, for more than rounding."""
    times = [(node.start, node.end) for node in nodes if node.end is not None]
    total = sum(end - start for start, end in times)
    return total > 1.05 * sum(end - start for start, end in merged(times))


def _each(nodes: Sequence[SpanNode]) -> str | None:
    """How long the folded spans took, one by one."""
    durations = [node.duration for node in nodes if node.duration is not None]
    if not durations:
        return None
    low, high = _rounded(min(durations)), _rounded(max(durations))
    return f"{number(low)} s each" if low == high else f"{number(low)} to {number(high)} s each"


def _length(tree: SpanTree) -> float:
    """Seconds from the first start to the last end."""
    end = max((node.end for node in tree.nodes if node.end is not None), default=tree.nodes[0].start)
    return (end - tree.nodes[0].start) / 1e9


def _rounded(seconds: float | None) -> float | None:
    """Three digits, as much as tells spans apart."""
    return None if seconds is None else float(f"{seconds:.3g}") if seconds < 100 else round(seconds)


def _sum(values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
