"""Deleting and restoring: what would go with a thing, who refers to it, and the requests."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from mlflow_mcp.client.filters import equals, quoted_value
from mlflow_mcp.client.marks import Target
from mlflow_mcp.entities.run import PARENT_TAG
from mlflow_mcp.errors import NotFound, Problem, UnsupportedByServer
from mlflow_mcp.text import listed, plural

if TYPE_CHECKING:
    from mlflow_mcp.client import Client

_MOST_COUNTED = 1_000
State = Literal["active", "deleted", "gone"]
# MLflow keeps what it deletes of these, and can give it back.
RESTORABLE = ("run", "experiment")
REMOVABLE = ("run", "experiment", "model version", "trace")


def state_of(client: Client, on: Target) -> State:
    """Whether it is there now; what cannot be restored is gone once it is deleted."""
    try:
        if on.kind == "run":
            return "deleted" if client.runs.get(on.id).info.lifecycle_stage == "deleted" else "active"
        if on.kind == "experiment":
            return "deleted" if client.experiments.get(on.id).lifecycle_stage == "deleted" else "active"
        if on.kind == "model version":
            client.models.registry.version(on.id, on.version)
        else:
            client.traces.info(on.id)
    except NotFound:
        return "gone"
    return "active"


def goes_with(client: Client, on: Target, files: str | None = None) -> list[str]:
    """What is lost or broken when it is deleted, a phrase each. `files` are those of a run, "" for none; None: not counted."""
    if on.kind == "run":
        return _of_run(client, on, files)
    describe_of = {"experiment": _of_experiment, "model version": _of_version, "trace": _of_trace}
    return describe_of[on.kind](client, on)


def comes_with(client: Client, on: Target) -> str:
    """What is restored with it. Raises Problem for a run whose experiment is deleted."""
    if on.kind == "experiment":
        return f"with its {_counted(client, on.id, deleted=True)}, also those that were deleted before it"
    experiment = client.experiments.get(client.runs.get(on.id).info.experiment_id)
    if experiment.lifecycle_stage == "deleted":
        raise Problem(
            f"The experiment '{experiment.name}' of {on} is deleted, too.",
            f"Restore it first: restore(targets=['{experiment.experiment_id}']) brings back all its runs.",
        )
    return f"in experiment '{experiment.name}'"


def delete(client: Client, on: Target) -> None:
    mlflow = client.connection.mlflow
    if on.kind == "run":
        mlflow.delete_run(on.id)
    elif on.kind == "experiment":
        mlflow.delete_experiment(on.id)
        client.connection.experiments = None  # the list that is kept holds it
    elif on.kind == "model version":
        mlflow.delete_model_version(on.id, on.version)
    else:
        mlflow.delete_traces(str(client.traces.info(on.id).experiment_id), trace_ids=[on.id])


def restore(client: Client, on: Target) -> None:
    mlflow = client.connection.mlflow
    if on.kind == "run":
        mlflow.restore_run(on.id)
    else:
        mlflow.restore_experiment(on.id)
        client.connection.experiments = None


def _of_run(client: Client, on: Target, files: str | None) -> list[str]:
    run = client.runs.get(on.id)
    experiment = [str(run.info.experiment_id)]
    children, _ = client.runs.search(experiment, equals("tags", PARENT_TAG, on.id), max_results=_MOST_COUNTED)
    values = f"{plural(len(run.data.metrics), 'metric')}, {plural(len(run.data.params), 'param')}"
    kept = "its files, which could not be counted" if files is None else files
    sentences = [f"{values}; kept until MLflow's gc: {kept}" if kept else f"{values}, no files"]
    if children:
        sentences.append(f"{plural(len(children), 'child run')} would stay without a parent")
    versions: list[str] = []
    try:
        found = client.ask(
            partial(client.connection.mlflow.search_model_versions, f"run_id = {quoted_value(on.id)}", max_results=100)
        )
        versions = [f"{each.name} version {each.version}" for each in found]
    except UnsupportedByServer:
        pass
    return [*sentences, f"it is the source run of {listed(versions)}"] if versions else sentences


def _of_experiment(client: Client, on: Target) -> list[str]:
    return [f"its {_counted(client, on.id, deleted=False)} would be deleted with it"]


def _of_version(client: Client, on: Target) -> list[str]:
    aliases = client.models.registry.named(on.id).aliases
    meant = [f"@{alias}" for alias, version in aliases.items() if str(version) == on.version]
    sentences = ["it cannot be restored, only registered anew under another number"]
    return (
        [f"the {'alias' if len(meant) == 1 else 'aliases'} {listed(meant)} would be gone", *sentences]
        if meant
        else sentences
    )


def _of_trace(client: Client, on: Target) -> list[str]:
    info = client.traces.info(on.id)
    return [f"its spans and {plural(len(info.assessments), 'assessment')} cannot be restored"]


def _counted(client: Client, experiment_id: str, *, deleted: bool) -> str:
    runs, more = client.runs.search([experiment_id], max_results=_MOST_COUNTED, deleted=deleted)
    words = "deleted run" if deleted else "run"
    return f"more than {_MOST_COUNTED:,} {words}s" if more else plural(len(runs), words)
