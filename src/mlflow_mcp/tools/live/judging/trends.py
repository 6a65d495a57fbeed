"""What a curve does: blow up, level off, jump for a moment, or get worse while another one gets better.

All limits are multiples of the curve's own scatter or parts of its own improvement, so that they hold for any scale. They
were set on simulated curves (tests/unit/tools/live/test_false_alarms.py): power laws, exponentials, cosines and lines, with
normal, heavy-tailed and autocorrelated noise, random walks, warm restarts and single spikes. The rates are in that file.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import sub

from mlflow_mcp.client.metrics import Point
from mlflow_mcp.entities.direction import Mode
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.tools.live.judging.levels import error_of_difference, levels, median_of, noise
from mlflow_mcp.tools.live.judging.series import Series

# So many points that are no numbers at the end of a curve are no accident of one batch.
_LASTING = 3
# Fewer points say nothing about a rise, or a pair of curves; about levelling off.
_FEWEST, _FEWEST_FLAT = 12, 30
# A blow-up is so many times the scatter, at least this part of what had been won, mostly within this part of the curve, and
# so many times higher than the curve ever rose before.
_SCATTERS, _LOST, _SUDDEN, _HIGHER = 10, 1 / 2, 1 / 8, 2
# A way up of so few points is always short: where each of its steps is less than this part of the rise, it is no blow-up but
# what overfitting looks like.
_FEW_ON_THE_WAY, _SMALL_PART = 15, 1 / 4
# What is within so many scatters of a level belongs to it.
_SCATTERS_AROUND = 4
# A spike is so many scatters above what is around it, and so many times farther than all values but this share are.
_FAR, _FARTHER, _MOST_IN_SPIKES = 12, 6, 1 / 40
# A validation curve must rise by so many scatters over its best, and by this part of all that it won.
_OVERFIT_SCATTERS, _OVERFIT_SHARE = 4, 1 / 20
# Levelled off: what the last third won is within so many standard errors of nothing, and below this part of what an equal
# stretch won earlier.
_ERRORS, _LITTLE, _EARLIER = 2, 1 / 5, (2, 4, 8, 16)


@dataclass(frozen=True)
class NotNumbers:
    """Points that are no numbers at the end of a curve that had numbers before. `before` is the last number."""

    first: Point
    count: int
    before: Point

    @property
    def lasts(self) -> bool:
        return self.count >= _LASTING

    @property
    def what(self) -> str:
        return "NaN" if math.isnan(self.first.value) else "infinite"


@dataclass(frozen=True)
class Change:
    """A level that changed: from where and to where."""

    begin: Point
    before: float
    end: Point
    after: float


@dataclass(frozen=True)
class Spike:
    """A moment's jump: its highest point, what is usual around it, and how many points it lasted."""

    peak: Point
    usual: float
    points: int


@dataclass(frozen=True)
class Flat:
    """What the last third of a curve won, with its standard error, and since which point it is so."""

    won: float
    error: float
    since: Point
    level: float


@dataclass(frozen=True)
class Overfit:
    """Validation got worse after its best point while training went on getting better."""

    best: Point
    level: float
    train_then: float
    train_now: float


def not_numbers(series: Series) -> NotNumbers | None:
    """The points that are no numbers at the end of the curve; None where it ends with a number or never had one."""
    points = series.points
    last = next((at for at in reversed(range(len(points))) if is_finite(points[at].value)), None)
    if last is None or last == len(points) - 1:
        return None
    return NotNumbers(points[last + 1], len(points) - 1 - last, points[last])


def blow_up(series: Series, mode: Mode) -> Change | None:
    """A curve that got worse suddenly, by far more than it ever did before, and stayed so."""
    values = _downward(series.values, mode)
    if len(values) < _FEWEST:
        return None
    width = _width(len(values))
    heights = levels(values, width)
    end = heights[-1]
    best = min(heights[:-1], key=lambda level: (level.height, -level.at), default=end)
    rise, won = end.height - best.height, heights[0].height - best.height
    if rise <= max(_SCATTERS * noise(values), _LOST * won, 0.2 * abs(best.height)):
        return None
    begin = max((level for level in heights if level.height <= best.height + rise / 10), key=lambda level: level.at)
    within = max(2 * width, round(len(values) * _SUDDEN))
    arrived = next(level for level in heights if level.at > begin.at and level.height >= best.height + rise / 2)
    if arrived.at - begin.at > within or rise <= _HIGHER * _largest_rise(h.height for h in heights if h.at <= begin.at):
        return None
    if _climbs_steadily(values[begin.at : arrived.at + width], rise):
        return None
    usual = best.height + _SCATTERS_AROUND * noise(values)
    last = max(at for at in range(best.at, arrived.at + width) if values[at] <= usual)
    sign = 1 if mode == "min" else -1
    return Change(series.finite[last], sign * best.height, series.finite[-1], sign * end.height)


def _climbs_steadily(values: Sequence[float], rise: float) -> bool:
    """Whether no step on the way up is more than a small part of the rise."""
    return len(values) < _FEW_ON_THE_WAY and max(map(sub, values[1:], values)) < _SMALL_PART * rise


def jump_at_end(series: Series, mode: Mode) -> Change | None:
    """The last numbers of a curve far above all that came shortly before: the beginning of a blow-up, or a spike."""
    values = _downward(series.values, mode)
    width = _width(len(values))
    before = values[max(0, len(values) - 3 * width) : -width]
    if len(values) < _FEWEST or len(before) < 5:
        return None
    usual, limit = statistics.median(before), max(before) + _SCATTERS * noise(values)
    begin = len(values)
    while begin > len(values) - width and values[begin - 1] > limit:
        begin -= 1
    if len(values) - begin < 2:
        return None
    sign = 1 if mode == "min" else -1
    after = sign * statistics.median(values[begin:])
    return Change(series.finite[begin - 1], sign * usual, series.finite[-1], after)


def spikes(series: Series, mode: Mode) -> list[Spike]:
    """Moments at which the curve got far worse and came back. Of a sample, those that happen to be in it."""
    values = _downward(series.values, mode)
    half = max(4, len(values) // 40)
    heights = [_above_both_sides(values, at, half) for at in range(len(values))]
    ranked = sorted(heights)
    if len(values) < _FEWEST or ranked[-1] <= 0:
        return []
    usual = max(_FAR * noise(values), _FARTHER * ranked[len(ranked) - 1 - max(3, int(_MOST_IN_SPIKES * len(ranked)))])
    groups: list[list[int]] = []
    for at in (at for at, height in enumerate(heights) if height > usual):
        if groups and at - groups[-1][-1] <= 2:
            groups[-1].append(at)
        else:
            groups.append([at])
    sign = 1 if mode == "min" else -1
    peaks = [(max(group, key=lambda at: heights[at]), len(group)) for group in groups]
    return [Spike(series.finite[at], sign * (values[at] - heights[at]), length) for at, length in peaks]


def _above_both_sides(values: Sequence[float], at: int, half: int) -> float:
    """How far a value is above the higher one of the levels before and after it; what is next to it may be part of a spike."""
    before, after = values[max(0, at - half - 2) : max(0, at - 2)], values[at + 3 : at + 3 + half]
    if len(before) < 3 or len(after) < 3:
        return 0.0
    return max(0.0, values[at] - max(statistics.median(before), statistics.median(after)))


def levelled_off(series: Series, mode: Mode) -> Flat | None:
    """A curve whose last third won nothing beyond its scatter, and little of what an equal stretch won earlier.

    An equal stretch is one of the same shape: the last third of the first half, quarter, eighth, … of the curve. A power law
    wins less and less and yet does not level off: each of its thirds wins a good part of what the one before did.
    """
    values = _downward(series.values, mode)
    if len(values) < _FEWEST_FLAT:
        return None
    won, error = _won(values), error_of_difference(values)
    begun = [values[: len(values) // part] for part in _EARLIER]
    earlier = max((_won(part) for part in begun if len(part) >= _FEWEST // 2), default=0.0)
    in_all = median_of(values, 0, 1 / 6) - median_of(values, 5 / 6, 1)
    never_won = abs(in_all) <= _ERRORS * error and in_all + _ERRORS * error < noise(values) / 2
    if abs(won) > _ERRORS * error or (won + _ERRORS * error > _LITTLE * earlier and not never_won):
        return None
    since = series.finite[0 if never_won else round(len(values) * 2 / 3)]
    level = median_of(values, 2 / 3, 1)
    return Flat(won, error, since, level if mode == "min" else -level)


def overfits(train: Series, validation: Series, mode: Mode) -> Overfit | None:
    """Validation is worse than at its best by more than scatter while training is better than it was then. The two are set
    side by side by time: their steps may count different things."""
    values, learned = _downward(validation.values, mode), _downward(train.values, mode)
    if len(values) < _FEWEST or len(learned) < _FEWEST:
        return None
    width = max(3, len(values) // 12)
    heights = levels(values, width)
    best = min(heights, key=lambda level: (level.height, -level.at))
    after = len(values) - best.at - width
    rise, won = heights[-1].height - best.height, max(0.0, heights[0].height - best.height)
    if after < max(width, 4) or rise <= max(_OVERFIT_SCATTERS * noise(values), _OVERFIT_SHARE * won):
        return None
    window = range(best.at, best.at + width)
    place = min(window, key=lambda at: values[at])
    then, now = _training_at(train, learned, validation.finite[place])
    if then is None or then - now <= _ERRORS * noise(learned):
        return None
    sign = 1 if mode == "min" else -1
    return Overfit(validation.finite[place], sign * heights[-1].height, sign * then, sign * now)


def _training_at(train: Series, learned: Sequence[float], moment: Point) -> tuple[float | None, float]:
    """The level of the training curve around a moment, and at its end."""
    points = train.finite
    has_times = points[0].timestamp < points[-1].timestamp
    before = [p.timestamp <= moment.timestamp if has_times else p.step <= moment.step for p in points]
    at = sum(before)
    width = max(3, len(points) // 20)
    if at < 1 or len(points) - at < width:
        return None, 0.0
    return statistics.median(learned[max(0, at - width) : at + 1]), statistics.median(learned[-width:])


def _won(values: Sequence[float]) -> float:
    """How much lower the last third lies than the third before."""
    return median_of(values, 1 / 3, 2 / 3) - median_of(values, 2 / 3, 1)


def _downward(values: Sequence[float], mode: Mode) -> Sequence[float]:
    """The values with the better ones below."""
    return values if mode == "min" else [-value for value in values]


def _width(count: int) -> int:
    return max(3, count // 20)


def _largest_rise(heights: Iterable[float]) -> float:
    lowest, largest = math.inf, 0.0
    for height in heights:
        lowest = min(lowest, height)
        largest = max(largest, height - lowest)
    return largest
