"""Exact statistics over many runs, and what moves a metric over the runs of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.text_conditions import searchable
from mlflow_mcp.entities.parents import of_several_families
from mlflow_mcp.entities.scales import two_scales
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import plural
from mlflow_mcp.tools.arguments import ExperimentId, MetricNames, MinSamples, Query, one_or_many
from mlflow_mcp.tools.runs.aggregates.counted import count_runs
from mlflow_mcp.tools.runs.aggregates.doubts import doubts_of, doubts_of_sweep
from mlflow_mcp.tools.runs.aggregates.group_keys import GroupKey
from mlflow_mcp.tools.runs.aggregates.notes import OVER_ALL, left_out, missing, notes_of, unfinished
from mlflow_mcp.tools.runs.aggregates.unlike_params import unlike_params
from mlflow_mcp.tools.runs.sweep.explained import Sweep, explain
from mlflow_mcp.tools.runs.sweep.trials import Trials, read_trials

GroupBy = Annotated[
    list[str] | None,
    Field(
        description="Tags, params or attributes to group by: ['tags.model', 'params.lr', 'experiment', 'status']; or ['each']."
    ),
    BeforeValidator(one_or_many),
]


Quantiles = Annotated[
    list[Annotated[float, Field(ge=0, le=1)]] | None, Field(description="More quantiles, e.g. [0.05, 0.95].")
]

# In place of names: every param that varies, one by one.
_EACH = "each"


class Aggregates(Answer):
    """Statistics of metrics, a row per group and metric. `n` counts finite values; std divides by n - 1;
    stderr is std / sqrt(n); quantiles are linear between neighbours. With group_by=['each'] `sweep` instead."""

    partial: Annotated[str | None, Field(description="Of which runs these figures are, if not of all.")] = None
    runs: Annotated[
        int, Field(description="Matching runs; if partial, those read. Copies of one evaluation job count once.")
    ]
    exact: Annotated[bool, Field(description="Whether the figures are those of all matching runs.")]
    groups: int | None = None
    table: Table | None = None
    sweep: Sweep | None = None


def aggregate_runs(
    client: Client,
    metrics: MetricNames,
    group_by: GroupBy = None,
    experiment_id: ExperimentId = None,
    query: Query = "",
    quantiles: Quantiles = None,
    min_samples: MinSamples = None,
) -> Aggregates:
    """Compute exact statistics of metrics over all matching runs: count, mean, standard deviation and error, min, median,
    max, quantiles, grouped by tags, params or attributes. group_by=['each'] explains a sweep: which params move
    the metric. NaN and missing values are counted apart. Use it instead of fetching runs and calculating; best_runs names single runs."""
    ids = experiment_ids(client, experiment_id)
    where = searchable(client, ids, query)
    if _EACH in (group_by or ()):
        _refuse_beside_each(group_by or [], quantiles)
        read = client.experiments.search_in(
            ids, lambda each: (each, read_trials(client, each, where, metrics, min_samples))
        )
        return _explained(client, *read, min_samples)
    keys = [GroupKey.of(key) for key in group_by or ()]
    searched, counted = client.experiments.search_in(
        ids, lambda each: (each, count_runs(client, each, where, metrics, keys, min_samples))
    )
    if not (counted.values.runs or counted.values.partial):
        raise NotFound("No runs match, so there is nothing to compute.", "Widen the query or leave experiment_id out.")
    counted.refuse_unknown()
    columns, rows = counted.table(quantiles or [])
    answer = Aggregates(
        partial=counted.values.partial,
        runs=counted.values.runs,
        exact=counted.values.partial is None,
        groups=len(counted.groups),
        table=Table.of(columns, rows, keep=columns[:1]),
    )
    doubts, is_told = doubts_of(client, searched, counted)
    answer.note(*doubts)
    answer.note(
        *unlike_params(client, searched, where, counted),
        *notes_of(counted, tells_unfinished=not is_told),
        *missing(client, counted),
    )
    return answer


def _refuse_beside_each(group_by: Sequence[str], quantiles: Sequence[float] | None) -> None:
    """Raise Problem for what does not go with the explanation of a sweep."""
    if len(group_by) > 1:
        raise Problem(
            "group_by=['each'] stands alone: it looks at every param that varies.",
            "Leave the other keys out, or restrict the runs with query.",
        )
    if quantiles:
        raise Problem("quantiles say nothing with group_by=['each'].", "Leave them out.")


def _explained(client: Client, ids: list[str], trials: Trials, least: int | None) -> Aggregates:
    values = trials.values
    if not trials.runs:
        raise NotFound(
            f"No run has a finite '{trials.metric}': {plural(trials.odd.nan, 'is', 'are')} NaN, {trials.odd.infinite} infinite.",
            "Widen the query, or name another metric.",
        )
    sweep, notes = explain(client, ids, trials)
    answer = Aggregates(partial=values.partial, runs=values.runs, exact=values.partial is None, sweep=sweep)
    doubts, is_told = doubts_of_sweep(client, ids, trials)
    answer.note(*doubts, *notes, OVER_ALL if values.partial else "")
    if odd := trials.odd.nan + trials.odd.infinite:
        answer.note(
            f"{plural(odd, 'run')} with NaN or infinite {trials.metric} left out: where they lie is not looked at."
        )
    answer.note(*left_out(trials.copies, list(trials.judged.too_small.values()), least, trials.judged.unknown))
    answer.note(of_several_families(trials.parents, "counted"))
    answer.note(two_scales(trials.metric, [(run.name, run.value) for run in trials.runs]))
    answer.note(unfinished(trials.unfinished) if trials.unfinished and not is_told else "")
    return answer
