"""Metrics that a run logged for several datasets: MLflow shows the last one written as if it were the run's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.metrics import History, Measured
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.text import number, plural

# Requests for runs without logged models: one for each metric.
_METRICS_LOOKED_AT = 20
_POINTS = 20
_RUNS_READ = 20
_VALUES_NAMED = 6


def on_datasets(client: Client, runs: Sequence[RunView]) -> dict[str, list[Measured]]:
    """By run id, the values that were logged with a dataset for the run's logged models. A run without datasets and
    models costs no request."""
    # What a search finds lacks the models that a run only used.
    searched = [run for run in runs if run.datasets and not (run.models_made or run.models_used)][:_RUNS_READ]
    again = client.run_concurrently(*(partial(client.runs.get, run.run_id) for run in searched))
    whole = {run.info.run_id: RunView.of(run, {}) for run in again}
    with_models = [
        each for each in (whole.get(run.run_id, run) for run in runs) if each.models_made or each.models_used
    ]
    models = [list(dict.fromkeys([*run.models_made, *run.models_used])) for run in with_models]
    found = client.run_concurrently(
        *(partial(client.metrics.on_datasets, run.run_id, of_run) for run, of_run in zip(with_models, models))
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


def unnamed_datasets(client: Client, run: RunView, measured: Sequence[Measured]) -> list[str]:
    """A sentence for each metric that a run of several datasets logged several times at one step and for no model:
    MLflow does not keep which value is of which dataset."""
    named = {each.metric for each in measured}
    names = [name for name in sorted(run.metrics) if name not in named and not name.startswith("system/")]
    if len(run.datasets) < 2:
        return []
    names = names[:_METRICS_LOOKED_AT]
    requests = (partial(client.metrics.histories, [run.run_id], name, _POINTS) for name in names)
    found: list[dict[str, History]] = client.run_concurrently(*requests)
    sentences = []
    for name, history in zip(names, found):
        points = history[run.run_id].points
        if 1 < len(points) < _POINTS and len({point.step for point in points}) == 1:
            values = ", ".join(str(number(point.value)) for point in sorted(points, key=lambda each: each.timestamp))
            sentences.append(
                f"'{name}' has {len(points)} values at step {points[0].step} ({values}, the last one is shown) and the run "
                f"{plural(len(run.datasets), 'dataset')}: which value is of which dataset, MLflow does not keep without a model."
            )
    return sentences
