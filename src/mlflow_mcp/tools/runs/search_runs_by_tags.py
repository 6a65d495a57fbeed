"""Find runs by exact tag values."""

from __future__ import annotations

from pydantic import Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import equals, quoted_query
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.pages import RunSearch
from mlflow_mcp.tools.arguments import Cursor, ExperimentId, Limit, Tags
from mlflow_mcp.tools.runs.tables.search import search_table
from mlflow_mcp.tools.runs.tables.table import ColumnChoice, RunTable


def search_runs_by_tags(
    client: Client,
    experiment_id: ExperimentId = None,
    tags: Tags = Field(),  # noqa: B008  # required, though it stands behind an optional argument
    limit: Limit = 20,
    cursor: Cursor = None,
) -> RunTable:
    """Find runs by exact tag values, such as {"invocation_id": "71f3f3199ea5e1f0", "task_name": "gpqa"}: all must hold. For
    parts of values, params, metrics, chosen columns or another order use query_runs, which answers alike."""
    query = " AND ".join(equals("tags", name, value) for name, value in tags.items())
    search = RunSearch(experiment_ids(client, experiment_id), quoted_query(query))
    return search_table(client, search, ColumnChoice(), limit, cursor)
