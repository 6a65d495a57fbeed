"""What changes the registry: names, versions, aliases. Each is one request, for `client.writing.write`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_mcp.client.writing import BY_TAG
from mlflow_mcp.entities.model import model_of_version
from mlflow_mcp.errors import ModelNotFound, Problem

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

    from mlflow_mcp.client import Client

_IS_PROMPT = "mlflow.prompt.is_prompt"
LONGEST_DESCRIPTION = 5_000


class RegistryChanges:
    """Names are checked as MLflow checks them, before anybody is asked."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._registry = client.models.registry

    def check_name(self, name: str) -> None:
        from mlflow.utils.validation import _validate_model_name

        self._client.ask(lambda: _validate_model_name(name))

    def check_alias(self, alias: str) -> None:
        from mlflow.utils.validation import _validate_model_alias_name, _validate_model_alias_name_reserved

        self._client.ask(lambda: _validate_model_alias_name(alias))  # type: ignore[no-untyped-call]
        self._client.ask(lambda: _validate_model_alias_name_reserved(alias))  # type: ignore[no-untyped-call]

    def named(self, name: str) -> RegisteredModel | None:
        """The registered model as it is now. Raises Problem for a prompt, which the registry keeps as one."""
        try:
            found = self._registry.named(name)
        except ModelNotFound:
            return None
        if str(found.tags.get(_IS_PROMPT, "")).lower() == "true":
            raise Problem(f"'{name}' is a prompt, not a model.", "Choose another name.")
        return found

    def alias(self, name: str, alias: str) -> str | None:
        """The version that the alias means now."""
        found = self.named(name)
        number = found.aliases.get(alias) if found else None
        return None if number is None else str(number)

    def version_of(self, name: str, model: LoggedModel) -> ModelVersion | None:
        """The newest version of this name that was made of the logged model."""
        sources = [f"models:/{model.model_id}", str(model.artifact_location)]
        found = [each for each in self._registry.made_of(sources) if each.name == name]
        ours = [each for each in found if model_of_version(each) == model.model_id]
        return max(ours, key=lambda each: int(each.version), default=None)

    def create_name(self, name: str, who: str) -> object:
        return self._client.connection.mlflow.create_registered_model(name, {BY_TAG: who})

    def create_version(self, name: str, model: LoggedModel, description: str | None, who: str) -> object:
        # MLflow's stores would look for `models:/m-…` in the store of the process, which is another.
        source = f"models:/{model.model_id}" if self._client.is_http else str(model.artifact_location)
        return self._client.connection.mlflow.create_model_version(
            name,
            source,
            model.source_run_id or None,
            {BY_TAG: who},
            description=description,
            await_creation_for=0,
            model_id=model.model_id,
        )

    def set_alias(self, name: str, alias: str, version: str) -> None:
        self._client.connection.mlflow.set_registered_model_alias(name, alias, version)

    def remove_alias(self, name: str, alias: str) -> None:
        self._client.connection.mlflow.delete_registered_model_alias(name, alias)
