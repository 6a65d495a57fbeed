"""The notes and tags of whatever in MLflow has them: read, set, removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlflow_mcp.client.experiments import NOTE_TAG
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import short

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from mlflow_mcp.client import Client

Kind = Literal["run", "experiment", "logged model", "registered model", "model version", "trace"]
# Characters that MLflow keeps of a tag's value and of a note. The registry has a field of its own for notes, of 5,000 in
# the databases that hold to it.
_LONGEST_VALUE: Mapping[Kind, int] = {
    "run": 8_000, "experiment": 20_000, "logged model": 8_000, "trace": 8_000,
    "registered model": 100_000, "model version": 100_000,
}  # fmt: skip
_LONGEST_DESCRIPTION = 5_000
LONGEST_NAME = 250
# MLflow's own tags say what made a thing and what belongs to it; ours, who wrote.
RESERVED_TAGS = ("mlflow.", "mlflow_mcp.")


@dataclass(frozen=True)
class Target:
    """One thing of MLflow's. Of a version `id` is the registered model's name."""

    kind: Kind
    id: str
    name: str = ""
    version: str = ""

    def __str__(self) -> str:
        if self.kind == "model version":
            return f"version {self.version} of model '{self.id}'"
        # A stranger's name can be long, and its lines could pass for lines of a question.
        return (
            f"{self.kind} '{short(self.name, 80)}' ({self.id})"
            if self.name and self.name != self.id
            else f"{self.kind} {self.id}"
        )

    @property
    def ref(self) -> str:
        """What names it, and nothing else, in a call."""
        if self.kind == "model version":
            return f"models:/{self.id}/{self.version}"
        return f"models:/{self.id}" if self.kind == "registered model" else self.id

    @property
    def has_description(self) -> bool:
        return self.kind in ("registered model", "model version")

    @property
    def longest_value(self) -> int:
        return _LONGEST_VALUE[self.kind]

    @property
    def longest_note(self) -> int:
        return _LONGEST_DESCRIPTION if self.has_description else self.longest_value


@dataclass(frozen=True)
class State:
    """What is written at something now; the note is not among the tags."""

    note: str
    tags: dict[str, str]


Setter = Callable[["MlflowClient", Target, str, str], Any]
Remover = Callable[["MlflowClient", Target, str], Any]
_SET: Mapping[Kind, Setter] = {
    "run": lambda mlflow, on, key, value: mlflow.set_tag(on.id, key, value),
    "experiment": lambda mlflow, on, key, value: mlflow.set_experiment_tag(on.id, key, value),
    "logged model": lambda mlflow, on, key, value: mlflow.set_logged_model_tags(on.id, {key: value}),
    "registered model": lambda mlflow, on, key, value: mlflow.set_registered_model_tag(on.id, key, value),
    "model version": lambda mlflow, on, key, value: mlflow.set_model_version_tag(on.id, on.version, key, value),
    "trace": lambda mlflow, on, key, value: mlflow.set_trace_tag(on.id, key, value),
}
_REMOVE: Mapping[Kind, Remover] = {
    "run": lambda mlflow, on, key: mlflow.delete_tag(on.id, key),
    "experiment": lambda mlflow, on, key: mlflow.delete_experiment_tag(on.id, key),
    "logged model": lambda mlflow, on, key: mlflow.delete_logged_model_tag(on.id, key),
    "registered model": lambda mlflow, on, key: mlflow.delete_registered_model_tag(on.id, key),
    "model version": lambda mlflow, on, key: mlflow.delete_model_version_tag(on.id, on.version, key),
    "trace": lambda mlflow, on, key: mlflow.delete_trace_tag(on.id, key),
}


def check_name(client: Client, name: str, kind: Literal["tag", "param", "metric"] = "tag") -> None:
    """Raises Problem for what can be no name of a tag (a param, a metric), in MLflow's words."""
    if len(name) > LONGEST_NAME:
        raise Problem(
            f"A {kind}'s name may have {LONGEST_NAME} characters; '{name[:40]}…' has {len(name)}.", "Shorten it."
        )
    from mlflow.utils.validation import _validate_tag_name

    client.ask(lambda: _validate_tag_name(name, f"{kind} name"))  # type: ignore[no-untyped-call]  # it checks all three alike


class Marks:
    """The note and the tags of one target. What changes something is for `client.writing.write`."""

    def __init__(self, client: Client, target: Target) -> None:
        self._client, self._target = client, target

    def read(self) -> State:
        found, description = self._read()
        tags = {str(key): str(value) for key, value in found.items() if key != NOTE_TAG}
        return State((description if self._target.has_description else found.get(NOTE_TAG)) or "", tags)

    def _read(self) -> tuple[Mapping[str, str], str | None]:
        client, on = self._client, self._target
        if on.kind == "run":
            return client.runs.get(on.id).data.tags, None
        if on.kind == "experiment":
            return client.experiments.get(on.id).tags, None
        if on.kind == "logged model":
            return client.models.logged(on.id).tags or {}, None
        if on.kind == "trace":
            return client.traces.info(on.id).tags, None
        if on.kind == "registered model":
            model = client.models.registry.named(on.id)
            return model.tags, model.description
        version = client.models.registry.version(on.id, on.version)
        return version.tags, version.description

    def set_tag(self, name: str, value: str) -> None:
        _SET[self._target.kind](self._client.connection.mlflow, self._target, name, value)

    def remove_tag(self, name: str) -> None:
        _REMOVE[self._target.kind](self._client.connection.mlflow, self._target, name)

    def set_note(self, note: str) -> None:
        on, mlflow = self._target, self._client.connection.mlflow
        if on.kind == "registered model":
            mlflow.update_registered_model(on.id, note)
        elif on.kind == "model version":
            mlflow.update_model_version(on.id, on.version, note)
        else:
            self.set_tag(NOTE_TAG, note)
