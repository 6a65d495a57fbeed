"""A metric's points made ready to be judged: one value a place, in order; who wrote them, and whether steps went back."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from mlflow_mcp.client.metrics import History, Point
from mlflow_mcp.entities.metrics import is_finite

# Several processes write one run when at least this share of the steps has several points.
_SHARED = 1 / 2
# Steps that fall by more strides than this were begun again; ranks of one run are that far apart at most.
_STRIDES = 3
# More returns than this share of the points are processes that write beside one another, not resumes.
_MOST_RETURNS = 1 / 20


@dataclass(frozen=True)
class Series:
    """The points of one metric of one run. `logged` are those read, by time; `tail` the last of them without gaps by sampling."""

    name: str
    logged: tuple[Point, ...]
    is_whole: bool = True
    tail: tuple[Point, ...] = ()

    @classmethod
    def of(cls, name: str, history: History, tail: Sequence[Point] = ()) -> Series:
        by_time = tuple(sorted(history.points, key=lambda point: (point.timestamp, point.step)))
        last = tuple(sorted(tail, key=lambda point: (point.timestamp, point.step)))
        # Without steps the server cannot be asked for the last part: then that of the sample has to do.
        without_steps = len({point.step for point in by_time}) < 2
        return cls(name, by_time, history.is_whole, by_time if history.is_whole or without_steps else last)

    def until(self, moment: int) -> Series:
        """The series as it was at that moment, in milliseconds."""
        return replace(
            self,
            logged=tuple(point for point in self.logged if point.timestamp <= moment),
            tail=tuple(point for point in self.tail if point.timestamp <= moment),
        )

    @property
    def has_whole_tail(self) -> bool:
        return self.is_whole or self.has_steps

    @cached_property
    def has_steps(self) -> bool:
        """Whether its points are at several steps; otherwise their times order them."""
        return len({point.step for point in self.logged}) > 1

    @cached_property
    def writers(self) -> int:
        """How many points a step usually has, where most steps have several: so many processes write the run."""
        by_step = self._by_step
        shared = [len(points) for points in by_step.values() if len(points) > 1]
        return round(statistics.median(shared)) if self.has_steps and len(shared) > _SHARED * len(by_step) else 1

    @cached_property
    def points(self) -> list[Point]:
        """One point a step: the last one written there, or the middle one where several processes write. Without steps all."""
        if not self.has_steps:
            return list(self.logged)
        middle = self.writers > 1
        return [_middle(points) if middle else points[-1] for _, points in sorted(self._by_step.items())]

    @cached_property
    def finite(self) -> list[Point]:
        return [point for point in self.points if is_finite(point.value)]

    @cached_property
    def values(self) -> list[float]:
        """The values that are numbers, in order."""
        return [point.value for point in self.finite]

    @cached_property
    def stride(self) -> float:
        """How many steps usually lie between two points."""
        steps = sorted({point.step for point in self.logged})
        return statistics.median(b - a for a, b in pairwise(steps)) if len(steps) > 1 else 1

    @cached_property
    def returns(self) -> list[tuple[Point, Point]]:
        """Where steps went back, as after a resume from a checkpoint: the point before and the one after."""
        points = self.logged
        back = [(a, b) for a, b in pairwise(points) if b.step < a.step - _STRIDES * self.stride]
        is_resumed = self.writers == 1 and len(back) <= max(1, _MOST_RETURNS * len(points))
        return back if is_resumed else []

    @cached_property
    def _by_step(self) -> dict[int, list[Point]]:
        found: dict[int, list[Point]] = {}
        for point in self.logged:
            found.setdefault(point.step, []).append(point)
        return found


def _middle(points: Sequence[Point]) -> Point:
    """The point of the median value; one that is no number counts as the highest, so that most must be none."""
    ranked = sorted(points, key=lambda point: point.value if is_finite(point.value) else float("inf"))
    return ranked[(len(ranked) - 1) // 2]
