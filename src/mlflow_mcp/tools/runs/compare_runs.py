"""Runs and invocations side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids import groups_of
from mlflow_mcp.entities import launcher
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import iso, listed, plural
from mlflow_mcp.tools.arguments import Metrics, RunIds
from mlflow_mcp.tools.evaluations import inspection
from mlflow_mcp.tools.runs import alignment
from mlflow_mcp.tools.runs.alignment import Side

if TYPE_CHECKING:
    from mlflow.entities import Run

MOST_SIDES = 20
MOST_DIFFERENCES = 40
_NAMES_LISTED = 15

Baseline = Annotated[
    str | None, Field(description="Which of run_ids the others are measured against. Default: the first.")
]


class Comparison(Answer):
    """The sides under letters; `metrics` with values, deltas against the baseline and the best of each row;
    `differences` of params, tags, datasets and commit, only where they differ."""

    sides: Table
    baseline: str
    metrics: Table
    only_one_side: Annotated[dict[str, list[str]] | None, Field(description="What a single side has.")] = None
    differences: Table | None = None
    equal: Annotated[int, Field(description="Params, tags, datasets and commits that are the same on all sides.")]


def compare_runs(client: Client, run_ids: RunIds, baseline: Baseline = None, metrics: Metrics = None) -> Comparison:
    """Compare runs or whole evaluation invocations side by side: every shared metric with exact delta and relative delta
    against a baseline, aligned by task across experiments, and only those params, tags, datasets and commits that differ.
    Unequal sample counts are pointed out. Give two or more ids; diff_artifacts compares their config files."""
    if len(set(run_ids)) < 2:
        raise Problem("A comparison needs two different ids.", "Give run_ids two or more run or invocation ids.")
    if len(run_ids) > MOST_SIDES:
        raise Problem(
            f"{len(run_ids)} sides are too many to read side by side.",
            f"Give at most {MOST_SIDES}, or use aggregate_runs for statistics over many.",
        )
    if baseline is not None and baseline not in run_ids:
        raise Problem(f"The baseline '{baseline}' is not among run_ids.", f"Name one of {listed(list(run_ids), 20)}.")
    groups = groups_of(client, run_ids)
    _refuse_the_same(groups)
    sides = [_side(chr(65 + at), given, runs) for at, (given, runs) in enumerate(groups)]
    _look_closer(client, sides)
    alignment.align(sides)
    base = next(side for side in sides if side.given == (baseline or run_ids[0]))
    columns, rows = alignment.metric_rows(sides, base, metrics)
    if not rows:
        raise _nothing_shared(sides, metrics)
    differing, equal, without_config = alignment.difference_rows(sides)
    labels = [side.label for side in sides]
    answer = Comparison(
        sides=_sides_table(sides, client.experiments.names()),
        baseline=base.label,
        metrics=Table.of(columns, rows, keep=("metric", *labels)),
        only_one_side=_bounded(alignment.only_on_one_side(sides)),
        differences=Table.of(["name", *labels], differing[:MOST_DIFFERENCES], keep=("name", *labels))
        if differing
        else None,
        equal=equal,
    )
    answer.note(*alignment.unequal_samples(sides), *alignment.unlike_scales(sides)[:5])
    if without_config:
        answer.note(
            f"Params config.* are not compared with {', '.join(without_config)}, which has none; "
            "diff_artifacts compares the config files."
        )
    if any(row[-1] for row in rows):
        answer.note("best: the highest value; the lowest for losses, errors, latencies and the like.")
    if len(differing) > MOST_DIFFERENCES:
        answer.note(
            f"{len(differing) - MOST_DIFFERENCES} more differences are not shown; get_run shows all params of a run."
        )
    return answer


def _refuse_the_same(groups: Sequence[tuple[str, Sequence[Run]]]) -> None:
    """Raise Problem when two ids, e.g. a name and a prefix, stand for the same runs."""
    seen: dict[frozenset[str], str] = {}
    for given, runs in groups:
        first = seen.setdefault(frozenset(run.info.run_id for run in runs), given)
        if first != given:
            raise Problem(
                f"'{first}' and '{given}' are the same.", "Give run_ids two or more different runs or invocations."
            )


def _side(label: str, given: str, runs: Sequence[Run]) -> Side:
    """The side that an id stands for; of a job exported twice, the export to believe."""
    believed = [job[0] for job in launcher.same_job(runs)] if len(runs) > 1 else list(runs)
    by_task: dict[str, Run] = {}
    for run in believed:
        task = launcher.task_of(run) or ""
        while task in by_task:  # the same task as two jobs
            task += "'"
        by_task[task] = run
    invocation = launcher.invocation_id_of(runs[0])
    name = f"invocation {invocation}" if len(runs) > 1 else str(runs[0].info.run_name)
    return Side(label, given, name, by_task)


def _look_closer(client: Client, sides: Sequence[Side]) -> None:
    launched = [run for side in sides for run in side.runs.values() if launcher.invocation_id_of(run)]
    facts = inspection.look_at(client, launched, history=False, counts=True)
    for side in sides:
        for task, run in side.runs.items():
            told = facts.get(run.info.run_id) or inspection.Facts(launcher.sample_count(run))
            side.samples[task] = told.samples
            side.model = side.model or told.model


def _sides_table(sides: Sequence[Side], names: dict[str, str]) -> Table:
    rows: list[list[Any]] = []
    for side in sides:
        runs = list(side.runs.values())
        counts = {count for count in side.samples.values() if count is not None}
        rows.append(
            [
                side.label,
                side.name,
                runs[0].info.run_id if len(runs) == 1 else None,
                ", ".join(sorted({names.get(run.info.experiment_id, run.info.experiment_id) for run in runs})),
                side.model,
                len(runs),
                ", ".join(str(count) for count in sorted(counts)) or None,
                ", ".join(sorted({run.info.status for run in runs})),
                iso(max(run.info.end_time or run.info.start_time or 0 for run in runs)),
            ]
        )
    columns = ["side", "name", "run_id", "experiment", "model", "runs", "samples", "status", "ended"]
    return Table.of(columns, rows, keep=("side", "name"))


def _bounded(only: dict[str, list[str]]) -> dict[str, list[str]] | None:
    cut = {
        label: names[:_NAMES_LISTED]
        + ([f"and {len(names) - _NAMES_LISTED} more"] if len(names) > _NAMES_LISTED else [])
        for label, names in only.items()
    }
    return cut or None


def _nothing_shared(sides: Sequence[Side], wanted: Sequence[str] | None) -> Problem:
    told = []
    for side in sides[:4]:
        names = sorted({name for task in side.runs for name in side.metrics(task)})
        tasks = [task for task in side.runs if task]
        has = f"has {listed(names, 4)}" if names else "has no metrics"
        told.append(f"{side.given} {has}" + (f" (task {', '.join(tasks[:3])})" if tasks else ""))
    which = f" among {listed(list(wanted))}" if wanted else ""
    return Problem(
        f"These {plural(len(sides), 'side')} share no metric{which}: {'; '.join(told)}.",
        "Compare runs of the same task, or leave metrics out.",
    )
