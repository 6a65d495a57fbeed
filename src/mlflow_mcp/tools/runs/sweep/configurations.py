"""The configurations that a sweep tried: runs with equal params are one, measured several times. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mlflow_mcp.statistics.values import Statistics
from mlflow_mcp.text import as_number
from mlflow_mcp.tools.runs.incidental import reason_to_ignore
from mlflow_mcp.tools.runs.sweep.trials import Trial

# What a run has of a param: its number, its text, or nothing.
Level = float | str | None


@dataclass
class Configuration:
    """One setting of all params that vary, and the values that its runs have."""

    levels: Mapping[str, Level]
    values: list[float] = field(default_factory=list)

    @cached_property  # asked for when all its runs are known
    def mean(self) -> float:
        return sum(value / len(self.values) for value in self.values)


@dataclass
class Space:
    """What varies over a sweep: the params that count, the configurations, and what was set aside, by reason."""

    names: list[str]
    configurations: list[Configuration]
    ignored: dict[str, list[str]]

    @property
    def noise(self) -> Noise | None:
        """How far runs of one configuration lie apart; None without repeats."""
        repeated = [each.values for each in self.configurations if len(each.values) > 1]
        if not repeated:
            return None
        degrees = sum(len(values) - 1 for values in repeated)
        deviations = [(len(values), Statistics(values).std or 0.0) for values in repeated]
        largest = max(std for _, std in deviations)
        if not largest:
            return Noise(0.0, len(repeated), sum(map(len, repeated)))
        # Divided by the largest: squares of large values are no numbers.
        squares = sum((count - 1) * (std / largest) ** 2 for count, std in deviations)
        return Noise(largest * (squares / degrees) ** 0.5, len(repeated), sum(map(len, repeated)))


@dataclass(frozen=True)
class Noise:
    """The pooled standard deviation within configurations that were run several times."""

    sd: float
    configurations: int
    runs: int


def space_of(trials: Sequence[Trial]) -> Space:
    """The params that vary over these runs, without seeds, paths, times and ids."""
    texts: dict[str, list[str]] = {}
    for trial in trials:
        for name, text in trial.params.items():
            texts.setdefault(name, []).append(text)
    names, ignored = [], dict[str, list[str]]()
    for name in sorted(texts):
        values = texts[name]
        if len(values) == len(trials) and len(set(values)) == 1:
            continue
        if reason := reason_to_ignore(name, values):
            ignored.setdefault(reason, []).append(name)
        else:
            names.append(name)
    found: dict[tuple[Level, ...], Configuration] = {}
    known: dict[str | None, Level] = {None: None}
    for name in names:
        known.update((text, _level(text)) for text in set(texts[name]) if text not in known)
    for trial in trials:
        levels = tuple(known[trial.params.get(name)] for name in names)
        found.setdefault(levels, Configuration(dict(zip(names, levels)))).values.append(trial.value)
    varying = [name for at, name in enumerate(names) if len({levels[at] for levels in found}) > 1]
    return Space(varying, list(found.values()), ignored)


def _level(text: str) -> Level:
    """`1e-4` and `0.0001` are one value."""
    number = as_number(text)
    return text if number is None else number
