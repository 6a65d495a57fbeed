"""The metrics of two or more sides next to each other, by task. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow_mcp.entities.direction import Mode, is_share
from mlflow_mcp.entities.metrics import is_finite, select_names
from mlflow_mcp.entities.recorded_scores import DERIVED
from mlflow_mcp.entities.twins import without_twins
from mlflow_mcp.text import hint, number, plural
from mlflow_mcp.tools.runs.comparing.primary import mode_of, without_dataset
from mlflow_mcp.tools.runs.comparing.sides import Side, tasks_of


def metric_rows(sides: Sequence[Side], base: Side, names: Sequence[str] | None) -> tuple[list[str], list[list[Any]]]:
    """A row per task and metric that two sides share at least: values, then delta and relative delta of each against the
    baseline (from full values), then the label of the best. `names` are metric names or globs; None means all."""
    others = [side for side in sides if side is not base]
    columns = ["task", "metric", *(side.label for side in sides)]
    for side in others:
        columns += [f"{side.label}-{base.label}", f"({side.label}-{base.label})/|{base.label}|"]
    columns.append("best")
    rows = []
    for task in tasks_of(sides):
        values = [side.metrics(task) for side in sides]
        for name, also in without_twins(values, _shared(values, names), fold=names is None):
            row = [each.get(name) for each in values]
            reference = base.metrics(task).get(name)
            changes: list[Any] = []
            for side in others:
                changes += deltas(side.metrics(task).get(name), reference)
            rows.append(
                [
                    task or None,
                    " = ".join([name, *also]),
                    *(number(value) for value in row),
                    *changes,
                    best_label([side.label for side in sides], row, mode_of(task, [name, *also], sides)),
                ]
            )
    return columns, rows


def with_errors(
    sides: Sequence[Side], columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> tuple[list[str], list[list[Any]], list[str]]:
    """The columns and rows of metrics with the standard error of each side's score before `best`; and a sentence on where they
    are from, when there are some."""
    found = [[side.error(row[0] or "", row[1].split(" = ")) for side in sides] for row in rows]
    known = [error for of_row in found for error in of_row if error is not None]
    if not known:
        return list(columns), [list(row) for row in rows], []
    widened = [
        [*row[:-1], *(error and number(error.value, 3) for error in errors), row[-1]]
        for row, errors in zip(rows, found)
    ]
    source = f"; some are {DERIVED}" if any(error.source == DERIVED for error in known) else ""
    note = f"stderr: as each side's results.yml has it for this value{source}."
    return [*columns[:-1], *(f"stderr {side.label}" for side in sides), columns[-1]], widened, [note]


def _shared(values: Sequence[Mapping[str, float]], names: Sequence[str] | None) -> list[str]:
    counts: dict[str, int] = {}
    for each in values:
        for name in each:
            counts[name] = counts.get(name, 0) + 1
    shared = sorted(name for name, count in counts.items() if count > 1)
    return select_names(names, shared) if names is not None else [n for n in shared if not n.startswith("system/")]


def not_compared(sides: Sequence[Side], names: Sequence[str] | None) -> list[str]:
    """A sentence for each metric asked for that is not compared; when none was named, for the system metrics left out."""
    sets = [{name for task in side.runs for name in side.metrics(task)} for side in sides]
    known = sorted(set().union(*sets))
    if names is None:
        system = [name for name in known if name.startswith("system/") and sum(name in each for each in sets) > 1]
        return [f"Not compared: {plural(len(system), 'system metric')}; metrics=['system/*'] does."] if system else []
    sentences = []
    for pattern in names:
        found = select_names([pattern], known)
        if not found:
            sentences.append(f"None of these runs has metric '{pattern}'. {hint(pattern, known)}".strip())
        elif not any(_shared([side.metrics(task) for side in sides], found) for task in tasks_of(sides)):
            labels = ", ".join(side.label for side, each in zip(sides, sets) if not each.isdisjoint(found))
            sentences.append(
                f"Metric '{pattern}' is not compared: no two sides have it for one task (it is in {labels})."
            )
    return sentences


def deltas(value: float | None, reference: float | None) -> list[Any]:
    """The difference to the reference and the relative one, from full values; None for what is no number."""
    if value is None or reference is None or not is_finite(value) or not is_finite(reference):
        return [None, None]
    delta = value - reference
    return [number(delta), _in_percent(delta / abs(reference)) if reference else None]


def _in_percent(share: float) -> str | None:
    """`+4.13%`; short also where the baseline is next to nothing, and None where the quotient is too large for a number."""
    if math.isinf(share):
        return None
    return f"{share:+.2%}" if abs(share) < 1_000 else f"{share * 100:+.3g}%"


def best_label(labels: Sequence[str], row: Sequence[float | None], mode: Mode | None) -> str | None:
    """The label of the best value, of all that share it; None where all are equal, fewer than two are numbers, or nothing
    says which side is better."""
    ranked = [(value, label) for value, label in zip(row, labels) if value is not None and is_finite(value)]
    if len(ranked) < 2 or len({value for value, _ in ranked}) == 1 or mode is None:
        return None
    best = (min if mode == "min" else max)(value for value, _ in ranked)
    return "=".join(label for value, label in ranked if value == best)


def only_on_one_side(sides: Sequence[Side], names: Sequence[str] | None) -> dict[str, list[str]]:
    """By label, the tasks and metrics that no other side has: `task 'x'`, `task: metric` or `metric`. Of metrics that are
    named (`names`) only these, and no tasks without them."""
    found: dict[str, list[str]] = {}
    for side in sides:
        others = [other for other in sides if other is not side]
        for task in side.runs:
            own = _named(side.metrics(task), names)
            if task and not any(task in other.runs for other in others):
                if names is not None and not own:
                    continue
                found.setdefault(side.label, []).append(f"task '{task}'")
                continue
            theirs = {name for other in others for name in other.metrics(task)}
            mine = sorted(name for name in own if name not in theirs)
            found.setdefault(side.label, []).extend(f"{task}: {name}" if task else name for name in mine)
    return {label: names for label, names in found.items() if names}


def _named(metrics: Mapping[str, float], names: Sequence[str] | None) -> list[str]:
    return list(metrics) if names is None else select_names(names, sorted(metrics))


def unlike_scales(sides: Sequence[Side]) -> list[str]:
    """A sentence for each metric that one side seems to give as a share (0 to 1) and another in percent."""
    sentences = []
    for task in tasks_of(sides):
        values = [(side, side.metrics(task)) for side in sides]
        for name in _shared([each for _, each in values], None):
            row = {side.label: each[name] for side, each in values if is_finite(each.get(name))}
            if not row or not is_share(without_dataset(name)):
                continue
            low, high = min(row.values()), max(row.values())
            if 0 < low <= 1 < high <= 100 and high / low > 20:
                small = ", ".join(label for label, value in row.items() if value <= 1)
                sentences.append(f"{name}: {small} looks like 0-1 and the rest like 0-100; its deltas mean nothing.")
    return sentences
