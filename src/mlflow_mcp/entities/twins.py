"""Metrics that say one thing under two names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlflow_mcp.entities.direction import better
from mlflow_mcp.entities.metrics import same_value


def without_twins(
    values: Sequence[Mapping[str, float]], names: Sequence[str], *, fold: bool
) -> list[tuple[str, list[str]]]:
    """Each name with its twins, which have no entry of their own when `fold`: names that go on where this one ends
    (`score_micro_avg_of_8` after `score_micro`) and have equal values on every side."""
    found: list[tuple[str, list[str]]] = []
    for name in sorted(names):
        twin = next((each for each in found if fold and _are_twins(values, each[0], name)), None)
        if twin:
            twin[1].append(name)
        else:
            found.append((name, []))
    return found if fold else [(name, []) for name in names]


def _are_twins(values: Sequence[Mapping[str, float]], name: str, longer: str) -> bool:
    return (
        longer.startswith(name)
        and better(longer) == better(name)
        and all(same_value(each.get(name), each.get(longer)) for each in values)
    )
