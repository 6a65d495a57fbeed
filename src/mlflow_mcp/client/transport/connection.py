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
from mlflow_mcp.client.transport.absent import remember_absent
from mlflow_mcp.client.transport.concurrency import WorkerPool
from mlflow_mcp.client.transport.local_store import check_local_store, default_uri
from mlflow_mcp.client.transport.schema import check_schema
from mlflow_mcp.client.transport.servers import Servers
from mlflow_mcp.errors import Problem
from mlflow_mcp.servers import NamedServer, without_credentials, without_user_info
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

    `credentials=None` stands for MLflow's own environment variables and files: those of a named server that is not the
    default one are its own or none. `servers` are the default one and the named ones beside it: beside a caller's own
    `credentials`, which are for the default server, without any.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        uri: str | None = None,
        credentials: Credentials | None = None,
        server: NamedServer | None = None,
        beside: Servers | None = None,
    ) -> None:
        self.settings = settings
        named = settings.servers if uri is None else ()
        self.server = server or (named[0] if named else None)
        self.uri = uri or _address_of(self.server, settings) or default_uri()
        self.credentials = credentials or _credentials_of(self.server, settings)
        if self.credentials is not None and self.uri:
            # `requests` sends the user info of an address in place of an Authorization header.
            self.uri = without_user_info(NamedServer(self.name, self.uri)).uri
        self._is_of_caller = credentials is not None
        self.servers = beside or Servers()
        self.servers.add(self)
        for other in named[1:] if beside is None else ():
            # A caller with credentials is not given what the operator may read elsewhere.
            Connection(settings, server=without_credentials(other) if credentials else other, beside=self.servers)
        self.experiments: KnownExperiments | None = None
        self.pool = WorkerPool()
        # MLflow has no "write if unchanged": what reads and then writes does so alone, as far as this process goes.
        self.one_writer = threading.Lock()
        self._lock = threading.RLock()
        self._mlflow: MlflowClient | None = None

    @property
    def name(self) -> str:
        """What MLFLOW_MCP_SERVERS calls it; empty where that names none."""
        return self.server.name if self.server else ""

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
                if self._is_of_caller:
                    # A ~/.netrc of this process's user would take the place of what the caller sent.
                    os.environ["NETRC"] = os.devnull
                uri = self.known_uri if self.credentials is None else identity.store_uri(self)
                self._mlflow = mlflow.MlflowClient(uri)
        return self._mlflow

    @property
    def is_loaded(self) -> bool:
        """Whether MLflow's client is there, so that a call need not wait for it."""
        return self._mlflow is not None

    def load(self) -> None:
        """Check what can be checked of the address on this machine, then import mlflow. Contacts nobody but a database."""
        check_address(self.known_uri)
        check_local_store(self.known_uri)
        _prepare_environment(self.settings)
        import mlflow  # noqa: F401

        remember_absent()
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


def _address_of(server: NamedServer | None, settings: Settings) -> str | None:
    """The server's address; of the default one as MLFLOW_TRACKING_URI has it, unless its credentials are its own."""
    is_default = server is None or server is settings.servers[0]
    return settings.default_uri if server is None or (is_default and not server.has_credentials) else server.uri


def _credentials_of(server: NamedServer | None, settings: Settings) -> Credentials | None:
    """What a named server is sent. MLflow's own variables are for the default server alone, and where an address is not of
    http(s), MLflow looks for what it needs by itself."""
    if server is None or not server.is_http or (server is settings.servers[0] and not server.has_credentials):
        return None
    return Credentials(server.username, server.password, server.token)


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
    # Hosts pass on a field that was left empty as "", and MLflow takes an empty path of a CA file for "check no certificate".
    for name in [name for name, value in os.environ.items() if name.startswith("MLFLOW_TRACKING_") and not value]:
        del os.environ[name]
    if settings.tracking_uri and "MLFLOW_TRACKING_URI" in os.environ:
        os.environ["MLFLOW_TRACKING_URI"] = settings.tracking_uri  # without the quotes that it may have had
    if settings.log_level != "DEBUG":
        # It logs every retry; the caller is told the outcome.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
