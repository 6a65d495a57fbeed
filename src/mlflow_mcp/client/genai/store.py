"""MLflow's own store of this identity: its client has no method for records and scorers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from mlflow_mcp.client.transport.local_store import local_path
from mlflow_mcp.errors import FeatureDisabled
from mlflow_mcp.text import safe_uri

if TYPE_CHECKING:
    from mlflow.store.tracking.abstract_store import AbstractStore

    from mlflow_mcp.client import Client

T = TypeVar("T")
# Datasets and scorers came with one version of MLflow's server.
SINCE = "3.4"


def store_of(client: Client) -> AbstractStore:
    uri = client.connection.mlflow.tracking_uri
    from mlflow.tracking._tracking_service.utils import _get_store

    store: AbstractStore = _get_store(uri)  # type: ignore[no-untyped-call]  # MLflow has no types there
    return store


def ask_database(client: Client, request: Callable[[], T], feature: str) -> T:
    """What MLflow answers; raises UnsupportedByServer where there is a folder or an older server."""
    if local_path(client.uri) is not None:
        raise FeatureDisabled(
            f"A store that is a folder ({safe_uri(client.uri)}) keeps no {feature}.",
            "They are kept where MLflow has a database: sqlite:///… or a server with one.",
        )
    return client.ask_feature(request, feature, since=SINCE)
