"""Runs and invocations side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.parse import is_model
from mlflow_mcp.client.ids.runs import IdRuns, groups_of
from mlflow_mcp.entities.launcher import Job, LauncherRun, are_copies, shared_model
from mlflow_mcp.entities.run import RunView, own_tags
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import iso, listed, plural, quoted
from mlflow_mcp.tools.arguments import Metrics, RunIds
from mlflow_mcp.tools.evaluations.inspection import JobDetails, inspect_jobs
from mlflow_mcp.tools.runs.comparing import alignment
from mlflow_mcp.tools.runs.comparing.alignment import Side
from mlflow_mcp.tools.runs.comparing.copies_told import disagreeing_copies
from mlflow_mcp.tools.runs.comparing.differences import Differences, find_differences, told_rows
from mlflow_mcp.tools.runs.comparing.folded import equal_throughout, folded, headlines
from mlflow_mcp.tools.runs.comparing.pairing import PairedJobs, pair_jobs
from mlflow_mcp.tools.runs.comparing.per_dataset import split_by_dataset

MOST_SIDES = 20
MOST_DIFFERENCES = 40
_NAMES_LISTED = 15

Baseline = Annotated[
    str | None, Field(description="Which of run_ids the others are measured against. Default: the first.")
]


class Comparison(Answer):
    """The sides under letters; `metrics` with values, deltas against the baseline and the best of each row;
    `differences` of params, tags, datasets and commit, only where they differ; `=A`: as side A."""

    sides: Table
    baseline: str
    metrics: Table | None = None
    only_one_side: Annotated[dict[str, list[str]] | None, Field(description="What a single side has.")] = None
    differences: Table | None = None
    equal: Annotated[int, Field(description="Params, tags, datasets and commits that are the same on all sides.")]


def compare_runs(client: Client, run_ids: RunIds, baseline: Baseline = None, metrics: Metrics = None) -> Comparison:
    """Compare runs or whole evaluation invocations side by side: every shared metric with exact delta and relative delta
    against a baseline, aligned by task across experiments, and only those params, tags, datasets and commits that differ.
    Unequal sample counts are pointed out. Give two or more ids; diff_artifacts compares their config files."""
    _refuse_sides(run_ids, baseline)
    groups = groups_of(client, run_ids)
    sides, paired = _read_sides(client, groups)
    base = next(side for side in sides if side.id == (baseline or run_ids[0]))
    datasets = split_by_dataset(client, sides)
    metrics = datasets.asked_for(metrics)
    columns, all_rows = alignment.metric_rows(sides, base, metrics)
    if metrics and not all_rows:
        raise _nothing_shared(sides, metrics)
    rows, parts = folded(all_rows, sides) if metrics is None else (all_rows, [])
    copies = _copies_of_one_job(sides, groups)
    rows = [[*row[:-1], None] if copies or row[1] in datasets.unknown else row for row in rows]
    columns, shown, of_errors = alignment.with_errors(sides, columns, rows)
    labels = [side.label for side in sides]
    differences = find_differences(sides)
    told, elsewhere = told_rows(differences.rows, labels, base.label)
    answer = Comparison(
        sides=_sides_table(sides),
        baseline=base.label,
        metrics=Table.of(columns, shown, keep=("metric", *labels)) if shown else None,
        only_one_side=_bounded(alignment.only_on_one_side(sides, metrics)),
        differences=Table.of(["name", *labels], told[:MOST_DIFFERENCES], keep=("name", *labels)) if told else None,
        equal=differences.equal,
    )
    answer.note(copies)
    if metrics is None and not rows:
        answer.note(f"No metric is compared: {_contents(sides)}.")
    answer.note(
        *_paired_by_number(paired),
        *_comparability(sides),
        *disagreeing_copies(list(zip(labels, paired.sides)), rows),
        *parts,
    )
    answer.note(*equal_throughout(rows, sides), *of_errors)
    answer.note(*alignment.not_compared(sides, metrics), *datasets.notes)
    answer.note(headlines(rows, sides), _of_models(run_ids))
    answer.note(*elsewhere, *_notes(differences, len(told), has_best=any(row[-1] for row in rows)))
    return answer


def _paired_by_number(paired: PairedJobs) -> list[str]:
    if not paired.by_number:
        return []
    reason = f"{quoted(paired.by_number)} ran several times: jobs are paired by their numbers"
    return [f"{reason}, since nothing else tells which belong together."]


def _refuse_sides(run_ids: Sequence[str], baseline: str | None) -> None:
    """Raise Problem for ids that cannot be compared."""
    if len(set(run_ids)) < 2:
        raise Problem("A comparison needs two different ids.", "Give run_ids two or more run or invocation ids.")
    if len(run_ids) > MOST_SIDES:
        raise Problem(
            f"{len(run_ids)} sides are too many to read side by side.",
            f"Give at most {MOST_SIDES}, or use aggregate_runs for statistics over many.",
        )
    if baseline is not None and baseline not in run_ids:
        raise Problem(f"The baseline '{baseline}' is not among run_ids.", f"Name one of {listed(list(run_ids), 20)}.")


def _read_sides(client: Client, groups: Sequence[IdRuns]) -> tuple[list[Side], PairedJobs]:
    """The sides with models and sample counts, aligned by task; and their jobs, paired."""
    _refuse_the_same(groups)
    names = client.experiments.names()
    paired = pair_jobs([group.jobs for group in groups])
    evaluated = [job for by_task in paired.sides for job in by_task.values() if job.canonical.invocation_id]
    details = inspect_jobs(client, evaluated, history=False, counts=True, errors=True)
    sides = [_side(chr(65 + at), *pair, details, names) for at, pair in enumerate(zip(groups, paired.sides))]
    _spell_alike(sides, groups)
    alignment.align(sides)
    return sides, paired


def _spell_alike(sides: Sequence[Side], groups: Sequence[IdRuns]) -> None:
    """Copies of one job have one model, whatever a tag and a param call it."""
    first = [group.jobs[0].canonical for group in groups]
    own = [side.model for side in sides]
    for side, run in zip(sides, first):
        copies = [at for at, its_run in enumerate(first) if are_copies(run, its_run)]
        if copies and all(len(sides[at].runs) == 1 for at in copies):
            named = [name for at in copies for name in (own[at] or "").split(", ")]
            side.model = shared_model(named)


def _copies_of_one_job(sides: Sequence[Side], groups: Sequence[IdRuns]) -> str:
    """That all sides are exports of one job, so that none is better than another."""
    first, *others = [LauncherRun.of(group.runs[0]) for group in groups]
    single = all(len(side.runs) == 1 for side in sides)
    if not (single and first.invocation_id and all(are_copies(first, other) for other in others)):
        return ""
    if any(first.invocation_id != other.invocation_id for other in others):
        return ""
    labels = ", ".join(side.label for side in sides)
    return (
        f"{labels} are copies of one job, {first.job_id or first.task} of invocation {first.invocation_id}: they differ by their "
        "exports, and none is better. get_invocation tells which is current."
    )


def _refuse_the_same(groups: Sequence[IdRuns]) -> None:
    """Raise Problem when two ids, e.g. a name and a prefix, stand for the same runs."""
    seen: dict[frozenset[str], str] = {}
    for group in groups:
        first = seen.setdefault(frozenset(job.run_id for job in group.jobs), group.id)
        if first != group.id:
            raise Problem(
                f"'{first}' and '{group.id}' are the same.",
                _of_models([first, group.id]) or "Give run_ids two or more different runs or invocations.",
            )


def _of_models(ids: Sequence[str]) -> str:
    """That models stand for their runs here, and what compares the models."""
    models = [id_ for id_ in ids if is_model(id_)]
    if not models:
        return ""
    call = f"get_model(model='{models[0]}', compare_to='{models[1]}')" if len(models) > 1 else "get_model"
    return f"Of a model its source run is compared, whose metrics may be of other models too; {call} compares models."


def _side(
    label: str,
    group: IdRuns,
    by_task: Mapping[str, Job],
    details: Mapping[str, JobDetails],
    names: Mapping[str, str],
) -> Side:
    of_task = {task: details.get(job.run_id) or JobDetails.of(job) for task, job in by_task.items()}
    first = LauncherRun.of(group.runs[0])
    return Side(
        label,
        group.id,
        name=f"invocation {first.invocation_id}" if len(by_task) > 1 else str(first.name),
        runs={task: _view(job, names) for task, job in by_task.items()},
        configs={task: job.own_config for task, job in by_task.items()},
        samples={task: each.samples for task, each in of_task.items()},
        model=shared_model(each.model for each in of_task.values()),
        errors={job.run_id: of_task[task].errors for task, job in by_task.items()},
        is_export=all(job.canonical.is_export for job in by_task.values()),
    )


def _view(job: Job, names: Mapping[str, str]) -> RunView:
    """The job's current copy with the tags of all its copies: which experiment it was exported to is no difference."""
    view = RunView.of(job.canonical.entity, names)
    return replace(
        view, tags={**{k: v for other in job.others for k, v in own_tags(other.entity.data.tags).items()}, **view.tags}
    )


def _sides_table(sides: Sequence[Side]) -> Table:
    rows: list[list[Any]] = []
    for side in sides:
        runs = list(side.runs.values())
        counts = {side.samples[task].number if task in side.samples else None for task in side.runs}
        rows.append(
            [
                side.label,
                side.name,
                runs[0].run_id if len({run.run_id for run in runs}) == 1 else None,
                ", ".join(sorted({run.experiment for run in runs})),
                side.model,
                len({run.run_id for run in runs}),
                counts.pop() if len(counts) == 1 else None,  # of several tasks, one number says nothing
                ", ".join(sorted({run.status for run in runs})),
                iso(max(run.ended for run in runs)),
            ]
        )
    ended = "exported" if all(side.is_export for side in sides) else "ended"
    columns = ["side", "name", "run_id", "experiment", "model", "runs", "samples", "status", ended]
    return Table.of(columns, rows, keep=("side", "name"))


def _comparability(sides: Sequence[Side]) -> list[str]:
    return [*_unfinished(sides), *alignment.unequal_samples(sides), *alignment.unlike_scales(sides)[:5]]


def _notes(differences: Differences, told: int, *, has_best: bool) -> list[str]:
    notes = []
    if differences.without_config:
        notes.append(
            f"Params config.* are not compared with {', '.join(differences.without_config)}, which has none; "
            "diff_artifacts compares the config files."
        )
    if has_best:
        notes.append("best: judged by the metric's name; empty where the name does not say which value is better.")
    more = told - MOST_DIFFERENCES
    if more > 0:
        notes.append(f"{more} more differences are not shown; get_run shows all params of a run.")
    return notes


def _unfinished(sides: Sequence[Side]) -> list[str]:
    """Which runs of an invocation did not finish: the sides name the statuses of all of them."""
    return [
        f"{side.label}: the run of task {task} is {run.status}: its metrics and files may be incomplete."
        for side in sides
        for task, run in side.runs.items()
        if len(side.runs) > 1 and run.status != "FINISHED"
    ][:_NAMES_LISTED]


def _bounded(only: dict[str, list[str]]) -> dict[str, list[str]] | None:
    cut = {
        label: names[:_NAMES_LISTED]
        + ([f"and {len(names) - _NAMES_LISTED} more"] if len(names) > _NAMES_LISTED else [])
        for label, names in only.items()
    }
    return cut or None


def _nothing_shared(sides: Sequence[Side], metrics: Sequence[str]) -> Problem:
    return Problem(
        f"These {plural(len(sides), 'side')} share no metric among {listed(list(metrics))}: {_contents(sides)}.",
        "Compare runs of the same task, or leave metrics out.",
    )


def _contents(sides: Sequence[Side]) -> str:
    """Which metrics and tasks the sides have."""
    contents = []
    for side in sides[:4]:
        names = sorted({name for task in side.runs for name in side.metrics(task)})
        tasks = [task for task in side.runs if task]
        has = f"has {listed(names, 4)}" if names else "has no metrics"
        contents.append(f"{side.id} {has}" + (f" (task {', '.join(tasks[:3])})" if tasks else ""))
    return "; ".join(contents)
