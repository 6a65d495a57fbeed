"""Find runs with a filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import fields_of, quoted_order, quoted_query
from mlflow_mcp.client.ids import experiment_ids
from mlflow_mcp.client.pages import search
from mlflow_mcp.text import clip, hint, listed, plural
from mlflow_mcp.tools.arguments import Cursor, ExperimentId, Limit, Metrics, OrderBy, Params, Query, TagColumns
from mlflow_mcp.tools.runs.table import RunTable, run_table

if TYPE_CHECKING:
    from mlflow.entities import Run as Entity


Deleted = Annotated[bool, Field(description="Search the deleted runs instead.")]


def query_runs(
    client: Client,
    experiment_id: ExperimentId = None,
    query: Query = "",
    order_by: OrderBy = None,
    metrics: Metrics = None,
    params: Params = None,
    tags: TagColumns = None,
    deleted: Deleted = False,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> RunTable:
    """Search runs in one, several or all experiments with an MLflow filter and an order; returns a table with the metrics
    that most runs have and the params and tags that differ. For exact tag values search_runs_by_tags is simpler; for an
    invocation id call get_invocation. get_run shows one run whole."""
    ids = experiment_ids(client, experiment_id)
    wanted, order = quoted_query(query), quoted_order(order_by)
    page = search(client, ids, wanted, order, limit, cursor, deleted)
    # Who names the metrics wants them and no more, unless the runs are asked for in the order of their times.
    times = metrics is None or any("_time" in clause for clause in order)
    answer = run_table(page.runs, client.experiments.names(), metrics=metrics, params=params, tags=tags, times=times)
    answer.continue_with(page.cursor_after, len(page.runs), page.more)
    if not page.runs:
        _explain_nothing(client, answer, ids, wanted, deleted)
    return answer


def _explain_nothing(client: Client, answer: RunTable, ids: list[str] | None, query: str, deleted: bool) -> None:
    """Say what was searched and the nearest thing that exists."""
    names = client.experiments.names()
    where = (
        f"all {plural(len(names), 'experiment')}" if ids is None else listed([names.get(each, each) for each in ids], 3)
    )
    answer.searched = f"{'deleted' if deleted else 'active'} runs in {where}" + (f" where {query}" if query else "")
    for kind, name in fields_of(query):
        if kind == "tags" and name == "invocation_id":
            answer.note("get_invocation finds an invocation in all experiments, by prefix and by param too.")
    some, _ = client.experiments.search_in(ids, lambda each: client.runs.search(each[:1_000], max_results=200))
    if not some:
        answer.note("There are no active runs here at all.")
        return
    for kind, name in fields_of(query):
        answer.note(_nearest_field(some, kind, name))


def _nearest_field(runs: Sequence[Entity], kind: str, name: str) -> str:
    """What the newest runs hold under a name that the filter used, or which name is like it."""
    if kind not in ("metrics", "params", "tags"):
        return ""
    told = [getattr(run.data, kind) for run in runs]
    known = {key for each in told for key in each}
    among = f"the newest {plural(len(runs), 'run')}"
    if name not in known:
        return f"None of {among} has {kind[:-1]} '{name}'. {hint(name, known)}".strip()
    if kind == "metrics":
        return ""
    values = list(dict.fromkeys(each[name] for each in told if name in each))
    return f"{kind[:-1].capitalize()} '{name}' has in {among} the values {listed([clip(v, 60) for v in values], 8)}."
