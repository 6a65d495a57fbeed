"""Exports into the same run, as the histories of its metrics show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from mlflow_mcp.client import Client
from mlflow_mcp.client.metrics import Point
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.metrics import headline, same_value

# More points at one step than this, or points closer together, are a curve that was logged without steps.
_MOST_EXPORTS = 10
_BETWEEN_EXPORTS = 1_000  # milliseconds
# How many metrics of a run that was exported again are compared with their values before.
_MOST_COMPARED = 60


@dataclass(frozen=True)
class Reexport:
    """A later export into the same run: when, and which metrics it changed, as (before, after)."""

    at: int  # milliseconds
    changed: dict[str, tuple[float, float]]


def reexport_of(client: Client, run: LauncherRun) -> Reexport | None:
    """A later export into the same run adds a point to each metric, at the step of the one before."""
    if run.job_id is None:
        return None
    for name in headline(run.metrics, 1):
        points = _exports(client.metrics.points(run.run_id, name, _MOST_EXPORTS + 1))
        if len(points) > 1:
            names = [other for other in run.metrics if other != name][: _MOST_COMPARED - 1]
            read = [partial(client.metrics.points, run.run_id, other, _MOST_EXPORTS + 1) for other in names]
            exports = {name: points} | dict(zip(names, map(_exports, client.run_concurrently(*read))))
            return Reexport(points[-1].timestamp, _changes(exports))
    return None


def _exports(points: Sequence[Point]) -> list[Point]:
    """The points in the order of their times, when they can be the exports of one score; else none."""
    by_time = sorted(points, key=lambda point: point.timestamp)
    apart = all(b.timestamp - a.timestamp >= _BETWEEN_EXPORTS for a, b in pairwise(by_time))
    at_one_step = len({point.step for point in points}) == 1
    return by_time if at_one_step and apart and len(by_time) <= _MOST_EXPORTS else []


def _changes(exports: dict[str, list[Point]]) -> dict[str, tuple[float, float]]:
    return {
        name: (points[-2].value, points[-1].value)
        for name, points in exports.items()
        if len(points) > 1 and not same_value(points[-2].value, points[-1].value)
    }
