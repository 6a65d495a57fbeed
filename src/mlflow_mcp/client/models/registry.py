"""Registered models and their versions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from mlflow_mcp.client.filters import explained, quoted_value
from mlflow_mcp.client.models.query import REGISTRY_EXAMPLE
from mlflow_mcp.client.transport.codes import not_mlflow
from mlflow_mcp.client.transport.connection import token_of
from mlflow_mcp.errors import ModelNotFound, NotFound, Problem, RejectedByMlflow
from mlflow_mcp.text import hint, listed, safe_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

    from mlflow_mcp.client import Client

T = TypeVar("T")

_PROMPTS_SINCE = (2, 21)
# Names compared with one that does not exist.
_NAMES_READ = 1_000


class Registry:
    """`client.models.registry`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def _mlflow(self) -> MlflowClient:
        return self._client.connection.mlflow

    def search(
        self, query: str = "", order_by: Sequence[str] = (), most: int = 100, page_token: str | None = None
    ) -> tuple[list[RegisteredModel], str | None]:
        """One page of registered models, prompts left out, and the token of the next."""
        self._client.call.searched_everything = True
        with explained(query, REGISTRY_EXAMPLE):
            page = self._client.ask(
                lambda: self._mlflow.search_registered_models(
                    filter_string=query or None,
                    max_results=most,
                    order_by=list(order_by) or None,
                    page_token=page_token,
                )
            )
        if not page and self._client.is_http:
            is_old = self._client.http.is_older_than(*_PROMPTS_SINCE)
            if is_old is None:
                raise self._no_mlflow()  # `{}` is MLflow's answer for no models, and that of many other servers
            if is_old:
                # MLflow's client leaves prompts out by a filter on their tag, which there finds only what has the tag.
                store = self._mlflow._get_registry_client().store  # type: ignore[no-untyped-call]
                page = self._client.ask(
                    lambda: store.search_registered_models(query or None, most, list(order_by) or None, page_token)
                )
        return list(page), token_of(page)

    def named(self, name: str) -> RegisteredModel:
        """The registered model. Raises ModelNotFound with the nearest names."""
        try:
            found = self._client.ask(lambda: self._mlflow.get_registered_model(name))
        except (NotFound, RejectedByMlflow) as error:  # MLflow rejects what can be no name
            raise self._unknown_name(name) from error
        if not found.name:  # MLflow's client makes a model of any JSON
            raise self._no_mlflow()
        return found

    def _no_mlflow(self) -> Problem:
        return not_mlflow(safe_uri(self._client.uri), 200)

    def has(self, name: str) -> bool:
        """Whether a registered model is called so. One small request."""
        if "'" in name and '"' in name:
            return False
        return bool(self.search(f"name = {quoted_value(name)}", most=1)[0])

    def versions(self, name: str, most: int) -> tuple[list[ModelVersion], bool]:
        """The newest versions of a registered model, and whether there are more."""
        query = f"name = {quoted_value(name)}"
        page = self._client.ask(
            lambda: self._mlflow.search_model_versions(query, max_results=most, order_by=["version_number DESC"])
        )
        return list(page), bool(token_of(page))

    def version(self, name: str, version: str) -> ModelVersion:
        """A version by its number, `@alias`, `latest` or stage. Raises ModelNotFound with what there is instead."""
        if version.startswith("@") or version.isdigit():
            one = self._asked(name, version, lambda: self._by_number_or_alias(name, version))
            if not one.version:  # MLflow's client makes a version of any JSON
                raise self._no_mlflow()
            return one
        found, _ = self.versions(name, 1 if version == "latest" else _NAMES_READ)
        for each in found:
            if version == "latest" or (each.current_stage or "").lower() == version.lower():
                return each
        raise self._unknown_version(name, version)

    def _by_number_or_alias(self, name: str, version: str) -> ModelVersion:
        if version.startswith("@"):
            return self._mlflow.get_model_version_by_alias(name, version[1:])
        return self._mlflow.get_model_version(name, version)

    def version_uri(self, name: str, version: str) -> str:
        """Where a version keeps its artifacts. Raises ModelNotFound."""
        number = version if version.isdigit() else str(self.version(name, version).version)
        return str(self._asked(name, version, lambda: self._mlflow.get_model_version_download_uri(name, number)))

    def made_of(self, sources: Sequence[str]) -> list[ModelVersion]:
        """The versions made of an artifact place: `models:/m-…`, or a folder."""
        searches = [
            lambda source=source: self._client.ask(
                lambda: list(
                    self._mlflow.search_model_versions(f"source_path = {quoted_value(source)}", max_results=100)
                )
            )
            for source in sources
        ]
        return [version for found in self._client.run_concurrently(*searches) for version in found]

    def names(self) -> list[str]:
        return [model.name for model in self.search(most=_NAMES_READ)[0]]

    def _asked(self, name: str, version: str, request: Callable[[], T]) -> T:
        try:
            return self._client.ask(request)
        except (NotFound, RejectedByMlflow) as error:  # the second is how MLflow reports an alias that it does not have
            raise self._unknown_version(name, version) from error

    def _unknown_name(self, name: str) -> ModelNotFound:
        return ModelNotFound(
            f"No registered model is called '{name}'.",
            f"{hint(name, self.names())} search_models(registered=true) lists them.".strip(),
        )

    def _unknown_version(self, name: str, version: str) -> ModelNotFound:
        """What the registered model has instead. Raises ModelNotFound for a name that does not exist."""
        aliases = self.named(name).aliases
        newest, more = self.versions(name, 10)
        numbers = ", ".join(str(each.version) for each in newest) + (", …" if more else "")
        has = f"Its versions: {numbers}." if newest else "It has no versions."
        if aliases:
            shown = [f"@{alias}" for alias in aliases]
            has += f" Its aliases: {listed(shown)}."
            if version.startswith("@"):
                has = f"{hint(version, shown)} {has}".strip()
        what = f"alias '{version}'" if version.startswith("@") else f"version '{version}'"
        return ModelNotFound(f"The registered model '{name}' has no {what}.", has)
