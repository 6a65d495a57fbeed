"""Which curves are meant, and their points."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import equals
from mlflow_mcp.client.metrics import History
from mlflow_mcp.entities.metrics import select_names
from mlflow_mcp.entities.run import PARENT_TAG
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import listed, nearest, plural

if TYPE_CHECKING:
    from mlflow.entities import Run


MOST_CURVES = 40
_MOST_CHILDREN = 500


StartStep = Annotated[int | None, Field(description="First step to look at.")]


EndStep = Annotated[int | None, Field(description="Last step to look at.")]


Axis = Annotated[
    Literal["step", "time"], Field(description="'time': seconds since the curve's first point instead of steps.")
]


def refuse_backwards(start: int | None, end: int | None) -> None:
    if start is not None and end is not None and start > end:
        raise Problem(f"start_step {start} is after end_step {end}.", "Give the lower one as start_step.")


def with_children(client: Client, runs: Sequence[Run], metrics: Sequence[str]) -> tuple[list[Run], list[str]]:
    """The runs; for one that has none of these metrics but children, as a sweep's parent, those of its children that have
    one. And sentences that say so."""
    parents = [run for run in runs if not select_names(metrics, list(run.data.metrics))]
    found = client.run_concurrently(*(partial(_children, client, run, metrics) for run in parents))
    children = {run.info.run_id: of_run for run, of_run in zip(parents, found) if of_run}
    meant = [each for run in runs for each in children.get(run.info.run_id, [run])]
    notes = [
        f"'{run.info.run_name}' has no such metric; shown instead: {plural(len(children[run.info.run_id]), 'child run')} with it."
        for run in parents
        if run.info.run_id in children
    ]
    return list({run.info.run_id: run for run in meant}.values()), notes


def _children(client: Client, parent: Run, metrics: Sequence[str]) -> list[Run]:
    query = equals("tags", PARENT_TAG, parent.info.run_id)
    runs: list[Run] = client.experiments.search_in(
        [parent.info.experiment_id], lambda ids: client.runs.find(ids, query, at_most=_MOST_CHILDREN)
    )
    having = [run for run in runs if select_names(metrics, list(run.data.metrics))]
    return sorted(having, key=lambda run: run.info.start_time or 0)


def curves_of(runs: Sequence[Run], metrics: Sequence[str], most: int = MOST_CURVES) -> list[tuple[Run, str]]:
    """The (run, metric name) pairs that names and globs mean. Raises Problem for a name that no run has."""
    for pattern in metrics:
        if not any(select_names([pattern], list(run.data.metrics)) for run in runs):
            known = {name for run in runs for name in run.data.metrics}
            close = nearest(pattern, known) or sorted(known)[:8]
            raise Problem(
                f"No metric '{pattern}' in {plural(len(runs), 'run')}.",
                f"{'Nearest' if nearest(pattern, known) else 'There are'}: {listed(close)}."
                if close
                else "There are no metrics at all.",
            )
    pairs = [(run, name) for run in runs for name in select_names(metrics, sorted(run.data.metrics))]
    if len(pairs) > most:
        raise Problem(f"These are {len(pairs)} curves; one call shows {most}.", "Name fewer runs or metrics.")
    return pairs


def read_histories(
    client: Client, pairs: Sequence[tuple[Run, str]], start: int | None, end: int | None, most: int
) -> dict[tuple[str, str], History]:
    """Sampled histories by (run id, metric), one request for each metric, side by side."""
    by_metric: dict[str, list[str]] = {}
    for run, name in pairs:
        by_metric.setdefault(name, []).append(run.info.run_id)
    found = client.run_concurrently(
        *(partial(client.metrics.histories, run_ids, name, most, start, end) for name, run_ids in by_metric.items()),
        steps=client.call.steps("read", "metric's history", things="metrics' histories"),
    )
    return {(run_id, name): history for name, part in zip(by_metric, found) for run_id, history in part.items()}
