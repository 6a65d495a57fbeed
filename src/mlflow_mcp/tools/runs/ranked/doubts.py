"""What speaks against the places of a ranking, as far as the ranked runs themselves prove it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from mlflow_mcp.client import Client
from mlflow_mcp.client.metrics import History
from mlflow_mcp.entities.direction import Mode, PrimaryMetric, better
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.metrics import is_finite, is_minor
from mlflow_mcp.entities.parents import of_several_families
from mlflow_mcp.entities.run import PARENT_TAG
from mlflow_mcp.text import clipped, listed, number, plural
from mlflow_mcp.tools.runs.ranked.ranking import Ranked

# A run is compared with so many others, at least.
_FEWEST_OTHERS = 2
_MOST_EXPERIMENTS = 10
_LACKING_NAMED = 4
# The end of a curve is far off when it lies so many times as far from the point before as neighbours usually do.
_FAR = 10
_FEWEST_POINTS = 6
_BEFORE = 10
_SAMPLE = 400


def unfinished(top: Ranked) -> list[str]:
    """Which of the ranked runs did not finish, and how far they came."""
    steps = {run.run_id: _step_of(run, top.metric) for run in top.runs} if top.values is None else {}
    done = [step for run in top.runs if run.status == "FINISHED" and (step := steps.get(run.run_id)) is not None]
    notes = []
    for place, run in enumerate(top.runs, 1):
        step = steps.get(run.run_id)
        if run.status == "FINISHED":
            continue
        behind = step is not None and done and step != max(done)
        how_far = f": its value is of step {step}, those of finished runs go to step {max(done)}" if behind else ""
        notes.append(f"Number {place} ({run.name}) is {run.status}, not FINISHED{how_far}.")
    return notes


def _step_of(run: LauncherRun, metric: str) -> int | None:
    """The step of the run's latest value."""
    # `run.data.metrics` has the values alone.
    return next((each.step for each in run.entity.data._metric_objs or () if each.key == metric), None)


def of_other_families(top: Ranked) -> str:
    """That some of the ranked runs are not children of the parent of most."""
    return of_several_families(
        [(run.name or run.run_id, run.entity.data.tags.get(PARENT_TAG)) for run in top.runs], "ranked here"
    )


def doubts(client: Client, top: Ranked) -> list[str]:
    """What contradicts the first run, and the first one that finished: another primary metric, other metrics, its curve. Nothing
    of a ranking on one dataset: the other values can be of another one."""
    if top.values is not None:
        return []
    notes = _by_primary(client, top)
    for place, run in _winners(top):
        who = f"Number {place} ({clipped(run.name or run.run_id)})"
        notes += [f"{who} {what}." for what in (*_against(run, top), *_lacking(run, top))]
    return [*notes, *_end_of_curve(client, top)]


def _winners(top: Ranked) -> list[tuple[int, LauncherRun]]:
    """The first run, and the first one that finished, by their places."""
    places = list(enumerate(top.runs, 1))
    finished = [each for each in places if each[1].status == "FINISHED"]
    return list(dict(places[:1] + finished[:1]).items())


def _by_primary(client: Client, top: Ranked) -> list[str]:
    """What another metric says that the experiments' tags call their primary one."""
    ids = sorted({str(run.entity.info.experiment_id) for run in top.runs})
    found = client.experiments.primary_metrics(ids) if len(ids) <= _MOST_EXPERIMENTS else {}
    others = {each for each in found.values() if each.name != top.metric}
    return [_primary_told(each, top.runs) for each in sorted(others, key=lambda each: each.name)]


def _primary_told(primary: PrimaryMetric, runs: Sequence[LauncherRun]) -> str:
    mode: Mode | None = primary.mode or better(primary.name)
    having = [run for run in runs if is_finite(run.metrics.get(primary.name))]
    named = f"The experiment's primary metric is '{clipped(primary.name)}' (its tag)"
    if mode is None or len(having) < _FEWEST_OTHERS:
        return f"{named}."
    best = (max if mode == "max" else min)(having, key=lambda run: run.metrics[primary.name])
    lowest = "highest" if mode == "max" else "lowest"
    return (
        f"{named}: of these {clipped(best.name or best.run_id)} has the {lowest}, {number(best.metrics[primary.name])}."
    )


def _against(run: LauncherRun, top: Ranked) -> list[str]:
    """Metrics of the same data by which the run is far behind all others of the ranking."""
    data = _data_of(top.metric)
    names = [name for name in run.metrics if name != top.metric and not is_minor(name) and better(name)]
    doubts = []
    for name in names:
        own = run.metrics[name]
        others = [each.metrics[name] for each in top.runs if each is not run and is_finite(each.metrics.get(name))]
        if _data_of(name) != data or not is_finite(own) or len(others) < _FEWEST_OTHERS:
            continue
        low, high = min(others), max(others)
        behind = low - own if better(name) == "max" else own - high
        if behind > high - low and behind > 0:
            doubts.append(
                f"is last of these by '{clipped(name)}': {number(own)}, the others {number(low)} to {number(high)}"
            )
    return doubts[:1]


def _data_of(metric: str) -> str | None:
    """Which part of the data the name says: `val` of `val_acc`."""
    words = metric.lower().replace("/", "_").replace("-", "_").split("_")
    return next(
        (word for word in words if word in ("train", "val", "valid", "validation", "eval", "dev", "test")), None
    )


def _lacking(run: LauncherRun, top: Ranked) -> list[str]:
    """Scores that all other ranked runs have that finished, and this one has not."""
    others = [set(each.metrics) for each in top.runs if each is not run and each.status == "FINISHED"]
    if len(others) < _FEWEST_OTHERS or run.invocation_id:
        return []
    missing = sorted(name for name in set.intersection(*others) - set(run.metrics) if better(name))
    return [f"has no {listed(missing, _LACKING_NAMED)}, which the others here have"] if missing else []


def _end_of_curve(client: Client, top: Ranked) -> list[str]:
    """That the value which won is far from the points before it, or follows one that is no number."""
    place, run = next(iter(_winners(top)))
    if not _step_of(run, top.metric):
        return []
    found: list[History] = []
    read = partial(client.metrics.histories, [run.run_id], top.metric, _SAMPLE)
    client.parts("Whether the first one's last value fits its curve", lambda: found.extend(read().values()))
    points = [point.value for point in found[0].points] if found else []
    before = points[-1 - _BEFORE : -1]
    who = f"Number {place} ({clipped(run.name or run.run_id)})"
    if before and not is_finite(before[-1]):
        return [f"{who}: the point before its last value is {number(before[-1])}."]
    if not found or not found[0].is_whole or len(points) < _FEWEST_POINTS or not all(map(is_finite, points)):
        return []
    usual = statistics.median(abs(b - a) for a, b in pairwise(points[:-1]))
    if abs(points[-1] - points[-2]) <= _FAR * usual or min(before) <= points[-1] <= max(before):
        return []
    return [
        f"{who}: its last value is far from the {plural(len(before), 'point')} before it, "
        f"{number(min(before))} to {number(max(before))}."
    ]
