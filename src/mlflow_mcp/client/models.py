"""Logged models and versions of registered models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlflow_mcp.client.experiments import chunks
from mlflow_mcp.client.metrics import Measured
from mlflow_mcp.client.transport.codes import not_mlflow
from mlflow_mcp.client.transport.connection import token_of
from mlflow_mcp.errors import ModelNotFound, NotFound, RejectedByMlflow
from mlflow_mcp.text import safe_uri

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

    from mlflow_mcp.client import Client

_PAGE = 100
_MOST_MEASURED = 1_000


class Models:
    """`client.models`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def logged(self, model_id: str) -> LoggedModel:
        """The logged model. Raises ModelNotFound when the server has none of that id."""
        try:
            model = self._client.ask_feature(
                lambda: self._client.connection.mlflow.get_logged_model(model_id), "logged models", since="3.0"
            )
        except NotFound as error:
            raise ModelNotFound(
                f"No logged model has the id '{model_id}'.", "get_run shows the models of a run."
            ) from error
        if not model.model_id or not model.artifact_location:  # MLflow's client makes a model of any JSON
            raise not_mlflow(safe_uri(self._client.uri), 200)
        return model

    def measured_on(
        self, experiment_ids: Sequence[str], metric: str, dataset: str | None, *, ascending: bool
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
                models, token = self._ordered(ids, order, token)
                measured = [_measured(model, metric, dataset) for model in models]
                found += [each for of_model in measured for each in of_model]
                read += len(models)
                if not token or not (measured and measured[-1]):  # models without the metric come last
                    break
                if read >= _MOST_MEASURED or self._client.call.is_late:
                    return found, False
        return found, True

    def _ordered(
        self, experiment_ids: list[str], order: dict[str, Any], token: str | None
    ) -> tuple[list[LoggedModel], str | None]:
        page = self._client.ask_feature(
            lambda: self._client.connection.mlflow.search_logged_models(
                experiment_ids, order_by=[order], max_results=_PAGE, page_token=token
            ),
            "logged models",
            since="3.0",
        )
        return list(page), token_of(page)

    def version_uri(self, name: str, version: str) -> str:
        """Where a registered model's version (a number, or `@alias`) keeps its artifacts. Raises ModelNotFound."""
        registry = self._client.connection.mlflow
        try:
            number = self._number_of(name, version[1:]) if version.startswith("@") else version
            return str(self._client.ask(lambda: registry.get_model_version_download_uri(name, number)))
        except NotFound as error:
            raise _no_version(name, version) from error

    def _number_of(self, name: str, alias: str) -> str:
        registry = self._client.connection.mlflow
        try:
            return str(self._client.ask(lambda: registry.get_model_version_by_alias(name, alias)).version)
        except RejectedByMlflow as error:  # how MLflow reports an alias that it does not have
            raise _no_version(name, f"@{alias}") from error


def _no_version(name: str, version: str) -> ModelNotFound:
    return ModelNotFound(
        f"No registered model '{name}' has a version '{version}'.", "Check the name, version or alias."
    )


def _measured(model: LoggedModel, metric: str, dataset: str | None) -> list[Measured]:
    """The values of a metric that were logged with a dataset for this model, the latest of each run and dataset."""
    logged = [
        each
        for each in sorted(model.metrics or (), key=lambda each: (each.step, each.timestamp))
        if each.key == metric and each.dataset_name and dataset in (None, each.dataset_name)
    ]
    found = [Measured.of(each, model.model_id) for each in logged]
    return list({(each.run_id, each.dataset, each.digest): each for each in found}.values())
