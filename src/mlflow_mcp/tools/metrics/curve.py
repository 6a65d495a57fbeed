"""The statistics of one curve, gathered point by point: memory does not grow with its length."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.client.metrics import Point, spread
from mlflow_mcp.entities.direction import better
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.text import number

_NAN_RANGES = 5
# A curve of so few points is kept whole.
_SHORT = 1_000


@dataclass
class Curve:
    """What is kept of a curve. `buckets` hold the lowest and highest point of each part of the steps, so that a spike of
    a single step is always among the points shown."""

    name: str
    first_step: int
    last_step: int
    parts: int
    count: int = 0
    nan: int = 0
    infinite: int = 0
    first: Point | None = None
    last: Point | None = None
    low: Point | None = None
    high: Point | None = None
    jump: tuple[float, Point, Point] | None = None
    buckets: dict[int, tuple[Point, Point]] = field(default_factory=dict)
    nan_steps: list[list[int]] = field(default_factory=list)
    more_nan: bool = False
    tail_sum: float = 0.0
    tail_count: int = 0
    whole: list[Point] = field(default_factory=list)
    _before: Point | None = None

    @property
    def tail_start(self) -> float:
        """The step from which the last tenth of the steps counts."""
        return self.last_step - (self.last_step - self.first_step) / 10

    def add(self, points: Iterable[Point]) -> None:
        for point in points:
            self.count += 1
            if self.count <= _SHORT:
                self.whole.append(point)
            if self.first is None or (point.step, point.timestamp) < self.first[:2]:
                self.first = point
            if self.last is None or (point.step, point.timestamp) >= self.last[:2]:
                self.last = point
            if is_finite(point.value):
                self._add_finite(point)
            elif math.isnan(point.value):
                self._add_nan(point.step)
            else:
                self.infinite += 1

    def _add_finite(self, point: Point) -> None:
        value = point.value
        if self.low is None or value < self.low.value:
            self.low = point
        if self.high is None or value > self.high.value:
            self.high = point
        if self._before is not None:
            change = abs(value - self._before.value)
            if self.jump is None or change > self.jump[0]:
                self.jump = (change, self._before, point)
        self._before = point
        part = self._part(point.step)
        low, high = self.buckets.get(part, (point, point))
        if value < low.value or value > high.value or part not in self.buckets:
            self.buckets[part] = (point if value < low.value else low, point if value > high.value else high)
        if point.step >= self.tail_start:
            self.tail_sum += value
            self.tail_count += 1

    def _part(self, step: int) -> int:
        width = self.last_step - self.first_step
        # A step outside of the ends, logged while the points were read, belongs to the part next to it.
        return 0 if width <= 0 else max(0, min(self.parts - 1, (step - self.first_step) * self.parts // width))

    def _add_nan(self, step: int) -> None:
        self.nan += 1
        if self.nan_steps and self.nan_steps[-1][1] + 1 >= step >= self.nan_steps[-1][0]:
            self.nan_steps[-1][1] = max(self.nan_steps[-1][1], step)
        elif len(self.nan_steps) < _NAN_RANGES:
            self.nan_steps.append([step, step])
        else:
            self.more_nan = True

    def shown(self, most: int) -> list[Point]:
        """About `most` points at most in the order of their steps: all of a short curve; of a longer one both ends, both
        extremes, and an even spread between."""
        if self.count <= min(most, _SHORT):
            return sorted(self.whole, key=lambda point: point[:2])
        must = {point for point in (self.first, self.last, self.low, self.high) if point is not None}
        kept = sorted({point for pair in self.buckets.values() for point in pair} - must)
        rest = [kept[at] for at in spread(len(kept), max(most - len(must), 1))]
        return sorted({*must, *rest}, key=lambda point: point[:2])

    def facts(self) -> dict[str, Any]:
        """The figures by name: values whole to six digits, each extreme with its step."""
        tail = self.tail_sum / self.tail_count if self.tail_count else None
        best = {"min": self.low, "max": self.high, None: None}[better(self.name)]
        facts: dict[str, Any] = {
            "first": _at(self.first),
            "last": _at(self.last),
            "min": _at(self.low),
            "max": _at(self.high),
            "best_step": best.step if best else None,
            "mean_last_tenth": number(tail),
        }
        if self.jump and self.jump[0] > 0:
            _, before, after = self.jump
            facts["largest_jump"] = [before.step, number(before.value), after.step, number(after.value)]
        if self.nan:
            ranges = [str(a) if a == b else f"{a}-{b}" for a, b in self.nan_steps]
            facts["nan"] = {"count": self.nan, "steps": ", ".join(ranges) + (", …" if self.more_nan else "")}
        if self.infinite:
            facts["infinite"] = self.infinite
        return facts


def _at(point: Point | None) -> list[Any] | None:
    return None if point is None else [point.step, number(point.value)]
