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
from mlflow_mcp.client.filters import quoted_value
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.text_conditions import searchable
from mlflow_mcp.client.values import RunValues, Selection, Values, values_of
from mlflow_mcp.entities.metrics import select_names
from mlflow_mcp.entities.scales import two_scales
from mlflow_mcp.errors import NotFound
from mlflow_mcp.statistics.values import Statistics
from mlflow_mcp.text import clipped, hint, listed, number, plural
from mlflow_mcp.tools.arguments import ExperimentId, MetricNames, MinSamples, Query, one_or_many
from mlflow_mcp.tools.runs.aggregates.group_keys import GroupKey, no_such_key
from mlflow_mcp.tools.runs.aggregates.jobs_once import (
    JOB_TAGS,
    Group,
    JobsOnce,
    Judged,
    job_of,
    judged_by_samples,
    kept_unjudged,
)

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
_MISSING_NAMED = 16


class Aggregates(Answer):
    """Statistics of metrics, a row per group and metric. `n` counts finite values; std divides by n - 1;
    stderr is std / sqrt(n); quantiles are linear between neighbours."""

    partial: Annotated[str | None, Field(description="Of which runs these figures are, if not of all.")] = None
    runs: Annotated[
        int, Field(description="Matching runs; if partial, those read. Copies of one evaluation job count once.")
    ]
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
    min_samples: MinSamples = None,
) -> Aggregates:
    """Compute exact statistics of metrics over all matching runs: count, mean, standard deviation, standard error, min,
    median, max and quantiles, grouped by tags, params or attributes. NaN and missing values are counted apart. Use it
    instead of fetching runs and calculating. best_runs names single runs."""
    ids, keys = experiment_ids(client, experiment_id), [GroupKey.of(key) for key in group_by or ()]
    where = searchable(client, ids, query)
    counted = client.experiments.search_in(ids, lambda each: _count(client, each, where, metrics, keys, min_samples))
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
    answer.note(*_notes(counted), *_missing(client, counted))
    return answer


def _counts(statuses: Mapping[str, int]) -> str:
    """`2 are KILLED and 1 is FAILED`."""
    return " and ".join(f"{n} {'is' if n == 1 else 'are'} {status}" for status, n in sorted(statuses.items()))


def _missing(client: Client, counted: _Counted) -> list[str]:
    """Which runs do not have a metric, where these are few."""
    few = {name: runs for name, runs in counted.lacking.items() if 0 < len(runs) <= _MISSING_NAMED}
    few = {name: runs for name, runs in few.items() if counted.counts_missing and name in counted.metric_names}
    if not few:
        return []
    ids = {run.run_id: run for runs in few.values() for run in runs}
    query = f"attributes.run_id IN ({', '.join(map(quoted_value, ids))})"
    found = client.runs.find(list({run.experiment_id for run in ids.values()}), query)
    names = {run.info.run_id: run.info.run_name for run in found}

    def told(run: RunValues) -> str:
        status = f" ({run.status})" if run.status != "FINISHED" else ""
        return f"'{clipped(names.get(run.run_id) or run.run_id)}'{status}"

    return [f"Without '{name}': {', '.join(sorted(map(told, runs)))}." for name, runs in few.items()]


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
    if copies := counted.once.copies:
        notes.append(
            f"{plural(copies, 'further copy', 'further copies')} of these jobs left out (same job_id): each job counts once, by "
            "its latest finished export."
        )
    if counted.too_small:
        which = listed(counted.too_small, 5)
        notes.append(
            f"{plural(len(counted.too_small), 'run')} with fewer than {counted.least} samples left out: {which}."
        )
    if counted.unjudged:
        notes.append(kept_unjudged(counted.unjudged))
    notes += [two_scales(name, [(None, value) for value in counted.every_value(name)]) for name in counted.metric_names]
    if (unfinished := counted.unfinished) and not any(key.attribute == "status" for key in counted.keys):
        notes.append(
            f"Of the runs with a value, {_counts(unfinished)}, and counted like the others. "
            "query=\"attributes.status = 'FINISHED'\" leaves them out."
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
        self.groups: dict[Group, int] = {}
        self.samples: dict[Group, dict[str, Statistics]] = {}
        self.once = JobsOnce()
        self.least: int | None = None
        self.too_small: list[str] = []
        self.unjudged: list[str] = []  # names
        self.unfinished: Counter[str] = Counter()  # by status, runs with a value
        self.lacking: dict[str, list[RunValues]] = {}  # by metric, the first runs without it
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

    def read(self, run: RunValues, experiments: Mapping[str, str]) -> None:
        """Take in a run, which counts when all are read: a later one may be a better copy of its job."""
        group = tuple(key.value(run, experiments) for key in self.keys)
        self._keys_seen.update(key.text for key, value in zip(self.keys, group) if value is not None)
        if not self._names_of(run) or (job_of(run) is None and self.least is None):
            self.add(group, run)
        else:
            self.once.add(group, run)

    def add_the_rest(self, client: Client, ids: Sequence[str]) -> None:
        """Count the runs that were kept back, each job once, and without those of too few samples."""
        runs = self.once.runs()
        judged = Judged()
        if self.least is not None:
            judged = judged_by_samples(client, ids, [run.run_id for _, run in runs], self.least)
        self.too_small, self.unjudged = list(judged.too_small.values()), judged.unknown
        for group, run in runs:
            if run.run_id not in judged.too_small:
                self.add(group, run)

    def add(self, group: Group, run: RunValues) -> None:
        self.groups[group] = self.groups.get(group, 0) + 1
        samples = self.samples.setdefault(group, {})
        names = self._names_of(run)
        for name in names:
            samples.setdefault(name, Statistics()).add(run.metrics[name])
        self.unfinished.update([run.status] if names and run.status != "FINISHED" else ())
        for name in self.metrics:
            if name not in run.metrics and len(lacking := self.lacking.setdefault(name, [])) <= _MISSING_NAMED:
                lacking.append(run)

    def every_value(self, name: str) -> list[float]:
        """All finite values of a metric."""
        return [value for samples in self.samples.values() if name in samples for value in samples[name].values]

    def _names_of(self, run: RunValues) -> list[str]:
        """The metrics asked for that the run has."""
        names = tuple(run.metrics)
        if names not in self._selected:
            self._selected[names] = select_names(self.metrics, names)
        return self._selected[names]

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


def _count(  # what the tool was asked
    client: Client, ids: list[str], query: str, metrics: Sequence[str], keys: Sequence[GroupKey], least: int | None
) -> _Counted:
    selection = Selection(
        metrics, [key.param for key in keys if key.param], [*JOB_TAGS, *(tag for key in keys for tag in key.tags)]
    )
    counted = _Counted(metrics, keys, values_of(client, ids, query, selection, MOST_RUNS))
    counted.least = least
    experiments = client.experiments.names()
    for page in counted.values:
        for run in page:
            counted.read(run, experiments)
    counted.add_the_rest(client, ids)
    if not (counted.values.has_all or counted.values.partial or keys):
        counted.groups[()] = counted.values.runs - counted.once.copies - len(counted.too_small)
    return counted
