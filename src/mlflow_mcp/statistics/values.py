"""Statistics of many values, exact: computed from all of them in full precision, whatever their size."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field

from mlflow_mcp.text import _INFINITE


@dataclass
class Statistics:
    """The values of one metric in one group of runs. NaN, infinite and missing ones are counted apart."""

    values: list[float] = field(default_factory=list)
    nan: int = 0
    infinite: int = 0
    missing: int = 0

    def add(self, value: float | None) -> None:
        if value is None:
            self.missing += 1
        elif math.isnan(value):
            self.nan += 1
        elif abs(value) >= _INFINITE:
            self.infinite += 1
        else:
            self.values.append(value)

    @property
    def mean(self) -> float | None:
        """The arithmetic mean, rounded once: sums are exact fractions, so nothing overflows or cancels out."""
        return float(statistics.mean(self.values)) if self.values else None

    @property
    def std(self) -> float | None:
        """The sample's standard deviation (divided by n - 1); None below two values."""
        if len(self.values) < 2:
            return None
        # Scaled by a power of two, which is exact: Python 3.10 squares the values as floats, and 1e300 would overflow.
        exponent = math.frexp(max(map(abs, self.values)))[1]
        scaled = statistics.stdev([math.ldexp(value, -exponent) for value in self.values])
        try:
            return math.ldexp(scaled, exponent)
        except OverflowError:
            return math.inf

    @property
    def stderr(self) -> float | None:
        """The standard error of the mean: std / sqrt(n)."""
        std = self.std
        return None if std is None else std / math.sqrt(len(self.values))

    def quantile(self, share: float) -> float | None:
        """The value below which a `share` (0 to 1) of the values lies, linear between neighbours."""
        if not self.values:
            return None
        ordered = sorted(self.values)
        place = share * (len(ordered) - 1)
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        part = place - low
        # Weighted, not as low + part * (high - low): the difference of two large values can overflow.
        return ordered[low] if part == 0 else ordered[low] * (1 - part) + ordered[high] * part
