"""Rank runs by a metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import quoted_query
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.pages import search
from mlflow_mcp.entities.launcher import CANARY, LauncherRun, is_canary
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import every, hint, number, plural
from mlflow_mcp.tools.arguments import ExperimentId, Metrics, Params, Query
from mlflow_mcp.tools.evaluations.inspection import inspect_runs
from mlflow_mcp.tools.runs.by_dataset import on_datasets, several_datasets, unnamed_datasets
from mlflow_mcp.tools.runs.order import Asked, order_of, unknown_order
from mlflow_mcp.tools.runs.table import ColumnChoice, RunTable, run_table

if TYPE_CHECKING:
    from mlflow.entities import Run


MetricName = Annotated[str, Field(min_length=1, description="Exact metric name, e.g. 'val/loss'.")]


Mode = Annotated[Asked, Field(description="'max': highest first. 'auto': as the experiment's tag or the name says.")]


MinSamples = Annotated[int | None, Field(ge=1, description="Leave out runs that say they had fewer samples.")]


Top = Annotated[int, Field(ge=1, le=100, description="Rows at most.")]


# How many rows of a ranking are read in search of valid ones.
_MOST_READ = 5_000
# How many rows below the ranking are read with it: runs of equal value, and room for those left out.
_READ_FURTHER = 20


class Ranking(RunTable):
    """The best runs by one metric, best first."""

    metric: str
    order: Annotated[str, Field(description="Which end comes first, and what says so.")]


def best_runs(  # noqa: PLR0913  # one parameter per argument of the tool
    client: Client,
    metric: MetricName,
    mode: Mode = "auto",
    experiment_id: ExperimentId = None,
    query: Query = "",
    min_samples: MinSamples = None,
    metrics: Metrics = None,
    params: Params = None,
    limit: Top = 5,
) -> Ranking:
    """Rank runs by a metric's latest value and return the top N with what tells them apart; NaN, infinite and missing values never win,
    and a winner of few samples is pointed out. Within a filter, in one, several or all experiments. compare_runs shows
    the differences of the winners, aggregate_runs statistics over all."""
    ids, where = experiment_ids(client, experiment_id), quoted_query(query)
    order = order_of(client, ids, metric, mode)
    top = client.experiments.search_in(
        ids, lambda each: _top(client, each, where, metric, order.mode if order else "max", min_samples, limit)
    )
    if not top.runs:
        raise _nobody(client, ids, where, metric, min_samples, top.too_few_samples)
    if order is None:
        raise unknown_order(metric)
    choice = ColumnChoice([metric, *(metrics or ())], params)
    table = run_table([launched.entity for launched in top.runs], client.experiments.names(), choice)
    answer = Ranking(metric=metric, order=str(order), **dict(table))
    answer.note(*order.doubts, *_notes(client, top.runs), *_datasets(client, top.runs, metric))
    if top.tied:
        answer.note(_ties(top, metric))
    if top.too_few_samples:
        answer.note(f"{plural(top.too_few_samples, 'run')} with fewer than {min_samples} samples left out.")
    return answer


def _notes(client: Client, runs: Sequence[LauncherRun]) -> list[str]:
    """What speaks against a place in the ranking, in the order of the ranking."""
    notes = []
    details = inspect_runs(client, [run for run in runs if run.invocation_id], history=False)
    for rank, run in enumerate(runs, 1):
        samples = details[run.run_id].samples if run.run_id in details else run.samples
        name, status = run.name, run.status
        if samples is not None and is_canary(samples):
            notes.append(
                f"Number {rank} ({name}) had only {plural(samples, 'sample')}: not comparable with full "
                f"runs; {_remedy(run)}"
            )
        if status != "FINISHED":
            notes.append(f"Number {rank} ({name}) is {status}, not FINISHED.")
    for job, count in Counter(run.job_id for run in runs).items():
        if job and count > 1:
            notes.append(f"{count} of these runs are duplicate exports of job {job}.")
    return notes


def _datasets(client: Client, runs: Sequence[LauncherRun], metric: str) -> list[str]:
    """A sentence for each run whose place rests on the last of several values."""
    views = {f"Number {rank} ({run.name})": RunView.of(run.entity, {}) for rank, run in enumerate(runs, 1)}
    found = on_datasets(client, list(views.values()))
    notes = [note for who, run in views.items() for note in several_datasets(who, found.get(run.run_id, ()), [metric])]
    return notes + unnamed_datasets(
        client, {who: run for who, run in views.items() if not found.get(run.run_id)}, [metric]
    )


def _remedy(run: LauncherRun) -> str:
    if run.samples is None:
        return "only its results.yml says so, so that min_samples cannot leave it out."
    return f"min_samples={CANARY + 1} leaves out runs whose params say so."


@dataclass
class _Top:
    """The first runs of a ranking, and how many were left out for their samples."""

    runs: list[LauncherRun]
    too_few_samples: int = 0
    tied: int = 0  # runs left out that have the value of the last one
    more_tied: bool = False  # whether there may be further ones


def _top(
    client: Client, ids: list[str], query: str, metric: str, mode: str, min_samples: int | None, limit: int
) -> _Top:
    """The first `limit` runs by rank that have a finite value and enough samples.

    The server orders and leaves out infinities (stored as +-1.797e308), but keeps NaN: those are passed over here.
    """
    # Not quoted_order, which takes off the spaces around a name.
    name = f"metrics.`{metric}`" if "`" not in metric else f'metrics."{metric}"'
    clauses = [query, f"{name} > -1.7e308", f"{name} < 1.7e308"]
    whole = " AND ".join(clause for clause in clauses if clause)
    # MLflow takes one pair of quotes off an order, and then the spaces.
    ordered = name if metric == metric.strip() else f"metrics.`'{metric}'`"
    order = [f"{ordered} {'DESC' if mode == 'max' else 'ASC'}"]
    top = _Top([])
    read, cursor = 0, None
    while True:
        page = search(client, ids, whole, order, limit + _READ_FURTHER, cursor)
        for launched in map(LauncherRun.of, page.runs):
            if is_finite(launched.metrics.get(metric)):
                _take(top, launched, metric, min_samples, limit)
        read += len(page.runs)
        if len(top.runs) >= limit or not page.more or read >= _MOST_READ:
            last = page.runs[-1].data.metrics.get(metric) if page.runs else None
            top.more_tied = page.more and bool(top.tied) and last == top.runs[-1].metrics[metric]
            return top
        cursor = page.cursor_after(len(page.runs))


def _take(top: _Top, run: LauncherRun, metric: str, min_samples: int | None, limit: int) -> None:
    """Put the next run of the order where it belongs: in the ranking, or to those left out."""
    if min_samples is not None and run.samples is not None and run.samples < min_samples:
        top.too_few_samples += 1
    elif len(top.runs) < limit:
        top.runs.append(run)
    elif run.metrics[metric] == top.runs[-1].metrics[metric]:
        top.tied += 1


def _ties(top: _Top, metric: str) -> str:
    value = top.runs[-1].metrics[metric]
    of_all = all(run.metrics[metric] == value for run in top.runs)
    return (
        f"{'At least ' if top.more_tied else ''}{plural(top.tied, 'more run')} {'has' if top.tied == 1 else 'have'} "
        f"the same value as {'these' if of_all else 'the last of these'} ({number(value)}); "
        "among equals the newest come first."
    )


def _nobody(
    client: Client, ids: list[str] | None, query: str, metric: str, min_samples: int | None, too_few: int
) -> Problem:
    if too_few:
        return NotFound(
            f"{every(too_few, 'run').capitalize()} with a finite '{metric}' had fewer than {min_samples} samples.",
            "Lower min_samples.",
        )
    some, _ = client.experiments.search_in(ids, lambda each: client.runs.search(each[:1_000], query, max_results=1_000))
    nothing = f"No runs match '{query}'." if query else "No active runs found."
    if not some:
        return NotFound(nothing, "Widen the query or leave experiment_id out.")
    holders = [run for run in some if metric in run.data.metrics]
    if holders:
        return NotFound(
            f"'{metric}' is NaN or infinite in {every(len(holders), 'run')} that {'has' if len(holders) == 1 else 'have'} it.",
            "Choose another metric; describe_experiment lists them with their ranges.",
        )
    return unknown_metric(metric, some)


def unknown_metric(metric: str, runs: Sequence[Run]) -> NotFound:
    """The sentence for a metric that none of these runs has."""
    known = {name for run in runs for name in run.data.metrics}
    return NotFound(
        f"None of {plural(len(runs), 'run')} looked at has a metric '{metric}'.",
        f"{hint(metric, known)} describe_experiment lists all metrics.".strip(),
    )
