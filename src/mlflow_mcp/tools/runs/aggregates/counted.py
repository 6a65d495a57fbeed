"""What aggregate_runs keeps of the runs while their pages pass."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from mlflow_mcp.client import Client
from mlflow_mcp.client.values import RunValues, Selection, Values, values_of
from mlflow_mcp.entities.direction import better
from mlflow_mcp.entities.metrics import select_names
from mlflow_mcp.entities.run import PARENT_TAG
from mlflow_mcp.errors import NotFound
from mlflow_mcp.statistics.values import Statistics
from mlflow_mcp.text import as_number, hint, number, plural
from mlflow_mcp.tools.runs.aggregates.group_keys import GroupKey, no_such_key
from mlflow_mcp.tools.runs.aggregates.jobs_once import (
    JOB_TAGS,
    Group,
    JobsOnce,
    Judged,
    job_of,
    judged_by_samples,
    small_trials,
)

# More runs than MLflow itself returns in one search are not read.
MOST_RUNS = 50_000
# More runs than these are not looked at one by one.
MOST_NAMED = 200
# Of the runs that do not have a metric.
MISSING_NAMED = 16


class Counted:
    """What is kept of the runs while their pages pass: values by group and metric."""

    def __init__(self, metrics: Sequence[str], keys: Sequence[GroupKey], values: Values) -> None:
        self.metrics = list(metrics)
        self.keys = list(keys)
        self.values = values
        self.groups: dict[Group, int] = {}
        self.samples: dict[Group, dict[str, Statistics]] = {}
        self.once = JobsOnce()
        self.least: int | None = None
        self.too_small: list[str] = []  # names
        self.unjudged: list[str] = []  # names
        self.trials: list[str] = []  # names of small trial runs that count, with the proof
        self.unfinished: Counter[str] = Counter()  # by status, runs with a value
        self.lacking: dict[str, list[RunValues]] = {}  # by metric, the first runs without it
        self.parents: list[tuple[str, str | None]] = []  # of the runs with a value: the name, and the parent's id
        self.first: list[tuple[Group, RunValues]] = []  # of the runs with a value, the first
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
        else:
            jobs = [run.run_id for _, run in runs if job_of(run)]
            self.trials = list(small_trials(client, ids, jobs).values())
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
        if names:
            self.first += [(group, run)] if len(self.first) <= MOST_NAMED else []
            self.parents.append((run.name or run.run_id, run.tags.get(PARENT_TAG)))
        for name in self.metrics:
            if name not in run.metrics and len(lacking := self.lacking.setdefault(name, [])) <= MISSING_NAMED:
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
        for group, count in sorted(self.groups.items(), key=self._place):
            for name in self.metric_names:
                sample = self.samples[group].get(name)
                if sample is None:
                    continue
                if self.counts_missing:
                    sample.missing = count - len(sample.values) - sample.nan - sample.infinite
                rows.append([*group, name, *_figures(sample, quantiles)])
        return columns, rows

    def _place(self, item: tuple[Group, int]) -> tuple[bool, float, int, str]:
        """Where a group stands: by its key where all keys are numbers or days, else by the mean of the first metric, the best
        first; groups without a key last."""
        group, count = item
        if self._is_ordered:
            return group[0] is None, as_number(str(group[0])) or 0.0, 0, str(group[0])
        sample = self.samples[group].get(self.metric_names[0]) if self.metric_names else None
        mean = sample.mean if sample else None
        is_unknown = mean is None or math.isnan(mean)
        by_mean = 0.0 if mean is None or is_unknown else mean if better(self.metric_names[0]) == "min" else -mean
        return is_unknown, by_mean, -count, str(group)

    @cached_property
    def _is_ordered(self) -> bool:
        """Whether the groups have an order of their own: by one number, or by days."""
        values = [group[0] for group in self.groups if len(group) == 1 and group[0] is not None]
        of_days = bool(self.keys) and self.keys[0].attribute == "start_date"
        return bool(values) and (of_days or all(as_number(str(value)) is not None for value in values))

    @property
    def single(self) -> list[str]:
        """The groups of one run, where others have more, as the values of their keys."""
        shown = [group for group, samples in self.samples.items() if samples]
        single = [group for group in shown if self.groups[group] == 1]
        if len(single) == len(shown):
            return []
        return sorted(", ".join(map(str, group)) for group in single)


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


def count_runs(  # what the tool was asked
    client: Client, ids: list[str], query: str, metrics: Sequence[str], keys: Sequence[GroupKey], least: int | None
) -> Counted:
    selection = Selection(
        metrics,
        [key.param for key in keys if key.param],
        [*JOB_TAGS, PARENT_TAG, *(tag for key in keys for tag in key.tags)],
    )
    counted = Counted(metrics, keys, values_of(client, ids, query, selection, MOST_RUNS))
    counted.least = least
    experiments = client.experiments.names()
    for page in counted.values:
        for run in page:
            counted.read(run, experiments)
    counted.add_the_rest(client, ids)
    if not (counted.values.has_all or counted.values.partial or keys):
        counted.groups[()] = counted.values.runs - counted.once.copies - len(counted.too_small)
    return counted
