"""Metrics that a run logged for several datasets: MLflow shows the last one written as if it were the run's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.metrics import Point
from mlflow_mcp.client.models.measured import Measured, measured_by
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.text import listed, number

# Requests for runs without logged models: one for each metric.
_METRICS_LOOKED_AT = 20
_POINTS = 20
_RUNS_READ = 20
_VALUES_NAMED = 6


def on_datasets(client: Client, runs: Sequence[RunView]) -> dict[str, list[Measured]]:
    """By run id, the values that were logged with a dataset for the run's logged models. A run of one dataset or none,
    and no models, costs no request."""
    # What a search finds lacks the models that a run only used.
    searched = [run for run in runs if len(run.datasets) > 1 and not (run.models_made or run.models_used)][:_RUNS_READ]
    again = client.run_concurrently(*(partial(client.runs.get, run.run_id) for run in searched))
    whole = {run.info.run_id: RunView.of(run, {}) for run in again}
    with_models = [
        each for each in (whole.get(run.run_id, run) for run in runs) if each.models_made or each.models_used
    ]
    models = [list(dict.fromkeys([*run.models_made, *run.models_used])) for run in with_models]
    found = client.run_concurrently(
        *(partial(measured_by, client, run.run_id, of_run) for run, of_run in zip(with_models, models))
    )
    return {run.run_id: part for run, part in zip(with_models, found)}


def dataset_table(measured: Sequence[Measured]) -> Table | None:
    """A row per metric, dataset and model; None when nothing was logged with a dataset."""
    columns = ["metric", "dataset", "digest", "model_id", "value"]
    rows = [[each.metric, each.dataset, each.digest, each.model_id, each.value] for each in sorted(measured)]
    return Table.of(columns, rows, keep=("metric", "dataset", "value")) if rows else None


def several_datasets(who: str, measured: Sequence[Measured], metrics: Sequence[str]) -> list[str]:
    """A sentence for each of these metrics that a run logged for several datasets or models, with the values."""
    sentences = []
    for name in metrics:
        of_metric = sorted(each for each in measured if each.metric == name)
        if len(of_metric) < 2:
            continue
        several_models = len({each.model_id for each in of_metric}) > 1
        values = [
            f"{each.dataset}{f' with {each.model_id}' if several_models else ''} {number(each.value)}"
            for each in of_metric[:_VALUES_NAMED]
        ]
        more = f", and {len(of_metric) - _VALUES_NAMED} more" if len(of_metric) > _VALUES_NAMED else ""
        sentences.append(f"{who}: '{name}' here is the last of {len(of_metric)} values, {', '.join(values)}{more}.")
    return sentences


class Unnamed(NamedTuple):
    """Values of one metric that a run logged at one step, of several datasets, and MLflow does not keep of which."""

    who: str
    metric: str
    points: Sequence[Point]
    datasets: int

    def __str__(self) -> str:
        return (
            f"{self.who}: '{self.metric}' here is the last of {len(self.points)} values at step {self.points[0].step} "
            f"({_in_order(self.points)}), and the run has {self.datasets} datasets; without a logged model MLflow does not keep "
            "which value is of which."
        )


def unnamed_values(
    client: Client, runs: Mapping[str, RunView], metrics: Sequence[str], measured: Sequence[Measured] = ()
) -> list[Unnamed]:
    """What runs of several datasets logged several times at one step and for no model. `runs` by what a sentence calls them."""
    several = {who: run for who, run in runs.items() if len(run.datasets) > 1}
    named = {each.metric for each in measured}
    names = [name for name in metrics if name not in named and not name.startswith("system/")][:_METRICS_LOOKED_AT]
    if not several or not names:
        return []
    ids = [run.run_id for run in several.values()]
    found = client.run_concurrently(*(partial(client.metrics.histories, ids, name, _POINTS) for name in names))
    return [
        Unnamed(who, name, points, len(run.datasets))
        for who, run in several.items()
        for name, points in zip(names, (histories[run.run_id].points for histories in found))
        if 1 < len(points) < _POINTS and len({point.step for point in points}) == 1
    ]


def mixed_in_columns(client: Client, runs: Sequence[RunView], metrics: Sequence[str]) -> str:
    """A sentence on those of these metrics whose values in a table are of several datasets. Without a request where the runs
    do not name two datasets at least."""
    with_datasets = [run for run in runs if run.datasets]
    if not metrics or len({str(each) for run in with_datasets for each in run.datasets}) < 2:
        return ""
    measured = [each for part in on_datasets(client, with_datasets[:_RUNS_READ]).values() for each in part]
    by_metric: dict[str, set[str]] = {}
    for each in measured:
        by_metric.setdefault(each.metric, set()).add(each.dataset)
    mixed = [name for name in metrics if len(by_metric.get(name, ())) > 1]
    rest = [name for name in metrics if name not in mixed]
    views = {run.run_id: run for run in with_datasets[:_RUNS_READ]}
    mixed += list(dict.fromkeys(each.metric for each in unnamed_values(client, views, rest, measured)))
    if not mixed:
        return ""
    names = sorted(set().union(*(by_metric.get(name, set()) for name in mixed)))
    logged_for = f" ({listed(names, _VALUES_NAMED)})" if names else ""
    return (
        f"Each value of {listed(mixed)} is the one written last, and these runs logged it for several datasets{logged_for}: the "
        "rows may not compare. compare_runs shows it per dataset, best_runs(dataset=…) ranks on one."
    )


def _in_order(points: Sequence[Point]) -> str:
    return ", ".join(str(number(point.value)) for point in sorted(points, key=lambda point: point.timestamp))
