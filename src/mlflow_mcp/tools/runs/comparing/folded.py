"""The rows of a comparison in the order of their weight, with those folded that say little: the parts of a total, and equal
counts and costs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlflow_mcp.entities.metrics import is_minor
from mlflow_mcp.text import plural
from mlflow_mcp.tools.evaluations.headline import HOW_KNOWN, HOW_KNOWN_WITHOUT_TAG, headline_of, parts_of
from mlflow_mcp.tools.runs.comparing.parts import other_parts, plain_means
from mlflow_mcp.tools.runs.comparing.primary import primary_on
from mlflow_mcp.tools.runs.comparing.sides import Side

_TASK, _METRIC, _FIRST = 0, 1, 2


def folded(rows: Sequence[Sequence[Any]], sides: Sequence[Side]) -> tuple[list[list[Any]], list[str]]:
    """The rows of metrics that matter, scores before counts and costs, and a sentence for those that are folded.
    Rows without a task, those of runs that no launcher made, stay as they are."""
    by_task: dict[Any, list[list[Any]]] = {}
    for row in rows:
        by_task.setdefault(row[_TASK], []).append(list(row))
    shown: list[list[Any]] = []
    sentences: list[str] = []
    equal = 0
    for task, of_task in by_task.items():
        if task:
            of_task, notes = _without_parts(of_task, sides)
            sentences += [f"{task}: {sentence}" for sentence in notes]
            small = [row for row in of_task if is_minor(_name(row)) and _is_equal(row, sides)]
            equal += len(small)
            of_task = sorted((row for row in of_task if row not in small), key=lambda row: is_minor(_name(row)))
        shown += of_task
    if equal:
        sentences.append(f"Not shown: {plural(equal, 'equal count, cost or error', 'equal counts, costs or errors')}.")
    return shown, sentences


def headlines(rows: Sequence[Sequence[Any]], sides: Sequence[Side]) -> str:
    """Which of several metrics of a task is its headline, where something proves it for all sides that have it."""
    by_task: dict[str, list[list[str]]] = {}
    for task, name, *_ in rows:
        by_task.setdefault(task or "", []).append(name.split(" = "))
    found = []
    for task, of_task in by_task.items():
        headline = headline_on(task, sides)
        if task and len(of_task) > 1:
            found += [name for names in of_task for name in names if name == headline]
    by_tag = any(primary_on(row[_TASK] or "", sides) for row in rows)
    return f"Headline metrics, {HOW_KNOWN if by_tag else HOW_KNOWN_WITHOUT_TAG}: {', '.join(found)}." if found else ""


def headline_on(task: str, sides: Sequence[Side]) -> str | None:
    """The metric that is proved to be the headline of a task on all sides that have it."""
    primary = primary_on(task, sides)
    headlines = {headline_of(side.metrics(task), primary) for side in sides if task in side.runs}
    return headlines.pop() if len(headlines) == 1 else None


def _name(row: Sequence[Any]) -> str:
    return str(row[_METRIC]).partition(" = ")[0]


def _values(row: Sequence[Any], sides: Sequence[Side]) -> list[float | None]:
    """The full values: those of the row are rounded."""
    return [side.metrics(row[_TASK] or "").get(_name(row)) for side in sides]


def _is_equal(row: Sequence[Any], sides: Sequence[Side]) -> bool:
    """Whether all sides that have the metric have the same value."""
    return len({value for value in _values(row, sides) if value is not None}) == 1


def _without_parts(rows: Sequence[list[Any]], sides: Sequence[Side]) -> tuple[list[list[Any]], list[str]]:
    """The rows with totals first and without their parts, and a sentence for each total that has some."""
    primary = primary_on(rows[0][_TASK], sides)
    of_totals = {
        total: (pattern, [name for name in parts if name != primary])
        for total, (pattern, parts) in parts_of([_name(row) for row in rows]).items()
    }
    by_name: Mapping[str, list[Any]] = {_name(row): row for row in rows}
    hidden = {name for _, parts in of_totals.values() for name in parts}
    sentences = []
    for total, (pattern, parts) in of_totals.items():
        counted = _in_figures([_values(by_name[name], sides) for name in parts], [side.label for side in sides])
        counted += _like_for_like(rows[0][_TASK] or "", total, [by_name[name] for name in parts], sides)
        sentences.append(
            f"{plural(len(parts), 'part')} of {total} not shown{counted}; metrics=['{pattern}'] shows them."
        )
    left = [row for row in rows if _name(row) not in hidden]
    return sorted(left, key=lambda row: _name(row) not in of_totals), sentences


def _like_for_like(task: str, total: str, parts: Sequence[Sequence[Any]], sides: Sequence[Side]) -> str:
    """What the parts tell that all sides have, where the total averages others too."""
    having = [side for side in sides if task in side.runs]
    if not other_parts(task, [total], having):
        return ""
    means = plain_means([_values(part, having) for part in parts], [side.label for side in having])
    return f"; {means}" if means else ""


def _in_figures(values: Sequence[Sequence[float | None]], labels: Sequence[str]) -> str:
    """Of two sides, in how many parts the second has the higher value."""
    pairs = [(of_part[0], of_part[1]) for of_part in values] if len(labels) == 2 else []
    numbers = [(a, b) for a, b in pairs if a is not None and b is not None]
    higher, lower = (sum(b > a for a, b in numbers), sum(b < a for a, b in numbers))
    return f" ({labels[1]} is higher in {higher}, lower in {lower})" if numbers else ""
