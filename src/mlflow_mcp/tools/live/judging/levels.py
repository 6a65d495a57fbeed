"""How high a stretch of a curve lies, and how much its neighbours scatter."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

# Of normal noise the median deviation is this part of the standard deviation.
_MEDIAN_OF_NORMAL = 0.6745
# The standard error of a median, in standard errors of a mean.
_OF_MEDIAN = 1.2533
# Into so many the last two thirds of a curve are parted.
_STRETCHES = 16
# Values are compared with those up to this part of the curve away: beyond, its own bends count.
_FARTHEST = 16


class Level(NamedTuple):
    """The median of a window of values, and the index at which the window begins."""

    at: int
    height: float


def noise(values: Sequence[float]) -> float:
    """How far a value usually is from the middle of those around it, near and far, as a standard deviation.

    The largest of several distances counts: noise that wanders slowly shows only between values far apart. A straight trend
    adds nothing, nor does a single spike.
    """
    distances = [1]
    while distances[-1] * _FARTHEST <= len(values):
        distances.append(distances[-1] * 2)
    return max((_scatter(values, distance) for distance in distances), default=0.0)


def _scatter(values: Sequence[float], distance: int) -> float:
    """The scatter of values around the mean of those at this distance on both sides."""
    off = [b - (a + c) / 2 for a, b, c in zip(values, values[distance:], values[2 * distance :])]
    if not off:
        return 0.0
    middle = statistics.median(map(abs, off)) / _MEDIAN_OF_NORMAL
    if not middle:  # most values are alike
        middle = statistics.fmean(map(abs, off))
    return float(middle / 1.5**0.5)


def error_of_difference(values: Sequence[float]) -> float:
    """The standard error of the difference between the medians of the last two thirds of a curve: out of the scatter of its
    single values, or of its stretches where that says more, as for noise that wanders."""
    last = values[len(values) // 3 :]
    single = float(_OF_MEDIAN * _scatter(last, 1) * (2 / (len(values) / 3)) ** 0.5)
    edges = [round(at * len(last) / _STRETCHES) for at in range(_STRETCHES + 1)]
    stretches = [statistics.median(last[a:b]) for a, b in pairwise(edges)]
    return max(single, float(_scatter(stretches, 1) * (2 / (_STRETCHES / 2)) ** 0.5))


def levels(values: Sequence[float], width: int) -> list[Level]:
    """Medians of windows of `width` values that overlap by three quarters; the last window ends with the last value."""
    last = len(values) - width
    starts = sorted({*range(0, last + 1, max(1, width // 4)), last}) if last >= 0 else []
    return [Level(at, statistics.median(values[at : at + width])) for at in starts]


def median_of(values: Sequence[float], begin: float, end: float) -> float:
    """The median of a part of the values, given as shares of their number."""
    part = values[round(begin * len(values)) : round(end * len(values))]
    return float(statistics.median(part))
