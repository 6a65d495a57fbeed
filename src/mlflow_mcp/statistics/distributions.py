"""Tails and quantiles of the normal and Student's t distribution, in double precision."""

from __future__ import annotations

import math
from statistics import NormalDist

_NORMAL = NormalDist()
# Where a continued fraction or a search is exact enough, and the most steps it may take.
_EXACT = 1e-15
_STEPS = 500


def normal_two_sided(z: float) -> float:
    """The chance that a standard normal value is at least as far from 0 as `z`."""
    return math.erfc(abs(z) / math.sqrt(2))


def normal_quantile(share: float) -> float:
    """The value below which a `share` (0 to 1, exclusive) of a standard normal distribution lies."""
    return _NORMAL.inv_cdf(share)


def t_two_sided(t: float, degrees: float) -> float:
    """The chance that Student's t with so many degrees of freedom (infinite: normal) is at least as far from 0 as `t`."""
    if math.isinf(degrees):
        return normal_two_sided(t)
    if math.isinf(t):
        return 0.0
    whole = degrees + t * t
    return _regularised_beta(degrees / whole, t * t / whole, degrees / 2, 0.5)


def t_quantile(share: float, degrees: float) -> float:
    """The value below which a `share` (0 to 1, exclusive) of Student's t distribution lies. Found by halving an interval."""
    if math.isinf(degrees):
        return normal_quantile(share)
    if share < 0.5:
        return -t_quantile(1 - share, degrees)
    beyond = 2 * (1 - share)
    low, high = 0.0, 1.0
    while t_two_sided(high, degrees) > beyond and high < 1e300:
        low, high = high, high * 2
    for _ in range(200):
        middle = (low + high) / 2
        if t_two_sided(middle, degrees) > beyond:
            low = middle
        else:
            high = middle
        if high - low <= _EXACT * high:
            break
    return (low + high) / 2


def welch_degrees(variance: float, degrees: float, other_variance: float, other_degrees: float) -> float:
    """Welch's degrees of freedom for the difference of two estimates, from the squared standard errors of both and the
    degrees of freedom that these have (infinite: known exactly)."""
    below = variance * variance / degrees + other_variance * other_variance / other_degrees
    return (variance + other_variance) ** 2 / below if below else degrees + other_degrees


def f_upper(explained: float, between: float, within: float) -> float:
    """The chance that groups explain at least this share of a variance (0 to 1) when they say nothing, by the F distribution
    with so many degrees of freedom between and within them."""
    if within <= 0:
        return 1.0
    return _regularised_beta(1 - explained, explained, within / 2, between / 2)


def _regularised_beta(x: float, rest: float, a: float, b: float) -> float:
    """The regularised incomplete beta function at `x`, by its continued fraction (Lentz's method). `rest` is 1 - x, given
    because a small one would be lost in that difference."""
    if x <= 0:
        return 0.0
    if rest <= 0:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _regularised_beta(rest, x, b, a)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest) - math.log(a)
    )
    return front / _continued_fraction(x, a, b)


def _continued_fraction(x: float, a: float, b: float) -> float:
    tiny = 1e-300
    value, numerator, denominator = 1.0, 1.0, 0.0
    for step in range(1, _STEPS):
        half = step // 2
        if step % 2:
            part = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            part = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        denominator = 1 / ((1 + part * denominator) or tiny)
        numerator = (1 + part / numerator) or tiny
        value *= numerator * denominator
        if abs(numerator * denominator - 1) < _EXACT:
            break
    return value
