"""Jumps and spikes of a curve, gathered point by point."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlflow_mcp.client.metrics import Point

# A spike is so many times as far off as neighbours usually are from one another.
_FAR = 10


@dataclass
class Changes:
    """How a curve goes from point to point: its largest jumps, and the point that stands out most from both neighbours."""

    jumps: list[tuple[float, Point, Point]] = field(default_factory=list)  # the three largest
    total: float = 0.0
    count: int = 0
    _waiting: tuple[int, Point] | None = None  # a further point at its place may still replace it
    _before: Point | None = None
    _last_three: list[tuple[int, Point]] = field(default_factory=list)
    _sharpest: tuple[float, float, Point, Point, Point] | None = None

    def add(self, place: int, point: Point) -> None:
        """The next point that is a number; one at the same place as the one before takes its place."""
        if self._waiting and self._waiting[0] != place:
            self._take()
        self._waiting = (place, point)

    def interrupt(self) -> None:
        """What is no number stands between the points before and after it."""
        self._take()
        self._last_three = []

    def _take(self) -> None:
        if self._waiting is None:
            return
        if self._before:
            self._add_jump(self._before, self._waiting[1])
        self._last_three = [*self._last_three[-2:], self._waiting]
        self._look_for_spike()
        self._before, self._waiting = self._waiting[1], None

    def _add_jump(self, before: Point, after: Point) -> None:
        change = abs(after.value - before.value)
        self.total += change
        self.count += 1
        if change > 0 and (len(self.jumps) < 3 or change > self.jumps[-1][0]):
            self.jumps = sorted([*self.jumps, (change, before, after)], key=lambda jump: -jump[0])[:3]

    def _look_for_spike(self) -> None:
        if len(self._last_three) < 3:
            return
        (one, before), (two, point), (three, after) = self._last_three
        up, down = point.value - before.value, point.value - after.value
        height = min(abs(up), abs(down))
        if one < two < three and up * down > 0 and (self._sharpest is None or height > self._sharpest[0]):
            self._sharpest = (height, abs(up) + abs(down), before, point, after)

    def spike(self) -> tuple[Point, Point, Point] | None:
        """The one point that is far from both neighbours, which are near one another, between them; if there is one."""
        self._take()
        if self._sharpest is None or self.count < 5:
            return None
        height, own, before, point, after = self._sharpest
        usual = (self.total - own) / (self.count - 2)
        is_far = height > _FAR * usual and abs(before.value - after.value) < height / 4
        return (before, point, after) if is_far else None

    def largest(self, apart_from: Point | None = None) -> tuple[Point, Point] | None:
        """The largest jump between neighbours, other than those to and from one point."""
        self._take()
        return next(((one, two) for _, one, two in self.jumps if apart_from not in (one, two)), None)
