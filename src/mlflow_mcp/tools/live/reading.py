"""What is read of runs to judge them: whole histories in few points, the last part of them without gaps."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import equals
from mlflow_mcp.client.ids.runs import runs_of
from mlflow_mcp.client.metrics import MOST_SAMPLED, History
from mlflow_mcp.entities.run import PARENT_TAG
from mlflow_mcp.errors import Problem
from mlflow_mcp.tools.live.judging import trends
from mlflow_mcp.tools.live.judging.look import Look, latest_points, worth_reading
from mlflow_mcp.tools.live.judging.machine import gpu_metrics
from mlflow_mcp.tools.live.judging.series import Series
from mlflow_mcp.tools.metrics.histories import read_histories

if TYPE_CHECKING:
    from mlflow.entities import Run

RUNNING = "running"
MOST_RUNS, MOST_FOUND = 100, 1_000


class Depth(NamedTuple):
    """How much is read of each run: metrics, points of each, and whether GPUs and logs."""

    metrics: int
    points: int
    machine: bool


_FEW_RUNS = 3
_DEEP, _SHALLOW = Depth(12, 1_000, machine=True), Depth(3, 300, machine=False)
SHALLOW = f"Of each run {_SHALLOW.metrics} metrics were read in at most {_SHALLOW.points} points, no GPUs and no logs."
# The last part of a sampled curve begins at this one of its sampled points, from its end.
_TAIL = 3
_MOST_CHILDREN = 500


def is_deep(count: int) -> bool:
    """Whether so many runs are read in full: curves, GPUs, logs."""
    return count <= _FEW_RUNS


def runs_meant(client: Client, run_ids: Sequence[str], since: int | None) -> tuple[list[Run], int]:
    """The runs to be judged, and how many there are in all, where there are more. `running` means all that MLflow calls
    so, and those that ended `since` (milliseconds)."""
    if [each.lower() for each in run_ids] != [RUNNING]:
        runs = runs_of(client, run_ids)
        if len(runs) > MOST_RUNS:
            raise Problem(f"These are {len(runs)} runs; one call checks {MOST_RUNS}.", "Name fewer.")
        return runs, len(runs)
    queries = [equals("attributes", "status", "RUNNING")] + ([f"attributes.end_time > {since}"] if since else [])
    found: list[list[Run]] = client.experiments.search_all(
        lambda ids: client.run_concurrently(
            *(partial(client.runs.find, ids, query, at_most=MOST_FOUND) for query in queries)
        )
    )
    runs = list({run.info.run_id: run for part in found for run in part}.values())
    runs.sort(key=lambda run: -(run.info.start_time or 0))
    return runs[:MOST_RUNS], len(runs)


def looks_at(client: Client, runs: Sequence[Run], also: Sequence[str] = ()) -> list[Look]:
    """Each run with its curves, read side by side; `also` names metrics that are read where a run has them."""
    now = now_in_milliseconds()
    depth = _DEEP if is_deep(len(runs)) else _SHALLOW
    pairs = [(run, name) for run in runs for name in _names(run, depth, also)]
    histories = read_histories(client, pairs, None, None, depth.points)
    by_run: dict[str, dict[str, Series]] = {run.info.run_id: {} for run in runs}
    for (run_id, name), history in histories.items():
        if history.points:
            by_run[run_id][name] = Series.of(name, history)
    looks = [Look.of(run, now, by_run[run.info.run_id]) for run in runs]
    if depth.machine:
        looks = client.run_concurrently(*(partial(_with_children, client, look) for look in looks))
    steps = client.call.steps("looked at", "run")
    return client.run_concurrently(*(partial(_completed, client, look) for look in looks), steps=steps)


def _with_children(client: Client, look: Look) -> Look:
    """A run that goes on without metrics may be the parent of those that have them, as a sweep's is."""
    if look.has_ended or look.newest is not None:
        return look
    query = equals("tags", PARENT_TAG, look.run_id)
    children = client.runs.find([look.experiment_id], query, at_most=_MOST_CHILDREN)
    return replace(look, children=Counter(child.info.status for child in children))


def now_in_milliseconds() -> int:
    return round(time.time() * 1000)


def _names(run: Run, depth: Depth, also: Sequence[str]) -> list[str]:
    latest = latest_points(run)
    gpus = gpu_metrics(list(latest)) if depth.machine and run.info.status == "RUNNING" else []
    names = [*worth_reading(latest, depth.metrics), *gpus, *(name for name in also if name in latest)]
    return list(dict.fromkeys(names))


def _completed(client: Client, look: Look) -> Look:
    """The look with what sampling left out where it matters: the last part of the clock's curve, and the place at which a
    curve stopped being a number."""
    series = dict(look.series)
    clock = look.clock
    if clock is not None and not clock.is_whole and clock.has_steps:
        start = sorted(point.step for point in clock.logged)[-_TAIL]
        tail = client.metrics.histories([look.run_id], clock.name, MOST_SAMPLED, start)[look.run_id]
        series[clock.name] = Series.of(clock.name, History(list(clock.logged), is_whole=False), tail.points)
    for name, each in _broken(series).items():
        series[name] = _with_exact_end(client, look.run_id, each)
    return replace(look, series=series)


def _broken(series: Mapping[str, Series]) -> dict[str, Series]:
    return {name: each for name, each in series.items() if not each.is_whole and trends.not_numbers(each)}


def _with_exact_end(client: Client, run_id: str, series: Series) -> Series:
    """The series with all points between the last number of the sample and the first that is none."""
    odd = trends.not_numbers(series)
    if odd is None or odd.first.step <= odd.before.step:
        return series
    between = client.metrics.histories([run_id], series.name, MOST_SAMPLED, odd.before.step, odd.first.step)[run_id]
    points = list({*series.logged, *between.points})
    return Series.of(series.name, History(points, is_whole=False), series.tail)
