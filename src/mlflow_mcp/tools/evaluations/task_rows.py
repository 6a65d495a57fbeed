"""The tasks of an invocation as rows: what each scored, of how many samples, and what is to be known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.entities.launcher import Job, metrics_by_task
from mlflow_mcp.entities.metrics import headline
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.entities.samples import Samples
from mlflow_mcp.tools.evaluations.duplicates import METRICS_SHOWN
from mlflow_mcp.tools.evaluations.headline import headline_of
from mlflow_mcp.tools.evaluations.inspection import JobDetails
from mlflow_mcp.tools.evaluations.remarks import (
    evidence_of,
    may_repeat,
    not_numbers,
    of_trial,
    remarks_on,
)

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


@dataclass(frozen=True)
class _Context:
    """What the rows of the tasks share."""

    jobs: Sequence[Job]
    experiments: Mapping[str, str]  # names by id
    primary: Mapping[str, str]  # primary metrics by experiment id
    told_by_place: bool


def task_table(
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
    tasks = {folder.partition(".")[2]: folder for folder in details.folders}
    by_task = metrics_by_task(metrics, list(tasks))
    remarks.append(f"old export, {len(tasks)} tasks in one run")
    rows = []
    for task, folder in tasks.items():
        own = details.of_one(folder)
        of_task = [*of_trial(own.samples, own.statistics), *remarks, *may_repeat(task, by_task[task], context.jobs)]
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
        details.samples,
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
