"""How long the answers of the sides were, and how many were cut off, where that moved. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.entities.recorded_config import RecordedStatistics
from mlflow_mcp.text import as_number, listed, number
from mlflow_mcp.tools.runs.comparing.sides import Side, tasks_of

# Of the average length, and of the share that was cut off: smaller moves are not told.
_LONGER = 0.1
_CUT_OFF = 0.01
# From here on it may move scores by so much, too.
_STRONGLY = 0.05
_SENTENCES = 3
_LIMIT = "max_new_tokens"
# Metrics of how long answers were.
_OF_LENGTHS = re.compile(r"(?i)token|length|finish_reason")
_REMOVED = "adapter_config.params_to_remove"


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


def cut_off_sentences(sides: Sequence[Side], base: Side, asked: Sequence[str] | None = None) -> list[str]:
    """What may hold scores down: more answers cut off on one side, and a limit of lengths that was exceeded, where it can make a
    difference between the sides or lengths are `asked` for."""
    found = []
    for task in tasks_of(sides):
        reference = base.statistics.get(task, RecordedStatistics())
        for side in sides:
            known = side.statistics.get(task, RecordedStatistics())
            one, other = _share(reference), _share(known)
            if side is not base and one is not None and other is not None and abs(other - one) >= _STRONGLY:
                found.append(_may_be_low(task, (base.label, reference), (side.label, known)))
    return [*found[:_SENTENCES], *_contradicted_limits(sides, asked or ())[:_SENTENCES]]


def _may_be_low(task: str, one: tuple[str, RecordedStatistics], other: tuple[str, RecordedStatistics]) -> str:
    (label, more), (_, fewer) = sorted((one, other), key=lambda each: -(_share(each[1]) or 0))
    return (
        f"{f'{task}: ' if task else ''}{100 * (_share(more) or 0):.1f} % of {label}'s responses were cut off ({_counted(more)}) "
        f"against {100 * (_share(fewer) or 0):.1f} % ({_counted(fewer)}): {label}'s scores may be low for that reason."
    )


def _contradicted_limits(sides: Sequence[Side], asked: Sequence[str]) -> list[str]:
    """Where responses were longer than the recorded limit, so that another one may have been in force."""
    found: dict[str, dict[str, list[str]]] = {}
    of_lengths = any(_OF_LENGTHS.search(name) for name in asked)
    for task in tasks_of(sides):
        if not (of_lengths or _may_differ(task, sides)):
            continue
        for side in sides:
            settings, known = side.settings.get(task, {}), side.statistics.get(task, RecordedStatistics())
            limit = as_number(settings.get(_LIMIT, ""))
            if limit and known.longest and known.longest > limit and (known.runs or 1) == 1:
                removed = f" ({_REMOVED} names it)" if _LIMIT in settings.get(_REMOVED, "").split(", ") else ""
                contradiction = f"{_LIMIT} is {limit:g}{removed}, but the longest response had {known.longest} tokens"
                found.setdefault(contradiction, {}).setdefault(side.label, []).append(task)
    return [
        f"{contradiction} ({_where(of_side)}): which limit was in force is not recorded."
        for contradiction, of_side in found.items()
    ]


def _may_differ(task: str, sides: Sequence[Side]) -> bool:
    """Whether sides had other limits of lengths by their settings, or another share of answers cut off."""
    having = [side for side in sides if task in side.runs]
    limits = {limit for side in having if (limit := as_number(side.settings.get(task, {}).get(_LIMIT, ""))) is not None}
    shares = [
        share for side in having if (share := _share(side.statistics.get(task, RecordedStatistics()))) is not None
    ]
    return len(limits) > 1 or (len(shares) > 1 and max(shares) - min(shares) >= _CUT_OFF)


def _where(tasks: Mapping[str, Sequence[str]]) -> str:
    """The sides, with their tasks where they have names."""
    by_tasks: dict[str, list[str]] = {}
    for label, of_side in tasks.items():
        by_tasks.setdefault(listed([task for task in of_side if task], _SENTENCES) if any(of_side) else "", []).append(
            label
        )
    return "; ".join(f"{', '.join(labels)}{f': {named}' if named else ''}" for named, labels in by_tasks.items())


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
