"""Two runs question by question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Page
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.cursors import decode_offset, encode_cursor
from mlflow_mcp.errors import Problem
from mlflow_mcp.statistics.exact import holm
from mlflow_mcp.text import number
from mlflow_mcp.tools.arguments import Cursor, Limit, one_or_many
from mlflow_mcp.tools.runs.samplewise.compared import Compared, compare_task
from mlflow_mcp.tools.runs.samplewise.joining import Pair
from mlflow_mcp.tools.runs.samplewise.read.sources import Found
from mlflow_mcp.tools.runs.samplewise.shown import how_to_read_whole, sample_table
from mlflow_mcp.tools.runs.samplewise.sides import Sides, find_sides
from mlflow_mcp.tools.runs.samplewise.slices import group_columns, slice_rows

Two = Annotated[
    list[str],
    BeforeValidator(one_or_many),
    Field(description="Two runs, jobs or invocations; baseline first."),
]
Show = Annotated[Literal["regressed", "fixed", "both", "all"], Field(description="Which rows.")]
Metric = Annotated[str | None, Field(description="Score name.")]
Path = Annotated[str | None, Field(description="File, glob or task.")]


class SampleComparison(Page):
    """A is the baseline. `regressed`: right in A and not in B, or a worse score; `fixed`: the opposite."""

    partial: Annotated[str | None, Field(description="What of the samples is in none of the figures.")] = None
    verdict: str
    sides: dict[str, dict[str, Any]]
    score: str
    joined_by: str
    counts: dict[str, int]
    means: dict[str, Any]
    test: str
    tasks: Table | None = None
    slices: Table | None = None
    samples: Table | None = None


def compare_samples(
    client: Client,
    run_ids: Two,
    show: Show = "regressed",
    metric: Metric = None,
    artifact_path: Path = None,
    limit: Limit = 10,
    cursor: Cursor = None,
) -> SampleComparison:
    """Compare two runs question by question: what broke, what was fixed, both outputs, McNemar's test, by subject.
    From files or assessed traces. compare_runs compares totals."""
    arguments = (run_ids, show, metric, artifact_path)
    start = decode_offset(cursor, *arguments) if cursor else 0
    sides = find_sides(client, run_ids, artifact_path, metric)
    compared = _compare_all(client, sides, metric)
    adjusted = holm([each.judged.p for each in compared])
    # Of several tasks the one that chance explains least.
    chosen = min(compared, key=lambda each: (each.judged.p, -len(each.judged.lost)))
    answer = _answer(chosen, (adjusted[compared.index(chosen)], len(compared)) if len(compared) > 1 else None)
    answer.partial = "; ".join([*sides.partial, *filter(None, [answer.partial])]) or None
    if len(compared) > 1:
        answer.tasks = _tasks(compared, adjusted)
        answer.note(f"The rest is of task {chosen.both.label}; artifact_path='<task>' or two job ids show another.")
    if not cursor:
        _add_slices(answer, chosen)
    pairs = _listed(chosen, show)
    page = pairs[start : start + min(limit, _MOST_ROWS)]
    _add_rows(answer, client, chosen, page)
    answer.continue_with(
        lambda count: encode_cursor(start + count, *arguments), len(page), more=start + len(page) < len(pairs)
    )
    answer.note(*chosen.notes, *sides.notes)
    return answer


def _add_slices(answer: SampleComparison, chosen: Compared) -> None:
    rows, sentences = slice_rows(chosen.judged.pairs, chosen.judged.mode)
    columns = ["slice", "pairs", *chosen.judged.words, "A", "B", "p"]
    answer.slices = Table.of(columns, rows, keep=("slice", *chosen.judged.words)) if rows else None
    answer.note(sentences)


def _add_rows(answer: SampleComparison, client: Client, chosen: Compared, page: Sequence[Pair]) -> None:
    if not page:
        answer.note("There are no such questions.")
        return
    groups = group_columns(chosen.judged.pairs)
    answer.samples = sample_table(client, page, chosen.both.sides, chosen.id_name, groups[0] if groups else None)
    answer.note(how_to_read_whole(chosen.both.sides, page[0]))


_MOST_PATHS = 4
_MOST_ROWS = 100  # of a page: each is read from both files


def _compare_all(client: Client, sides: Sides, metric: str | None) -> list[Compared]:
    """Each task that can be compared; of those that cannot, why. Raises the reason where it is the only task."""
    compared, problems = [], []
    ids = {str(each.run.entity.info.experiment_id) for both in sides.tasks for each in both.sides}
    primaries = client.experiments.primary_metrics(sorted(ids))
    for both in sides.tasks:
        try:
            compared.append(compare_task(client, both, metric, sides.unlike, primaries))
        except Problem as problem:
            problems.append((both.label, problem))
    if not compared:
        raise problems[0][1]
    sides.notes += [f"{label} is not compared: {problem}" for label, problem in problems[:5]]
    return compared


def _listed(chosen: Compared, show: str) -> list[Pair]:
    """The pairs to list: the largest changes first, else in the order of A's rows."""
    judged = chosen.judged
    lost, won = (sorted(pairs, key=lambda pair: -round(abs(pair.difference), 9)) for pairs in (judged.lost, judged.won))
    return {"regressed": lost, "fixed": won, "both": [*lost, *won], "all": list(judged.pairs)}[show]


def _answer(chosen: Compared, family: tuple[float, int] | None) -> SampleComparison:
    judged = chosen.judged
    right, rest = judged.unchanged
    worse, better = judged.words
    counts = {"pairs": len(judged.pairs), worse: len(judged.lost), better: len(judged.won)}
    counts |= {"both_right": right, "both_wrong": rest} if judged.flips else {"equal": rest}
    a, b = judged.means
    interval = (
        ""
        if judged.interval is None
        else f", 95% interval {number(judged.interval[0], 3)} to {number(judged.interval[1], 3)}"
    )
    return SampleComparison(
        partial=chosen.partial,
        verdict=judged.verdict(family),
        sides={label: _where(side) for label, side in zip("AB", chosen.both.sides)},
        score=chosen.score_told,
        joined_by=chosen.joined.by,
        counts=counts,
        means={"A": number(a), "B": number(b), "B-A": number(judged.difference)},
        test=f"{judged.test} over {chosen.unit}: p={number(judged.p, 2)}{interval}",
    )


def _where(side: Found) -> dict[str, Any]:
    """Where the samples of a side were read."""
    run: dict[str, Any] = {"run_id": side.run.run_id}
    if not side.paths:
        return {**run, "read": "traces"}
    if len(side.paths) == 1:
        return {**run, "artifact_path": side.paths[0]}
    return {**run, "artifact_paths": side.paths[:_MOST_PATHS], "files": len(side.paths)}


def _tasks(compared: Sequence[Compared], adjusted: Sequence[float]) -> Table:
    rows: list[list[Any]] = [
        [
            each.both.label,
            each.score.label,
            len(each.judged.pairs),
            *each.judged.means,
            len(each.judged.lost),
            len(each.judged.won),
            number(p, 2),
            each.judged.verdict((p, len(compared))).partition(":")[0],
            each.partial,
        ]
        for each, p in zip(compared, adjusted)
    ]
    columns = ["task", "score", "pairs", "A", "B", "regressed", "fixed", "p (Holm)", "verdict", "partial"]
    return Table.of(columns, rows, keep=("task", "verdict"))
