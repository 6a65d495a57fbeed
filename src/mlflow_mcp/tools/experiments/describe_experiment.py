"""What an experiment holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.experiments import NOTE_TAG, primary_metric_of
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.values import runs_matching
from mlflow_mcp.entities.labels import name_families
from mlflow_mcp.entities.launcher import Job, LauncherRun, group_invocations, group_jobs
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.entities.run import RunView, ended
from mlflow_mcp.entities.scales import two_scales
from mlflow_mcp.text import iso, listed, number, plural, truncate
from mlflow_mcp.tools.arguments import as_text
from mlflow_mcp.tools.evaluations.inspection import models_of
from mlflow_mcp.tools.experiments.values_told import value_table

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run


OneExperiment = Annotated[
    str, Field(min_length=1, description="Id or exact name of the experiment."), BeforeValidator(as_text)
]


# How many runs are read: one page.
_PAGE = 1_000


# Names listed of each kind; the rest is counted.
_NAMES = 30


_SCALES_TOLD = 3
_LONGEST_NOTE = 1_000


_PARAM_NAMES = 20
_INVOCATIONS = 10
_TASKS = 8
_IN_INVOCATIONS = ("invocation_id", "job_id", "benchmark")


class ExperimentSummary(Answer):
    """What an experiment holds, in one page of its newest runs."""

    partial: Annotated[str | None, Field(description="Of which runs these figures are, if not of all.")] = None
    experiment_id: str
    name: str
    description: Annotated[str | None, Field(description="What people wrote about it in MLflow.")] = None
    primary_metric: Annotated[str | None, Field(description="The one that its tags name.")] = None
    runs_read: int
    by_status: dict[str, int]
    first_start: str | None = None
    last_start: str | None = None
    first_export: str | None = None
    last_export: str | None = None
    invocations: Annotated[Table | None, Field(description="The newest evaluations, one a row.")] = None
    parent_runs: int | None = None
    child_runs: int | None = None
    datasets: list[str] | None = None
    metrics: Table
    params: Table
    tags: Table


def _primary(experiment: Experiment) -> str | None:
    """The metric that MLflow calls the experiment's primary one, and its order."""
    found = primary_metric_of(experiment.tags)
    order = {"max": ", highest first", "min": ", lowest first", None: ""}
    return f"{found.name}{order[found.mode]}" if found else None


def describe_experiment(client: Client, experiment_id: OneExperiment) -> ExperimentSummary:
    """Summarize an experiment in one call: runs by status, time span, metric names with their ranges, param and tag names
    with their values where there are few, the newest invocations with models and tasks, parent runs, datasets. Use it before writing a filter or naming a
    metric. query_runs or best_runs comes next."""
    ids = experiment_ids(client, experiment_id)
    assert ids  # the argument is required and not empty
    read: list[Any] = client.run_concurrently(
        lambda: client.runs.search(ids[:1], max_results=_PAGE), lambda: client.experiments.get(ids[0])
    )
    (found, following), experiment = read
    note = experiment.tags.get(NOTE_TAG)
    runs = [RunView.of(run, client.experiments.names()) for run in found]
    launched = [LauncherRun.of(run) for run in found]
    exported = bool(launched) and all(run.is_export for run in launched)
    first, last = _span(runs)
    parents = [run.parent_id for run in runs if run.parent_id]
    left_out: list[str] = []
    invocations = _invocations(client, found, left_out)
    repeated = _IN_INVOCATIONS if invocations else ()
    answer = ExperimentSummary(
        partial=_partial(client, ids[0], len(runs)) if following else None,
        experiment_id=ids[0],
        name=client.experiments.name_of(ids[0]),
        description=truncate(client.masked(note), _LONGEST_NOTE) if note else None,
        primary_metric=_primary(experiment),
        runs_read=len(runs),
        by_status=dict(Counter(run.status for run in runs).most_common()),
        first_start=None if exported else first,
        last_start=None if exported else last,
        first_export=first if exported else None,
        last_export=last if exported else None,
        invocations=invocations,
        parent_runs=len(set(parents)) or None,
        child_runs=len(parents) or None,
        datasets=_datasets(runs),
        metrics=_metric_table(runs, left_out),
        params=value_table(client, [run.params for run in runs], "param", _PARAM_NAMES, repeated, left_out),
        tags=value_table(client, [run.tags for run in runs], "tag", _NAMES, repeated, left_out),
    )
    answer.note(*_two_scales(runs), *left_out)
    if answer.partial:
        answer.note("aggregate_runs computes over all runs.")
    if not runs:
        answer.note("This experiment has no active runs.", _traces_instead(client, ids[0]))
    return answer


def _traces_instead(client: Client, experiment_id: str) -> str:
    """What an experiment without runs may hold; empty where it has none or the server does not count them."""
    count = client.traces.count([experiment_id], (None, None))
    return f"It has {plural(count, 'trace')}: summarize_traces and search_traces show them." if count else ""


def _partial(client: Client, experiment_id: str, read: int) -> str:
    """Of which runs the figures are, where one page did not hold them all."""
    total = runs_matching(client, [experiment_id], "")
    of_all = f"of {total:,} runs" if total else "runs; there are more"
    return f"counts, ranges and values of the newest {read:,} {of_all}"


def _span(runs: Sequence[RunView]) -> tuple[str | None, str | None]:
    starts = [run.start_time for run in runs if run.start_time]
    return iso(min(starts, default=None)), iso(max(starts, default=None))


def _metric_table(runs: Sequence[RunView], notes: list[str]) -> Table:
    """Each metric, or family of them, with in how many runs it is, its least and its greatest finite value, and how many
    are not finite."""
    values: dict[str, list[float]] = {}
    counts: dict[str, set[str]] = {}
    odd: Counter[str] = Counter()
    families = name_families(sorted({name for run in runs for name in run.metrics}))
    family_of = {family.replace("*", part, 1): family for family, parts in families.items() for part in parts}
    for run in runs:
        for each, value in run.metrics.items():
            name = family_of.get(each, each)
            counts.setdefault(name, set()).add(run.run_id)
            if is_finite(value):
                values.setdefault(name, []).append(value)
            else:
                odd[name] += 1
    names = sorted(counts, key=lambda name: (name.startswith("system/"), -len(counts[name]), name))
    shown, rest = names[:_NAMES], names[_NAMES:]
    notes += [
        f"'{name}' is {len(families[name])} metrics, * is {_some(families[name])}."
        for name in shown
        if name in families
    ]
    if rest:
        notes.append(f"{len(rest)} more metrics, e.g. {listed(rest, 5)}.")
    rows = [
        [
            name,
            len(counts[name]),
            number(min(values.get(name, ()), default=None)),
            number(max(values.get(name, ()), default=None)),
            odd[name] or None,
        ]
        for name in shown
    ]
    return Table.of(["metric", "runs", "min", "max", "nan_or_infinite"], rows, keep=("metric", "min", "max"))


def _two_scales(runs: Sequence[RunView]) -> list[str]:
    """A sentence for each of the first metrics whose values may be of two scales."""
    values: dict[str, list[tuple[str | None, float]]] = {}
    for run in runs:
        for name, value in run.metrics.items():
            values.setdefault(name, []).append((run.name, value))
    sentences = (two_scales(name, of_metric) for name, of_metric in values.items() if len(of_metric) > 1)
    return list(islice(filter(None, sentences), _SCALES_TOLD))


def _some(parts: Sequence[str]) -> str:
    more = f" and {len(parts) - _PARAM_NAMES} more" if len(parts) > _PARAM_NAMES else ""
    return ", ".join(parts[:_PARAM_NAMES]) + more


def _invocations(client: Client, runs: Sequence[Run], notes: list[str]) -> Table | None:
    """The newest invocations with their tasks and their models; a file of each is read where its params name no model."""
    found = {id_: part for id_, part in group_invocations(runs).items() if id_}
    newest = sorted(found, key=lambda id_: -max(ended(run.entity) for run in found[id_]))
    if len(newest) > _INVOCATIONS:
        notes.append(f"{len(newest) - _INVOCATIONS} older invocations among these runs are not listed.")
    jobs = {id_: group_jobs(found[id_]) for id_ in newest[:_INVOCATIONS]}
    models = models_of(client, jobs)
    rows = [
        [
            *(id_, models.get(id_), _tasks_of(of_invocation), len(found[id_])),
            iso(max(ended(run.entity) for run in found[id_])),
        ]
        for id_, of_invocation in jobs.items()
    ]
    columns = ["invocation_id", "model", "tasks", "runs", "exported"]
    return Table.of(columns, rows, keep=("invocation_id", "tasks")) if rows else None


def _tasks_of(jobs: Sequence[Job]) -> str:
    tasks = sorted({job.canonical.task or "(several in one run)" for job in jobs})
    return ", ".join(tasks[:_TASKS]) + (f" and {len(tasks) - _TASKS} more" if len(tasks) > _TASKS else "")


def _datasets(runs: Sequence[RunView]) -> list[str] | None:
    counts = Counter(str(dataset) for run in runs for dataset in run.datasets)
    return [f"{name}, in {plural(n, 'run')}" for name, n in counts.most_common(10)] or None
