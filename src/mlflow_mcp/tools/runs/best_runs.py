"""Rank runs by a metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import quoted_order, quoted_query
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.pages import search
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.entities.samples import Samples
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import every, hint, listed, plural
from mlflow_mcp.tools.arguments import ExperimentId, Metrics, Params, Query
from mlflow_mcp.tools.evaluations.inspection import inspect_samples
from mlflow_mcp.tools.runs.table import ColumnChoice, RunTable, run_table

if TYPE_CHECKING:
    from mlflow.entities import Run


MetricName = Annotated[str, Field(min_length=1, description="Exact metric name, e.g. 'val/loss'.")]


Mode = Annotated[Literal["max", "min"], Field(description="'max': highest first; 'min': lowest first.")]


MinSamples = Annotated[int | None, Field(ge=1, description="Leave out runs that say they had fewer samples.")]


Top = Annotated[int, Field(ge=1, le=100, description="Rows at most.")]


# How many rows of a ranking are read in search of valid ones.
_MOST_READ = 5_000


class Ranking(RunTable):
    """The best runs by one metric, best first."""

    metric: str
    mode: str


def best_runs(  # noqa: PLR0913  # one parameter per argument of the tool
    client: Client,
    metric: MetricName,
    mode: Mode = "max",
    experiment_id: ExperimentId = None,
    query: Query = "",
    min_samples: MinSamples = None,
    metrics: Metrics = None,
    params: Params = None,
    limit: Top = 5,
) -> Ranking:
    """Rank runs by a metric and return the top N with what tells them apart; NaN, infinite and missing values never win,
    and a winner of few samples is pointed out. Within a filter, in one, several or all experiments. compare_runs shows
    the differences of the winners, aggregate_runs statistics over all."""
    ids, where = experiment_ids(client, experiment_id), quoted_query(query)
    top = client.experiments.search_in(ids, lambda each: _top(client, each, where, metric, mode, min_samples, limit))
    if not top.runs:
        raise _nobody(client, ids, where, metric, min_samples, top.too_few_samples)
    choice = ColumnChoice([metric, *(metrics or ())], params)
    table = run_table([launched.entity for launched in top.runs], client.experiments.names(), choice)
    answer = Ranking(metric=metric, mode=mode, **dict(table))
    answer.note(*_notes(client, top.runs))
    if top.too_few_samples:
        answer.note(f"{plural(top.too_few_samples, 'run')} with fewer than {min_samples} samples left out above these.")
    if min_samples is not None and top.uncounted:
        answer.note(f"min_samples could not judge {listed(top.uncounted, 5)}: nothing counts or limits their samples.")
    return answer


def _notes(client: Client, runs: Sequence[LauncherRun]) -> list[str]:
    """What speaks against a place in the ranking, in the order of the ranking."""
    notes = []
    samples = inspect_samples(client, runs)
    for rank, run in enumerate(runs, 1):
        limit, name, status = samples[run.run_id].limit, run.name, run.status
        if limit is not None:
            kind = "a trial run" if samples[run.run_id].is_trial else "limited"
            notes.append(f"Number {rank} ({name}) is {kind} ({limit.evidence}): not comparable with full runs.")
        if status != "FINISHED":
            notes.append(f"Number {rank} ({name}) is {status}, not FINISHED.")
    for job, count in Counter(run.job_id for run in runs).items():
        if job and count > 1:
            notes.append(f"{count} of these runs are duplicate exports of job {job}.")
    return notes


@dataclass
class _Top:
    """The first runs of a ranking, how many were left out for their samples, and the names of those that could not be judged."""

    runs: list[LauncherRun]
    too_few_samples: int = 0
    uncounted: list[str] = field(default_factory=list)

    def add(self, runs: Sequence[LauncherRun], samples: Mapping[str, Samples], least: int, limit: int) -> None:
        for run in runs:
            if len(self.runs) == limit:
                return
            number = samples[run.run_id].number
            if number is not None and number < least:
                self.too_few_samples += 1
                continue
            self.runs.append(run)
            if number is None:
                self.uncounted.append(run.name or run.run_id)


def _top(
    client: Client, ids: list[str], query: str, metric: str, mode: str, min_samples: int | None, limit: int
) -> _Top:
    """The first `limit` runs by rank that have a finite value and enough samples.

    The server orders and leaves out infinities (stored as +-1.797e308), but keeps NaN: those are passed over here.
    """
    name = f"metrics.`{metric}`" if "`" not in metric else f'metrics."{metric}"'
    clauses = [query, f"{name} > -1.7e308", f"{name} < 1.7e308"]
    whole = " AND ".join(clause for clause in clauses if clause)
    order = quoted_order([f"metrics.{metric} {'DESC' if mode == 'max' else 'ASC'}"])
    top = _Top([])
    read, cursor = 0, None
    while True:
        page = search(client, ids, whole, order, max(limit, 20), cursor)
        finite = [run for run in map(LauncherRun.of, page.runs) if is_finite(run.metrics.get(metric))]
        if min_samples is None:
            top.runs += finite[: limit - len(top.runs)]
        while min_samples is not None and finite and len(top.runs) < limit:
            top.add(finite[:limit], inspect_samples(client, finite[:limit]), min_samples, limit)
            finite = finite[limit:]
        read += len(page.runs)
        if len(top.runs) >= limit or not page.more or read >= _MOST_READ:
            return top
        cursor = page.cursor_after(len(page.runs))


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
