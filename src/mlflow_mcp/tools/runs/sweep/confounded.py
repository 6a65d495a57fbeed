"""What a sweep cannot tell apart, and what its means hide: params that follow from another, and the order of a param's values
within each value of the param that counts. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from mlflow_mcp.entities.direction import Mode
from mlflow_mcp.text import clipped, number, plural
from mlflow_mcp.tools.runs.sweep.configurations import Level
from mlflow_mcp.tools.runs.sweep.effects import Dimension, Effect
from mlflow_mcp.tools.runs.sweep.tried import Masked, shown

_MOST_LEVELS = 6
_MOST_TOLD = 3
# Where fewer agree, that may be chance.
_FEWEST_WITHIN = 3


def determined(dimensions: Sequence[Dimension], masked: Masked) -> list[str]:
    """`dropout follows from model (0.1: lstm, nbeats; 0.3: tft)`: each value of the one has a single value of the other, and
    several values of the one share it in several configurations."""
    found = []
    for fixed in dimensions:
        for by in dimensions:
            values = _values_by(fixed, by)
            if values is None:
                continue
            groups = [
                f"{shown(level, masked)}: {', '.join(shown(each, masked) for each in each_of)}"
                for level, each_of in values
            ]
            found.append(
                f"{clipped(fixed.names[0])} follows from {clipped(by.names[0])} ({'; '.join(groups)}): these runs cannot tell "
                "which of them counts."
            )
    return found[:_MOST_TOLD]


def _values_by(fixed: Dimension, by: Dimension) -> list[tuple[Level, list[Level]]] | None:
    """The values of `fixed` with those of `by` that go with each; None where `by` does not determine it, or by having nearly a
    value of its own in each configuration."""
    if fixed is by or fixed.outcome is not by.outcome or len(set(by.levels)) * 2 > len(by.levels):
        return None
    found: dict[Level, list[Level]] = {}
    for level, other in dict.fromkeys(zip(fixed.levels, by.levels)):
        found.setdefault(level, []).append(other)
    pairs = sum(map(len, found.values()))
    if pairs != len(set(by.levels)) or not 2 <= len(found) < pairs <= _MOST_LEVELS:
        return None
    return sorted(((level, sorted(each, key=str)) for level, each in found.items()), key=lambda pair: _place(pair[0]))


def means_in_order(dimension: Dimension) -> str | None:
    """`48: 8.94 (6), 168: 8.49 (7)`: the mean of each of few numbers, with how many configurations have it; and the medians
    where they rank the values in another order."""
    levels = sorted(set(dimension.levels), key=_place)
    if not dimension.is_numeric or not 2 < len(levels) <= _MOST_LEVELS:
        return None
    groups = {level: [v for v, own in zip(dimension.values, dimension.levels) if own == level] for level in levels}
    means = {level: statistics.fmean(values) for level, values in groups.items()}
    medians = {level: statistics.median(values) for level, values in groups.items()}
    agree = sorted(levels, key=lambda level: means[level]) == sorted(levels, key=lambda level: medians[level])
    parts = [
        f"{shown(level)}: {number(means[level], 4)}{'' if agree else f', median {number(medians[level], 4)}'} ({len(values)})"
        for level, values in groups.items()
    ]
    return "; ".join(parts)


def best_within(effects: Sequence[Effect], mode: Mode, masked: Masked) -> list[str]:
    """The number that is best by its median within every value of the surest param of texts: means over all values mix in what
    that param does."""
    by = next((effect.dimension for effect in effects if effect.is_sure and not effect.dimension.is_numeric), None)
    if by is None or len(set(by.levels)) > _MOST_LEVELS:
        return []
    sentences = []
    for dimension in (effect.dimension for effect in effects):
        is_new = dimension.is_numeric and dimension.outcome is by.outcome and _values_by(dimension, by) is None
        if is_new and 2 < len(set(dimension.levels)) <= _MOST_LEVELS and (text := _within(dimension, by, mode, masked)):
            sentences.append(text)
    return sentences[:_MOST_TOLD]


def _within(dimension: Dimension, by: Dimension, mode: Mode, masked: Masked) -> str | None:
    pick: Callable[..., Level] = min if mode == "min" else max
    best: dict[Level, list[Level]] = {}
    for outer in sorted(set(by.levels), key=_place):
        values: dict[Level, list[float]] = {}
        for own, inner, value in zip(by.levels, dimension.levels, dimension.values):
            if own == outer:
                values.setdefault(inner, []).append(value)
        medians = {level: statistics.median(each) for level, each in values.items()}
        if len(medians) > 1:
            best.setdefault(pick(medians, key=lambda level: medians[level]), []).append(outer)
    if len(best) != 1 or sum(map(len, best.values())) < _FEWEST_WITHIN:
        return None
    (level, outers), whole = next(iter(best.items())), plural(len(by.levels), "configuration")
    within = ", ".join(shown(each, masked) for each in outers)
    return (
        f"{clipped(dimension.names[0])} {shown(level)} is best within each {clipped(by.names[0])} ({within}), by medians "
        f"of {whole}."
    )


def _place(level: Level) -> tuple[bool, bool, float | str]:
    return isinstance(level, str), level is None, level if level is not None else 0.0
