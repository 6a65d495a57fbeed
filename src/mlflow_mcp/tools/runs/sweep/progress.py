"""Whether the best trials of a sweep still get better. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from mlflow_mcp.entities.direction import Mode
from mlflow_mcp.text import number, plural
from mlflow_mcp.tools.runs.sweep.configurations import Noise
from mlflow_mcp.tools.runs.sweep.trials import Trial

_FEWEST = 9
# The difference of two runs of one configuration is within so many of its standard deviations (95%: 1.96 * sqrt(2)).
_WITHIN = 2.8


def noise_in_words(noise: Noise | None) -> str:
    """What repeats say of the noise."""
    if noise is None:
        return "not measured: no two runs have equal params"
    where = f"{noise.runs} runs of {plural(noise.configurations, 'configuration')} with equal params"
    return f"sd {number(noise.sd, 3)} within {where}" if noise.sd else f"none: equal to the last digit in {where}"


def levelled_off(trials: Sequence[Trial], mode: Mode, noise: Noise | None) -> str:
    """The gain of the best value in the last third of the trials, by their start, against the noise."""
    times = [trial.start_time for trial in trials]
    if len(trials) < _FEWEST:
        return f"cannot tell: {plural(len(trials), 'run')}, {_FEWEST} are needed"
    if None in times or len(set(times)) * 2 < len(times):
        return "cannot tell: start times do not put the runs in order"
    pick = max if mode == "max" else min
    ordered = [trial.value for trial in sorted(trials, key=lambda trial: trial.start_time or 0)]
    first = len(ordered) - len(ordered) // 3
    before, after = pick(ordered[:first]), pick(ordered)
    best_so_far = f"best {number(before)} after {first} of {len(ordered)} runs, {number(after)} after all"
    gain = abs(after - before)
    if not gain:
        return f"levelled off: {best_so_far}"
    if noise is None:
        return f"cannot tell without repeats: {best_so_far}"
    if gain > _WITHIN * noise.sd:
        return f"still improving: {best_so_far}, more than noise"
    return f"levelled off: {best_so_far}, within noise"
