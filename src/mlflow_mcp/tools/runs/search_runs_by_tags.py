"""Find runs by exact tag values."""

from __future__ import annotations

from pydantic import Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import equals
from mlflow_mcp.tools.arguments import Cursor, ExperimentId, Limit, Metrics, OrderBy, Params, Tags
from mlflow_mcp.tools.runs.query_runs import query_runs
from mlflow_mcp.tools.runs.table import RunTable


def search_runs_by_tags(
    client: Client,
    experiment_id: ExperimentId = None,
    tags: Tags = Field(),  # noqa: B008  # required, though it stands behind an optional argument
    order_by: OrderBy = None,
    metrics: Metrics = None,
    params: Params = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> RunTable:
    """Find runs by exact tag values, such as {"invocation_id": "71f3f3199ea5e1f0"} or {"task_name": "gpqa", "team": "nlp"}
    (all must hold), in one, several or all experiments; same table as query_runs. For parts of values, params or metrics
    use query_runs. get_run shows one run whole, get_artifact_content its files."""
    query = " AND ".join(equals("tags", name, value) for name, value in tags.items())
    return query_runs(client, experiment_id, query, order_by, metrics, params, limit=limit, cursor=cursor)
