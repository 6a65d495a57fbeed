"""How often a simulation is repeated: a quarter of the times unless the run is a thorough one.

`pytest --hypothesis-profile thorough`, which `scripts/check --all` runs, repeats them all. Bounds are computed from the number of
repetitions, so that they say the same of fewer.
"""

from __future__ import annotations

is_thorough = False  # conftest.py sets it before tests are collected


def trials(thorough: int) -> int:
    return thorough if is_thorough else thorough // 4


def standard_errors(count: float, rate: float, repetitions: int) -> float:
    """So many standard errors of a rate that is found by so many repetitions."""
    return count * float((rate * (1 - rate) / repetitions) ** 0.5)
