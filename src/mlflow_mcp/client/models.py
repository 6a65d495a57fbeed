"""Logged models and versions of registered models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_mcp.errors import ModelNotFound, NotFound

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
            return self._client.ask(lambda: self._client.connection.mlflow.get_logged_model(model_id))
        except NotFound as error:
            raise ModelNotFound(
                f"No logged model has the id '{model_id}'.", "get_run shows the models of a run."
            ) from error

    def version_uri(self, name: str, version: str) -> str:
        """Where a registered model's version (a number, or `@alias`) keeps its artifacts. Raises ModelNotFound."""

        def find() -> str:
            registry = self._client.connection.mlflow
            number = version
            if version.startswith("@"):
                number = str(registry.get_model_version_by_alias(name, version[1:]).version)
            return str(registry.get_model_version_download_uri(name, number))

        try:
            return self._client.ask(find)
        except NotFound as error:
            raise ModelNotFound(
                f"No registered model '{name}' has a version '{version}'.", "Check the name, version or alias."
            ) from error
