"""Where a curve changes within few points far beyond its usual changes: one jump, or a rise that feeds itself. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from mlflow_mcp.client.metrics import Point
from mlflow_mcp.entities.direction import Mode, better
from mlflow_mcp.entities.metrics import is_finite, is_gradient

# Of fewer points nothing is usual.
_FEWEST = 6
# So many times the median change, and at least this part of the values themselves.
_FAR, _PART = 10, 0.1
# Next to a jump the changes are less than this share of it.
_BESIDE = 1 / 4
# An explosion takes so many points at most, rises so many times higher than the curve ever rose before, and loses at least
# this part of what had been won.
_LONGEST, _HIGHER, _LOST = 6, 2, 1 / 2
# It begins with a change of more than so many usual ones.
_ORDINARY = 3


class Upheaval(NamedTuple):
    """From which point to which; several points may lie between."""

    before: Point
    after: Point


def upheavals(name: str, points: Sequence[Point], most: int) -> list[Upheaval]:
    """The largest ones of points in the order of their steps, in that order; values that are no numbers part a curve."""
    finite = [point for point in points if is_finite(point.value)]
    changes = [abs(b.value - a.value) for a, b in pairwise(finite) if a.value != b.value]
    if len(finite) < _FEWEST or not changes:
        return []
    usual = statistics.median(changes)
    mode: Mode | None = "min" if is_gradient(name) else better(name)
    found = [*_jumps(finite, usual), *(_explosions(finite, usual, mode) if mode else ())]
    largest = sorted(found, key=lambda each: -abs(each.after.value - each.before.value))
    kept: list[Upheaval] = []
    for each in largest:
        if not any(each.before.step < other.after.step and other.before.step < each.after.step for other in kept):
            kept.append(each)
    return sorted(kept[:most])


def _jumps(points: Sequence[Point], usual: float) -> Iterator[Upheaval]:
    """Single changes that are far larger than usual and than those right before and after them."""
    sizes = [abs(b.value - a.value) for a, b in pairwise(points)]
    for at in range(1, len(sizes)):
        beside = max(sizes[at - 1], *sizes[at + 1 : at + 2], 0.0)
        before, after = points[at], points[at + 1]
        enough = _PART * max(abs(before.value), abs(after.value))
        if sizes[at] > _FAR * usual and sizes[at] >= enough and beside < _BESIDE * sizes[at]:
            yield Upheaval(before, after)


def _explosions(points: Sequence[Point], usual: float, mode: Mode) -> Iterator[Upheaval]:
    """Several changes for the worse in a row that go far beyond all that the curve did before."""
    sign = 1 if mode == "min" else -1
    values = [sign * point.value for point in points]
    lowest, highest_rise = values[0], 0.0
    for begin, end in _rises(values):
        lowest = min(lowest, values[begin])
        start = max(begin, end - _LONGEST)
        while start < end and values[start + 1] - values[start] <= _ORDINARY * usual:
            start += 1
        rise = values[end] - values[start]
        least = max(_FAR * usual, _HIGHER * highest_rise, _LOST * (values[0] - lowest), 2 * _PART * abs(values[start]))
        if start >= _FEWEST - 1 and end - start > 1 and rise > least:
            yield Upheaval(points[start], points[end])
        highest_rise = max(highest_rise, values[end] - lowest)


def _rises(values: Sequence[float]) -> Iterator[tuple[int, int]]:
    """The first and last place of each stretch in which every value is above the one before."""
    begin = 0
    for at in range(1, len(values) + 1):
        if at == len(values) or values[at] <= values[at - 1]:
            if at - 1 > begin:
                yield begin, at - 1
            begin = at
