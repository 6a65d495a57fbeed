"""Runs of a ranking that share the best value, and what tells them apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlflow_mcp.entities.direction import better
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.metrics import is_finite, is_validation
from mlflow_mcp.text import clipped, number
from mlflow_mcp.tools.runs.ranked.ranking import Ranked

_MOST_METRICS = 3
_MOST_RUNS = 4


def tie_of_the_best(top: Ranked) -> Iterator[str]:
    """That several runs share the best value, where others follow (where all do, the table says it in `common`), and other
    metrics in which they differ. Nothing of a ranking on one dataset: the other values can be of another one."""
    best = top.value(top.runs[0])
    equal = [run for run in top.runs if top.value(run) == best]
    if len(equal) < 2:
        return
    if len(equal) < len(top.runs):
        yield f"A tie: the first {len(equal)} have the same value ({number(best)})."
    if top.values is None and (apart := list(_apart(equal[:_MOST_RUNS], top.metric))):
        of = f" of the first {_MOST_RUNS}" if len(equal) > _MOST_RUNS else ""
        yield f"Other metrics{of} tell these apart: {'; '.join(apart)}."


def _apart(runs: Sequence[LauncherRun], metric: str) -> Iterator[str]:
    """Metrics that all of them have, not alike, and whose better side the name says; those of unseen data alone where there are some."""
    shared = [name for name in runs[0].metrics if all(is_finite(run.metrics.get(name)) for run in runs)]
    telling = [name for name in shared if name != metric and better(name) and not name.startswith("system/")]
    telling = [name for name in telling if len({run.metrics[name] for run in runs}) > 1]
    for name in sorted([name for name in telling if is_validation(name)] or telling)[:_MOST_METRICS]:
        mode = better(name)
        ordered = sorted(runs, key=lambda run: run.metrics[name], reverse=mode == "max")
        values = ", ".join(f"{clipped(run.name or run.run_id)} {number(run.metrics[name])}" for run in ordered)
        yield f"{clipped(name)} ({'higher' if mode == 'max' else 'lower'} is better by its name) {values}"
