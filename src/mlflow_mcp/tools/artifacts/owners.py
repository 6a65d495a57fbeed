"""Whose artifacts are meant: a run's, a logged model's or a model version's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.locate import is_model
from mlflow_mcp.client.ids import run_id_of, runs_of
from mlflow_mcp.entities.launcher import task_of
from mlflow_mcp.tools.arguments import as_text

ArtifactOwner = Annotated[
    str,
    BeforeValidator(as_text),
    Field(
        min_length=1,
        description="Run id, prefix, name or job id; or a model: 'm-…', 'models:/name/3', 'models:/name@alias'.",
    ),
]


ArtifactOwners = Annotated[
    str | list[str],
    BeforeValidator(as_text),
    Field(description="Run id, prefix, name or job id, or a list of them; or a model: 'm-…', 'models:/name@alias'."),
]


def owner_of(client: Client, given: str) -> str:
    """What the artifacts belong to: the full id of a run, or a logged model or model version as given."""
    return given.strip() if is_model(given.strip()) else run_id_of(client, given)


def owners_of(client: Client, given: Sequence[str]) -> list[tuple[str, str]]:
    """(owner of artifacts, name for people) of each run, model, or run of an invocation."""
    models = [(text.strip(), text.strip()) for text in given if is_model(text.strip())]
    runs = runs_of(client, [text for text in given if not is_model(text.strip())])
    names = [task_of(run) or run.info.run_name or "run" for run in runs]
    named = [
        (run.info.run_id, name if names.count(name) == 1 else f"{name} {run.info.run_id[:8]}")
        for run, name in zip(runs, names)
    ]
    return models + named
