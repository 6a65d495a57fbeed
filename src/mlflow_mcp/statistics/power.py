"""With which chance a test shows a difference that is there. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from mlflow_mcp.statistics.distributions import normal_quantile, t_quantile

_PARTS = 240  # of the integral over a standard error that is itself estimated
_WIDE = 9.0  # of its standard deviations


def power_of_t(shift: float, degrees: float, level: float) -> float:
    """The chance that Student's t is beyond its two-sided limit on the side of a true difference of `shift` standard errors:
    the upper tail of the noncentral t distribution, by Simpson's rule over the estimated error."""
    limit = _limit(level, degrees)
    if math.isinf(degrees):
        return _below(shift - limit)
    high = 1 + _WIDE / math.sqrt(2 * degrees)
    low = max(1e-9, 1 - _WIDE / math.sqrt(2 * degrees))
    weights = [1 if at in (0, _PARTS) else 4 if at % 2 else 2 for at in range(_PARTS + 1)]
    errors = [low + (high - low) * at / _PARTS for at in range(_PARTS + 1)]
    chances = [
        weight * math.exp((degrees - 1) * math.log(error) - degrees * (error * error - 1) / 2)
        for weight, error in zip(weights, errors)
    ]
    found = math.fsum(chance * _below(shift - limit * error) for chance, error in zip(chances, errors))
    return found / math.fsum(chances)


def power_of_shares(base: float, other: float, of: int, other_of: int, level: float) -> float:
    """About the chance that Fisher's test tells the true shares `base` and `other` apart at a two-sided level: the normal
    approximation with its correction for whole numbers, which follows Fisher's test."""
    mean = (base * of + other * other_of) / (of + other_of)
    apart = abs(other - base) - (1 / of + 1 / other_of) / 2
    null = math.sqrt(mean * (1 - mean) * (1 / of + 1 / other_of))
    own = math.sqrt(base * (1 - base) / of + other * (1 - other) / other_of)
    if own <= 0:
        return 1.0 if apart > 0 else 0.0
    return _below((apart - normal_quantile(1 - level / 2) * null) / own)


def smallest(power: Callable[[float], float], least_power: float, start: float, most: float) -> float | None:
    """The smallest difference of at least the wanted power, up to `most`; None where none has it."""
    low, high = 0.0, min(start, most)
    while power(high) < least_power:
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if power(middle) < least_power else (low, middle)
    return high


@lru_cache(maxsize=256)
def _limit(level: float, degrees: float) -> float:
    return t_quantile(1 - level / 2, degrees)


def _below(z: float) -> float:
    return math.erfc(-z / math.sqrt(2)) / 2
