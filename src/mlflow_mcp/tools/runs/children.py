"""The child runs of a parent in few words: how they ended, the best one, what varied. A few are listed instead."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

from mlflow_mcp.answers.secrets.names import names_a_secret
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import equals
from mlflow_mcp.entities.metrics import headline, is_finite, is_minor
from mlflow_mcp.entities.run import PARENT_TAG, RunView
from mlflow_mcp.text import clipped, number, plural
from mlflow_mcp.tools.runs.sweep.configurations import space_of
from mlflow_mcp.tools.runs.sweep.effects import Dimension, dimensions_of
from mlflow_mcp.tools.runs.sweep.trials import Trial
from mlflow_mcp.tools.runs.sweep.tried import Masked, tried
from mlflow_mcp.tools.runs.tables.order import order_of

if TYPE_CHECKING:
    from mlflow.entities import Run

MOST_READ = 500
_LISTED = 4
_VARIED_NAMED = 5
_LONGEST = 60
# A metric that so many of the children have, of those that have the commonest one, is one of all of them.
_MOST_HAVE = 0.8
_UNSEEN = re.compile(r"(?i)(?:^|[/_.-])(?:val|valid|validation|eval|dev|test)(?:[/_.-]|$)")


class Children(BaseModel):
    """The runs whose parent this is."""

    partial: Annotated[str | None, Field(description="Of which children this is, if not of all.")] = None
    count: int
    statuses: dict[str, int] | None = None
    best: Annotated[
        dict[str, Any] | None,
        Field(
            description="By the experiment's primary metric or one that most have; `order`: which end is best, by what."
        ),
    ] = None
    varied: Annotated[dict[str, str] | None, Field(description="Params with the values tried.")] = None
    runs: Table | None = None
    next: Annotated[str | None, Field(description="What shows them.")] = None


def read_children(client: Client, run_id: str) -> list[Run]:
    """The child runs, the newest first; one more than MOST_READ where there are more."""
    query = _query(run_id)
    return client.experiments.search_all(lambda ids: client.runs.find(ids, query, at_most=MOST_READ + 1))


def children_of(
    client: Client, parent: RunView, children: Sequence[Run], experiments: Mapping[str, str]
) -> Children | None:
    """What is told of the child runs; None without any."""
    runs = [RunView.of(child, experiments) for child in children[:MOST_READ]]
    if not runs:
        return None
    if len(runs) <= _LISTED:
        rows = [[run.run_id, run.name, run.status, run.headline()] for run in runs]
        return Children(count=len(runs), runs=Table.of(["run_id", "name", "status", "metrics"], rows, keep=("run_id",)))
    metric = _metric_of(client, runs)
    call = f'query_runs(query="{_query(parent.run_id)}") lists them; best_runs takes the same query'
    explains = (
        f"; with it aggregate_runs(metrics=['{clipped(metric)}'], group_by=['each']) tells what matters"
        if metric
        else ""
    )
    return Children(
        partial=f"the newest {MOST_READ}; there are more" if len(children) > MOST_READ else None,
        count=len(runs),
        statuses=dict(Counter(run.status for run in runs)),
        best=_best(client, runs, metric) if metric else None,
        varied=_varied(runs, client.masked),
        next=call + explains,
    )


def _query(run_id: str) -> str:
    return equals("tags", PARENT_TAG, run_id)


def _metric_of(client: Client, runs: Sequence[RunView]) -> str | None:
    """What the children are judged by: their experiment's primary metric where most have it, else a score that most have, those
    of validation or tests before those of training."""
    counts = Counter(
        name for run in runs for name, value in run.metrics.items() if is_finite(value) and not is_minor(name)
    )
    usual = [name for name, count in counts.items() if count >= _MOST_HAVE * max(counts.values())]
    primary = client.experiments.primary_metrics(sorted({run.experiment_id for run in runs})).values()
    named = (
        [each.name for each in primary if each.name in usual]
        or [name for name in usual if _UNSEEN.search(name)]
        or usual
    )
    return next(iter(headline(dict.fromkeys(named, 0.0), 1)), None)


def _best(client: Client, runs: Sequence[RunView], metric: str) -> dict[str, Any] | None:
    """The best run by a metric; None where nothing says which end is best."""
    order = order_of(client, sorted({run.experiment_id for run in runs}), metric, "auto")
    having = [run for run in runs if is_finite(run.metrics.get(metric))]
    if order is None:
        return None
    best = (max if order.mode == "max" else min)(having, key=lambda run: run.metrics[metric])
    tied = sum(run.metrics[metric] == best.metrics[metric] for run in having) - 1
    facts = {"run_id": best.run_id, "name": best.name, "metric": metric, "value": number(best.metrics[metric])}
    facts["of"] = f"{plural(len(having), 'run')} with a value" + (f", {tied} more with the same" if tied else "")
    unfinished = {} if best.status == "FINISHED" else {"status": best.status}
    return facts | unfinished | {"order": str(order)}


def _varied(runs: Sequence[RunView], masked: Masked) -> dict[str, str] | None:
    """The params that vary, without seeds, paths, times and ids, with their values."""
    trials = [Trial(run.run_id, "", run.status, run.start_time, 0.0, run.params) for run in runs]
    found = {each.names[0]: _told(each, masked) for each in dimensions_of(space_of(trials))}
    shown = {masked(name)[:_LONGEST]: values for name, values in list(found.items())[:_VARIED_NAMED]}
    more = len(found) - len(shown)
    return shown | ({"and": plural(more, "more param")} if more > 0 else {}) or None


def _told(dimension: Dimension, masked: Masked) -> str:
    """The values tried, and which params always change together with this one."""
    values = tried(dimension, masked)
    values = values if len(values) <= _LONGEST else f"{values[:_LONGEST]}…"
    others = [name for name in dimension.names[1:] if not names_a_secret(name)]
    if len(others) == len(dimension.names[1:]) == 1:
        return f"{values} (and {masked(others[0])[:_LONGEST]} with it)"
    return f"{values} (and {plural(len(dimension.names) - 1, 'other')} with it)" if len(dimension.names) > 1 else values
