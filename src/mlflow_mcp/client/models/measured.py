"""What runs logged of a metric with a dataset, for all the logged models of some experiments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlflow_mcp.client.experiments import chunks
from mlflow_mcp.client.metrics import Measured
from mlflow_mcp.client.models import ModelSearch

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

    from mlflow_mcp.client import Client

_PAGE = 100
_MOST_MEASURED = 1_000


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
            measured = [_measured(model, metric, dataset) for model in models]
            found += [each for of_model in measured for each in of_model]
            read += len(models)
            if not token or not (measured and measured[-1]):  # models without the metric come last
                break
            if read >= _MOST_MEASURED or client.call.is_late:
                return found, False
    return found, True


def _measured(model: LoggedModel, metric: str, dataset: str | None) -> list[Measured]:
    """The values of a metric that were logged with a dataset for this model, the latest of each run and dataset."""
    logged = [
        each
        for each in sorted(model.metrics or (), key=lambda each: (each.step, each.timestamp))
        if each.key == metric and each.dataset_name and dataset in (None, each.dataset_name)
    ]
    found = [Measured.of(each, model.model_id) for each in logged]
    return list({(each.run_id, each.dataset, each.digest): each for each in found}.values())
