"""Rank runs by a metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.text_conditions import searchable
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.entities.scales import two_scales
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import every, hint, listed, number, plural
from mlflow_mcp.tools.arguments import ExperimentId, Metrics, MinSamples, Params, Query
from mlflow_mcp.tools.evaluations.inspection import inspect_samples
from mlflow_mcp.tools.runs.aggregates.jobs_once import kept_unjudged
from mlflow_mcp.tools.runs.ranked.by_dataset import on_datasets, several_datasets, unnamed_values
from mlflow_mcp.tools.runs.ranked.dataset_ranking import RankedOnDataset, RankingRequest, named, rank_on_dataset
from mlflow_mcp.tools.runs.ranked.doubts import doubts, of_other_families, unfinished
from mlflow_mcp.tools.runs.ranked.ranking import Ranked, rank
from mlflow_mcp.tools.runs.ranked.ties import tie_of_the_best
from mlflow_mcp.tools.runs.tables.order import Asked, Order, order_of, unknown_order
from mlflow_mcp.tools.runs.tables.table import ColumnChoice, RunTable, run_table

if TYPE_CHECKING:
    from mlflow.entities import Run


MetricName = Annotated[str, Field(min_length=1, description="Exact metric name, e.g. 'val/loss'.")]


Mode = Annotated[Asked, Field(description="'max': highest first. 'auto': as the experiment's tag or the name says.")]


OnDataset = Annotated[str | None, Field(description="Rank by the value on this dataset: name, or 'name (digest)'.")]


Top = Annotated[int, Field(ge=1, le=100, description="Rows at most.")]


_DATASETS_NAMED = 8
_RUNS_NAMED = 5


class Ranking(RunTable):
    """The best runs by one metric, best first."""

    partial: Annotated[str | None, Field(description="What of the ranking is not certain.")] = None
    metric: str
    dataset: str | None = None
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
    dataset: OnDataset = None,
    limit: Top = 5,
) -> Ranking:
    """Rank runs by a metric's latest value and return the top N with what tells them apart; NaN, infinite and missing values never win,
    and a winner of few samples is pointed out. Within a filter, in one, several or all experiments. compare_runs shows
    the differences of the winners, aggregate_runs statistics over all."""
    ids = experiment_ids(client, experiment_id)
    where = searchable(client, ids, query)
    order = order_of(client, ids, metric, mode)
    first = order.mode if order else "max"
    if dataset:
        top: Ranked = rank_on_dataset(client, RankingRequest(ids, where, metric, dataset, first), min_samples, limit)
    else:
        top = client.experiments.search_in(
            ids, lambda each: rank(client, each, where, metric, first, min_samples, limit)
        )
    if not top.runs:
        raise _nobody(client, ids, where, metric, min_samples, top.too_few_samples)
    if order is None:
        raise unknown_order(metric)
    answer = _answer(client, top, ColumnChoice(metrics, params), order)
    if top.copies:
        answer.note(
            f"{plural(top.copies, 'further copy', 'further copies')} of these jobs left out; get_invocation lists them."
        )
    if top.tied:
        answer.note(_ties(top))
    answer.note(*tie_of_the_best(top))
    if top.too_few_samples:
        answer.note(f"{plural(top.too_few_samples, 'run')} with fewer than {min_samples} samples left out above these.")
    if min_samples is not None and top.uncounted:
        answer.note(kept_unjudged(top.uncounted))
    return answer


def _answer(client: Client, top: Ranked, choice: ColumnChoice, order: Order) -> Ranking:
    """The table of the ranked runs with what speaks against their places."""
    runs, names = [launched.entity for launched in top.runs], client.experiments.names()
    scales = two_scales(top.metric, top.read)
    if isinstance(top, RankedOnDataset):
        on_dataset = {f"{top.metric} on dataset": [top.value(run) for run in top.runs]}
        others = replace(choice, metrics=choice.metrics or [])
        table = run_table(runs, names, others, more_columns=on_dataset)
        partial = " ".join(filter(None, [top.partial, scales])) or None
        answer = Ranking(partial=partial, metric=top.metric, dataset=top.dataset, order=str(order), **dict(table))
        if top.elsewhere:
            answer.note(
                f"Not ranked, because MLflow keeps no value of theirs for this dataset: {listed(top.elsewhere, _RUNS_NAMED)}."
            )
        if top.several_models:
            answer.note(f"{plural(top.several_models, 'run')} measured several models on it: the best one counts.")
    else:
        partial = " ".join(filter(None, [_last_of_several(client, top.runs, top.metric), scales])) or None
        table = run_table(runs, names, replace(choice, metrics=[top.metric, *(choice.metrics or ())]))
        answer = Ranking(partial=partial, metric=top.metric, order=str(order), **dict(table))
    not_done = unfinished(top)
    answer.note(*not_done[:1], *order.doubts, *doubts(client, top), of_other_families(top), *not_done[1:])
    answer.note(*_notes(client, top.runs))
    return answer


def _notes(client: Client, runs: Sequence[LauncherRun]) -> list[str]:
    """What speaks against a place in the ranking, in the order of the ranking."""
    notes = []
    samples = inspect_samples(client, runs)
    for place, run in enumerate(runs, 1):
        limit, name = samples[run.run_id].limit, run.name
        if limit is not None:
            kind = "a trial run" if samples[run.run_id].is_trial else "limited"
            notes.append(f"Number {place} ({name}) is {kind} ({limit.evidence}): not comparable with full runs.")
    return notes


def _last_of_several(client: Client, runs: Sequence[LauncherRun], metric: str) -> str | None:
    """What a ranking rests on where runs logged the metric several times at once. Raises Problem where that was for several
    datasets that can be named: the value written last is then no value of the run's."""
    views = {f"Number {place} ({run.name})": RunView.of(run.entity, {}) for place, run in enumerate(runs, 1)}
    found = on_datasets(client, list(views.values()))
    of_metric = {id_: [each for each in part if each.metric == metric] for id_, part in found.items()}
    several = [part for part in of_metric.values() if len({named(each) for each in part}) > 1]
    if several:
        datasets = sorted({named(each) for part in of_metric.values() for each in part})
        raise Problem(
            f"'{metric}' was logged for several datasets in {plural(len(several), 'run')} of the first {len(runs)} by the value "
            f"written last, which is that of any of them: {listed(datasets, _DATASETS_NAMED)}.",
            "Pass dataset to rank by the values on one of them.",
        )
    notes = [note for who, run in views.items() for note in several_datasets(who, found.get(run.run_id, ()), [metric])]
    without = {who: run for who, run in views.items() if not found.get(run.run_id)}
    notes += map(str, unnamed_values(client, without, [metric]))
    return " ".join(notes) or None


def _ties(top: Ranked) -> str:
    value = top.value(top.runs[-1])
    of_all = all(top.value(run) == value for run in top.runs)
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
