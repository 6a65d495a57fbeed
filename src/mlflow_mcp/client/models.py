"""Logged models and versions of registered models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_mcp.client.transport.codes import not_mlflow
from mlflow_mcp.errors import ModelNotFound, NotFound, RejectedByMlflow
from mlflow_mcp.text import safe_uri

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

    from mlflow_mcp.client import Client


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
