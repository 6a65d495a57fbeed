"""Exact statistics over many runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import quoted_query
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.values import RunValues, Selection, Values, values_of
from mlflow_mcp.entities.metrics import select_names
from mlflow_mcp.errors import NotFound
from mlflow_mcp.text import hint, listed, number, plural
from mlflow_mcp.tools.arguments import ExperimentId, MetricNames, Query, one_or_many
from mlflow_mcp.tools.runs.group_keys import GroupKey, no_such_key
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


# The tag by which runs are known to be exports of one evaluation job.
_JOB = "job_id"


class Aggregates(Answer):
    """Statistics of metrics, a row per group and metric. `n` counts finite values; std divides by n - 1;
    stderr is std / sqrt(n); quantiles are linear between neighbours."""

    partial: Annotated[str | None, Field(description="Of which runs these figures are, if not of all.")] = None
    runs: Annotated[int, Field(description="Matching runs; if partial, those read.")]
    exact: Annotated[bool, Field(description="Whether the figures are those of all matching runs.")]
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
    ids, keys = experiment_ids(client, experiment_id), [GroupKey.of(key) for key in group_by or ()]
    where = quoted_query(query)
    counted = client.experiments.search_in(ids, lambda each: _count(client, each, where, metrics, keys))
    if not (counted.values.runs or counted.values.partial):
        raise NotFound("No runs match, so there is nothing to compute.", "Widen the query or leave experiment_id out.")
    counted.refuse_unknown()
    columns, rows = counted.table(quantiles or [])
    answer = Aggregates(
        partial=counted.values.partial,
        runs=counted.values.runs,
        exact=counted.values.partial is None,
        groups=len(counted.groups),
        table=Table.of(columns, rows, keep=columns[:1]),
    )
    answer.note(*_notes(counted))
    return answer


def _notes(counted: _Counted) -> list[str]:
    notes = []
    if counted.values.partial:
        notes.append("For figures over all runs narrow the query or raise MLFLOW_MCP_TIMEOUT.")
    if not counted.counts_missing:
        notes.append(
            "Only runs with these metrics were read: groups without them and runs of a group without one are not counted."
        )
    elif empty := [count for group, count in counted.groups.items() if not counted.samples[group]]:
        notes.append(f"{plural(len(empty), 'group')} ({plural(sum(empty), 'run')}) without these metrics not shown.")
    if copies := sum(count - 1 for count in counted.exports.values()):
        notes.append(
            f"{plural(copies, 'run is a further copy', 'runs are further copies')} of an evaluation job (tag job_id) and "
            "counted as well: the figures are of runs, not of jobs."
        )
    if len(counted.metric_names) > len(counted.metrics):
        notes.append(f"Metrics: {listed(counted.metric_names, 20)}.")
    return notes


class _Counted:
    """What is kept of the runs while their pages pass: values by group and metric."""

    def __init__(self, metrics: Sequence[str], keys: Sequence[GroupKey], values: Values) -> None:
        self.metrics = list(metrics)
        self.keys = list(keys)
        self.values = values
        self.groups: dict[tuple[Any, ...], int] = {}
        self.samples: dict[tuple[Any, ...], dict[str, Statistics]] = {}
        self.exports: Counter[str] = Counter()  # of each evaluation job
        self._keys_seen: set[str] = set()
        self._selected: dict[tuple[str, ...], list[str]] = {}

    @property
    def counts_missing(self) -> bool:
        """Whether it is known how many runs of each group do not have a metric."""
        return self.values.has_all or not (self.keys or self.values.partial)

    @cached_property
    def metric_names(self) -> list[str]:
        """The metrics that were found, in the order in which they were asked for."""
        found = {name for samples in self.samples.values() for name in samples}
        return select_names(self.metrics, sorted(found - set(self.values.left_out)))

    def add(self, run: RunValues, experiments: Mapping[str, str]) -> None:
        group = tuple(key.value(run, experiments) for key in self.keys)
        self._keys_seen.update(key.text for key, value in zip(self.keys, group) if value is not None)
        self.groups[group] = self.groups.get(group, 0) + 1
        samples = self.samples.setdefault(group, {})
        names = tuple(run.metrics)
        if names not in self._selected:
            self._selected[names] = select_names(self.metrics, names)
        if self._selected[names] and _JOB in run.tags:
            self.exports[run.tags[_JOB]] += 1
        for name in self._selected[names]:
            samples.setdefault(name, Statistics()).add(run.metrics[name])

    def refuse_unknown(self) -> None:
        """Raise NotFound for a metric or group key that no run has, with the nearest names."""
        read = " read" if self.values.partial else ""
        for metric in self.metrics:
            if not select_names([metric], [*self.metric_names, *self.values.left_out]):
                known = self.values.names("metrics")
                raise NotFound(
                    f"None of the {plural(self.values.runs, 'run')}{read} has a metric '{metric}'.",
                    f"{hint(metric, known)} describe_experiment lists them.".strip(),
                )
        for key in self.keys:
            if not key.attribute and key.text not in self._keys_seen and "mlflow." not in key.text:
                looked_at = read if self.values.has_all else " with these metrics"
                raise no_such_key(key, f"{plural(sum(self.groups.values()), 'run')}{looked_at}", self.values.names)

    def table(self, quantiles: Sequence[float]) -> tuple[list[str], list[list[Any]]]:
        columns = [*(key.text for key in self.keys), "metric", "n", "mean", "std", "stderr", "min", "median", "max"]
        columns += [f"p{share * 100:g}" for share in quantiles] + ["nan", "infinite", "missing"]
        rows = []
        for group, count in sorted(self.groups.items(), key=lambda item: (-item[1], str(item[0]))):
            for name in self.metric_names:
                sample = self.samples[group].get(name)
                if sample is None:
                    continue
                if self.counts_missing:
                    sample.missing = count - len(sample.values) - sample.nan - sample.infinite
                rows.append([*group, name, *_figures(sample, quantiles)])
        return columns, rows


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


def _count(client: Client, ids: list[str], query: str, metrics: Sequence[str], keys: Sequence[GroupKey]) -> _Counted:
    selection = Selection(
        metrics, [key.param for key in keys if key.param], [_JOB, *(tag for key in keys for tag in key.tags)]
    )
    counted = _Counted(metrics, keys, values_of(client, ids, query, selection, MOST_RUNS))
    experiments = client.experiments.names()
    for page in counted.values:
        for run in page:
            counted.add(run, experiments)
    if not (counted.values.has_all or counted.values.partial or keys):
        counted.groups[()] = counted.values.runs
    return counted
