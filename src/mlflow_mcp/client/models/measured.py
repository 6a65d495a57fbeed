"""The values of metrics that runs logged with a dataset for logged models: MLflow keeps them with the model only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mlflow_mcp.client.experiments import chunks
from mlflow_mcp.client.models import ModelSearch
from mlflow_mcp.client.models.scores import Logged, not_numbers
from mlflow_mcp.errors import ModelNotFound

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Metric

    from mlflow_mcp.client import Client

_MODELS_READ = 20
_PAGE = 100
_MOST_MEASURED = 1_000


class Measured(NamedTuple):
    """A metric's value with the logged model and the dataset it was measured on."""

    metric: str
    dataset: str
    digest: str
    model_id: str
    step: int
    value: float
    run_id: str = ""
    timestamp: int = 0

    @classmethod
    def of(cls, logged: Metric, model_id: str) -> Measured:
        """MLflow's entity of a metric that was logged with a dataset."""
        value = math.nan if logged.value is None else logged.value
        return cls(
            *(logged.key, str(logged.dataset_name), logged.dataset_digest or "", model_id, logged.step, value),
            *(str(logged.run_id), logged.timestamp),
        )

    @property
    def logged(self) -> Logged:
        return Logged(self.run_id, self.step, self.timestamp)


def measured_by(client: Client, run_id: str, model_ids: Sequence[str]) -> list[Measured]:
    """What a run logged with a dataset for these logged models, the latest of each metric, dataset and model.

    The run itself has the last value of each name only.
    """

    def of_model(model_id: str) -> list[Measured]:
        try:
            metrics = client.models.logged(model_id).metrics or ()
        except ModelNotFound:  # deleted since
            return []
        return [
            Measured.of(each, model_id)
            for each in sorted(metrics, key=lambda each: (each.step, each.timestamp))
            if each.dataset_name and each.run_id == run_id
        ]

    found = client.run_concurrently(*(partial(of_model, id_) for id_ in list(model_ids)[:_MODELS_READ]))
    return _with_nan(client, list({each[:4]: each for part in found for each in part}.values()))


def measured_on(
    client: Client, experiment_ids: Sequence[str], metric: str, dataset: str | None, *, ascending: bool
) -> tuple[list[Measured], bool]:
    """What runs logged of this metric with a dataset (None: with any), for the logged models of these experiments, each
    value once; and whether that is all of it: at most about a thousand models are read, the best of them."""
    order: dict[str, Any] = {"field_name": f"metrics.{metric}", "ascending": ascending}
    if dataset is not None:
        order["dataset_name"] = dataset
    found: list[Measured] = []
    for ids in chunks(experiment_ids):
        read, token = 0, None
        while True:
            # Without `dataset`, which would look for a digest too: the order alone puts the models that have the metric first.
            models, token = client.models.search(ModelSearch(ids, order=[order]), _PAGE, token)
            measured = [_latest(model, metric, dataset) for model in models]
            found += [each for of_model in measured for each in of_model]
            read += len(models)
            if not token or not (measured and measured[-1]):  # models without the metric come last
                break
            if read >= _MOST_MEASURED or client.call.is_late:
                return _with_nan(client, found), False
    return _with_nan(client, found), True


def _latest(model: LoggedModel, metric: str, dataset: str | None) -> list[Measured]:
    """The values of a metric that were logged with a dataset for this model, the latest of each run and dataset."""
    logged = [
        each
        for each in sorted(model.metrics or (), key=lambda each: (each.step, each.timestamp))
        if each.key == metric and each.dataset_name and dataset in (None, each.dataset_name)
    ]
    found = [Measured.of(each, model.model_id) for each in logged]
    return list({(each.run_id, each.dataset, each.digest): each for each in found}.values())


def _with_nan(client: Client, measured: Sequence[Measured]) -> list[Measured]:
    """The values with NaN where it was logged."""
    zeros = [(each.metric, each.logged) for each in measured if each.value == 0]
    wrong = not_numbers(client, zeros)
    return [
        each._replace(value=math.nan) if each.value == 0 and (each.metric, each.logged) in wrong else each
        for each in measured
    ]
