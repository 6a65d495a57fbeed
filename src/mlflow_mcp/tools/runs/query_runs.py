"""Find runs with a filter."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import EXAMPLE, quoted_order
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.pages import RunSearch
from mlflow_mcp.client.text_conditions import searchable
from mlflow_mcp.tools.arguments import Cursor, ExperimentId, Limit, Metrics, OrderBy, Params, TagColumns
from mlflow_mcp.tools.runs.tables.search import search_table
from mlflow_mcp.tools.runs.tables.table import ColumnChoice, RunTable

# The one place that spells the language out: the other tools with a filter point here.
Filter = Annotated[str, Field(description=f'MLflow filter, parts joined by AND: "{EXAMPLE}".')]
Deleted = Annotated[bool, Field(description="Search the deleted runs instead.")]


def query_runs(  # noqa: PLR0913  # one parameter per argument of the tool
    client: Client,
    experiment_id: ExperimentId = None,
    query: Filter = "",
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
    ids = experiment_ids(client, experiment_id, deleted=deleted)
    where = searchable(client, ids, query, deleted=deleted)
    search = RunSearch(ids, where, quoted_order(order_by), deleted, query)
    return search_table(client, search, ColumnChoice(metrics, params, tags), limit, cursor)
