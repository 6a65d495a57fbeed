"""Jumps and spikes of a curve, gathered point by point."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlflow_mcp.client.metrics import Point

# A spike is so many times as far off as neighbours usually are from one another.
_FAR = 10
# A jump stands out when the changes right before and after it are less than this share of it: in a steep part they are not.
_SUDDEN = 1 / 4


@dataclass
class Jump:
    """A change between neighbours, and the changes right before and after it, where there are any."""

    before: Point
    after: Point
    change_before: float | None = None
    change_after: float | None = None

    @property
    def size(self) -> float:
        return abs(self.after.value - self.before.value)


@dataclass
class Changes:
    """How a curve goes from point to point: its largest jump, and the point that stands out most from both neighbours."""

    jump: Jump | None = None  # the largest
    total: float = 0.0
    count: int = 0
    _waiting: tuple[int, Point] | None = None  # a further point at its place may still replace it
    _before: Point | None = None
    _latest: Jump | None = None
    _last_three: list[tuple[int, Point]] = field(default_factory=list)
    _sharpest: tuple[float, float, Point, Point, Point] | None = None

    def add(self, place: int, point: Point) -> None:
        """The next point that is a number, of points in order; one at the same place as the one before takes its place."""
        if self._waiting and self._waiting[0] != place:
            self._take()
        self._waiting = (place, point)

    def interrupt(self) -> None:
        """What is no number stands between the points before and after it."""
        self._take()
        self._latest, self._last_three = None, []

    def begin_anew(self) -> None:
        """What follows was written by another attempt: nothing is compared with what came before."""
        self.interrupt()
        self._before = None

    def _take(self) -> None:
        if self._waiting is None:
            return
        if self._before:
            self._add_jump(self._before, self._waiting[1])
        self._last_three = [*self._last_three[-2:], self._waiting]
        self._look_for_spike()
        self._before, self._waiting = self._waiting[1], None

    def _add_jump(self, before: Point, after: Point) -> None:
        jump = Jump(before, after, self._latest.size if self._latest else None)
        if self._latest:
            self._latest.change_after = jump.size
        self.total += jump.size
        self.count += 1
        if jump.size > (self.jump.size if self.jump else 0):
            self.jump = jump
        self._latest = jump

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

    def largest(self) -> Jump | None:
        """The largest jump between neighbours."""
        self._take()
        return self.jump

    def is_sudden(self) -> bool:
        """Whether the largest jump is far larger than the changes of the curve usually are, and than those next to it."""
        jump = self.largest()
        if jump is None or self.count < 5:
            return False
        usual = (self.total - jump.size) / (self.count - 1)
        beside = max(jump.change_before or 0, jump.change_after or 0)
        return jump.change_before is not None and jump.size > _FAR * usual and beside < _SUDDEN * jump.size
