"""How long the answers of the sides were, and how many were cut off, where that moved. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.entities.recorded_config import RecordedStatistics
from mlflow_mcp.text import number
from mlflow_mcp.tools.runs.comparing.sides import Side, tasks_of

# Of the average length, and of the share that was cut off: smaller moves are not told.
_LONGER = 0.1
_CUT_OFF = 0.01


def verbosity_table(sides: Sequence[Side], base: Side) -> Table | None:
    """The tasks in which the average length or the share of answers that ended at the longest length allowed moved."""
    labels = [side.label for side in sides]
    rows: list[list[Any]] = []
    for task in tasks_of(sides):
        known = [side.statistics.get(task, RecordedStatistics()) for side in sides]
        reference = base.statistics.get(task, RecordedStatistics())
        if any(_moved(each, reference) for each in known):
            tokens = [number(each.completion_tokens, 4) for each in known]
            rows.append([task or None, *tokens, *(_counted(each) for each in known)])
    columns = ["task", *(f"tokens {label}" for label in labels), *(f"cut off {label}" for label in labels)]
    return Table.of(columns, rows, keep=columns[1:]) if rows else None


def _moved(own: RecordedStatistics, base: RecordedStatistics) -> bool:
    a, b = base.completion_tokens, own.completion_tokens
    longer = a and b and abs(b - a) >= _LONGER * a
    shares = [_share(each) for each in (base, own)]
    cut = None not in shares and abs((shares[1] or 0) - (shares[0] or 0)) >= _CUT_OFF
    return bool(longer or cut)


def _share(own: RecordedStatistics) -> float | None:
    return own.cut_off / own.responses if own.cut_off is not None and own.responses else None


def _counted(own: RecordedStatistics) -> str | None:
    return None if _share(own) is None else f"{own.cut_off}/{own.responses}"
