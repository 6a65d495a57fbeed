"""Exact statistics over many runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import quoted_query
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.scan import EveryRun
from mlflow_mcp.entities.metrics import select_names
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.errors import NotFound
from mlflow_mcp.text import hint, iso, listed, nearest, number, plural
from mlflow_mcp.tools.arguments import ExperimentId, MetricNames, Query, one_or_many
from mlflow_mcp.tools.runs.statistics import Statistics

GroupBy = Annotated[
    list[str] | None,
    Field(description="Tags, params or attributes to group by: ['tags.model', 'params.lr', 'experiment', 'status']."),
    BeforeValidator(one_or_many),
]


Quantiles = Annotated[
    list[Annotated[float, Field(ge=0, le=1)]] | None, Field(description="More quantiles, e.g. [0.05, 0.95].")
]


# More runs than MLflow itself returns in one search are not read.
MOST_RUNS = 50_000


_ATTRIBUTES = ("experiment", "experiment_id", "status", "run_name", "user", "start_date")


class Aggregates(Answer):
    """Statistics of metrics, a row per group and metric. `n` counts finite values; std divides by n - 1;
    stderr is std / sqrt(n); quantiles are linear between neighbours."""

    runs: Annotated[int, Field(description="Runs read.")]
    exact: Annotated[bool, Field(description="Whether these are all matching runs.")]
    groups: int
    table: Table


def aggregate_runs(
    client: Client,
    metrics: MetricNames,
    group_by: GroupBy = None,
    experiment_id: ExperimentId = None,
    query: Query = "",
    quantiles: Quantiles = None,
) -> Aggregates:
    """Compute exact statistics of metrics over all matching runs: count, mean, standard deviation, standard error, min,
    median, max and quantiles, grouped by tags, params or attributes. NaN and missing values are counted apart. Use it
    instead of fetching runs and calculating. best_runs names single runs."""
    ids = experiment_ids(client, experiment_id)
    where, keys = quoted_query(query), list(group_by or ())
    counted = client.experiments.search_in(ids, lambda each: _count(client, each, where, metrics, keys))
    if not counted.runs:
        raise NotFound("No runs match, so there is nothing to compute.", "Widen the query or leave experiment_id out.")
    counted.refuse_unknown(metrics, keys)
    columns, rows = counted.table(keys, quantiles or [])
    answer = Aggregates(
        runs=counted.runs,
        exact=counted.stopped is None,
        groups=len(counted.groups),
        table=Table.of(columns, rows, keep=columns[:1]),
    )
    answer.note(*_notes(counted))
    return answer


def _notes(counted: _Counted) -> list[str]:
    notes = []
    if counted.stopped:
        notes.append(
            f"NOT all runs: {counted.stopped}. These figures hold for the {counted.runs:,} runs read; "
            "narrow the query for exact ones."
        )
    if empty := [count for group, count in counted.groups.items() if not counted.samples[group]]:
        notes.append(f"{plural(len(empty), 'group')} ({plural(sum(empty), 'run')}) without these metrics not shown.")
    if len(counted.metric_names) > len(counted.metrics):
        notes.append(f"Metrics: {listed(counted.metric_names, 20)}.")
    return notes


class _Counted:
    """What is kept of the runs while their pages pass: values by group and metric, and which names exist."""

    def __init__(self, metrics: Sequence[str], keys: Sequence[str]) -> None:
        self.metrics = list(metrics)
        self.keys = list(keys)
        self.runs = 0
        self.stopped: str | None = None
        self.groups: dict[tuple[Any, ...], int] = {}
        self.samples: dict[tuple[Any, ...], dict[str, Statistics]] = {}
        self.metric_names: list[str] = []
        self.known: dict[str, set[str]] = {"metrics": set(), "tags": set(), "params": set()}

    def add(self, run: RunView) -> None:
        self.runs += 1
        for kind, names in (("metrics", run.metrics), ("tags", run.tags), ("params", run.params)):
            self.known[kind].update(names)
        group = tuple(_group_value(run, key) for key in self.keys)
        self.groups[group] = self.groups.get(group, 0) + 1
        samples = self.samples.setdefault(group, {})
        for name in select_names(self.metrics, list(run.metrics)):
            samples.setdefault(name, Statistics()).add(run.metrics[name])

    def refuse_unknown(self, metrics: Sequence[str], keys: Sequence[str]) -> None:
        """Raise NotFound for a metric or group key that no run has, with the nearest names."""
        for metric in metrics:
            if not select_names([metric], list(self.known["metrics"])):
                raise NotFound(
                    f"None of the {plural(self.runs, 'run')} has a metric '{metric}'.",
                    f"{hint(metric, self.known['metrics'])} describe_experiment lists them.".strip(),
                )
        self.metric_names = select_names(metrics, sorted(self.known["metrics"]))
        known = {f"tags.{name}" for name in self.known["tags"]} | {f"params.{name}" for name in self.known["params"]}
        known |= set(_ATTRIBUTES)
        for key in keys:
            if not _meant_by(key) & known and "mlflow." not in key:
                by_bare = {_bare(name): name for name in sorted(known)}
                close = [by_bare[name] for name in nearest(_bare(key), by_bare)]
                raise NotFound(
                    f"None of the {plural(self.runs, 'run')} has a tag, param or attribute '{key}' to group by.",
                    f"Nearest: {listed(close)}." if close else f"Attributes: {', '.join(_ATTRIBUTES)}.",
                )

    def table(self, keys: Sequence[str], quantiles: Sequence[float]) -> tuple[list[str], list[list[Any]]]:
        columns = [*keys, "metric", "n", "mean", "std", "stderr", "min", "median", "max"]
        columns += [f"p{share * 100:g}" for share in quantiles] + ["nan", "infinite", "missing"]
        rows = []
        for group, count in sorted(self.groups.items(), key=lambda item: (-item[1], str(item[0]))):
            for name in self.metric_names:
                sample = self.samples[group].get(name, Statistics())
                sample.missing = count - len(sample.values) - sample.nan - sample.infinite
                if sample.missing == count:
                    continue
                rows.append([*group, name, *_figures(sample, quantiles)])
        return columns, rows


def _group_value(run: RunView, key: str) -> Any:
    """The run's value under a group key: a tag, a param, an attribute, or whichever of these a bare name is."""
    kind, _, name = key.partition(".")
    if kind in ("tags", "tag") and name:
        return run.tag(name.strip("`"))
    if kind in ("params", "param") and name:
        return run.params.get(name.strip("`"))
    attributes = {
        "experiment": run.experiment,
        "experiment_id": run.experiment_id,
        "status": run.status,
        "run_name": run.name,
        "user": run.user,
        "start_date": (iso(run.start_time) or "")[:10] or None,
    }
    attribute = key.removeprefix("attributes.")
    if attribute in attributes:
        return attributes[attribute]
    tag = run.tag(key)
    return run.params.get(key) if tag is None else tag


def _meant_by(key: str) -> set[str]:
    """The full names that a group key may stand for."""
    if _bare(key) == key:
        return {key, f"tags.{key}", f"params.{key}"}
    kind = key.partition(".")[0].rstrip("s")
    return {_bare(key)} if kind == "attribute" else {f"{kind}s.{_bare(key)}"}


def _bare(key: str) -> str:
    return re.sub(r"^(tags?|params?|attributes)\.", "", key).strip("`")


def _figures(sample: Statistics, quantiles: Sequence[float]) -> list[Any]:
    figures: list[float | None] = [
        sample.mean,
        sample.std,
        sample.stderr,
        min(sample.values, default=None),
        sample.quantile(0.5),
        max(sample.values, default=None),
        *(sample.quantile(share) for share in quantiles),
    ]
    counts = [sample.nan or None, sample.infinite or None, sample.missing or None]
    return [len(sample.values), *(number(figure) for figure in figures), *counts]


def _count(client: Client, ids: list[str], query: str, metrics: Sequence[str], keys: Sequence[str]) -> _Counted:
    counted = _Counted(metrics, keys)
    experiments = client.experiments.names()
    reading = EveryRun(client, ids, query, MOST_RUNS)
    for page in reading:
        for run in page:
            counted.add(RunView.of(run, experiments))
    counted.stopped = reading.stopped
    return counted
