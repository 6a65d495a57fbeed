"""Runs and invocations side by side, with a verdict on each score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import iso, listed, plural, quoted
from mlflow_mcp.tools.arguments import Metrics, RunIds
from mlflow_mcp.tools.runs.comparing import alignment
from mlflow_mcp.tools.runs.comparing.apart import have_no_common_task, told_alike
from mlflow_mcp.tools.runs.comparing.cache_lines import cached_lines
from mlflow_mcp.tools.runs.comparing.config_files import ConfigDifferences, config_differences
from mlflow_mcp.tools.runs.comparing.copies_told import disagreeing_copies
from mlflow_mcp.tools.runs.comparing.differences import Differences, find_differences, told_rows
from mlflow_mcp.tools.runs.comparing.folded import folded, headlines
from mlflow_mcp.tools.runs.comparing.pairing import PairedJobs
from mlflow_mcp.tools.runs.comparing.primary import against_names, how_judged
from mlflow_mcp.tools.runs.comparing.reading import Compared, read_sides
from mlflow_mcp.tools.runs.comparing.refusals import of_models
from mlflow_mcp.tools.runs.comparing.sides import Side
from mlflow_mcp.tools.runs.comparing.verdicts import shown as verdict_rows
from mlflow_mcp.tools.runs.comparing.verdicts.gate import Tolerance, summary
from mlflow_mcp.tools.runs.comparing.verdicts.judged import Judged, judge
from mlflow_mcp.tools.runs.comparing.verdicts.replayed import equal_repeats, equal_scores, equal_tasks
from mlflow_mcp.tools.runs.comparing.verdicts.unjudged import without_error, without_headline
from mlflow_mcp.tools.runs.comparing.verdicts.verbosity import cut_off_sentences, verbosity_table

MOST_DIFFERENCES = 40
_NAMES_LISTED = 15

Baseline = Annotated[
    str | None, Field(description="Which of run_ids the others are measured against. Default: the first.")
]
Allowed = Annotated[
    str | None,
    BeforeValidator(lambda value: str(value) if isinstance(value, (int, float)) else value),
    Field(description="Gate: '1pp' (of 0-100), '2%' (relative) or '0.01' (absolute) may be lost."),
]


class Comparison(Answer):
    """The sides under letters. `unequal`: what makes their scores hard to compare, first. `verdicts` on the scores, with deltas
    against the baseline; `metrics`: the others, with the best of each row; `differences` of params, tags, datasets, commit and
    config files, only where they differ; `=A`: as side A."""

    unequal: Table | None = None
    sides: Table
    baseline: str
    gate: str | None = None
    verdicts: Table | None = None
    verbosity: Annotated[
        Table | None, Field(description="Where it moved: avg_completion_tokens; finish_reason.length / count.")
    ] = None
    metrics: Table | None = None
    only_one_side: Annotated[dict[str, list[str]] | None, Field(description="What a single side has.")] = None
    differences: Table | None = None
    equal: Annotated[int, Field(description="Params, tags, datasets and commits that are the same on all sides.")]


def compare_runs(
    client: Client, run_ids: RunIds, baseline: Baseline = None, metrics: Metrics = None, tolerance: Allowed = None
) -> Comparison:
    """Compare runs or whole evaluation invocations side by side: per task IMPROVED, REGRESSED or WITHIN NOISE with the error,
    what makes the sides unequal, and every metric, param, tag, dataset and commit that differs, aligned by task across
    experiments. 'a+b' in run_ids pools repeats as one side. compare_samples goes question by question, diff_artifacts
    compares config files."""
    allowed = Tolerance.of(tolerance) if tolerance is not None else None
    compared = read_sides(client, run_ids, baseline)
    sides, metrics = compared.sides, compared.datasets.asked_for(metrics)
    columns, all_rows = alignment.metric_rows(sides, compared.base, metrics)
    if metrics and not all_rows:
        raise _nothing_shared(sides, metrics)
    rows, parts = folded(all_rows, sides) if metrics is None else (all_rows, [])
    judged = _judged(compared, rows, allowed, named=metrics is not None)
    shown = verdict_rows.shown_of(judged, named=metrics is not None)
    left = _not_judged(compared, rows, shown)
    columns, left, of_errors = alignment.with_errors(sides, columns, left)
    verdicts = verdict_rows.verdict_table(shown, sides, compared.base, fold=metrics is None)
    answer = _answer(compared, verdicts, Table.of(columns, left, keep=("metric", *_labels(sides))) if left else None)
    answer.only_one_side = _bounded(alignment.only_on_one_side(sides, metrics))
    if allowed:
        gated = [row[0] for row in rows] if metrics else list(compared.base.runs)
        answer.gate = summary(
            allowed,
            [each.gate for each in shown if each.gate],
            verdict_rows.unjudged(shown, sides, compared.base, gated),
        )
    answer.note(compared.copies, *_nothing_compared(sides, rows, metrics), *compared.notes)
    answer.note(*_paired_by_number(compared.paired), *_unfinished(sides), *alignment.unlike_scales(sides)[:5])
    answer.note(
        *verdict_rows.sentences(shown, judged, fold=metrics is None),
        *([] if metrics or compared.copies else without_headline(rows, judged, compared.base)),
        *cut_off_sentences(sides, compared.base, metrics),
    )
    answer.note(*disagreeing_copies(compared.members, rows), *parts)
    answer.note(*_equal_scores(client, compared), *of_errors, without_error(left, sides))
    answer.note(*alignment.not_compared(sides, metrics), *compared.datasets.notes)
    answer.note(headlines(left, sides), of_models(run_ids))
    _add_differences(answer, compared, config_differences(client, sides))
    answer.note(*against_names(rows, sides), how_judged(left, sides) if any(row[-1] for row in left) else "")
    return answer


def _judged(
    compared: Compared, rows: Sequence[Sequence[Any]], allowed: Tolerance | None, *, named: bool
) -> list[Judged]:
    """Verdicts on the scores of these rows; none on copies of one job, or on values whose dataset nobody knows."""
    known = [] if compared.copies else [row for row in rows if row[1] not in compared.datasets.unknown]
    scores = verdict_rows.scores_of(known, compared.sides, named=named)
    return judge(scores, compared.sides, compared.base, compared.inequality, allowed)


def _not_judged(compared: Compared, rows: Sequence[Sequence[Any]], shown: Sequence[Judged]) -> list[list[Any]]:
    """The rows that no verdict tells, without a best where values cannot be ranked."""
    left = verdict_rows.left_rows(rows, shown, compared.sides, compared.base)
    unknown = compared.datasets.unknown
    return [[*row[:-1], None] if compared.copies or row[1] in unknown else row for row in left]


def _equal_scores(client: Client, compared: Compared) -> list[str]:
    """That scores are equal, with what logs and configs tell of a cache; of copies it is no wonder."""
    copies = {task for task, _ in compared.inequality.copies}
    tasks = [task for task in equal_tasks(compared.sides) if task not in copies]
    repeated = [task for side in compared.sides for task in equal_repeats(side)]
    if compared.copies or not (tasks or repeated):
        return []
    return equal_scores(compared.sides, tasks, cached_lines(client, compared.members, [*tasks, *repeated]))


def _answer(compared: Compared, verdicts: Table | None, metrics: Table | None) -> Comparison:
    sides, base = compared.sides, compared.base
    return Comparison(
        unequal=compared.inequality.table(sides),
        sides=_sides_table(sides),
        baseline=base.label,
        verdicts=verdicts,
        verbosity=None if compared.copies else verbosity_table(sides, base),
        metrics=metrics,
        equal=0,
    )


def _add_differences(answer: Comparison, compared: Compared, of_files: ConfigDifferences) -> None:
    """The differences that `unequal` does not tell."""
    labels = _labels(compared.sides)
    differences = find_differences(compared.sides)
    shown, elsewhere = told_rows(differences.rows, compared.sides, compared.base.label, compared.inequality.tells)
    shown = [_with_mixed(row, compared.sides) for row in shown] + of_files.rows
    if shown:
        answer.differences = Table.of(["name", *labels], shown[:MOST_DIFFERENCES], keep=("name", *labels))
    answer.equal = differences.equal
    answer.note(*elsewhere, *_notes(differences, len(shown)), *of_files.notes)


def _with_mixed(row: Sequence[Any], sides: Sequence[Side]) -> list[Any]:
    """A row whose empty cells of pooled sides say that these have several values."""
    name = str(row[0]).partition(" (")[0]
    cells = [
        f"mixed: {side.mixed[name]}" if cell is None and name in side.mixed else cell
        for side, cell in zip(sides, row[1:])
    ]
    return [row[0], *cells]


def _labels(sides: Sequence[Side]) -> list[str]:
    return [side.label for side in sides]


def _nothing_compared(sides: Sequence[Side], rows: Sequence[Any], metrics: Sequence[str] | None) -> list[str]:
    if rows or metrics is not None:
        return told_alike(sides)
    if not have_no_common_task(sides):
        return [f"No metric is compared: {_contents(sides)}."]
    return [
        "No metric is compared: no task is on more than one side; only_one_side lists those of each.",
        *told_alike(sides),
    ]


def _paired_by_number(paired: PairedJobs) -> list[str]:
    if not paired.by_number:
        return []
    reason = f"{quoted(paired.by_number)} ran several times: jobs are paired by their numbers"
    return [f"{reason}, since nothing else tells which belong together."]


def _sides_table(sides: Sequence[Side]) -> Table:
    rows: list[list[Any]] = []
    for side in sides:
        runs = list(side.runs.values())
        counts = {side.samples[task].number if task in side.samples else None for task in side.runs}
        rows.append(
            [
                side.label,
                side.name,
                runs[0].run_id if side.run_count == 1 else None,
                ", ".join(sorted({run.experiment for run in runs})),
                side.model,
                side.run_count,
                counts.pop() if len(counts) == 1 else None,  # of several tasks, one number says nothing
                ", ".join(sorted({run.status for run in runs})),
                iso(max(run.ended for run in runs)),
            ]
        )
    ended = "exported" if all(side.is_export for side in sides) else "ended"
    columns = ["side", "name", "run_id", "experiment", "model", "runs", "samples", "status", ended]
    return Table.of(columns, rows, keep=("side", "name"))


def _notes(differences: Differences, told: int) -> list[str]:
    notes = []
    if differences.without_config:
        notes.append(
            f"Params config.* are not compared with {', '.join(differences.without_config)}, which has none; "
            "diff_artifacts compares the config files."
        )
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
