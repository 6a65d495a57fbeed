"""Invocations: what one launch of an evaluation scored, task by task, in whatever experiments its runs are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mlflow_mcp import evaluation, resolve
from mlflow_mcp.artifact_source import ArtifactSource
from mlflow_mcp.metric_points import metric_points
from mlflow_mcp.output import Answer, Table, iso, number, plural
from mlflow_mcp.params import ExperimentId, InvocationId
from mlflow_mcp.run_table import headline
from mlflow_mcp.structured import load_yaml
from mlflow_mcp.tracking import Tracking

if TYPE_CHECKING:
    from mlflow.entities import Run

# Runs of an invocation that are looked at one by one (history, results.yml); more are shown unchecked.
MOST_CHECKED = 40
METRICS_SHOWN = 6
_RESULTS_BYTES = 256 * 1024


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


def get_invocation(tracking: Tracking, invocation_id: InvocationId, experiment_id: ExperimentId = None) -> Invocation:
    """Answer what an evaluation invocation scored: every task with its run, status, sample count and headline metrics,
    across all experiments, with duplicate exports, re-exports and small trial runs (canaries) marked. The first call for
    any hex id the user does not explain. get_run has all metrics of a task, get_artifact_content its results.yml."""
    within = resolve.experiment_ids(tracking, experiment_id)
    found = resolve.find_invocation(tracking, invocation_id, within)
    runs = [run for run in found.runs if found.job_id in (None, evaluation.job_of(run))]
    jobs = evaluation.same_job(runs or found.runs)
    facts = _checked(tracking, [job[0] for job in jobs])
    names = tracking.experiment_names()
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


@dataclass
class _Facts:
    """What looking at one run closer told."""

    samples: int | None = None
    model: str | None = None
    earlier: dict[str, float] = field(default_factory=dict)  # values before a re-export in place
    exports: int = 1
    folders: list[str] = field(default_factory=list)
    unread: str | None = None


def _checked(tracking: Tracking, runs: Sequence[Run]) -> dict[str, _Facts]:
    """Facts by run id, each run looked at side by side with the others."""
    checked = tracking.side_by_side(*(lambda run=run: _facts(tracking, run) for run in runs[:MOST_CHECKED]))
    told = {run.info.run_id: facts for run, facts in zip(runs, checked)}
    return {run.info.run_id: told.get(run.info.run_id, _Facts(evaluation.sample_count(run))) for run in runs}


def _facts(tracking: Tracking, run: Run) -> _Facts:
    facts = _Facts(evaluation.sample_count(run), evaluation.model_of(run))
    _look_for_reexport(tracking, run, facts)
    folder = evaluation.results_folder(run)
    if folder is None:  # old exports: the task folders themselves say which tasks the run holds
        entries = tracking.attempt(lambda: ArtifactSource(tracking, run.info.run_id).entries())
        folders = [] if isinstance(entries, Exception) else [each.path for each in entries if each.is_dir]
        facts.folders = [each for each in folders if "." in each]
        folder = _only_folder(evaluation.task_of(run), facts.folders)
    if folder and (not evaluation.tells_its_config(run) or facts.model is None):
        _read_results(tracking, run, folder, facts)
    return facts


def _only_folder(task: str | None, folders: Sequence[str]) -> str | None:
    own = [each for each in folders if task is None or each.endswith(f".{task}")]
    return f"{own[0]}/artifacts" if len(own) == 1 else None


def _look_for_reexport(tracking: Tracking, run: Run, facts: _Facts) -> None:
    """A second point at the same step is a second export in place: the latest value counts, the one before is told."""
    for name in headline(run.data.metrics, 1):
        points = metric_points(tracking, run.info.run_id, name, 20)
        if len(points) > 1 and len({point.step for point in points}) == 1:
            facts.exports = len(points)
            by_time = sorted(points, key=lambda point: point.timestamp)
            facts.earlier = {name: by_time[-2].value}


def _read_results(tracking: Tracking, run: Run, folder: str, facts: _Facts) -> None:
    """Sample count and model from the run's results.yml, which only it may tell."""
    source = ArtifactSource(tracking, run.info.run_id)
    piece = tracking.attempt(lambda: source.read(f"{folder}/results.yml", 0, _RESULTS_BYTES))
    if isinstance(piece, Exception):
        facts.unread = None if tracking.is_missing(piece) else str(tracking.problem(piece))
        return
    told = evaluation.read_results(load_yaml(piece.data.decode("utf-8", "replace")))
    facts.model = facts.model or told.get("model")
    if facts.samples is None:
        facts.samples = told.get("samples")


def _row(job: Sequence[Run], facts: _Facts, names: Mapping[str, str]) -> list[Any]:
    run = job[0]
    shown = headline(run.data.metrics, METRICS_SHOWN)
    more = len(run.data.metrics) - len(shown)
    return [
        _task(run, facts),
        run.info.run_id,
        evaluation.job_of(run),
        names.get(run.info.experiment_id, run.info.experiment_id),
        run.info.status,
        facts.samples,
        shown,
        more or None,
        "; ".join(_remarks(job, facts)) or None,
    ]


def _task(run: Run, facts: _Facts) -> str:
    """The run's task; of a run without that tag, the task of its only folder."""
    if task := evaluation.task_of(run):
        return task
    if len(facts.folders) == 1:
        return facts.folders[0].partition(".")[2]
    return "(whole invocation)" if facts.folders else "(no task named)"


def _remarks(job: Sequence[Run], facts: _Facts) -> list[str]:
    run = job[0]
    remarks = []
    if facts.samples is not None and facts.samples <= evaluation.CANARY:
        remarks.append(f"canary: only {plural(facts.samples, 'sample')}, not comparable with a full run")
    if len(job) > 1:
        remarks.append(f"exported {len(job)} times as separate runs, this is the one to use")
    if facts.exports > 1:
        before = ", ".join(f"{name} was {number(value)}" for name, value in facts.earlier.items())
        remarks.append(f"re-exported in place ({facts.exports} exports): {before}")
    if run.info.status != "FINISHED":
        remarks.append("its export did not finish: metrics and files may be incomplete")
    if evaluation.task_of(run) is None and len(facts.folders) > 1:
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
                    evaluation.task_of(other),
                    other.info.run_id,
                    names.get(other.info.experiment_id, other.info.experiment_id),
                    other.info.status,
                    iso(other.info.end_time or other.info.start_time),
                    differs or "nothing",
                ]
            )
    columns = ["task", "run_id", "experiment", "status", "exported", "differs"]
    return Table.of(columns, rows, keep=("task", "run_id", "differs")) if rows else None


def _shared_model(jobs: Sequence[Sequence[Run]], facts: Mapping[str, _Facts]) -> str | None:
    models = {facts[job[0].info.run_id].model for job in jobs} - {None}
    return ", ".join(sorted(str(model) for model in models)) or None


def _notes(
    answer: Invocation,
    found: resolve.Invocation,
    runs: Sequence[Run],
    jobs: Sequence[Sequence[Run]],
    facts: Mapping[str, _Facts],
) -> None:
    if found.job_id and runs and len(runs) < len(found.runs):
        answer.note(f"Only job {found.job_id}; get_invocation('{found.invocation_id}') has all {len(found.runs)} runs.")
    if found.job_id and not runs:
        answer.note(f"No run has job id {found.job_id}; these are all runs of the invocation.")
    if len(answer.experiments) > 1:
        answer.note(f"Its runs are in {len(answer.experiments)} experiments.")
    if len(jobs) > MOST_CHECKED:
        answer.note(f"Only the first {MOST_CHECKED} runs were checked for re-exports and sample counts.")
    unread = [each.unread for each in facts.values() if each.unread]
    if unread:
        answer.note(
            f"Sample counts of {plural(len(unread), 'run')} are unknown, results.yml could not be read: {unread[0]}"
        )
    if any(each.samples is None for each in facts.values()):
        answer.note("Where `samples` is not given no sample limit is recorded: presumably the full dataset.")
    if any(len(run.data.metrics) > METRICS_SHOWN for job in jobs for run in job[:1]):
        answer.note("`more_metrics` counts those not shown: get_run has them.")
