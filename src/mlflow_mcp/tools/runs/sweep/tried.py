"""Which values of a param were tried, which of its evident grid were not, and where the best trials lie. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mlflow_mcp.entities.direction import Mode
from mlflow_mcp.text import number
from mlflow_mcp.tools.runs.sweep.configurations import Level
from mlflow_mcp.tools.runs.sweep.effects import Dimension

_LISTED = 6
_LONGEST = 30
# A grid is evident where there are so many values, and so large a share of the steps between them is one step.
_FEWEST_ON_A_GRID = 4
_REGULAR = 0.6
# How far from a whole number of steps a distance may be; between ratios of round numbers: 1, 3, 10, 30 are half decades.
_OFF = 0.02
_OFF_BETWEEN_ROUND = 0.12
_GAPS_NAMED = 4


@dataclass(frozen=True)
class Region:
    """Where the best configurations lie, and the means inside and outside; `elsewhere` is None where that is everywhere."""

    where: str
    mean: float
    elsewhere: float | None


# Hides what looks like a secret: in a part of a text it is not recognised any more.
Masked = Callable[[str], str]


def shown(level: Level, masked: Masked = str) -> str:
    """A value as people write it; a long text is cut."""
    if level is None:
        return "(none)"
    if isinstance(level, float):
        return str(number(level))
    text = masked(level)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def tried(dimension: Dimension, masked: Masked) -> str:
    """The values, or of many the ends and how many there are."""
    levels = sorted(set(dimension.levels), key=lambda each: (isinstance(each, str), each is None, each))
    if len(levels) <= _LISTED:
        return ", ".join(shown(level, masked) for level in levels)
    if dimension.is_numeric:
        return f"{shown(levels[0])} to {shown(levels[-1])}, {len(levels)} values"
    return f"{len(levels)} values"


def never_tried(dimension: Dimension) -> str | None:
    """Between which neighbours values of the grid are missing, where the values show a grid; None where they do not, or
    where none is missing."""
    values = sorted(set(dimension.numbers)) if dimension.is_numeric else []
    steps = _steps(values)
    if steps is None:
        return None
    gaps = [(pair, round(count) - 1) for pair, count in zip(pairwise(values), steps) if round(count) > 1]
    sentences = [f"{missing} between {shown(low)} and {shown(high)}" for (low, high), missing in gaps[:_GAPS_NAMED]]
    more = f"; {len(gaps) - _GAPS_NAMED} more gaps" if len(gaps) > _GAPS_NAMED else ""
    return "; ".join(sentences) + more if sentences else None


def _steps(values: Sequence[float]) -> list[float] | None:
    """The distances between neighbours in steps of a linear or logarithmic grid, whichever is evident."""
    if len(values) < _FEWEST_ON_A_GRID:
        return None
    are_round = all(float(f"{each:.2g}") == each for each in values)
    ratios = [math.log(high / low) for low, high in pairwise(values)] if values[0] > 0 else []
    return _on_grid([high - low for low, high in pairwise(values)], _OFF) or _on_grid(
        ratios, _OFF_BETWEEN_ROUND if are_round else _OFF
    )


def _on_grid(distances: Sequence[float], off: float) -> list[float] | None:
    """The distances as numbers of one step, where most are one and all are whole."""
    if not distances or min(distances) <= 0 or not math.isfinite(max(distances)):
        return None
    usual = sorted(distances)[len(distances) // 2]
    step = usual if min(distances) > usual * (1 - off) else min(distances)
    counts = [distance / step for distance in distances]
    is_grid = all(abs(count - round(count)) <= off * max(1.0, math.sqrt(count)) for count in counts)
    regular = sum(round(count) == 1 for count in counts) >= _REGULAR * len(counts)
    return counts if is_grid and regular and sum(map(round, counts)) <= 2 * len(counts) else None


def best_count(configurations: int) -> int:
    """How many of them are the best tenth: three where a tenth is fewer, of very few a third."""
    return max(1, min(3, configurations // 3), math.ceil(configurations / 10))


def best_region(dimension: Dimension, mode: Mode, masked: Masked) -> Region:
    """Where the best tenth of the configurations lies in this param."""
    pairs: list[tuple[float, Any]] = list(zip(dimension.values, dimension.levels))
    ranked = sorted(pairs, key=lambda pair: pair[0], reverse=mode == "max")
    best = [level for _, level in ranked[: best_count(len(pairs))]]
    if dimension.is_numeric:
        low, high = min(best), max(best)
        inside = [value for value, level in pairs if low <= level <= high]
        outside = [value for value, level in pairs if not low <= level <= high]
        where = _range(low, high, dimension.numbers)
    else:
        inside = [value for value, level in pairs if level in best]
        outside = [value for value, level in pairs if level not in best]
        counts = {
            level: best.count(level) for level in sorted(set(best), key=lambda each: (-best.count(each), str(each)))
        }
        several = len(best) > 1
        texts = [(shown(level, masked), count) for level, count in counts.items()]
        where = ", ".join(f"{text} ({count})" if several else text for text, count in texts)
    return Region(where, _mean(inside), _mean(outside) if outside else None)


def _range(low: float, high: float, values: Sequence[float]) -> str:
    """`0.01 to 0.03`, and whether that is an end of what was tried."""
    interval = shown(low) if low == high else f"{shown(low)} to {shown(high)}"
    at_low, at_high = low == min(values), high == max(values)
    if at_low == at_high:
        return interval
    return f"{interval} ({'smallest' if at_low else 'largest'} tried)"


def _mean(values: Sequence[float]) -> float:
    return sum(value / len(values) for value in values)
