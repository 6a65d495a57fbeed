"""What a metric's name and value say."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from mlflow_mcp.text import _INFINITE

METRICS_IN_A_CELL = 4


def select_names(patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    """The names that the patterns mean, in the order of the patterns: an exact name first, else as a glob."""
    found: list[str] = []
    for pattern in patterns:
        plain = re.sub(r"^(metrics|params|tags)\.", "", pattern)
        exact = [name for name in names if name in (pattern, plain)]
        found += exact or [name for name in names if fnmatchcase(name, plain)]
    return list(dict.fromkeys(found))


_MINOR = re.compile(
    r"(?i)(std_?err|stddev|_std$|_count$|latency|runtime|tokens?(_|$)|memory|_seconds$|num_entries$|no_answer$|no_verdict$)"
)


def is_minor(name: str) -> bool:
    """Whether a metric's name says that it accompanies a score (an error, a count, a cost) rather than being one."""
    return bool(_MINOR.search(name)) or name.startswith("system/")


VALIDATION = frozenset({"val", "valid", "validation", "eval", "evaluation", "test", "dev"})


def is_validation(name: str) -> bool:
    """Whether a metric's name says that it was measured on data that the training did not see."""
    return bool(VALIDATION & set(re.findall(r"[a-z0-9]+", name.lower())))


_GRADIENT = re.compile(r"(?i)grad(?:ient)?s?(?:[_/. -]?norm)|norm.*grad")


def is_gradient(name: str) -> bool:
    """Whether a metric's name says that it is the size of the gradients."""
    return bool(_GRADIENT.search(name))


def headline(metrics: Mapping[str, float], most: int = METRICS_IN_A_CELL) -> dict[str, float]:
    """A run's first scores: not its standard errors, counts, costs or system metrics while it has others."""
    # The score of all of a task has a shorter name than those of its parts.
    names = sorted(metrics, key=lambda name: (is_minor(name), name.count("/"), name.count("_"), name))
    major = [name for name in names if not is_minor(name)]
    return {name: metrics[name] for name in (major or names)[:most]}


def is_finite(value: float | None) -> bool:
    """Whether a metric's value is a number that can be ranked: not missing, NaN, or one of MLflow's infinities."""
    return value is not None and not math.isnan(value) and abs(value) < _INFINITE


def same_value(one: float | None, other: float | None) -> bool:
    """Whether two logged values are equal; NaN equals NaN here."""
    return one == other or (one is not None and other is not None and math.isnan(one) and math.isnan(other))
