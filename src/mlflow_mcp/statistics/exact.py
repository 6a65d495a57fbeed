"""Exact tests, and when a difference may be called one. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
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


def binomial_two_sided(hits: int, of: int, share: float = 0.5) -> float:
    """The two-sided p of `hits` of `of` where each hits with the chance `share`: the sum over all counts that are no
    likelier than this one. McNemar's exact test is this one, of the pairs that changed."""
    if not of:
        return 1.0
    if share in (0.0, 1.0):
        return 1.0 if hits == of * share else 0.0
    own, other = math.log(share), math.log1p(-share)
    every = [_log_chosen(of, count) + count * own + (of - count) * other for count in range(of + 1)]
    limit = every[hits] + math.log1p(_SAME) + 1e-12 * abs(every[hits])
    return min(1.0, math.fsum(math.exp(each) for each in every if each <= limit))


def holm(chances: Sequence[float]) -> list[float]:
    """The p values of a family of tests, each made as large as the number of tests asks for (Holm's step-down): those at or
    below a level are together wrong with at most this chance, whatever depends on what."""
    adjusted, largest = [0.0] * len(chances), 0.0
    for place, index in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        largest = max(largest, min(1.0, (len(chances) - place) * chances[index]))
        adjusted[index] = largest
    return adjusted


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
