"""Invocations: what one launch of an evaluation scored, task by task, in whatever experiments its runs are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.ids.invocations import InvocationRuns, find_invocation
from mlflow_mcp.entities.launcher import Job, group_jobs, is_canary
from mlflow_mcp.entities.metrics import headline, same_value
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.text import iso, number, plural
from mlflow_mcp.tools.arguments import ExperimentId, InvocationId
from mlflow_mcp.tools.evaluations.inspection import MOST_INSPECTED, RunDetails, inspect_runs

METRICS_SHOWN = 6
_TASK_COLUMNS = ("task", "run_id", "job_id", "experiment", "status", "samples", "metrics", "more_metrics", "remarks")


class Invocation(Answer):
    """All runs of one invocation: a row per task in `tasks`, further exports of the same job in `duplicates`."""

    invocation_id: str
    experiments: list[str]
    model: str | None = None
    exported: Annotated[str | None, Field(description="When the last of its runs was exported, not evaluated.")] = None
    tasks: Table
    duplicates: Annotated[
        Table | None,
        Field(description="Other exports of these jobs; `differs` has their values of metrics that differ."),
    ] = None


def get_invocation(client: Client, invocation_id: InvocationId, experiment_id: ExperimentId = None) -> Invocation:
    """Get what an evaluation invocation scored: every task with its run, status, sample count and headline metrics,
    across all experiments, with duplicate exports, re-exports and small trial runs (canaries) marked. The first call for
    any hex id the user does not explain. get_run has all metrics of a task, get_artifact_content its results.yml."""
    found = find_invocation(client, invocation_id, experiment_ids(client, experiment_id))
    jobs = group_jobs(found.job_runs or found.runs)
    details = inspect_runs(client, [job.canonical for job in jobs])
    names = client.experiments.names()
    runs = [RunView.of(launched.entity, names) for launched in found.runs]
    answer = Invocation(
        invocation_id=found.invocation_id,
        experiments=sorted({run.experiment for run in runs}),
        model=_shared_model(details.values()),
        exported=iso(max(run.ended for run in runs)),
        tasks=_task_table(jobs, details, names),
        duplicates=_duplicate_table(jobs, names),
    )
    answer.note(*_notes(answer, found, jobs, list(details.values())))
    return answer


def _task_table(jobs: Sequence[Job], details: Mapping[str, RunDetails], names: Mapping[str, str]) -> Table:
    rows = [_task_row(job, details[job.canonical.run_id], names) for job in jobs]
    rows.sort(key=lambda row: (str(row[0]), str(row[2])))
    return Table.of(_TASK_COLUMNS, rows, keep=("task", "run_id", "metrics"))


def _task_row(job: Job, details: RunDetails, names: Mapping[str, str]) -> list[Any]:
    run = RunView.of(job.canonical.entity, names)
    shown = run.headline(METRICS_SHOWN)
    return [
        job.canonical.task or _task_in_folders(details.folders),
        run.run_id,
        job.canonical.job_id,
        run.experiment,
        run.status,
        details.samples,
        shown,
        len(run.metrics) - len(shown) or None,
        "; ".join(_remarks(job, details)) or None,
    ]


def _task_in_folders(folders: Sequence[str]) -> str:
    """The task of a run that names none: the task of its only folder."""
    if len(folders) == 1:
        return folders[0].partition(".")[2]
    return "(whole invocation)" if folders else "(no task named)"


def _remarks(job: Job, details: RunDetails) -> list[str]:
    remarks = []
    if details.proved_samples and is_canary(details.samples):
        remarks.append(f"canary ({details.proved_samples.evidence}): not comparable with a full run")
    elif details.proved_samples and details.samples is None:
        remarks.append(f"limited ({details.proved_samples.evidence}): not comparable with a full run")
    if job.others:
        finished = (
            "the latest finished copy" if job.canonical.status == "FINISHED" else "the latest copy, none finished"
        )
        remarks.append(f"exported {len(job.copies)} times as separate runs; this is {finished}")
    if details.exports > 1:
        before = ", ".join(f"{name} was {number(value)}" for name, value in details.earlier.items())
        remarks.append(f"re-exported in place ({details.exports} exports): {before}")
    if job.canonical.status != "FINISHED":
        remarks.append("its export did not finish: metrics and files may be incomplete")
    if job.canonical.task is None and len(details.folders) > 1:
        remarks.append(f"old export, {len(details.folders)} tasks in one run: {', '.join(details.folders)}")
    if not job.canonical.has_invocation_tag:
        remarks.append("found by param, it has no invocation_id tag")
    return remarks


def _duplicate_table(jobs: Sequence[Job], names: Mapping[str, str]) -> Table | None:
    """The other copies of each job, with the headline values in which they differ from the canonical one."""
    rows: list[list[Any]] = []
    for job in jobs:
        canonical = job.canonical.metrics
        for other in job.others:
            run = RunView.of(other.entity, names)
            differs = {name: value for name, value in run.metrics.items() if not same_value(canonical.get(name), value)}
            shown = headline(differs, METRICS_SHOWN) or "no metric"
            rows.append([other.task, run.run_id, run.experiment, run.status, iso(run.ended), shown])
    columns = ["task", "run_id", "experiment", "status", "exported", "differs"]
    return Table.of(columns, rows, keep=("task", "run_id", "differs")) if rows else None


def _shared_model(details: Iterable[RunDetails]) -> str | None:
    return ", ".join(sorted({each.model for each in details if each.model is not None})) or None


def _notes(answer: Invocation, found: InvocationRuns, jobs: Sequence[Job], details: Sequence[RunDetails]) -> list[str]:
    notes = []
    if found.job_id and not found.job_runs:
        notes.append(f"No run has job id {found.job_id}; these are all runs of the invocation.")
    elif len(found.job_runs) < len(found.runs):
        notes.append(
            f"Only job {found.job_id}; get_invocation('{found.invocation_id}') has all {len(found.runs)} runs."
        )
    if len(answer.experiments) > 1:
        notes.append(f"Its runs are in {len(answer.experiments)} experiments.")
    if len(jobs) > MOST_INSPECTED:
        notes.append(f"Only {MOST_INSPECTED} of its runs were checked for re-exports and sample counts.")
    notes += _sample_notes(details)
    if any(len(job.canonical.metrics) > METRICS_SHOWN for job in jobs):
        notes.append("`more_metrics` counts those not shown: get_run has them.")
    return notes


def _sample_notes(details: Sequence[RunDetails]) -> list[str]:
    """What a missing sample count means."""
    notes = []
    uncounted = [each for each in details if each.proved_samples is None]
    unread = [each.unread for each in uncounted if each.unread and not each.has_config]
    if unread:
        notes.append(
            f"Sample counts of {plural(len(unread), 'run')} are unknown, results.yml could not be read: {unread[0]}"
        )
    silent = sum(not each.has_config for each in uncounted) - len(unread)
    if silent:
        notes.append(f"No sample count is recorded for {plural(silent, 'run')}: it may be a small trial.")
    if any(each.has_config for each in uncounted):
        notes.append("Where `samples` is not given no sample limit is recorded: presumably the full dataset.")
    return notes
