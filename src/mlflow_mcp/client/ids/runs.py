"""Which runs an id means: a run id or its prefix, a name, a job id, an invocation id, MLflow's URL of a run, or a model,
which stands for its source run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mlflow_mcp.answers.located import ids_located
from mlflow_mcp.client.ids.candidates import ambiguous
from mlflow_mcp.client.ids.deleted import only_deleted
from mlflow_mcp.client.ids.invocations import find_invocation, one_invocation
from mlflow_mcp.client.ids.jobs import of_one_job, runs_without_tag
from mlflow_mcp.client.ids.matches import INVOCATION_WAYS, RUN_WAYS, Match, distinct_runs, find_matches
from mlflow_mcp.client.ids.near_names import near_run_names
from mlflow_mcp.client.ids.parse import is_model, is_run_id, model_ref, refuse_too_short, run_id_or_name
from mlflow_mcp.entities.launcher import Job, LauncherRun, group_jobs
from mlflow_mcp.entities.on_server import run_on
from mlflow_mcp.errors import NotFound

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client import Client


@dataclass(frozen=True)
class IdRuns:
    """The runs that an id stands for: one, all copies of a job, or all runs of an invocation."""

    id: str  # as the caller wrote it
    runs: list[Run]  # of a job and of an invocation: every copy
    is_job: bool = False

    @property
    def jobs(self) -> list[Job]:
        """The runs as jobs: of a job that was exported several times, one copy is canonical."""
        return group_jobs(LauncherRun.of(run) for run in self.runs)


def run_id_of(client: Client, id: str) -> str:
    """The id of the one run that `id` means. A full run id is taken as it is, without a request.

    Raises NotFound when nothing is called that, and Problem with the candidates when several runs are.
    """
    there, own = client.at(id)
    with ids_located(there.prefix):
        return there.prefix + _run_id_of(there, own)


def _run_id_of(client: Client, id: str) -> str:
    if is_model(id):
        return client.models.source_run(model_ref(id))
    text = run_id_or_name(id)
    if is_run_id(text):
        return text
    matches = _matches(client, text)
    if not matches:
        matches = [Match("job id", run) for run in _runs_by_param(client, text)]
    if matches[0].way == "job id" and len(jobs := group_jobs(LauncherRun.of(match.run) for match in matches)) == 1:
        return jobs[0].run_id
    if len(matches) > 1:
        raise ambiguous(text, matches, client.experiments.names())
    return str(matches[0].run.info.run_id)


def groups_of(client: Client, ids: Sequence[str]) -> list[IdRuns]:
    """What each id stands for, in the order given, each id once, all read at the same time.

    Raises NotFound for an id that nothing has, and Problem for one that could be several.
    """
    found = client.run_concurrently(*(partial(_runs_called, client, id) for id in dict.fromkeys(ids)))
    return [IdRuns(id, *each) for id, each in zip(dict.fromkeys(ids), found)]


def runs_of(client: Client, ids: Sequence[str]) -> list[Run]:
    """The runs that ids, names and invocation ids stand for, each once, in the order given; of a job the canonical copy."""
    groups = groups_of(client, ids)
    chosen = [run for group in groups for run in ([group.jobs[0].canonical.entity] if group.is_job else group.runs)]
    return list({run.info.run_id: run for run in chosen}.values())


def _runs_called(client: Client, id: str) -> tuple[list[Run], bool]:
    """The runs, and whether they are the copies of a job."""
    there, own = client.at(id)
    with ids_located(there.prefix):
        runs, is_job = _runs_called_there(there, own)
    return [run_on(run, there.prefix) for run in runs], is_job


def _runs_called_there(client: Client, id: str) -> tuple[list[Run], bool]:
    text = client.models.source_run(model_ref(id)) if is_model(id) else run_id_or_name(id)
    if is_run_id(text):
        return [client.runs.get(text)], False
    matches = _matches(client, text)
    if not matches:
        return _runs_by_param(client, text), False
    runs = distinct_runs(matches)
    if matches[0].way in INVOCATION_WAYS:
        return [launched.entity for launched in one_invocation(text, text, runs)[1]], False
    if matches[0].way == "job id":
        return runs, True
    if len(runs) > 1:
        raise ambiguous(text, matches, client.experiments.names())
    return runs, False


def _matches(client: Client, text: str) -> list[Match]:
    """The runs that `text` names: as an invocation id, else as the beginning of a run id, a job id or a name.

    Raises Problem where it names runs in two ways and is not a whole invocation id: digits that begin an id can be a name.
    """
    every_way = (*INVOCATION_WAYS, *RUN_WAYS)
    matches = client.experiments.search_all(lambda ids: find_matches(client, ids, text, every_way))
    by_tag_or_param = {match.run.info.run_id: match for match in reversed(matches) if match.way in INVOCATION_WAYS}
    of_invocation = list(by_tag_or_param.values())[::-1]
    if any(_is_invocation(match.run, text) for match in of_invocation):
        return of_invocation
    of_job = of_one_job(text, matches)
    matches = [match for match in matches if match.way != "job id" or match in of_job]
    meant = of_invocation or [match for match in matches if match.way == matches[0].way]
    ids = {match.run.info.run_id for match in meant}
    if others := [match for match in matches if match.run.info.run_id not in ids]:
        first = {LauncherRun.of(match.run).invocation_id: match for match in of_invocation}
        raise ambiguous(text, [*(first.values() or meant), *others], client.experiments.names())
    return meant


def _is_invocation(run: Run, text: str) -> bool:
    return LauncherRun.of(run).invocation_id == text


def _runs_by_param(client: Client, text: str) -> list[Run]:
    """The runs of an invocation or of a job that only its params tell."""
    try:
        found = find_invocation(client, text)
    except NotFound:
        raise _unknown_run(client, text) from None
    runs = runs_without_tag(client, text, found) if found.job_id else found.runs
    return [launched.entity for launched in runs]


def _unknown_run(client: Client, text: str) -> NotFound:
    refuse_too_short(text)
    if deleted := only_deleted(client, text, RUN_WAYS):
        return deleted
    return NotFound(
        f"No run, active or deleted, has the id, name or job id '{text}'.",
        f"{near_run_names(client, text)} resolve_id looks for it everywhere, query_runs lists runs.".strip(),
    )
