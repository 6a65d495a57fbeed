"""Where a run is, or is to be: its experiment, its key, its parent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.one_experiment import experiment_to_write
from mlflow_mcp.client.ids.targets import target_of
from mlflow_mcp.client.run_log import NewExperiment, runs_of_key
from mlflow_mcp.client.writing import Write, refuse_secret
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import clipped, safe_uri
from mlflow_mcp.tools.writes.outcome import Change, call_of

if TYPE_CHECKING:
    from mlflow.entities import Run


@dataclass(frozen=True)
class Place:
    """`new` is the experiment to be made where `id` is none; `run` the one that the key has already."""

    name: str
    id: str | None
    new: NewExperiment
    run: Run | None = None

    @property
    def experiment_id(self) -> str:
        return self.id or self.new.id


def place_of(client: Client, experiment: str, key: str, *, may_be_new: bool) -> Place:
    """Raises Problem where the experiment is not there, and for a key of several runs or of a deleted one."""
    id_ = experiment_to_write(client, experiment, may_be_new=may_be_new)
    name = experiment.strip()
    if id_ is None:
        refuse_secret(client, name, "", "The name of an experiment")
        return Place(name, None, NewExperiment(client, name))
    place = Place(client.experiments.name_of(id_), id_, NewExperiment(client, name))
    runs = runs_of_key(client, id_, key)
    if len(runs) > 1:
        raise Problem(
            f"{len(runs)} runs of experiment '{place.name}' have the key '{clipped(key)}': {', '.join(str(run.info.run_id) for run in runs)}.",
            "Compare them and ask the user which is to be deleted, or use another key.",
        )
    if not runs and (deleted := runs_of_key(client, id_, key, deleted=True)):
        run_id = deleted[0].info.run_id
        raise Problem(
            f"The run with the key '{clipped(key)}' is deleted: {run_id} in experiment '{place.name}'.",
            f"{_way_back(client, str(run_id))} brings it back; for a new run use another key.",
        )
    return Place(place.name, id_, place.new, runs[0] if runs else None)


def _way_back(client: Client, run_id: str) -> str:
    if "delete" in client.settings.allow_write:
        return call_of("restore", {"targets": [run_id]})
    return f"`mlflow runs restore --run-id {run_id}`"


def parent_in(client: Client, place: Place, text: str | None) -> str | None:
    """The parent's run id. Raises Problem for what cannot be the parent of a run there."""
    if text is None or not text.strip():
        return None
    on = target_of(client, text)
    if on.kind != "run":
        raise Problem(f"'{clipped(text)}' is a {on.kind}, not a run.", "Give the id of the parent run.")
    parent = client.runs.get(on.id)
    if place.run is not None and place.run.info.run_id == on.id:
        raise Problem(f"{on} cannot be its own parent: it has the key itself.", "Give another parent or key.")
    if str(parent.info.experiment_id) != place.id:
        raise Problem(
            f"The parent {on} is in experiment {parent.info.experiment_id}, not in '{place.name}': MLflow shows no run below one of another experiment.",
            f"Give experiment_id='{parent.info.experiment_id}', or leave parent_run_id out.",
        )
    return on.id


def experiment_change(client: Client, place: Place) -> Change:
    step = Write(f"experiment '{clipped(place.name)}' made", place.new.make, place.new.is_made)
    return Change("experiment", None, f"new on {safe_uri(client.uri)}: '{clipped(place.name)}'", step)
