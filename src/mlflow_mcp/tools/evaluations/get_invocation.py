"""Invocations: what one launch of an evaluation scored, task by task, in whatever experiments its runs are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids import InvocationRuns, experiment_ids, find_invocation
from mlflow_mcp.entities import launcher
from mlflow_mcp.entities.metrics import headline
from mlflow_mcp.text import iso, number, plural
from mlflow_mcp.tools.arguments import ExperimentId, InvocationId
from mlflow_mcp.tools.evaluations.inspection import MOST_LOOKED_AT, Facts, look_at

if TYPE_CHECKING:
    from mlflow.entities import Run

METRICS_SHOWN = 6


class Invocation(Answer):
    """All runs of one invocation: a row per task in `tasks`, further exports of the same job in `duplicates`."""

    invocation_id: str
    experiments: list[str]
    model: str | None = None
    exported: Annotated[str | None, Field(description="When the last of its runs was exported, not evaluated.")] = None
    tasks: Table
    duplicates: Annotated[
        Table | None, Field(description="Other exports of these jobs; `differs` has their values.")
    ] = None


def get_invocation(client: Client, invocation_id: InvocationId, experiment_id: ExperimentId = None) -> Invocation:
    """Answer what an evaluation invocation scored: every task with its run, status, sample count and headline metrics,
    across all experiments, with duplicate exports, re-exports and small trial runs (canaries) marked. The first call for
    any hex id the user does not explain. get_run has all metrics of a task, get_artifact_content its results.yml."""
    within = experiment_ids(client, experiment_id)
    found = find_invocation(client, invocation_id, within)
    runs = [run for run in found.runs if found.job_id in (None, launcher.job_of(run))]
    jobs = launcher.same_job(runs or found.runs)
    facts = look_at(client, [job[0] for job in jobs])
    names = client.experiments.names()
    rows = [_row(job, facts[job[0].info.run_id], names) for job in jobs]
    rows.sort(key=lambda row: (str(row[0]), str(row[2])))
    answer = Invocation(
        invocation_id=found.invocation_id,
        experiments=sorted({names.get(run.info.experiment_id, run.info.experiment_id) for run in found.runs}),
        model=_shared_model(jobs, facts),
        exported=iso(max(run.info.end_time or run.info.start_time or 0 for run in found.runs)),
        tasks=Table.of(
            [
                "task",
                "run_id",
                "job_id",
                "experiment",
                "status",
                "samples",
                "metrics",
                "more_metrics",
                "remarks",
            ],
            rows,
            keep=("task", "run_id", "metrics"),
        ),
        duplicates=_duplicates(jobs, names),
    )
    _notes(answer, found, runs, jobs, facts)
    return answer


def _row(job: Sequence[Run], facts: Facts, names: Mapping[str, str]) -> list[Any]:
    run = job[0]
    shown = headline(run.data.metrics, METRICS_SHOWN)
    more = len(run.data.metrics) - len(shown)
    return [
        _task(run, facts),
        run.info.run_id,
        launcher.job_of(run),
        names.get(run.info.experiment_id, run.info.experiment_id),
        run.info.status,
        facts.samples,
        shown,
        more or None,
        "; ".join(_remarks(job, facts)) or None,
    ]


def _task(run: Run, facts: Facts) -> str:
    """The run's task; of a run without that tag, the task of its only folder."""
    if task := launcher.task_of(run):
        return task
    if len(facts.folders) == 1:
        return facts.folders[0].partition(".")[2]
    return "(whole invocation)" if facts.folders else "(no task named)"


def _remarks(job: Sequence[Run], facts: Facts) -> list[str]:
    run = job[0]
    remarks = []
    if facts.samples is not None and facts.samples <= launcher.CANARY:
        remarks.append(f"canary: only {plural(facts.samples, 'sample')}, not comparable with a full run")
    if len(job) > 1:
        remarks.append(f"exported {len(job)} times as separate runs, this is the one to use")
    if facts.exports > 1:
        before = ", ".join(f"{name} was {number(value)}" for name, value in facts.earlier.items())
        remarks.append(f"re-exported in place ({facts.exports} exports): {before}")
    if run.info.status != "FINISHED":
        remarks.append("its export did not finish: metrics and files may be incomplete")
    if launcher.task_of(run) is None and len(facts.folders) > 1:
        remarks.append(f"old export, {len(facts.folders)} tasks in one run: {', '.join(facts.folders)}")
    if "invocation_id" not in run.data.tags:
        remarks.append("found by param, it has no invocation_id tag")
    return remarks


def _duplicates(jobs: Sequence[Sequence[Run]], names: Mapping[str, str]) -> Table | None:
    """The other exports of each job, with the headline values in which they differ from the one in `tasks`."""
    rows: list[list[Any]] = []
    for job in jobs:
        believed = job[0].data.metrics
        for other in job[1:]:
            differs = {k: v for k, v in headline(other.data.metrics, METRICS_SHOWN).items() if believed.get(k) != v}
            rows.append(
                [
                    launcher.task_of(other),
                    other.info.run_id,
                    names.get(other.info.experiment_id, other.info.experiment_id),
                    other.info.status,
                    iso(other.info.end_time or other.info.start_time),
                    differs or "nothing",
                ]
            )
    columns = ["task", "run_id", "experiment", "status", "exported", "differs"]
    return Table.of(columns, rows, keep=("task", "run_id", "differs")) if rows else None


def _shared_model(jobs: Sequence[Sequence[Run]], facts: Mapping[str, Facts]) -> str | None:
    models = {facts[job[0].info.run_id].model for job in jobs} - {None}
    return ", ".join(sorted(str(model) for model in models)) or None


def _notes(
    answer: Invocation,
    found: InvocationRuns,
    runs: Sequence[Run],
    jobs: Sequence[Sequence[Run]],
    facts: Mapping[str, Facts],
) -> None:
    if found.job_id and runs and len(runs) < len(found.runs):
        answer.note(f"Only job {found.job_id}; get_invocation('{found.invocation_id}') has all {len(found.runs)} runs.")
    if found.job_id and not runs:
        answer.note(f"No run has job id {found.job_id}; these are all runs of the invocation.")
    if len(answer.experiments) > 1:
        answer.note(f"Its runs are in {len(answer.experiments)} experiments.")
    if len(jobs) > MOST_LOOKED_AT:
        answer.note(f"Only {MOST_LOOKED_AT} of its runs were checked for re-exports and sample counts.")
    shown = [facts[job[0].info.run_id] for job in jobs]
    unknown = [each for each in shown if each.samples is None and not each.told]
    unread = [each.unread for each in unknown if each.unread]
    if unread:
        answer.note(
            f"Sample counts of {plural(len(unread), 'run')} are unknown, results.yml could not be read: {unread[0]}"
        )
    if len(unknown) > len(unread):
        answer.note(
            f"Nothing tells the sample count of {plural(len(unknown) - len(unread), 'run')}: it may be a small trial."
        )
    if any(each.samples is None and each.told for each in shown):
        answer.note("Where `samples` is not given no sample limit is recorded: presumably the full dataset.")
    if any(len(run.data.metrics) > METRICS_SHOWN for job in jobs for run in job[:1]):
        answer.note("`more_metrics` counts those not shown: get_run has them.")
