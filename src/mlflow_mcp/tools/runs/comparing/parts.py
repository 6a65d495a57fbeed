"""Scores that average other scores, where the sides of a comparison have not the same of these. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mlflow_mcp.entities.metrics import is_finite, is_minor
from mlflow_mcp.text import listed, number
from mlflow_mcp.tools.evaluations.headline import parts_of_total
from mlflow_mcp.tools.runs.comparing.sides import Side

_NAMED = 3


def other_parts(task: str, names: Sequence[str], sides: Sequence[Side]) -> str:
    """That a score averages more parts on one side than on another, by their names; empty where the parts are the same, or a
    side has none, which says nothing of what it averages."""
    own = {side.label: [name for name in side.metrics(task) if not is_minor(name)] for side in sides}
    parts: set[str] = set()
    for total in names:
        parts.update(parts_of_total(total, sorted({name for of_side in own.values() for name in of_side})))
    having = {label: parts.intersection(of_side) for label, of_side in own.items()}
    if not all(having.values()):
        return ""
    shared = set.intersection(*having.values())
    more = [
        f"{label} has {len(found - shared)} more ({listed(sorted(found - shared), _NAMED)})"
        for label, found in having.items()
        if found - shared
    ]
    return f"averages other parts: {', '.join(more)}" if more else ""


def plain_means(values: Sequence[Sequence[float | None]], labels: Sequence[str]) -> str:
    """The means of the parts that all sides have, each part counted once; `values` are those of each part by side."""
    of_all = [of_part for of_part in values if all(is_finite(value) for value in of_part)]
    if not of_all:
        return ""
    means = [sum(value or 0.0 for value in of_side) / len(of_all) for of_side in zip(*of_all)]
    by_side = ", ".join(f"{label} {number(mean)}" for label, mean in zip(labels, means))
    return f"the {len(of_all)} that all sides have average {by_side}, each counted once"
