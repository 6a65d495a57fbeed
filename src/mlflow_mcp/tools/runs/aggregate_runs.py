"""Exact statistics over many runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import quoted_query
from mlflow_mcp.client.ids import experiment_ids
from mlflow_mcp.client.scan import EveryRun
from mlflow_mcp.entities.metrics import matching
from mlflow_mcp.entities.run import user_tags
from mlflow_mcp.errors import NotFound
from mlflow_mcp.text import hint, iso, listed, nearest, number, plural
from mlflow_mcp.tools.arguments import ExperimentId, MetricNames, Query, one_or_many
from mlflow_mcp.tools.runs.statistics import Sample

if TYPE_CHECKING:
    from mlflow.entities import Run


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
    wanted = quoted_query(query)
    keys = list(group_by or ())
    counted = client.experiments.search_in(ids, lambda each: _count(client, each, wanted, metrics, keys))
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
    if counted.stopped:
        answer.note(
            f"NOT all runs: {counted.stopped}. These figures hold for the {counted.runs:,} runs read; "
            "narrow the query for exact ones."
        )
    if empty := [count for group, count in counted.groups.items() if not counted.samples[group]]:
        answer.note(f"{plural(len(empty), 'group')} ({plural(sum(empty), 'run')}) without these metrics not shown.")
    if len(counted.metric_names) > len(metrics):
        answer.note(f"Metrics: {listed(counted.metric_names, 20)}.")
    return answer


class _Counted:
    """What is kept of the runs while their pages pass: values by group and metric, and which names exist."""

    def __init__(self, metrics: Sequence[str], keys: Sequence[str]) -> None:
        self.wanted = list(metrics)
        self.keys = list(keys)
        self.runs = 0
        self.stopped: str | None = None
        self.groups: dict[tuple[Any, ...], int] = {}
        self.samples: dict[tuple[Any, ...], dict[str, Sample]] = {}
        self.metric_names: list[str] = []
        self.known: dict[str, set[str]] = {"metrics": set(), "tags": set(), "params": set()}

    def add(self, run: Run, experiments: dict[str, str]) -> None:
        self.runs += 1
        data = run.data
        for kind, names in (("metrics", data.metrics), ("tags", user_tags(run)), ("params", data.params)):
            self.known[kind].update(names)
        group = tuple(self._key(run, key, experiments) for key in self.keys)
        self.groups[group] = self.groups.get(group, 0) + 1
        samples = self.samples.setdefault(group, {})
        for name in matching(self.wanted, list(data.metrics)):
            samples.setdefault(name, Sample()).add(data.metrics[name])

    def _key(self, run: Run, key: str, experiments: dict[str, str]) -> Any:
        kind, _, name = key.partition(".")
        if kind in ("tags", "tag", "params", "param") and name:
            return (run.data.tags if kind.startswith("tag") else run.data.params).get(name.strip("`"))
        attribute = key.removeprefix("attributes.")
        if attribute in ("experiment", "experiment_id"):
            id = run.info.experiment_id
            return experiments.get(id, id) if attribute == "experiment" else id
        if attribute == "start_date":
            return (iso(run.info.start_time) or "")[:10] or None
        if attribute in _ATTRIBUTES:
            return {"status": run.info.status, "run_name": run.info.run_name}.get(
                attribute, run.data.tags.get("mlflow.user")
            )
        return run.data.tags.get(key, run.data.params.get(key))

    def refuse_unknown(self, metrics: Sequence[str], keys: Sequence[str]) -> None:
        """Raise NotFound for a metric or group key that no run has, with the nearest names."""
        for wanted in metrics:
            if not matching([wanted], list(self.known["metrics"])):
                raise NotFound(
                    f"None of the {plural(self.runs, 'run')} has a metric '{wanted}'.",
                    f"{hint(wanted, self.known['metrics'])} describe_experiment lists them.".strip(),
                )
        self.metric_names = matching(metrics, sorted(self.known["metrics"]))
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
                sample = self.samples[group].get(name, Sample())
                sample.missing = count - len(sample.values) - sample.nan - sample.infinite
                if sample.missing == count:
                    continue
                rows.append([*group, name, *_figures(sample, quantiles)])
        return columns, rows


def _meant_by(key: str) -> set[str]:
    """The full names that a group key may stand for."""
    if _bare(key) == key:
        return {key, f"tags.{key}", f"params.{key}"}
    kind = key.partition(".")[0].rstrip("s")
    return {_bare(key)} if kind == "attribute" else {f"{kind}s.{_bare(key)}"}


def _bare(key: str) -> str:
    return re.sub(r"^(tags?|params?|attributes)\.", "", key).strip("`")


def _figures(sample: Sample, quantiles: Sequence[float]) -> list[Any]:
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
            counted.add(run, experiments)
    counted.stopped = reading.stopped
    return counted
