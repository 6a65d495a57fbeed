"""Exact tests, and when a difference may be called one. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

# The chance of a wrong verdict that an answer may have, over all that it tests.
ERROR = 0.05
# Of probabilities that are equal but for rounding.
_SAME = 1e-9


def fisher(hits: int, of: int, other_hits: int, other_of: int) -> float:
    """The two-sided p of `hits` of `of` against `other_hits` of `other_of`: the sum over all tables with the same margins
    that are no likelier than this one."""
    total, hit = of + other_of, hits + other_hits
    low, high = max(0, hit - other_of), min(of, hit)
    if low == high:
        return 1.0
    every = [_log_chosen(of, at) + _log_chosen(other_of, hit - at) for at in range(low, high + 1)]
    whole = _log_chosen(total, hit)
    limit = every[hits - low] + math.log1p(_SAME) + 1e-12 * abs(every[hits - low])
    return min(1.0, math.fsum(math.exp(each - whole) for each in every if each <= limit))


def _log_chosen(of: int, chosen: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)


@dataclass(frozen=True)
class Shares:
    """So many of these, against so many of those."""

    hits: int
    of: int
    other_hits: int
    other_of: int

    def verdict(self, tests: int = 1) -> str:
        """`higher` or `lower` where Fisher's test says so among so many tests, else `cannot tell`, with the counts it rests on."""
        counts = f"{self.hits:,} of {self.of:,} against {self.other_hits:,} of {self.other_of:,}"
        if not self.of or not self.other_of:
            return f"cannot tell: {counts}"
        p = self.p
        if p >= ERROR / tests:
            return f"cannot tell: {counts}, p={shown(p)}"
        word = "higher" if self.hits * self.other_of > self.other_hits * self.of else "lower"
        return f"{word}: {counts}, p={shown(p)}"

    @property
    def p(self) -> float:
        return fisher(self.hits, self.of, self.other_hits, self.other_of)


def percentiles_around_median(count: int, tests: int) -> list[str]:
    """Percentiles between which the true median of so many values lies, for each of two sides at a share of ERROR: by the
    inequality of Dvoretzky, Kiefer, Wolfowitz and Massart, which holds for every distribution and every count."""
    alpha = ERROR / tests / 2
    width = 100 * math.sqrt(math.log(2 / alpha) / (2 * max(1, count)))
    return [f"P{max(0.0, 50 - width):.4f}", f"P{min(100.0, 50 + width):.4f}"]


@dataclass(frozen=True)
class Medians:
    """Between which values the medians of these and of those lie, in seconds."""

    low: float
    high: float
    other_low: float
    other_high: float

    def verdict(self, tests: int) -> str:
        """`tests` is what the intervals were made for."""
        intervals = f"{self.low:.4g} to {self.high:.4g} s against {self.other_low:.4g} to {self.other_high:.4g} s"
        if self.low > self.other_high:
            return f"higher: {intervals}"
        return f"lower: {intervals}" if self.high < self.other_low else f"cannot tell: {intervals}"


def shown(p: float) -> str:
    return f"{p:.2g}" if p >= 0.0001 else "<0.0001"
