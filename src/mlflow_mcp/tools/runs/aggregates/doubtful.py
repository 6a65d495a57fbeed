"""Runs that make statistics doubtful: values far from all others, unfinished runs that lead, repeats of one run. Pure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from mlflow_mcp.entities.direction import Mode
from mlflow_mcp.statistics.values import Statistics
from mlflow_mcp.text import clipped, listed, number
from mlflow_mcp.tools.runs.incidental import is_seed

# A value is an outlier when it is so many times as far from the median as half of the values are; of fewer values none is.
_FAR, _FEWEST = 20, 8
# More than this share of the values are no outliers but how the metric is spread.
_MOST = 0.1
_NAMED = 3


@dataclass(frozen=True)
class Valued:
    """A run that counts, with its value of one metric."""

    run_id: str
    name: str
    status: str
    value: float
    group: tuple[Any, ...] = ()
    sign: str = ""  # what else says that it went wrong

    @property
    def shown(self) -> str:
        return f"'{clipped(self.name)}' {number(self.value)} ({self.status}{f', {self.sign}' if self.sign else ''})"


def outliers(runs: Sequence[Valued]) -> list[Valued]:
    """The runs whose values are far from those of all others: few, and none where groups differ as far."""
    values = [run.value for run in runs]
    if len(values) < _FEWEST:
        return []
    median, usual = _median_and_distance(values)
    far = [run for run in runs if usual and abs(run.value - median) > _FAR * usual]
    near = {run.group for run in runs if run not in far}
    is_rare = len(far) <= max(1, _MOST * len(runs))
    return far if is_rare and all(run.group in near for run in far) else []


def told_outliers(metric: str, runs: Sequence[Valued], found: Sequence[Valued]) -> str:
    """The outliers with their evidence, and the means with and without them."""
    if not found:
        return ""
    median, usual = _median_and_distance([run.value for run in runs])
    which = ", ".join(run.shown for run in found[:_NAMED])
    which += f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    parts, ids = [], {run.run_id for run in found}
    for group in list(dict.fromkeys(run.group for run in found))[:_NAMED]:
        own = [run for run in runs if run.group == group]
        rest = Statistics([run.value for run in own if run.run_id not in ids])
        label = f"The mean of {_label(group)} is" if group else "The mean is"
        parts.append(
            f"{label} {number(Statistics([run.value for run in own]).mean, 4)}, {number(rest.mean, 4)} without"
        )
    return (
        f"Far from all others, and counted: {metric} of {which}; the median is {number(median, 4)}, half of the runs lie "
        f"within {number(usual, 2)} of it. {'. '.join(parts)}."
    )


def _median_and_distance(values: Sequence[float]) -> tuple[float, float]:
    median = statistics.median(values)
    return median, statistics.median(abs(value - median) for value in values)


def leader_by_median(metric: str, runs: Sequence[Valued], mode: Mode | None) -> str:
    """That another group leads by its median than by its mean, where that is so."""
    groups = _by_group(runs)
    if mode is None or len(groups) < 2:
        return ""
    means = {group: statistics.fmean(values) for group, values in groups.items()}
    medians = {group: statistics.median(values) for group, values in groups.items()}
    first, other = _best(means, mode), _best(medians, mode)
    if first == other or medians[first] == medians[other]:
        return ""
    return (
        f"{metric}: the best mean is that of {_label(first)}, the best median that of {_label(other)} "
        f"({number(medians[other], 4)} against {number(medians[first], 4)})."
    )


def unfinished_that_lead(metric: str, runs: Sequence[Valued], mode: Mode | None) -> str:
    """That runs which did not finish hold the best value, or make another group lead; empty where they change neither."""
    finished = [run for run in runs if run.status == "FINISHED"]
    if mode is None or not finished or len(finished) == len(runs):
        return ""
    pick = min if mode == "min" else max
    best, of_finished = pick(runs, key=lambda run: run.value), pick(finished, key=lambda run: run.value)
    sentences = []
    if best.value != of_finished.value:
        finished_best = f"'{clipped(of_finished.name)}' {number(of_finished.value)}"
        sentences.append(f"The best {metric} is that of {best.shown}, of finished runs that of {finished_best}.")
    groups, rest = _by_group(runs), _by_group(finished)
    first = _best({group: statistics.fmean(values) for group, values in groups.items()}, mode)
    other = _best({group: statistics.fmean(values) for group, values in rest.items()}, mode)
    if first != other:
        sentences.append(f"The best mean is that of {_label(first)}, of finished runs that of {_label(other)}.")
    statuses = Counter(run.status for run in runs if run.status != "FINISHED")
    counts = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    hint = "query=\"attributes.status = 'FINISHED'\" leaves them out."
    return f"Counted like the others: {counts}. {' '.join(sentences)} {hint}" if sentences else ""


def repeats(runs: Sequence[Valued]) -> list[list[Valued]]:
    """Runs of a group with values that are equal to the last digit, and no whole numbers."""
    ordered = sorted(runs, key=lambda run: (str(run.group), run.value))
    alike = [list(each) for _, each in groupby(ordered, key=lambda run: (str(run.group), run.value))]
    return [each for each in alike if len(each) > 1 and each[0].value != round(each[0].value, 1)]


def told_repeats(
    metric: str, alike: Sequence[Valued], runs: Sequence[Valued], params: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """Which of the runs of equal values have equal params, too, with a seed among them: one run made again."""
    for equal in repeats(alike):
        same = [run for run in equal if params.get(run.run_id) and params[run.run_id] == params.get(equal[0].run_id)]
        seeds = [f"{name} {value}" for name, value in sorted(params.get(equal[0].run_id, {}).items()) if is_seed(name)]
        if len(same) < 2 or not seeds:
            continue
        again = {run.run_id for run in same[1:]}
        rest = Statistics([run.value for run in runs if run.group == same[0].group and run.run_id not in again])
        label = f" of {_label(same[0].group)}" if same[0].group else ""
        spread = f", std {number(rest.std)}" if rest.std is not None else ""
        yield (
            f"{listed([run.name for run in same], 5)} have equal params, the same {', '.join(seeds[:2])} and an equal "
            f"{metric}, {number(same[0].value)}: likely repeats of one run, not independent ones. Counted once{label}: "
            f"n {len(rest.values)}, mean {number(rest.mean)}{spread}."
        )


def _by_group(runs: Sequence[Valued]) -> dict[tuple[Any, ...], list[float]]:
    found: dict[tuple[Any, ...], list[float]] = {}
    for run in runs:
        found.setdefault(run.group, []).append(run.value)
    return found


def _best(figures: Mapping[tuple[Any, ...], float], mode: Mode) -> tuple[Any, ...]:
    return (min if mode == "min" else max)(figures, key=lambda group: figures[group])


def _label(group: tuple[Any, ...]) -> str:
    return f"'{', '.join(map(str, group))}'"
