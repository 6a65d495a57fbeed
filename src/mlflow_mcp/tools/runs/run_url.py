"""Where people look at a run."""

from __future__ import annotations

from mlflow_mcp.client import Client
from mlflow_mcp.text import safe_uri


def run_url(client: Client, experiment_id: str, run_id: str) -> str | None:
    """The run's page in MLflow's UI; None for a store without a server."""
    there, run_id = client.at(run_id)
    if not there.is_http:
        return None
    experiment_id = experiment_id.removeprefix(there.prefix)
    return f"{safe_uri(there.uri).rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
