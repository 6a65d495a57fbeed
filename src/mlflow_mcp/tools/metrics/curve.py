"""The statistics of one curve, gathered point by point: memory does not grow with its length."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mlflow_mcp.client.metrics import MOST_SAMPLED, Point, spread
from mlflow_mcp.entities.direction import better
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.text import iso, number
from mlflow_mcp.tools.metrics.attempts import attempts, overtaken, told
from mlflow_mcp.tools.metrics.changes import Changes
from mlflow_mcp.tools.metrics.odd_steps import OddSteps
from mlflow_mcp.tools.metrics.past_best import past_best
from mlflow_mcp.tools.metrics.upheavals import Upheaval, upheavals

# A curve of so few points is kept whole: as many as the server sends of one that it does not sample.
_SHORT = MOST_SAMPLED
# The steps whose points are remembered to find those written again.
_REMEMBERED = 20_000
_EXAMPLES = 3
# Sudden changes told of an attempt.
_MOST_SUDDEN = 3
# The last points of each attempt that was resumed are always among so many points shown.
_LED_UP, _ROOMY = 5, 30
# A metric logged so often is a curve, also without steps.
_FEW = 10


@dataclass
class Curve:
    """What is kept of a curve. `buckets` hold the lowest and highest point of each part of the steps, so that a spike of
    a single step is always among the points shown. A curve of a single step is kept by its times: `first_place` and
    `last_place` are the ends of its steps, or of its times in milliseconds."""

    name: str
    first_place: int
    last_place: int
    parts: int
    by_time: bool = False
    count: int = 0
    nan: OddSteps = field(default_factory=OddSteps)
    infinite: OddSteps = field(default_factory=OddSteps)
    first: Point | None = None
    last: Point | None = None
    low: Point | None = None
    high: Point | None = None
    changes: Changes = field(default_factory=Changes)
    buckets: dict[int, tuple[Point, Point]] = field(default_factory=dict)
    whole: list[Point] = field(default_factory=list)
    infinities: set[float] = field(default_factory=set)  # the values, by their signs
    written_again: OddSteps = field(default_factory=OddSteps)
    forgot: bool = False  # whether there were more steps than are remembered
    in_order: bool = True  # whether no point so far lies before the one that came before it
    examples: list[tuple[Point, Point]] = field(default_factory=list)
    _at: dict[int, Point] = field(default_factory=dict)
    _tail: dict[int, Point] = field(default_factory=dict)
    _tail_mean: float | None = None
    _latest_place: int | None = None

    @classmethod
    def between(cls, name: str, ends: Sequence[Point], parts: int) -> Curve:
        """A curve still empty, of a metric whose points are `ends` or lie between them."""
        steps = [point.step for point in ends] or [0]
        if len(ends) < 2 or min(steps) < max(steps):
            return cls(name, min(steps), max(steps), parts)
        times = [point.timestamp for point in ends]
        return cls(name, min(times), max(times), parts, by_time=True)

    @property
    def tail_start(self) -> float:
        """The place from which the last tenth of the curve counts."""
        return self.last_place - (self.last_place - self.first_place) / 10

    def place(self, point: Point) -> int:
        return point.timestamp if self.by_time else point.step

    def add(self, points: Iterable[Point]) -> None:
        for point in points:
            self.count += 1
            if self.count <= _SHORT:
                self.whole.append(point)
            if self.first is None or (point.step, point.timestamp) < self.first[:2]:
                self.first = point
            if self.last is None or (point.step, point.timestamp) >= self.last[:2]:
                self.last = point
            self._keep(point)
            if is_finite(point.value):
                self._add_finite(point)
            else:
                is_nan = math.isnan(point.value)
                (self.nan if is_nan else self.infinite).add(self.x_of(point), joins=not self.by_time)
                self.infinities |= set() if is_nan else {math.copysign(math.inf, point.value)}
                self.changes.interrupt()

    def _keep(self, point: Point) -> None:
        """Note a step that was written again, and keep the last tenth, of each step its latest point."""
        self.in_order &= self._latest_place is None or self.place(point) >= self._latest_place
        self._latest_place = self.place(point)
        if not self.by_time:
            before = self._at.get(point.step)
            if before:
                self.written_again.add(point.step, joins=True)
                if len(self.examples) < _EXAMPLES:
                    older, newer = sorted((before, point), key=lambda each: each.timestamp)
                    self.examples.append((older, newer))
            elif len(self._at) < _REMEMBERED:
                self._at[point.step] = point
            else:
                self.forgot = True
        if self.place(point) >= self.tail_start:
            key = self.count if self.by_time else point.step
            if key not in self._tail or self._tail[key].timestamp <= point.timestamp:
                self._tail[key] = point

    def close(self) -> None:
        """Drop what was only needed while points were added."""
        if self._tail:
            values = [point.value for point in self._tail.values() if is_finite(point.value)]
            self._tail_mean = sum(values) / len(values) if values else None
        self._tail, self._at = {}, {}
        if not self.in_order or len(self.parts_by_attempt) > 1:  # neighbours were not read one after the other
            self.changes = Changes()
            for part in self.parts_by_attempt:
                self.changes.begin_anew()
                for point in part:
                    if is_finite(point.value):
                        self.changes.add(self.place(point), point)
                    else:
                        self.changes.interrupt()
            self.in_order = True

    def _add_finite(self, point: Point) -> None:
        value = point.value
        if self.low is None or value < self.low.value:
            self.low = point
        if self.high is None or value > self.high.value:
            self.high = point
        self.changes.add(self.place(point), point)
        part = self._part(self.place(point))
        low, high = self.buckets.get(part, (point, point))
        if value < low.value or value > high.value or part not in self.buckets:
            self.buckets[part] = (point if value < low.value else low, point if value > high.value else high)

    def _part(self, place: int) -> int:
        width = self.last_place - self.first_place
        # A point outside of the ends, logged while the points were read, belongs to the part next to it.
        return 0 if width <= 0 else max(0, min(self.parts - 1, (place - self.first_place) * self.parts // width))

    def shown(self, most: int) -> list[Point]:
        """About `most` points at most, in the order of their steps, of a resumed run one attempt after the other: all of a
        short curve; of a longer one both ends, both extremes, what led up to the end of each attempt that was resumed, and an
        even spread between."""
        if self.count <= min(most, _SHORT):
            return self._ordered(self.whole)
        must = {point for point in (self.first, self.last, self.low, self.high) if point is not None}
        if len(self.attempts) > 1:
            must |= {point for part in self.attempts[:-1] for point in part[-_LED_UP:]} if most >= _ROOMY else set()
            sudden = must | {point for each in self.upheavals for point in each}
            must = sudden if len(sudden) <= most else must
            kept = self._ordered(set(self.whole) - must)
        else:
            kept = self._ordered({point for pair in self.buckets.values() for point in pair} - must)
        rest = [kept[at] for at in spread(len(kept), max(most - len(must), 1))]
        return self._ordered({*must, *rest})

    def _ordered(self, points: Iterable[Point]) -> list[Point]:
        is_resumed = len(self.attempts) > 1
        return sorted(points, key=lambda point: (point.timestamp, point.step) if is_resumed else point[:2])

    @cached_property  # asked for when all points were added
    def attempts(self) -> list[list[Point]]:
        """What each attempt of a resumed run wrote, where all points are known."""
        return [] if self.by_time or self.count > _SHORT or not self.written_again.count else attempts(self.whole)

    @cached_property
    def parts_by_attempt(self) -> list[list[Point]]:
        """The attempts, or else all points in the order of their places, a later one at the same place after the earlier."""
        if self.attempts:
            return self.attempts
        return [sorted(self.whole, key=lambda point: point[:2])] if self.count <= _SHORT else []

    @cached_property
    def upheavals(self) -> list[Upheaval]:
        """The changes far beyond the usual ones, each within one attempt; none of a curve that several processes write."""
        if self.by_time or (self.written_again.count and not self.attempts):
            return []
        return [each for part in self.parts_by_attempt for each in upheavals(self.name, part, _MOST_SUDDEN)]

    def _past_best(self, best: Point) -> str | None:
        if self.last is None:
            return None
        old = overtaken(self.attempts)
        known = self.whole if self.count <= _SHORT else ()
        return past_best(self.name, best, self.last, [point for point in known if point not in old])

    def facts(self, *, is_whole: bool = True) -> dict[str, Any]:
        """The figures by name: each extreme with its step, or its seconds in a curve by time. A spike is named only where
        every point was read: between the points of a sample there may be more like it."""
        self.close()
        best = {"min": self.low, "max": self.high, None: None}[None if self.by_time else better(self.name)]
        facts: dict[str, Any] = {
            "first": self._pair(self.first) if self.first else None,
            "last": self._pair(self.last) if self.last else None,
            "min": self._pair(self.low) if self.low else None,
            "max": self._pair(self.high) if self.high else None,
            "best_step": best.step if best else None,
            "mean_last_tenth": number(self._tail_mean),
        }
        if is_whole and best and (past := self._past_best(best)):
            facts["past_best"] = past
        if is_whole and (spike := self.changes.spike()):
            facts["spike"] = [*self._pair(spike[1]), number(spike[0].value), number(spike[2].value)]
        if jump := self.changes.largest():
            facts["largest_jump"] = [*self._pair(jump.before), *self._pair(jump.after)]
        if is_whole and self.upheavals:
            facts["sudden"] = [[*self._pair(each.before), *self._pair(each.after)] for each in self.upheavals]
        if self.written_again.count:
            pairs = [
                [old.step, number(old.value), iso(old.timestamp), number(new.value), iso(new.timestamp)]
                for old, new in self.examples
            ]
            count = "points" if is_whole and not self.forgot else "points_at_least"
            again = self.written_again.facts()
            facts["written_again"] = {count: again["count"], "steps": again["steps"], "examples": pairs}
            if is_whole and (parts := self.attempts):
                facts["attempts"] = told(parts)
        if self.nan.count:
            facts["nan"] = self.nan.facts()
        if self.infinite.count:
            values = ", ".join(str(number(value)) for value in sorted(self.infinities, reverse=True))
            facts["infinite"] = {**self.infinite.facts(), "values": values}
        return facts

    def is_odd(self, *, is_whole: bool = True) -> bool:
        """Whether it has what a look at the curve would stop at: values that are no numbers, a spike, a sudden jump, steps
        written again, many points without steps."""
        self.close()
        if self.nan.count or self.infinite.count or self.written_again.count or (self.by_time and self.count > _FEW):
            return True
        return is_whole and (self.changes.spike() is not None or self.changes.is_sudden() or bool(self.upheavals))

    def x_of(self, point: Point) -> int | float:
        """A point's step, or in a curve by time its seconds since the first point."""
        return seconds_since(self.first, point) if self.by_time else point.step

    def _pair(self, point: Point) -> list[Any]:
        return [self.x_of(point), number(point.value)]


def seconds_since(first: Point | None, point: Point) -> float:
    return round((point.timestamp - (first or point).timestamp) / 1000, 3)
