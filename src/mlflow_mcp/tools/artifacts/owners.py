"""Whose artifacts are meant: a run's, a logged model's or a model version's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.locate import is_model
from mlflow_mcp.client.ids.runs import run_id_of, runs_of
from mlflow_mcp.entities.launcher import LauncherRun
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


class Owner(NamedTuple):
    """Whose artifacts are meant: the id of a run or model, and a name for people."""

    id: str
    name: str


def owner_of(client: Client, id: str) -> str:
    """What the artifacts belong to: the full id of one run, or a logged model or model version as given."""
    return id.strip() if is_model(id.strip()) else run_id_of(client, id)


def owners_of(client: Client, ids: Sequence[str]) -> list[Owner]:
    """The models, then the runs that the ids mean, all runs of an invocation among them; each run once."""
    models = [text.strip() for text in ids if is_model(text.strip())]
    runs = [LauncherRun.of(run) for run in runs_of(client, [text for text in ids if not is_model(text.strip())])]
    names = [run.task or run.name or "run" for run in runs]
    return [Owner(model, model) for model in models] + [
        Owner(run.run_id, name if names.count(name) == 1 else f"{name} {run.run_id[:8]}")
        for run, name in zip(runs, names)
    ]
