"""Invocations: what one launch of an evaluation scored, task by task, in whatever experiments its runs are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.ids.invocations import InvocationRuns, find_invocation
from mlflow_mcp.entities.launcher import Job, group_jobs, metrics_by_task, shared_model
from mlflow_mcp.entities.metrics import headline
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.entities.samples import Samples
from mlflow_mcp.text import iso, plural
from mlflow_mcp.tools.arguments import ExperimentId, InvocationId
from mlflow_mcp.tools.evaluations.duplicates import METRICS_SHOWN, duplicate_table
from mlflow_mcp.tools.evaluations.headline import HOW_KNOWN, headline_of
from mlflow_mcp.tools.evaluations.inspection import MOST_INSPECTED, JobDetails, inspect_jobs
from mlflow_mcp.tools.evaluations.places import list_delivered, places_of, without_logs
from mlflow_mcp.tools.evaluations.remarks import (
    evidence_of,
    may_repeat,
    not_exported,
    not_numbers,
    of_trial,
    remarks_on,
    sample_notes,
    without_unclear_count,
)
from mlflow_mcp.tools.evaluations.verify import verify as verify_delivery

Verify = Annotated[bool, Field(description="Instead check that all tasks, scores and files came.")]

_TASK_COLUMNS = (
    *(
        "task",
        "harness",
        "run_id",
        "job_id",
        "experiment",
        "status",
        "evaluated",
        "param timestamp",
        "samples",
        "repeats",
    ),
    *("evidence", "responses", "metrics", "headline", "more_metrics", "copies", "remarks"),
)


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
        exported=iso(max(run.ended for run in runs)),
        tasks=_task_table(client, jobs, details, names, told_by_place=places is not None),
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


@dataclass(frozen=True)
class _Context:
    """What the rows of the tasks share."""

    jobs: Sequence[Job]
    experiments: Mapping[str, str]  # names by id
    primary: Mapping[str, str]  # primary metrics by experiment id
    told_by_place: bool


def _task_table(
    client: Client,
    jobs: Sequence[Job],
    details: Mapping[str, JobDetails],
    names: Mapping[str, str],
    *,
    told_by_place: bool,
) -> Table:
    ids = {str(job.canonical.entity.info.experiment_id) for job in jobs}
    primary = {id_: each.name for id_, each in client.experiments.primary_metrics(sorted(ids)).items()}
    context = _Context(jobs, names, primary, told_by_place)
    rows = [row for job in jobs for row in _task_rows(context, job, details[job.run_id])]
    rows.sort(key=lambda row: (str(row[0]), str(row[3])))
    return Table.of(_TASK_COLUMNS, rows, keep=("task", "run_id", "metrics"))


def _task_rows(context: _Context, job: Job, details: JobDetails) -> list[list[Any]]:
    """A row for the job's task; of an old run that holds a whole invocation, one for each task that its folders name."""
    metrics = job.canonical.metrics
    remarks = remarks_on(job, details, told_by_place=context.told_by_place)
    if job.canonical.task is not None or len(details.folders) < 2:
        task = job.canonical.task or _task_in_folders(details.folders)
        return [_row(context, job, task, metrics, details, remarks)]
    tasks = {folder.partition(".")[2]: details.of_folder.get(folder, Samples()) for folder in details.folders}
    by_task = metrics_by_task(metrics, list(tasks))
    remarks.append(f"old export, {len(tasks)} tasks in one run")
    rows = []
    for task, samples in tasks.items():
        of_task = [*of_trial(samples), *remarks, *may_repeat(task, by_task[task], context.jobs)]
        own = replace(details, samples=samples, folders=[each for each in details.folders if each.endswith(f".{task}")])
        rows.append(_row(context, job, task, by_task[task], own, of_task))
    if by_task[""]:
        unnamed = replace(details, samples=Samples())
        rows.append(_row(context, job, "(not told which task)", by_task[""], unnamed, remarks))
    return rows


def _row(
    context: _Context, job: Job, task: str, metrics: Mapping[str, float], details: JobDetails, remarks: Sequence[str]
) -> list[Any]:
    run, samples, shown = (
        RunView.of(job.canonical.entity, context.experiments),
        without_unclear_count(details.samples),
        headline(metrics, METRICS_SHOWN),
    )
    repeats = samples.repeats.value if samples.repeats else 1
    return [
        task,
        job.harness or _harness_in(details.folders),
        run.run_id,
        job.canonical.job_id,
        run.experiment,
        run.status,
        details.statistics.evaluated,
        job.canonical.timestamp if details.statistics.evaluated is None else None,
        samples.number,
        int(repeats) if repeats > 1 else None,
        evidence_of(samples),
        details.statistics.responses,
        shown,
        headline_of(metrics, context.primary.get(run.experiment_id)) if len(shown) > 1 else None,
        len(metrics) - len(shown) or None,
        len(job.copies) if job.others else None,
        "; ".join([*remarks, *not_numbers(metrics)]) or None,
    ]


def _harness_in(folders: Sequence[str]) -> str | None:
    """The harness of a run that names none, or of one of its tasks: that of its only folder."""
    return folders[0].partition(".")[0] if len(folders) == 1 else None


def _task_in_folders(folders: Sequence[str]) -> str:
    """The task of a run that names none: the task of its only folder."""
    return folders[0].partition(".")[2] if len(folders) == 1 else "(no task named)"


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
