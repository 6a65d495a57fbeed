"""Which model a text means: a logged model, a registered one, one of its versions, or the model of a run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlflow_mcp.client.filters import quoted_value
from mlflow_mcp.client.ids.parse import ModelRef, is_model_prefix, is_run_id, model_ref, run_id_or_name
from mlflow_mcp.client.ids.runs import run_id_of
from mlflow_mcp.client.models import ModelSearch
from mlflow_mcp.entities.model import model_of_version
from mlflow_mcp.errors import ModelNotFound, NotFound, Problem, UnsupportedByServer
from mlflow_mcp.text import iso, plural

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

    from mlflow_mcp.client import Client

_MOST_CANDIDATES = 10


@dataclass(frozen=True)
class FoundModel:
    """What a text stands for: a logged model, a version (with the logged model it was made of, if one is known), or a
    registered model as a whole."""

    ref: ModelRef
    logged: LoggedModel | None = None
    version: ModelVersion | None = None
    registered: RegisteredModel | None = None
    missing: str | None = None  # why the version's logged model is not here, when it names one


def find_model(client: Client, text: str) -> FoundModel:
    """The model that `text` means. Raises ModelNotFound with the nearest names, and Problem for several candidates."""
    ref = model_ref(text)
    if ref.model_id:
        return FoundModel(ref, logged=client.models.logged(ref.model_id))
    if ref.version and not ref.name:
        raise ModelNotFound(f"'{text}' names no model.", f"Write models:/name{ref.version}.")
    if ref.version:
        return _version(client, str(ref.name), ref.version)
    name = str(ref.name)
    if is_run_id(run_id_or_name(text)):
        return _of_run(client, run_id_or_name(text), text)
    if is_model_prefix(name):
        return _logged(model_beginning_with(client, name))
    with suppress(ModelNotFound):
        return FoundModel(ref, registered=client.models.registry.named(name))
    with suppress(UnsupportedByServer):
        if found := logged_called(client, name):
            return _logged(_only(client, name, found, "is the name of"))
    run_id = None
    with suppress(NotFound):
        run_id = run_id_of(client, text)
    if run_id is not None:
        return _of_run(client, run_id, text)
    return FoundModel(ref, registered=client.models.registry.named(name))  # raises, with the nearest names


def model_beginning_with(client: Client, prefix: str) -> LoggedModel:
    """The logged model whose id begins so. Raises ModelNotFound, and Problem for several."""
    return _only(client, prefix, client.models.beginning_with(prefix), "begins the id of")


def logged_called(client: Client, name: str) -> list[LoggedModel]:
    """The logged models of this name, newest first."""
    if "'" in name:  # no filter of logged models can hold it
        return []
    found = client.models.find(ModelSearch(None, f"name = {quoted_value(name)}"), _MOST_CANDIDATES + 1)
    return sorted(found, key=lambda model: -model.creation_timestamp)


def _version(client: Client, name: str, version: str) -> FoundModel:
    found = client.models.registry.version(name, version)
    model_id = model_of_version(found)
    logged, missing = None, None
    if model_id:
        try:
            logged = client.models.logged(model_id)
        except (ModelNotFound, UnsupportedByServer) as problem:
            missing = str(problem)
    registered = client.models.registry.named(name)
    return FoundModel(ModelRef(name=name, version=str(found.version)), logged, found, registered, missing)


def _of_run(client: Client, run_id: str, text: str) -> FoundModel:
    run = client.runs.get(run_id)
    search = ModelSearch([run.info.experiment_id], f"source_run_id = {quoted_value(run_id)}")
    models = client.models.find(search, _MOST_CANDIDATES + 1)
    if not models:
        raise ModelNotFound(f"The run {run_id} made no logged model.", "get_run shows what it has.")
    return _logged(_only(client, text, models, "is the run of"))


def _logged(model: LoggedModel) -> FoundModel:
    return FoundModel(ModelRef(model_id=model.model_id), logged=model)


def _only(client: Client, text: str, models: Sequence[LoggedModel], what: str) -> LoggedModel:
    """The one model. Raises Problem for several, with what tells them apart."""
    if not models:
        raise ModelNotFound(f"No logged model's id begins with '{text}'.", "search_models lists models.")
    if len(models) > 1:
        names = client.experiments.names()
        shown = "; ".join(
            f"{each.model_id} ('{each.name}', experiment '{names.get(each.experiment_id, each.experiment_id)}', "
            f"{iso(each.creation_timestamp)})"
            for each in models[:_MOST_CANDIDATES]
        )
        more = "; and more" if len(models) > _MOST_CANDIDATES else ""
        raise Problem(
            f"'{text}' {what} {plural(len(models), 'logged model') if not more else 'many logged models'}: {shown}{more}.",
            "Call again with one of these ids; search_models shows them with their metrics.",
        )
    return models[0]
