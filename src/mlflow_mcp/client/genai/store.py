"""MLflow's own store of this identity: its client has no method for records and scorers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.store.tracking.abstract_store import AbstractStore

    from mlflow_mcp.client import Client


def store_of(client: Client) -> AbstractStore:
    uri = client.connection.mlflow.tracking_uri
    from mlflow.tracking._tracking_service.utils import _get_store

    store: AbstractStore = _get_store(uri)  # type: ignore[no-untyped-call]  # MLflow has no types there
    return store
