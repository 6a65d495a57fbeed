"""How each param of a sweep moves the metric, and how surely. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from mlflow_mcp.answers.secrets.names import names_a_secret
from mlflow_mcp.statistics.exact import ERROR, holm
from mlflow_mcp.statistics.ranks import Between, Curved, permutation_ps, product, ranks, standardised
from mlflow_mcp.tools.runs.sweep.configurations import Configuration, Level, Space

# With fewer configurations no order of them is rare.
_FEWEST = 4


@dataclass(eq=False)
class Outcome:
    """What configurations achieved: the means of their runs. Dimensions of the same configurations share one."""

    configurations: Sequence[Configuration]

    @cached_property
    def values(self) -> list[float]:
        return [each.mean for each in self.configurations]

    @cached_property
    def standing(self) -> list[float]:
        """The ranks of the values, standardised."""
        return standardised(ranks(self.values))


@dataclass(eq=False)
class Dimension:
    """A param, or several that always change together, with the outcome of the configurations that are compared by it."""

    names: list[str]
    outcome: Outcome
    levels: list[Level]  # one for each configuration
    is_numeric: bool

    @cached_property
    def numbers(self) -> list[float]:
        return [float(level) for level in self.levels if isinstance(level, float)]

    @property
    def values(self) -> list[float]:
        return self.outcome.values

    @property
    def can_be_tested(self) -> bool:
        """Whether there are enough configurations, and of texts two for each on average."""
        enough = len(self.levels) >= _FEWEST
        return enough and (self.is_numeric or len(set(self.levels)) * 2 <= len(self.levels))


@dataclass(frozen=True)
class Effect:
    """What a dimension does to the metric, and its p alone and among all dimensions."""

    dimension: Dimension
    rho: float | None  # Spearman's, of numbers
    bend: float | None  # of numbers, where it is the larger one
    eps2: float | None  # of texts
    p: float
    adjusted: float

    @property
    def is_sure(self) -> bool:
        return self.adjusted < ERROR


def dimensions_of(space: Space) -> list[Dimension]:
    """The params of a sweep; those whose values map one to one are one dimension: nothing in the runs tells them apart."""
    by_pattern: dict[tuple[int, ...], list[str]] = {}
    for name in space.names:
        places: dict[Level, int] = {}
        pattern = tuple(places.setdefault(each.levels[name], len(places)) for each in space.configurations)
        by_pattern.setdefault(pattern, []).append(name)
    # What stands beside the name of a secret is hidden: such a name is not the first of several.
    ordered = [sorted(names, key=names_a_secret) for names in by_pattern.values()]
    whole = Outcome(space.configurations)
    return [_dimension(whole, names) for names in ordered]


def _dimension(whole: Outcome, names: Sequence[str]) -> Dimension:
    """By the first of its params whose values are numbers, of the configurations that have it; else by texts, where to have
    none is one, too."""
    for name in names:
        having = [each for each in whole.configurations if each.levels[name] is not None]
        levels = [each.levels[name] for each in having]
        if len(set(levels)) > 1 and all(isinstance(level, float) for level in levels):
            outcome = whole if len(having) == len(whole.configurations) else Outcome(having)
            return Dimension([name, *(other for other in names if other != name)], outcome, levels, is_numeric=True)
    return Dimension(list(names), whole, [each.levels[names[0]] for each in whole.configurations], is_numeric=False)


def effects_of(dimensions: Sequence[Dimension]) -> list[Effect]:
    """The effects of the dimensions that can be tested, the surest first."""
    tested = [each for each in dimensions if each.can_be_tested]
    tests = [Curved(each.numbers) if each.is_numeric else Between(each.levels) for each in tested]
    chances = _chances(tested, tests)
    found = [
        Effect(each, *_size(each.outcome, test), p, adjusted)
        for each, test, p, adjusted in zip(tested, tests, chances, holm(chances))
    ]
    return sorted(found, key=lambda effect: (effect.adjusted, effect.p, effect.dimension.names))


def _chances(dimensions: Sequence[Dimension], tests: Sequence[Curved | Between]) -> list[float]:
    """Their p values. Dimensions of the same configurations share their permutations."""
    found = [1.0] * len(dimensions)
    for outcome in dict.fromkeys(each.outcome for each in dimensions):
        places = [at for at, each in enumerate(dimensions) if each.outcome is outcome]
        for at, p in zip(places, permutation_ps([tests[at] for at in places], outcome.values)):
            found[at] = p
    return found


def _size(outcome: Outcome, test: Curved | Between) -> tuple[float | None, float | None, float | None]:
    """Rho, and the bend where that is the larger; of texts epsilon squared."""
    if isinstance(test, Between):
        return None, None, test(outcome.standing)
    rho, bent = product(test.line, outcome.standing), product(test.bend, outcome.standing)
    return rho, bent if abs(bent) > abs(rho) else None, None
