"""Which runs a job id means: the copies of that job, never its whole invocation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlflow_mcp.client.ids.deleted import only_deleted
from mlflow_mcp.client.ids.invocations import InvocationRuns, one_invocation
from mlflow_mcp.client.ids.matches import RUN_WAYS, Match, distinct_runs
from mlflow_mcp.client.ids.parse import job_id
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.errors import NotFound

if TYPE_CHECKING:
    from mlflow_mcp.client import Client

_MOST_NAMED = 20


def of_one_job(text: str, matches: Sequence[Match]) -> list[Match]:
    """The matches by job id, those of one job alone. An id as it was written comes before longer ones that it begins.

    Raises Problem with the candidates when the beginning of an invocation id fits several.
    """
    asked = job_id(text)
    matches = [match for match in matches if match.way == "job id"]
    if asked is None or not matches:
        return matches
    exact = [match for match in matches if match.run.data.tags.get("job_id") == text]
    if exact:
        return exact
    _, meant = one_invocation(text, asked.invocation_id, distinct_runs(matches))
    ids = {run.run_id for run in meant}
    return [match for match in matches if match.run.info.run_id in ids]


def runs_without_tag(client: Client, text: str, found: InvocationRuns) -> list[LauncherRun]:
    """The runs of a job whose id no run has as a tag: those that name it by a param, else those of its invocation that name no
    job, as old exports of a whole invocation do.

    Raises NotFound, which names the jobs that there are.
    """
    runs = found.job_runs or [run for run in found.runs if run.job_id is None]
    if runs:
        return runs
    if deleted := only_deleted(client, text, RUN_WAYS):
        raise deleted
    raise _unknown_job(str(found.job_id), found.runs)


def _unknown_job(job_id: str, runs: Sequence[LauncherRun]) -> NotFound:
    exported = {run.task_number: run.task for run in runs if run.task_number}
    planned = {number: task for run in runs for number, task in run.planned_tasks.items()}
    whole_id, _, number = job_id.rpartition(".")
    numbers = sorted(exported, key=lambda each: int(each) if each.isdigit() else -1)
    jobs = [f".{each} ({exported[each]})" for each in numbers]
    unexported = f", which is '{planned[number]}' in its config" if number in planned else ""
    return NotFound(
        f"No run of invocation '{whole_id}' is its job '.{number}'{unexported}.",
        f"Its jobs are {', '.join(jobs[:_MOST_NAMED])}.",
    )
