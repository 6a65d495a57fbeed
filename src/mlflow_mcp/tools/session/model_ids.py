"""The logged and registered models that an id stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.genai import is_dataset_id
from mlflow_mcp.client.ids.models import logged_called
from mlflow_mcp.client.ids.parse import is_model_prefix, model_ref
from mlflow_mcp.entities.model import MODEL_ID
from mlflow_mcp.errors import ModelNotFound
from mlflow_mcp.text import iso
from mlflow_mcp.tools.session.id_match import IdMatch

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel


def logged_models_called(client: Client, text: str) -> list[IdMatch]:
    """The logged models of this id, of an id that begins so, or of this name."""
    if text.startswith("tr-") or is_dataset_id(text):  # a server without models is told what it lacks of these
        return []
    if MODEL_ID.fullmatch(text):
        try:
            models = [client.models.logged(text)]
        except ModelNotFound:
            return []
    else:
        models = client.models.beginning_with(text) if is_model_prefix(text) else logged_called(client, text)
    return [_logged_model(client, model, text) for model in models]


def _logged_model(client: Client, model: LoggedModel, text: str) -> IdMatch:
    return IdMatch(
        kind="logged model",
        id=model.model_id,
        name=model.name,
        experiment=client.experiments.name_of(str(model.experiment_id)),
        time=iso(model.creation_timestamp),
        matched="model name" if model.name == text else None,
        next=f"get_model(model='{model.model_id}')",
    )


def registered_models_called(client: Client, text: str) -> list[IdMatch]:
    """The registered model of this name, or the version or alias of one."""
    ref = model_ref(text)
    if not ref.name or not client.models.registry.has(ref.name):
        return []
    if not ref.version:
        return [IdMatch(kind="registered model", id=ref.name, next=f"get_model(model='{ref.name}')")]
    try:
        version = client.models.registry.version(ref.name, ref.version)
    except ModelNotFound:
        if text.startswith(
            "models:/"
        ):  # it can be nothing else, and the sentence says which versions and aliases there are
            raise
        return []
    name = f"models:/{ref.name}/{version.version}"
    return [
        IdMatch(
            kind="model version",
            id=name,
            time=iso(version.creation_timestamp),
            matched=ref.version if ref.version != str(version.version) else None,
            next=f"get_model(model='{name}')",
        )
    ]
