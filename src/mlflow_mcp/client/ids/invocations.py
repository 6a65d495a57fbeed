"""Which invocation an id means, and its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlflow_mcp.client.ids.candidates import scores_of
from mlflow_mcp.client.ids.deleted import only_deleted
from mlflow_mcp.client.ids.matches import INVOCATION_WAYS, distinct_runs, find_matches
from mlflow_mcp.client.ids.parse import job_id, plain_id, refuse_too_short
from mlflow_mcp.entities.launcher import LauncherRun, group_invocations, group_jobs, shared_model
from mlflow_mcp.entities.run import ended
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import clipped, every, iso, plural, quoted

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client import Client

_MOST_CANDIDATES = 10
_SCORES_SHOWN = 4


@dataclass(frozen=True)
class InvocationRuns:
    """All runs of one invocation, in any experiment."""

    invocation_id: str
    job_id: str | None  # the job that was asked for, when a job id was given
    runs: list[LauncherRun]

    @property
    def job_runs(self) -> list[LauncherRun]:
        """The runs of the job that was asked for: none when it was never exported, all when no job was asked for."""
        return [run for run in self.runs if self.job_id in (None, run.job_id)]


def find_invocation(
    client: Client, id: str, experiment_ids: list[str] | None = None, *, or_job: bool = False
) -> InvocationRuns:
    """The invocation called so by its id, a prefix of it, or a job id: its runs by tag and by param.
    In these experiments, or in all active ones when None. With `or_job` also the runs of a job without an invocation, as newer
    launchers export them: their invocation id is empty.

    The number of requests does not depend on the number of experiments (below a thousand).
    Raises NotFound when there is none and Problem when a prefix fits several.
    """
    text = plain_id(id)
    job = job_id(text)
    invocation_id = job.invocation_id if job else text

    def search(ids: list[str]) -> list[Run]:
        return distinct_runs(find_matches(client, ids, invocation_id, INVOCATION_WAYS))

    runs = client.experiments.search_in(experiment_ids, search)
    if not runs and or_job:
        runs = client.experiments.search_in(experiment_ids, lambda ids: _runs_of_job(client, ids, text))
        if runs:
            return InvocationRuns("", text, [LauncherRun.of(run) for run in runs])
    if not runs:
        raise _unknown_invocation(client, text, experiment_ids)
    whole_id, of_invocation = one_invocation(text, invocation_id, runs)
    return InvocationRuns(whole_id, f"{whole_id}.{job.number}" if job else None, of_invocation)


def _runs_of_job(client: Client, experiment_ids: list[str], job_id: str) -> list[Run]:
    return distinct_runs(find_matches(client, experiment_ids, job_id, ["job id"]))


def one_invocation(text: str, invocation_id: str, runs: Sequence[Run]) -> tuple[str, list[LauncherRun]]:
    """The id of the one invocation that these runs belong to, and its runs.

    Raises Problem with the candidates when `invocation_id`, a part of `text`, begins several.
    """
    by_id = group_invocations(runs)
    if invocation_id in by_id:  # an old 8-digit id may begin a longer one
        return invocation_id, by_id[invocation_id]
    if len(by_id) == 1:
        return next(iter(by_id.items()))
    shown = "; ".join(f"{key} ({_told(part)})" for key, part in sorted(by_id.items())[:_MOST_CANDIDATES])
    raise Problem(f"'{text}' begins {len(by_id)} invocation ids: {shown}.", "Call again with one of them in full.")


def _told(runs: Sequence[LauncherRun]) -> str:
    """What tells an invocation from another without reading its files: runs, model, scores, the day of its last export."""
    model = shared_model(run.model for run in runs)
    jobs = group_jobs(runs)
    unfinished = sum(job.canonical.status != "FINISHED" for job in jobs)
    scores = [score for job in jobs for score in scores_of(job.canonical.metrics, 1)]
    more = [f"{len(scores) - _SCORES_SHOWN} more"] if len(scores) > _SCORES_SHOWN else []
    day = (iso(max(ended(run.entity) for run in runs)) or "")[:10]
    parts = [
        plural(len(runs), "run"),
        clipped(model or ""),
        f"{unfinished} not FINISHED" if unfinished else "",
        f"exported {day}",
    ]
    scored = f"scores {', '.join([*scores[:_SCORES_SHOWN], *more])}" if scores else "no scores"
    return ", ".join([*filter(None, parts), scored])


def _unknown_invocation(client: Client, text: str, experiment_ids: list[str] | None) -> NotFound:
    if experiment_ids is not None:
        where = quoted(client.experiments.name_of(each) for each in experiment_ids[:5])
        return NotFound(
            f"No run of invocation '{text}' in experiment {where}.",
            "Leave experiment_id out to look in all of them.",
        )
    if client.experiments.search_all(lambda ids: find_matches(client, ids, text, ["job id"])):
        return NotFound(
            f"'{text}' is the job id of a run without an invocation.",
            f"get_run(run_id='{text}') reads it, get_invocation with verify=true checks its files.",
        )
    count = len(client.experiments.names())
    refuse_too_short(text)
    if deleted := only_deleted(client, text, INVOCATION_WAYS):
        return deleted
    return NotFound(
        f"No run in {every(count, 'experiment', 'any of the')} has '{text}' as invocation id, by tag or by param.",
        "Only finished evaluations are exported to MLflow: pending, running and killed ones never arrive. "
        "resolve_id tells whether it is another kind of id.",
    )
