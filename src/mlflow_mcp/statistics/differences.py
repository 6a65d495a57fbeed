"""The difference of two independent estimates: its error, its limits, its p, and what the data could have shown. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mlflow_mcp.statistics.distributions import normal_quantile, t_quantile, t_two_sided, welch_degrees
from mlflow_mcp.statistics.exact import fisher
from mlflow_mcp.statistics.paired import mean_and_error
from mlflow_mcp.statistics.power import power_of_shares, power_of_t, smallest
from mlflow_mcp.statistics.values import Statistics

# With fewer repeats on a side than this, and not as many on both, Welch's degrees of freedom raise false alarms: of 2
# against 10 normal values 10 % instead of 5.
_FEW_REPEATS = 5
# Above so many answers Fisher's sum is slow, and a normal approximation is as good.
_MOST_COUNTED = 400_000


@dataclass(frozen=True)
class Estimate:
    """A value with the variance of its error, and what that is known from."""

    value: float
    variance: float
    degrees: float = math.inf  # of freedom of the variance
    repeats: int = 0  # how many repeated values it is the mean of; 0 where the error is of one value
    hits: int | None = None  # of `of`, where the value is such a share times `scale`
    of: int = 0
    scale: float = 1.0

    @classmethod
    def of_share(cls, hits: int, of: int, scale: float = 1.0) -> Estimate:
        share = hits / of
        return cls(
            share * scale, share * (1 - share) / of * scale * scale, max(1, of - 1), hits=hits, of=of, scale=scale
        )

    @classmethod
    def of_repeats(cls, values: Sequence[float]) -> Estimate:
        """The mean of two values or more."""
        found = Statistics(list(values))
        error = found.stderr
        if found.mean is None or error is None:
            raise ValueError("two values or more are needed")
        return cls(found.mean, error * error, len(values) - 1, repeats=len(values))

    @property
    def says_nothing(self) -> bool:
        """Whether the error is 0, and no counts say how large it can be: no value is known so well."""
        return self.variance <= 0 and self.hits is None

    @property
    def without_counts(self) -> Estimate:
        """The same with a variance that is not 0 where all or none were hit (two hits and two misses added), for a
        difference to what is no share."""
        if self.hits is None:
            return self
        share = (self.hits + 2) / (self.of + 4)
        return replace(self, variance=share * (1 - share) / self.of * self.scale**2, hits=None)


@dataclass(frozen=True)
class Difference:
    """`other` less `base`."""

    base: Estimate
    other: Estimate

    @property
    def delta(self) -> float:
        return self.other.value - self.base.value

    @property
    def stderr(self) -> float:
        return math.sqrt(self.base.variance + self.other.variance)

    @property
    def of_shares(self) -> bool:
        """Whether both are shares of one scale: then nothing is taken for normal."""
        return self.base.hits is not None and self.other.hits is not None and self.base.scale == self.other.scale

    @property
    def cannot_be_tested(self) -> bool:
        """Whether a side says nothing of its error. Of repeats, one side whose values are all alike is told by the other."""
        silent = [each for each in (self.base, self.other) if each.says_nothing]
        return len(silent) == 2 or any(not each.repeats for each in silent)

    @property
    def p(self) -> float:
        """Two-sided: Fisher's exact test of two shares, else Student's t with `degrees`."""
        if self.of_shares and self.base.of + self.other.of <= _MOST_COUNTED:
            return fisher(self.other.hits or 0, self.other.of, self.base.hits or 0, self.base.of)
        error = self._error
        return t_two_sided(self.delta / error, self.degrees) if error else 1.0

    @property
    def degrees(self) -> float:
        """Of freedom: by Welch, but where a side has few repeats and the other has not as many, those of the smaller side."""
        repeats = [each.repeats for each in (self.base, self.other) if each.repeats]
        unlike = len(repeats) == 1 or len(set(repeats)) > 1
        if repeats and min(repeats) < _FEW_REPEATS and unlike:
            return min(repeats) - 1
        base, other = self.base.without_counts, self.other.without_counts
        return welch_degrees(base.variance, base.degrees, other.variance, other.degrees)

    def limits(self, tail: float) -> tuple[float, float]:
        """Between which values the true difference lies; each end is wrong with the chance `tail`. Of shares by Newcombe's
        method from Wilson's limits, else by Student's t."""
        if not self.of_shares:
            reach = t_quantile(1 - tail, self.degrees) * self._error
            return self.delta - reach, self.delta + reach
        scale, z = self.base.scale, normal_quantile(1 - tail)
        a, b = self.base.value / scale, self.other.value / scale
        low_a, high_a = wilson(a, self.base.of, z)
        low_b, high_b = wilson(b, self.other.of, z)
        low = self.delta - scale * math.hypot(b - low_b, high_a - a)
        high = self.delta + scale * math.hypot(high_b - b, a - low_a)
        return max(low, -scale), min(high, scale)

    def could_show(self, level: float, power: float = 0.8) -> float | None:
        """About the smallest true difference, up or down from the base, that a test at this two-sided level shows with a chance
        of `power`; None where no difference that is possible is shown so surely."""
        error = self._error
        if not self.of_shares:
            degrees = self.degrees
            found = smallest(lambda shift: power_of_t(shift, degrees, level), power, 4.0, 1e6)
            return None if found is None else found * error
        base, scale, of = self.base.value / self.base.scale, self.base.scale, (self.base.of, self.other.of)
        ways = [
            found
            for sign, most in ((1, 1 - base), (-1, base))
            if most > 0
            and (found := smallest(_of_shares(base, sign, of, level), power, 4 * error / scale, most)) is not None
        ]
        return max(ways) * scale if ways else None

    @property
    def _error(self) -> float:
        return math.sqrt(self.base.without_counts.variance + self.other.without_counts.variance)


@dataclass(frozen=True)
class PairedDifference:
    """The mean of the differences of pairs, such as runs of one seed: what a pair has in common cancels out. By Student's t."""

    differences: Sequence[float]

    of_shares = False

    @property
    def delta(self) -> float:
        return mean_and_error(self.differences)[0]

    @property
    def stderr(self) -> float:
        return mean_and_error(self.differences)[1]

    @property
    def degrees(self) -> float:
        return len(self.differences) - 1

    @property
    def cannot_be_tested(self) -> bool:
        return len(self.differences) < 2 or self.stderr <= 0

    @property
    def p(self) -> float:
        return t_two_sided(self.delta / self.stderr, self.degrees)

    def limits(self, tail: float) -> tuple[float, float]:
        reach = t_quantile(1 - tail, self.degrees) * self.stderr
        return self.delta - reach, self.delta + reach

    def could_show(self, level: float, power: float = 0.8) -> float | None:
        found = smallest(lambda shift: power_of_t(shift, self.degrees, level), power, 4.0, 1e6)
        return None if found is None else found * self.stderr


def wilson(share: float, of: int, z: float) -> tuple[float, float]:
    """Wilson's score limits of a share, each `z` standard errors off."""
    part = z * z / of
    centre = (share + part / 2) / (1 + part)
    reach = z / (1 + part) * math.sqrt(share * (1 - share) / of + part / (4 * of))
    return max(0.0, centre - reach), min(1.0, centre + reach)


def _of_shares(base: float, sign: int, of: tuple[int, int], level: float) -> Callable[[float], float]:
    """The power of a difference from a share, in one direction."""
    return lambda apart: power_of_shares(base, min(1.0, max(0.0, base + sign * apart)), *of, level)
