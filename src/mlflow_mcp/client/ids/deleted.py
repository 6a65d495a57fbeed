"""What an id stands for among deleted runs and experiments. Looked for only where nothing active is called so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mlflow_mcp.client.ids.candidates import what_it_is
from mlflow_mcp.client.ids.matches import Match, Way, find_matches
from mlflow_mcp.errors import NotFound
from mlflow_mcp.text import iso

if TYPE_CHECKING:
    from mlflow.entities import Experiment

    from mlflow_mcp.client import Client


@dataclass(frozen=True)
class DeletedRun:
    """A deleted run, what the id is to it, and the experiment that was deleted with it, if one was."""

    match: Match
    experiment: Experiment | None

    @property
    def way_back(self) -> str:
        """How it comes back; MLflow tells the time of a deletion for experiments only."""
        if self.experiment is None:
            return f"`mlflow runs restore --run-id {self.match.run.info.run_id}` brings it back"
        return f"its experiment '{self.experiment.name}' was {deleted_state(self.experiment)}"


def restore_command(experiment: Experiment) -> str:
    return f"mlflow experiments restore --experiment-id {experiment.experiment_id}"


def deleted_state(experiment: Experiment) -> str:
    """When it was deleted and how it comes back."""
    return f"deleted {iso(experiment.last_update_time)}: `{restore_command(experiment)}` brings it back with its runs"


def deleted_runs(client: Client, text: str, ways: Sequence[Way]) -> list[DeletedRun]:
    """The deleted runs that `text` names in any of these ways, each once, and those in deleted experiments."""
    gone = {str(each.experiment_id): each for each in client.experiments.all_deleted()}
    searches = [(list(client.experiments.names()), True)]
    searches += [(list(gone), True), (list(gone), False)] if gone else []
    found = client.run_concurrently(
        *(partial(find_matches, client, ids, text, ways, deleted=deleted) for ids, deleted in searches)
    )
    by_run = {match.run.info.run_id: match for matches in reversed(found) for match in reversed(matches)}
    return [DeletedRun(match, gone.get(str(match.run.info.experiment_id))) for match in list(by_run.values())[::-1]]


def _in_experiment(run: DeletedRun) -> str:
    """Runs of a deleted experiment are found where it is named."""
    return f"experiment_id='{run.experiment.experiment_id}', " if run.experiment else ""


def only_deleted(client: Client, text: str, ways: Sequence[Way]) -> NotFound | None:
    """The error that says that what `text` names was deleted, and how it comes back; None where nothing deleted is
    called so."""
    found = deleted_runs(client, text, ways)
    if not found:
        return None
    names = client.experiments.names() | {
        str(each.experiment.experiment_id): str(each.experiment.name) for each in found if each.experiment
    }
    first = found[0]
    return NotFound(
        f"{what_it_is(text, [each.match for each in found], names, 'deleted run')}.",
        f"get_run(run_id='{first.match.run.info.run_id}') reads it, query_runs({_in_experiment(first)}deleted=true) lists such runs; "
        f"{first.way_back}.",
    )
