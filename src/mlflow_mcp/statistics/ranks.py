"""How one quantity goes with another, by ranks: no value is too large to count like the others. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import permutations
from operator import mul
from random import Random

from mlflow_mcp.statistics.distributions import f_upper

# So many values or fewer have few enough orders to try each of them.
MOST_EXACT = 7
# Beyond so many values a distribution's tail is used: permutations would take seconds and say the same.
MOST_PERMUTED = 300
PERMUTATIONS = 4_000
# A p that is as large as this many of its permutations is known well enough (Besag and Clifford's stopping rule).
_ENOUGH = 40
_SEED = 20_240_613
# Of statistics that are equal but for rounding.
_SAME = 1e-9


def ranks(values: Sequence[float]) -> list[float]:
    """The places of the values in their order, from 1; equal ones share the mean of their places."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for at in order[start:end]:
            found[at] = (start + 1 + end) / 2
        start = end
    return found


def product(one: Sequence[float], other: Sequence[float]) -> float:
    """The sum of the products: of standardised values their correlation."""
    found: float = sum(map(mul, one, other))
    return found


def standardised(values: Sequence[float]) -> list[float]:
    """The values with mean 0 and a sum of squares of 1; all 0 where they are equal."""
    mean = math.fsum(values) / len(values)
    apart = [value - mean for value in values]
    length = math.sqrt(math.fsum(map(mul, apart, apart)))
    return [0.0] * len(values) if length <= _SAME * max(1.0, abs(mean)) else [value / length for value in apart]


def bend(values: Sequence[float]) -> list[float]:
    """The square of the ranks' distance from their middle, without what is a straight line in the ranks, standardised: what a
    peak or a dip inside the range goes with. All 0 below three different values."""
    line = standardised(ranks(values))
    square = standardised([each * each for each in line])
    slope = product(line, square)
    rest = [each - slope * straight for each, straight in zip(square, line)]
    length = math.sqrt(math.fsum(map(mul, rest, rest)))
    return [0.0] * len(rest) if length < 1e-6 else [each / length for each in rest]


class Curved:
    """The larger of two correlations with standardised ranks: that with the ranks of `levels`, which is Spearman's, and that
    with their bend."""

    def __init__(self, levels: Sequence[float]) -> None:
        self.line, self.bend = standardised(ranks(levels)), bend(levels)

    def __call__(self, values: Sequence[float]) -> float:
        return max(abs(product(self.line, values)), abs(product(self.bend, values)))

    def tail(self, statistic: float, count: int) -> float:
        """The chance of a statistic as large, where nothing goes with anything. The two correlations are uncorrelated."""
        single = f_upper(statistic**2, 1, count - 2)
        return min(1.0, 2 * single) if any(self.bend) else single


class Between:
    """The share of standardised values' variance between groups: eta squared; of ranks it is epsilon squared of Kruskal and
    Wallis' test."""

    def __init__(self, groups: Sequence[Hashable]) -> None:
        sizes = Counter(groups)
        numbers = {group: at for at, group in enumerate(sizes)}
        self._of, self._counts = [numbers[group] for group in groups], list(sizes.values())

    def __call__(self, values: Sequence[float]) -> float:
        sums = [0.0] * len(self._counts)
        for group, value in zip(self._of, values):
            sums[group] += value
        return sum(each * each / count for each, count in zip(sums, self._counts))

    def tail(self, statistic: float, count: int) -> float:
        """The chance of a share as large, where nothing goes with anything."""
        degrees = len(self._counts) - 1
        return f_upper(statistic, degrees, count - 1 - degrees)


def permutation_ps(statistics: Sequence[Curved | Between], values: Sequence[float]) -> list[float]:
    """For each statistic the chance of one as large if the values belonged to any of the rows: over all orders of few values,
    over seeded random ones of more, and by the tail of its distribution of many."""
    own = standardised(ranks(values))
    seen = [statistic(own) for statistic in statistics]
    if len(own) > MOST_PERMUTED:
        return [each.tail(min(1.0, as_seen), len(own)) for each, as_seen in zip(statistics, seen)]
    least = [as_seen * (1 - _SAME) - 1e-12 for as_seen in seen]
    if len(own) <= MOST_EXACT:
        orders = list(permutations(own))
        return [sum(each(order) >= low for order in orders) / len(orders) for each, low in zip(statistics, least)]
    return _sampled(list(zip(statistics, least)), own)


def _sampled(tests: Sequence[tuple[Curved | Between, float]], values: list[float]) -> list[float]:
    """The same orders for all tests; one is no longer tried when its p is known well enough."""
    random, shuffled = Random(_SEED), list(values)  # noqa: S311  # no secret: the same orders each time
    as_large, stopped = [0] * len(tests), dict[int, int]()
    for tried in range(1, PERMUTATIONS + 1):
        random.shuffle(shuffled)
        for at, (statistic, least) in enumerate(tests):
            if at not in stopped and statistic(shuffled) >= least:
                as_large[at] += 1
                if as_large[at] == _ENOUGH:
                    stopped[at] = tried
        if len(stopped) == len(tests):
            break
    return [
        count / stopped[at] if at in stopped else (count + 1) / (PERMUTATIONS + 1) for at, count in enumerate(as_large)
    ]
