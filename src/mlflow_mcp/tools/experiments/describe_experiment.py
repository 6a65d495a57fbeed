"""What an experiment holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.values import runs_matching
from mlflow_mcp.entities.launcher import group_invocations
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.text import iso, listed, number, plural, truncate
from mlflow_mcp.tools.arguments import as_text

if TYPE_CHECKING:
    from mlflow.entities import Run


OneExperiment = Annotated[
    str, Field(min_length=1, description="Id or exact name of the experiment."), BeforeValidator(as_text)
]


# How many runs are read: one page.
_PAGE = 1_000


# Names listed of each kind; the rest is counted.
_NAMES = 30


_VALUES = 6


_PARAM_NAMES = 20


class ExperimentSummary(Answer):
    """What an experiment holds, in one page of its newest runs."""

    partial: Annotated[str | None, Field(description="Of which runs these figures are, if not of all.")] = None
    experiment_id: str
    name: str
    runs_read: int
    by_status: dict[str, int]
    first_start: str | None
    last_start: str | None
    invocations: Annotated[str | None, Field(description="How many, and the newest.")] = None
    parent_runs: int | None = None
    child_runs: int | None = None
    datasets: list[str] | None = None
    metrics: Table
    params: Table
    tags: Table


def describe_experiment(client: Client, experiment_id: OneExperiment) -> ExperimentSummary:
    """Summarize an experiment in one call: runs by status, time span, metric names with their ranges, param and tag names
    with their values where there are few, invocations, parent runs, datasets. Use it before writing a filter or naming a
    metric. query_runs or best_runs comes next."""
    ids = experiment_ids(client, experiment_id)
    assert ids  # the argument is required and not empty
    found, following = client.runs.search(ids[:1], max_results=_PAGE)
    runs = [RunView.of(run, client.experiments.names()) for run in found]
    starts = [run.start_time for run in runs if run.start_time]
    parents = [run.parent_id for run in runs if run.parent_id]
    left_out: list[str] = []
    answer = ExperimentSummary(
        partial=_partial(client, ids[0], len(runs)) if following else None,
        experiment_id=ids[0],
        name=client.experiments.name_of(ids[0]),
        runs_read=len(runs),
        by_status=dict(Counter(run.status for run in runs).most_common()),
        first_start=iso(min(starts, default=None)),
        last_start=iso(max(starts, default=None)),
        invocations=_invocations(found),
        parent_runs=len(set(parents)) or None,
        child_runs=len(parents) or None,
        datasets=_datasets(runs),
        metrics=_metric_table(runs, left_out),
        params=_value_table([run.params for run in runs], "param", _PARAM_NAMES, left_out),
        tags=_value_table([run.tags for run in runs], "tag", _NAMES, left_out),
    )
    answer.note(*left_out)
    if answer.partial:
        answer.note("aggregate_runs computes over all runs.")
    if not runs:
        answer.note("This experiment has no active runs.")
    return answer


def _partial(client: Client, experiment_id: str, read: int) -> str:
    """Of which runs the figures are, where one page did not hold them all."""
    total = runs_matching(client, [experiment_id], "")
    of_all = f"of {total:,} runs" if total else "runs; there are more"
    return f"counts, ranges and values of the newest {read:,} {of_all}"


def _metric_table(runs: Sequence[RunView], notes: list[str]) -> Table:
    """Each metric with in how many runs it is, its least and its greatest finite value, and how many are not finite."""
    values: dict[str, list[float]] = {}
    counts: Counter[str] = Counter()
    odd: Counter[str] = Counter()
    for run in runs:
        for name, value in run.metrics.items():
            counts[name] += 1
            if is_finite(value):
                values.setdefault(name, []).append(value)
            else:
                odd[name] += 1
    names = sorted(counts, key=lambda name: (name.startswith("system/"), -counts[name], name))
    if len(names) > _NAMES:
        notes.append(f"{len(names) - _NAMES} more metrics, e.g. {listed(names[_NAMES:], 5)}.")
    rows = [
        [
            name,
            counts[name],
            number(min(values.get(name, ()), default=None)),
            number(max(values.get(name, ()), default=None)),
            odd[name] or None,
        ]
        for name in names[:_NAMES]
    ]
    return Table.of(["metric", "runs", "min", "max", "nan_or_infinite"], rows, keep=("metric", "min", "max"))


def _value_table(logged: Sequence[Mapping[str, str]], noun: str, most: int, notes: list[str]) -> Table:
    """Each name with in how many runs it is, how many values it has, and the values where they are few. Names that
    differ between runs first: they are what one filters by."""
    values: dict[str, Counter[str]] = {}
    for each in logged:
        for name, value in each.items():
            values.setdefault(name, Counter())[value] += 1
    names = sorted(
        values, key=lambda name: (_is_the_same(name, values), name.startswith("config."), -values[name].total(), name)
    )
    if len(names) > most:
        rest = names[most:]
        same = sum(len(values[name]) == 1 for name in rest)
        notes.append(f"{len(rest)} more {noun}s ({same} of them with one value), e.g. {listed(rest, 3)}.")
    rows: list[list[Any]] = []
    for name in names[:most]:
        counts = values[name]
        few = len(counts) <= _VALUES
        shown = [truncate(value or "", 60) for value, _ in counts.most_common(_VALUES if few else 2)]
        rows.append([name, counts.total(), len(counts), shown if few else [*shown, "…"]])
    return Table.of([noun, "runs", "distinct", "values"], rows, keep=(noun, "values"))


def _is_the_same(name: str, values: Mapping[str, Counter[str]]) -> bool:
    """Whether a name has one value in all runs: for a config param, in all runs that logged their config at all."""
    is_config = name.startswith("config.")
    most = max(each.total() for other, each in values.items() if other.startswith("config.") == is_config)
    return len(values[name]) == 1 and values[name].total() == most


def _invocations(runs: Sequence[Run]) -> str | None:
    ids = [invocation_id for invocation_id in group_invocations(runs) if invocation_id]
    return f"{len(ids)}: {', '.join(ids[:5])}{', …' if len(ids) > 5 else ''}" if ids else None


def _datasets(runs: Sequence[RunView]) -> list[str] | None:
    counts = Counter(str(dataset) for run in runs for dataset in run.datasets)
    return [f"{name}, in {plural(n, 'run')}" for name, n in counts.most_common(10)] or None
