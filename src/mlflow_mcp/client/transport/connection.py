"""One identity's way to MLflow: where it is, with whose credentials, and what is kept between its calls.

`import mlflow` costs seconds, so nothing here does it before it is needed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from mlflow_mcp.address import check_address
from mlflow_mcp.client.transport.concurrency import WorkerPool
from mlflow_mcp.client.transport.local_store import check_local_store, default_uri
from mlflow_mcp.client.transport.schema import check_schema
from mlflow_mcp.errors import Problem
from mlflow_mcp.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.store.entities.paged_list import PagedList
    from mlflow.store.tracking.abstract_store import AbstractStore

T = TypeVar("T")


@dataclass(frozen=True)
class Credentials:
    """Who asks an http(s) server. With a user name and password the token is not sent."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class KnownExperiments:
    """Every active experiment's name by id, newest change first; and what the newest looked like when they were read."""

    names: dict[str, str]
    newest: tuple[Any, ...]


class Connection:
    """Everything that belongs to one identity and outlives its calls. Two connections share no credentials, no stores, no
    experiment list, no cookies and no threads.

    `credentials=None` stands for MLflow's own environment variables and files.
    """

    def __init__(self, settings: Settings, *, uri: str | None = None, credentials: Credentials | None = None) -> None:
        self.settings = settings
        self.uri = uri or settings.tracking_uri or default_uri()
        self.credentials = credentials
        self.experiments: KnownExperiments | None = None
        self.pool = WorkerPool()
        # MLflow has no "write if unchanged": what reads and then writes does so alone, as far as this process goes.
        self.one_writer = threading.Lock()
        self._lock = threading.RLock()
        self._mlflow: MlflowClient | None = None

    @property
    def is_http(self) -> bool:
        return bool(self.uri) and str(self.uri).lower().startswith(("http://", "https://"))

    @property
    def known_uri(self) -> str:
        """The URI. Raises Problem when none is configured and none can be guessed."""
        if self.uri is None:
            raise Problem(
                "No MLflow server is configured, and this folder holds no mlflow.db and no mlruns.",
                "Set MLFLOW_TRACKING_URI in the host's env block (https://…, sqlite:///… or a folder) and restart the server.",
            )
        return self.uri

    @property
    def mlflow(self) -> MlflowClient:
        """MLflow's client. The first use imports mlflow; later uses wait for that import at most."""
        with self._lock:
            if self._mlflow is None:
                self.load()
                import mlflow

                from mlflow_mcp.client.transport import identity

                identity.prepare_sessions()
                uri = self.known_uri if self.credentials is None else identity.store_uri(self)
                self._mlflow = mlflow.MlflowClient(uri)
        return self._mlflow

    def load(self) -> None:
        """Check what can be checked of the address on this machine, then import mlflow. Contacts nobody but a database."""
        check_address(self.known_uri)
        check_local_store(self.known_uri)
        _prepare_environment(self.settings)
        import mlflow  # noqa: F401

        check_schema(self.known_uri)

    @property
    def mlflow_version(self) -> str:
        """The version of MLflow's client that is installed here."""
        _ = self.mlflow
        import mlflow

        return str(mlflow.__version__)

    @property
    def store(self) -> AbstractStore:
        """MLflow's store behind a database or folder, for what its client has no method for."""
        _ = self.mlflow
        from mlflow.tracking._tracking_service.utils import _get_store

        store: AbstractStore = _get_store(self.known_uri)  # type: ignore[no-untyped-call]
        return store

    def host_credentials(self) -> Any:
        """MLflow's `MlflowHostCreds` for this identity's requests to its http(s) server."""
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import MlflowHostCreds

        default = get_default_host_creds(self.known_uri)  # type: ignore[no-untyped-call]  # MLflow has no types there
        if self.credentials is None:
            return default
        return MlflowHostCreds(  # type: ignore[no-untyped-call]
            host=self.known_uri,
            username=self.credentials.username,
            password=self.credentials.password,
            token=self.credentials.token,
            ignore_tls_verification=default.ignore_tls_verification,
            client_cert_path=default.client_cert_path,
            server_cert_path=default.server_cert_path,
        )

    @property
    def has_credentials(self) -> bool:
        """Whether an http(s) server is told who asks, and so may leave out of its lists what that one may not read."""
        if not self.is_http:
            return False
        credentials = self.host_credentials()
        return bool(credentials.username or credentials.token)

    def warm(self) -> None:
        """Import mlflow on a thread of its own, so that the first call need not wait for it. Failures wait for that call."""

        def run() -> None:
            with contextlib.suppress(Exception):
                _ = self.mlflow
                if self.is_http:
                    import requests  # noqa: F401

        threading.Thread(target=run, name="import mlflow", daemon=True).start()


def token_of(page: PagedList[T]) -> str | None:
    """The token of the page after this one. Database stores give it as bytes, servers as text."""
    token: str | bytes | None = page.token
    return token.decode() if isinstance(token, bytes) else token or None


def _prepare_environment(settings: Settings) -> None:
    """MLflow reads its own settings from the environment, so ours are handed over there, before its import.

    Its defaults retry for four minutes. Whatever the operator set is left as it is.
    """
    ours = {
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # a kept connection that the server has closed meanwhile
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
        "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0.2",
        "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(max(1, round(settings.timeout))),
        "MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT": "8",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # of a run that ends; stdout is the protocol's
        "MLFLOW_ALLOW_FILE_STORE": "true",  # MLflow refuses folders to protect writers; this process only reads
        "MLFLOW_LOGGING_LEVEL": settings.log_level,
        "GIT_PYTHON_REFRESH": "quiet",  # no warning on machines without git
    }
    if not settings.telemetry:
        ours |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    for name, value in ours.items():
        os.environ.setdefault(name, value)
    if settings.tracking_uri and "MLFLOW_TRACKING_URI" in os.environ:
        os.environ["MLFLOW_TRACKING_URI"] = settings.tracking_uri  # without the quotes that it may have had
    if settings.log_level != "DEBUG":
        # It logs every retry; the caller is told the outcome.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
