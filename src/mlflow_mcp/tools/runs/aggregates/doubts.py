"""Which runs make the figures of aggregate_runs doubtful, read of a few runs by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mlflow_mcp.answers.masking import mask_at
from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import quoted_value
from mlflow_mcp.client.values import RunValues
from mlflow_mcp.client.values.run import of_entity
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.tools.runs.aggregates.counted import MOST_NAMED, Counted
from mlflow_mcp.tools.runs.aggregates.doubtful import (
    Valued,
    leader_by_median,
    outliers,
    repeats,
    told_outliers,
    told_repeats,
    unfinished_that_lead,
)
from mlflow_mcp.tools.runs.aggregates.jobs_once import job_of
from mlflow_mcp.tools.runs.sweep.trials import Trials
from mlflow_mcp.tools.runs.tables.order import order_of

# Runs read whole, and metrics looked at.
_MOST_READ, _MOST_METRICS = 40, 4
Doubts = tuple[list[str], bool]


def doubts_of(client: Client, ids: Sequence[str], counted: Counted) -> Doubts:
    """Sentences on runs that lead although they did not finish, outliers and repeats; and whether unfinished runs were told.
    None of more runs than are looked at one by one."""
    if len(counted.first) > MOST_NAMED or counted.values.partial:
        return [], False
    of_runs = [run for _, run in counted.first]
    by_metric = {
        name: [_valued(run, name, group) for group, run in counted.first if is_finite(run.metrics.get(name))]
        for name in counted.metric_names[:_MOST_METRICS]
    }
    by_status = any(key.attribute == "status" for key in counted.keys)
    return _told(client, ids, by_metric, of_runs, tells_unfinished=not by_status)


def doubts_of_sweep(client: Client, ids: Sequence[str], trials: Trials) -> Doubts:
    """The same of the runs of a sweep."""
    if len(trials.runs) > MOST_NAMED or trials.values.partial:
        return [], False
    runs = [Valued(run.run_id, run.name, run.status, run.value) for run in trials.runs]
    return _told(client, ids, {trials.metric: runs}, [], tells_unfinished=True)


def _valued(run: RunValues, metric: str, group: tuple[str | None, ...]) -> Valued:
    return Valued(run.run_id, run.name or run.run_id, run.status, run.metrics[metric], group)


def _told(
    client: Client,
    ids: Sequence[str],
    by_metric: Mapping[str, Sequence[Valued]],
    of_runs: Sequence[RunValues],
    *,
    tells_unfinished: bool,
) -> Doubts:
    jobs = {run.run_id for run in of_runs if job_of(run)}
    by_urgency: list[tuple[int, str]] = []
    for metric, runs in by_metric.items():
        order = order_of(client, list(ids), metric, "auto")
        mode = order.mode if order else None
        far = outliers(runs)
        alike = [run for each in repeats([run for run in runs if run.run_id not in jobs]) for run in each]
        alike = alike if len(alike) <= _MOST_READ else []
        has_unfinished = tells_unfinished and any(run.status != "FINISHED" for run in runs)
        known = _read(client, ids, [*far, *alike, *(runs if has_unfinished and len(runs) <= _MOST_READ else ())])
        named = [_named(run, known) for run in runs]
        by_urgency += [(0, unfinished_that_lead(metric, named, mode))] if has_unfinished else []
        by_urgency.append((1, told_outliers(metric, named, [_named(run, known) for run in far])))
        by_urgency.append((2, leader_by_median(metric, runs, mode)))
        params = {run_id: {k: mask_at(v, k) for k, v in run.params.items()} for run_id, run in known.items()}
        by_urgency += [(3, text) for text in told_repeats(metric, [_named(run, known) for run in alike], named, params)]
    sentences = [text for _, text in sorted(by_urgency, key=lambda each: each[0]) if text]
    return sentences, any(place == 0 and text for place, text in by_urgency)


def _read(client: Client, ids: Sequence[str], runs: Sequence[Valued]) -> dict[str, RunValues]:
    """These runs with all their params and metrics, by id; nothing where they cannot be read now."""
    found: dict[str, RunValues] = {}
    if wanted := list(dict.fromkeys(run.run_id for run in runs)):
        query = f"attributes.run_id IN ({', '.join(map(quoted_value, wanted))})"
        read: Callable[[], None] = lambda: found.update(  # noqa: E731
            (run.info.run_id, of_entity(run)) for run in client.runs.find(list(ids), query)
        )
        client.parts("The runs that stand out", read)
    return found


def _named(run: Valued, known: Mapping[str, RunValues]) -> Valued:
    """The run with its name, and with the metrics that are no numbers as a further sign that it diverged."""
    whole = known.get(run.run_id)
    if whole is None:
        return run
    odd = sorted(name for name, value in whole.metrics.items() if math.isnan(value))
    return replace(run, name=whole.name or run.name, sign=f"NaN {odd[0]}" if odd else "")
