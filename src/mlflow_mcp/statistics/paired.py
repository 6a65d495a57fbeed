"""Tests and intervals of pairs: the same questions answered twice. Pure.

Right or wrong is tested by `exact.binomial_two_sided` over the pairs that changed (McNemar's exact test).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from mlflow_mcp.statistics.distributions import normal_quantile, normal_two_sided, t_quantile, t_two_sided
from mlflow_mcp.statistics.exact import ERROR

# Steps that the exact distribution of sign flips may take, and draws where it would take more.
_MOST_STEPS = 500_000
_DRAWS = 9_999
_MOST_DRAWN = 2_000
_SMALLEST_CELL = 1e-9
# Changed pairs above which the power of McNemar's test is that of its normal approximation, and chances that do not count.
_MOST_EXACT_CHANGES = 150
_LEAST_CHANCE = 1e-7


def sign_flip_two_sided(differences: Sequence[float]) -> tuple[float, str]:
    """The chance of a mean difference at least as far from 0 if each pair's sign were a coin's, and how it was computed.

    Exact where that is cheap; else by draws with a fixed seed; above 2,000 pairs that differ by Student's t, which the
    distribution of sign flips has become by then.
    """
    changed = [abs(each) for each in differences if each]
    if not changed:
        return 1.0, "exact sign-flip test"
    seen = abs(math.fsum(differences))
    units = _units(changed)
    if units is not None and len(units) * sum(units) <= _MOST_STEPS:
        unit = math.fsum(changed) / sum(units)
        return _exact_tail(units, round(seen / unit)), "exact sign-flip test"
    if len(changed) <= 14:
        return _exact_tail(changed, seen * (1 - _SMALLEST_CELL)), "exact sign-flip test"
    if len(changed) <= _MOST_DRAWN:
        return _drawn_tail(changed, seen), f"sign-flip test, {_DRAWS + 1:,} draws"
    mean, error = mean_and_error(differences)
    return t_two_sided(mean / error, len(differences) - 1), "paired t test"


def _units(changed: Sequence[float]) -> list[int] | None:
    """The differences as multiples of the smallest one, or of its half, third or quarter; None where they are none."""
    for part in (1, 2, 3, 4):
        unit = min(changed) / part
        whole = [round(each / unit) for each in changed]
        if all(abs(each - count * unit) <= 1e-6 * unit for each, count in zip(changed, whole)):
            return whole
    return None


def _exact_tail(sizes: Sequence[float], seen: float) -> float:
    chances: dict[float, float] = {0: 1.0}
    for size in sizes:
        following: dict[float, float] = {}
        for total, chance in chances.items():
            half = chance / 2
            following[total + size] = following.get(total + size, 0.0) + half
            following[total - size] = following.get(total - size, 0.0) + half
        chances = following
    return min(1.0, math.fsum(chance for total, chance in chances.items() if abs(total) >= seen))


def _drawn_tail(changed: Sequence[float], seen: float) -> float:
    # A fixed seed: the same question has the same answer. Nothing here is secret.
    draw, limit, whole = random.Random(0), seen * (1 - _SMALLEST_CELL), math.fsum(changed)  # noqa: S311
    # For every eight differences the sums of all their subsets: a byte draws eight signs at once.
    sums = [_subset_sums(changed[at : at + 8]) for at in range(0, len(changed), 8)]
    hits = 0
    for _ in range(_DRAWS):
        plus = sum(of_eight[byte] for of_eight, byte in zip(sums, draw.randbytes(len(sums))))
        hits += abs(2 * plus - whole) >= limit
    return (hits + 1) / (_DRAWS + 1)


def _subset_sums(values: Sequence[float]) -> list[float]:
    return [math.fsum(value for at, value in enumerate(values) if byte >> at & 1) for byte in range(256)]


def mean_and_error(differences: Sequence[float]) -> tuple[float, float]:
    """The mean of two or more values and its standard error."""
    mean = math.fsum(differences) / len(differences)
    squares = math.fsum((each - mean) ** 2 for each in differences)
    return mean, math.sqrt(squares / (len(differences) - 1) / len(differences))


def mean_interval(differences: Sequence[float], error: float = ERROR) -> tuple[float, float] | None:
    """Between which values the mean lies, by Student's t; None for fewer than two."""
    if len(differences) < 2:
        return None
    mean, spread = mean_and_error(differences)
    width = t_quantile(1 - error / 2, len(differences) - 1) * spread
    return mean - width, mean + width


def least_loss_shown(by_chance: int, of: int, power: float = 0.8) -> float | None:
    """The smallest share of `of` pairs that, lost beside `by_chance` pairs that change by chance, half of them either way,
    McNemar's exact test finds with this power. None where it finds none."""
    noise = by_chance / of
    low, high = 0.0, 1.0 - noise
    if _mcnemar_power(noise, high, of) < power:
        return None
    for _ in range(20):
        middle = (low + high) / 2
        if _mcnemar_power(noise, middle, of) < power:
            low = middle
        else:
            high = middle
    return high


def _mcnemar_power(noise: float, loss: float, of: int) -> float:
    changed = min(1.0, noise + loss)
    if not changed:
        return 0.0
    if of * changed > _MOST_EXACT_CHANGES:
        z = loss * math.sqrt(of / changed) - normal_quantile(1 - ERROR / 2)
        return 1 - normal_two_sided(z) / 2 if z > 0 else normal_two_sided(z) / 2
    share = (noise / 2 + loss) / changed
    counts = _binomial(of, changed, _LEAST_CHANCE)
    return math.fsum(chance * _lost_enough(count, share) for count, chance in counts)


def _lost_enough(changed: int, share: float) -> float:
    """The chance that so many of the changed pairs are lost that the test says so."""
    tail, least = 0, changed + 1
    while least > 0 and 2 * (tail + math.comb(changed, least - 1)) < ERROR * 2**changed:
        least -= 1
        tail += math.comb(changed, least)
    return math.fsum(chance for count, chance in _binomial(changed, share, 0.0) if count >= least)


def _binomial(of: int, share: float, least: float) -> list[tuple[int, float]]:
    """The counts with a chance above `least`, and that chance."""
    if share >= 1:
        return [(of, 1.0)]
    own, other, whole = math.log(share), math.log1p(-share), math.lgamma(of + 1)
    spread = 8 * math.sqrt(of * share * (1 - share)) + 8
    counts = range(max(0, int(of * share - spread)), min(of, int(of * share + spread)) + 1)
    logs = ((n, whole - math.lgamma(n + 1) - math.lgamma(of - n + 1) + n * own + (of - n) * other) for n in counts)
    return [(n, chance) for n, log in logs if (chance := math.exp(log)) > least]


def shares_interval(won: int, lost: int, of: int, error: float = ERROR) -> tuple[float, float]:
    """Between which values the difference of two shares of the same `of` pairs lies, of which `won` changed up and `lost`
    down: Tango's score interval, which keeps its level for few pairs and for none that changed."""
    limit = normal_quantile(1 - error / 2)
    seen = (won - lost) / of
    low = _root(lambda difference: _score(won, lost, of, difference) - limit, -1.0, seen)
    high = _root(lambda difference: _score(won, lost, of, difference) + limit, seen, 1.0)
    return low, high


def _score(won: int, lost: int, of: int, difference: float) -> float:
    """How many standard errors the difference of shares is above a supposed one."""
    a = 2 * of
    b = -won - lost + (2 * of - won + lost) * difference
    c = -lost * difference * (1 - difference)
    share = (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a)
    variance = of * (2 * share + difference * (1 - difference))
    above = won - lost - of * difference
    if variance <= 0:
        return 0.0 if abs(above) < _SMALLEST_CELL else math.copysign(math.inf, above)
    return above / math.sqrt(variance)


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(80):
        middle = (low + high) / 2
        if falling(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
