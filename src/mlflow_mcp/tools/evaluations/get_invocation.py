"""Invocations: what one launch of an evaluation scored, task by task, in whatever experiments its runs are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.ids.invocations import InvocationRuns, find_invocation
from mlflow_mcp.entities.launcher import Job, group_jobs, shared_model
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.text import iso, plural
from mlflow_mcp.tools.arguments import ExperimentId, InvocationId
from mlflow_mcp.tools.evaluations.duplicates import METRICS_SHOWN, duplicate_table
from mlflow_mcp.tools.evaluations.headline import HOW_KNOWN
from mlflow_mcp.tools.evaluations.inspection import MOST_INSPECTED, JobDetails, inspect_jobs
from mlflow_mcp.tools.evaluations.places import list_delivered, places_of, without_logs
from mlflow_mcp.tools.evaluations.remarks import (
    not_exported,
    sample_notes,
)
from mlflow_mcp.tools.evaluations.task_rows import task_table
from mlflow_mcp.tools.evaluations.verify import verify as verify_delivery

Verify = Annotated[bool, Field(description="Instead check that all tasks, scores and files came.")]


class Invocation(Answer):
    """All runs of one invocation: a row per task in `tasks`, of `copies` of its job the latest that finished; the others are
    in `duplicates`."""

    verdict: Annotated[
        str | None, Field(description="With verify: DELIVERED, INCOMPLETE or UNVERIFIED, with counts.")
    ] = None
    invocation_id: str | None
    job_id: str | None = None
    expected: Annotated[str | None, Field(description="Which tasks there had to be, and what says so.")] = None
    problems: Annotated[
        Table | None,
        Field(
            description="absent: in no copy; wrong: there, and empty, not parsable or other than the metric; unreachable: the "
            "store did not answer, nothing is known."
        ),
    ] = None
    right: Annotated[dict[str, str] | None, Field(description="By part, for how many tasks it was read and right.")] = (
        None
    )
    experiments: list[str]
    model: str | None = None
    model_from: str | None = None
    exported: Annotated[str | None, Field(description="When the last of its runs was exported, not evaluated.")] = None
    tasks: Annotated[
        Table | None,
        Field(
            description="`evaluated`: from when to when. `responses`: with repeats and retries, no samples. "
            f"`headline`: {HOW_KNOWN}."
        ),
    ] = None
    duplicates: Annotated[
        Table | None,
        Field(
            description="Other exports of these jobs by number; `scores` has their values where they differ, `has` what only they have."
        ),
    ] = None
    places: Annotated[
        dict[str, str] | None, Field(description="By experiment, what it has that the others have not.")
    ] = None


def get_invocation(
    client: Client, invocation_id: InvocationId, experiment_id: ExperimentId = None, verify: Verify = False
) -> Invocation:
    """Get what an evaluation invocation scored: every task with its run, status, sample count and headline metrics,
    across all experiments, with duplicate exports, re-exports and small trial runs (canaries) marked. The first call for
    any hex id the user does not explain. get_run has all metrics of a task, get_artifact_content its results.yml."""
    found = find_invocation(client, invocation_id, experiment_ids(client, experiment_id), or_job=verify)
    if verify:
        return _verified(client, found, narrowed=experiment_id is not None)
    jobs = group_jobs(found.job_runs or found.runs)
    details = inspect_jobs(client, jobs, counts=True)
    _list_files(client, jobs, details)
    names = client.experiments.names()
    runs = [RunView.of(launched.entity, names) for launched in found.runs]
    places = places_of(jobs, details, names)
    answer = Invocation(
        invocation_id=found.invocation_id,
        experiments=sorted({run.experiment for run in runs}),
        model=shared_model(each.model for each in details.values()),
        model_from=next((each.model_from for each in details.values() if each.model), None),
        exported=iso(max(run.ended for run in runs)),
        tasks=task_table(client, jobs, details, names, told_by_place=places is not None),
        duplicates=duplicate_table(jobs, details, names, told_by_place=places is not None),
        places=places,
    )
    answer.note(*_notes(client, answer, found, jobs, details))
    return answer


def _verified(client: Client, found: InvocationRuns, *, narrowed: bool) -> Invocation:
    delivery, names = verify_delivery(client, found), client.experiments.names()
    answer = Invocation(
        verdict=delivery.verdict,
        invocation_id=found.invocation_id or None,
        job_id=found.job_id,
        expected=delivery.expected,
        problems=delivery.problems,
        right=delivery.right,
        experiments=sorted({RunView.of(run.entity, names).experiment for run in found.runs}),
    )
    if narrowed:
        answer.note("Copies in other experiments were not looked at: what is absent here may be there.")
    answer.note(*delivery.notes)
    return answer


def _list_files(client: Client, jobs: Sequence[Job], details: Mapping[str, JobDetails]) -> None:
    requests = [
        partial(list_delivered, client, copy, details[job.run_id], deep=bool(job.others))
        for job in jobs[:MOST_INSPECTED]
        for copy in job.copies
    ]
    client.parts("Which files these runs have", *requests)
    for of_job in details.values():
        of_job.with_logs.sort()


def _notes(
    client: Client, answer: Invocation, found: InvocationRuns, jobs: Sequence[Job], details: Mapping[str, JobDetails]
) -> list[str]:
    notes = []
    if found.job_id and not found.job_runs:
        notes.append(f"No run has job id {found.job_id}; these are all runs of the invocation.")
    elif len(found.job_runs) < len(found.runs):
        notes.append(
            f"Only job {found.job_id}; get_invocation('{found.invocation_id}') has all {len(found.runs)} runs."
        )
    if len(jobs) > MOST_INSPECTED:
        notes.append(f"Only {MOST_INSPECTED} of its jobs were checked for re-exports, logs and sample limits.")
    if not found.job_id:
        notes += not_exported(client, jobs)
    notes += sample_notes(jobs, list(details.values()))
    notes += without_logs(jobs, details)
    listed = len(answer.duplicates.rows) if answer.duplicates else 0
    if more := sum(len(job.others) for job in jobs) - listed:
        notes.append(
            f"{plural(more, 'further copy', 'further copies')} of these jobs have the scores shown; resolve_id(job id) lists them."
        )
    if any(len(job.canonical.metrics) > METRICS_SHOWN for job in jobs):
        notes.append("`more_metrics` counts those not shown: get_run has them.")
    return notes
