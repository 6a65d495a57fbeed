"""MLflow keeps one store per URI and one HTTP session per process. Both would be shared by identities; here they are not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from mlflow_mcp.client.transport.guard import guard

if TYPE_CHECKING:
    from mlflow_mcp.client.transport.connection import Connection

_SCHEME = "mlflow-mcp-connection"
_connections: WeakValueDictionary[str, Connection] = WeakValueDictionary()
_numbers = itertools.count(1)


def store_uri(connection: Connection) -> str:
    """A URI under which MLflow's client builds tracking and registry stores with the credentials of this connection alone."""
    _register_stores()
    uri = f"{_SCHEME}://{next(_numbers)}"
    _connections[uri] = connection
    return uri


@cache
def _register_stores() -> None:
    from mlflow.store.model_registry.rest_store import RestStore as RegistryStore
    from mlflow.store.tracking.rest_store import RestStore as TrackingStore
    from mlflow.tracking._model_registry.utils import _get_store_registry
    from mlflow.tracking._tracking_service.utils import _tracking_store_registry

    def tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
        return TrackingStore(_credentials_getter(store_uri))  # type: ignore[no-untyped-call]  # MLflow has no types there

    def registry_store(store_uri: str, tracking_uri: str | None = None) -> Any:
        return RegistryStore(_credentials_getter(store_uri))  # type: ignore[no-untyped-call]

    _tracking_store_registry.register(_SCHEME, tracking_store)  # type: ignore[no-untyped-call]
    _get_store_registry().register(_SCHEME, registry_store)  # type: ignore[no-untyped-call]  # MLflow has no types there


def _credentials_getter(uri: str) -> Callable[[], Any]:
    return lambda: _connections[uri].host_credentials()


@cache
def prepare_sessions() -> None:
    """Have all of MLflow's HTTP sessions guarded: without cookies, and with bounds for what they read and follow."""
    from mlflow.utils import request_utils

    make_session: Callable[..., Any] = request_utils._get_request_session
    # MLflow has no setting for it.
    request_utils._get_request_session = lambda *args, **options: guard(make_session(*args, **options))
