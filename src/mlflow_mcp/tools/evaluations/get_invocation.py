"""Invocations: what one launch of an evaluation scored, task by task, in whatever experiments its runs are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.ids.invocations import InvocationRuns, find_invocation
from mlflow_mcp.entities.launcher import Job, group_jobs, metrics_by_task, shared_model
from mlflow_mcp.entities.metrics import headline, same_value
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.entities.samples import Samples
from mlflow_mcp.text import iso, number, plural, quoted
from mlflow_mcp.tools.arguments import ExperimentId, InvocationId
from mlflow_mcp.tools.evaluations.inspection import MOST_INSPECTED, JobDetails, Reexport, inspect_jobs

METRICS_SHOWN = 6
_TASK_COLUMNS = (
    *("task", "run_id", "job_id", "experiment", "status", "samples", "repeats", "evidence"),
    *("metrics", "more_metrics", "remarks"),
)


class Invocation(Answer):
    """All runs of one invocation: a row per task in `tasks`, further exports of the same job in `duplicates`."""

    invocation_id: str
    experiments: list[str]
    model: str | None = None
    exported: Annotated[str | None, Field(description="When the last of its runs was exported, not evaluated.")] = None
    tasks: Table
    duplicates: Annotated[
        Table | None,
        Field(
            description="Other exports of these jobs; `differs` has their values of metrics that differ, `has` what only they have."
        ),
    ] = None


def get_invocation(client: Client, invocation_id: InvocationId, experiment_id: ExperimentId = None) -> Invocation:
    """Get what an evaluation invocation scored: every task with its run, status, sample count and headline metrics,
    across all experiments, with duplicate exports, re-exports and small trial runs (canaries) marked. The first call for
    any hex id the user does not explain. get_run has all metrics of a task, get_artifact_content its results.yml."""
    found = find_invocation(client, invocation_id, experiment_ids(client, experiment_id))
    jobs = group_jobs(found.job_runs or found.runs)
    details = inspect_jobs(client, jobs)
    names = client.experiments.names()
    runs = [RunView.of(launched.entity, names) for launched in found.runs]
    answer = Invocation(
        invocation_id=found.invocation_id,
        experiments=sorted({run.experiment for run in runs}),
        model=shared_model(each.model for each in details.values()),
        exported=iso(max(run.ended for run in runs)),
        tasks=_task_table(jobs, details, names),
        duplicates=_duplicate_table(jobs, details, names),
    )
    answer.note(*_notes(answer, found, jobs, list(details.values())))
    return answer


def _task_table(jobs: Sequence[Job], details: Mapping[str, JobDetails], names: Mapping[str, str]) -> Table:
    rows = [row for job in jobs for row in _task_rows(job, details[job.run_id], names)]
    rows.sort(key=lambda row: (str(row[0]), str(row[2])))
    return Table.of(_TASK_COLUMNS, rows, keep=("task", "run_id", "metrics"))


def _task_rows(job: Job, details: JobDetails, names: Mapping[str, str]) -> list[list[Any]]:
    """A row for the job's task; of an old run that holds a whole invocation, one for each task that its folders name."""
    run, remarks = RunView.of(job.canonical.entity, names), _remarks(job, details)
    if job.canonical.task is not None or len(details.folders) < 2:
        task = job.canonical.task or _task_in_folders(details.folders)
        return [_row(job, run, task, run.metrics, details.samples, remarks)]
    tasks = {folder.partition(".")[2]: details.of_folder.get(folder, Samples()) for folder in details.folders}
    by_task = metrics_by_task(run.metrics, list(tasks))
    remarks.append(f"old export, {len(tasks)} tasks in one run")
    rows = [
        _row(job, run, task, by_task[task], samples, [*_trial(samples), *remarks]) for task, samples in tasks.items()
    ]
    if by_task[""]:
        rows.append(_row(job, run, "(not told which task)", by_task[""], Samples(), remarks))
    return rows


def _row(
    job: Job, run: RunView, task: str, metrics: Mapping[str, float], samples: Samples, remarks: Sequence[str]
) -> list[Any]:
    shown = headline(metrics, METRICS_SHOWN)
    repeats = samples.repeats.value if samples.repeats else 1
    return [
        task,
        run.run_id,
        job.canonical.job_id,
        run.experiment,
        run.status,
        samples.number,
        int(repeats) if repeats > 1 else None,
        _evidence(samples),
        shown,
        len(metrics) - len(shown) or None,
        "; ".join(remarks) or None,
    ]


def _evidence(samples: Samples) -> str | None:
    """Where the numbers of the row are from, a limit apart: its remark names it."""
    facts = [("samples", samples.count)]
    if samples.repeats and samples.repeats.value > 1:
        facts.append(("repeats", samples.repeats))
    return "; ".join(f"{name}: {proof.evidence}" for name, proof in facts if proof) or None


def _task_in_folders(folders: Sequence[str]) -> str:
    """The task of a run that names none: the task of its only folder."""
    return folders[0].partition(".")[2] if len(folders) == 1 else "(no task named)"


def _remarks(job: Job, details: JobDetails) -> list[str]:
    remarks = _trial(details.samples)
    if job.others:
        which = (
            "the latest that finished" if job.canonical.status == "FINISHED" else "none finished, this is the latest"
        )
        remarks.append(f"{len(job.copies)} copies, {which}")
    if details.with_logs and job.run_id not in details.with_logs:
        remarks.append(f"its logs are in copy {details.with_logs[0]}")
    if details.reexport:
        remarks.append(_of_reexport(details.reexport))
    if job.canonical.status != "FINISHED":
        remarks.append("its export did not finish: metrics and files may be incomplete")
    if details.lacks_results:
        remarks.append("no results.yml where the launcher puts it: files may be missing")
    if not job.canonical.has_invocation_tag:
        remarks.append("found by param, it has no invocation_id tag")
    return remarks


def _trial(samples: Samples) -> list[str]:
    if samples.limit is None:
        return []
    kind = "canary" if samples.is_trial else "limited"
    return [f"{kind} ({samples.limit.evidence}): not comparable with a full run"]


def _of_reexport(reexport: Reexport) -> str:
    changes = [f"{name} {number(old)} -> {number(new)}" for name, (old, new) in reexport.changed.items()]
    more = f" and {len(changes) - METRICS_SHOWN} more" if len(changes) > METRICS_SHOWN else ""
    changed = ", ".join(changes[:METRICS_SHOWN]) + more if changes else "no metric changed"
    return f"{changed}, re-exported {iso(reexport.at)}"


def _duplicate_table(jobs: Sequence[Job], details: Mapping[str, JobDetails], names: Mapping[str, str]) -> Table | None:
    """The other copies of each job, with the headline values in which they differ from the canonical one."""
    rows: list[list[Any]] = []
    for job in jobs:
        canonical = job.canonical.metrics
        for other in job.others:
            run = RunView.of(other.entity, names)
            differs = {name: value for name, value in run.metrics.items() if not same_value(canonical.get(name), value)}
            shown = headline(differs, METRICS_SHOWN) or "no metric"
            has = ["logs"] * (
                other.run_id in details[job.run_id].with_logs and job.run_id not in details[job.run_id].with_logs
            )
            has += ["config params"] * (other.has_config and not job.canonical.has_config)
            rows.append(
                [other.task, run.run_id, run.experiment, run.status, iso(run.ended), shown, ", ".join(has) or None]
            )
    columns = ["task", "run_id", "experiment", "status", "exported", "differs", "has"]
    return Table.of(columns, rows, keep=("task", "run_id", "differs")) if rows else None


def _notes(answer: Invocation, found: InvocationRuns, jobs: Sequence[Job], details: Sequence[JobDetails]) -> list[str]:
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
        notes.append(f"Only {MOST_INSPECTED} of its jobs were checked for re-exports, logs and sample limits.")
    if not found.job_id:
        notes += _not_exported(jobs)
    notes += _sample_notes(jobs, details)
    if any(len(job.canonical.metrics) > METRICS_SHOWN for job in jobs):
        notes.append("`more_metrics` counts those not shown: get_run has them.")
    return notes


def _sample_notes(jobs: Sequence[Job], details: Sequence[JobDetails]) -> list[str]:
    """What a missing limit or count means."""
    notes = []
    unlimited = [
        (job.canonical.task or "the run without a task", each)
        for job, each in zip(jobs, details)
        if not each.samples.is_limited and not each.of_folder
    ]
    unread = [each.unread for _, each in unlimited if each.unread and not each.has_config]
    if unread:
        notes.append(
            f"Whether {plural(len(unread), 'run')} had a sample limit is unknown, results.yml could not be read: {unread[0]}"
        )
    if silent := [task for task, each in unlimited if not each.has_config and not each.unread]:
        notes.append(f"Nothing records whether {quoted(silent)} had a sample limit: it may be a small trial.")
    if any(each.has_config and each.samples.number is None for _, each in unlimited):
        notes.append(
            f"Where {'else ' if silent else ''}neither `samples` nor a limit is given, the config sets no limit."
        )
    return notes


def _not_exported(jobs: Sequence[Job]) -> list[str]:
    """The tasks that the recorded config names and that have no run: pending, killed or never exported."""
    planned = {number: task for job in jobs for copy in job.copies for number, task in copy.planned_tasks.items()}
    arrived = {job.canonical.task_number for job in jobs}
    if None in arrived:
        return []
    missing = [f"{task} (job .{number})" for number, task in sorted(planned.items()) if number not in arrived]
    return [f"In the config, but without a run here: {', '.join(missing)}."] if missing else []
