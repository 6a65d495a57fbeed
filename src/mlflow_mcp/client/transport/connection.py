"""The thin adapter over MLflow's client: everything odd about calling MLflow is here, and nothing else is.

It adds what `MlflowClient` lacks: a late import, sane time-outs, a list of all experiments that is cheap to keep true,
requests that the client has no method for, and independent requests side by side. What the client does well is passed
through. `import mlflow` costs a second, so nothing here does it before it is needed.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from mlflow_mcp.client.call import Call, CallEnded
from mlflow_mcp.client.transport.local_store import check_local_store, default_uri
from mlflow_mcp.client.transport.translate import is_absent, not_mlflow, of_status, problem_of
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.settings import Settings
from mlflow_mcp.text import safe_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, LoggedModel, Run, TraceInfo
    from mlflow.store.entities.paged_list import PagedList
    from mlflow.store.tracking.abstract_store import AbstractStore
    from requests import Response

T = TypeVar("T")

SIDE_BY_SIDE = 8
# How many experiment ids go into one `runs/search`: the limit that databases and proxies are known to take.
EXPERIMENTS_PER_REQUEST = 1_000


class Tracking:
    """One object per process; `within(call)` gives the view of one call, which shares all but the call."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.call = Call(timeout=settings.timeout)
        self.uri = settings.tracking_uri or default_uri()
        self._shared = _Shared()

    def within(self, call: Call) -> Tracking:
        view = copy.copy(self)
        view.call = call
        return view

    # -- the client ------------------------------------------------------------------------------------------------

    @property
    def is_http(self) -> bool:
        return bool(self.uri) and str(self.uri).startswith(("http://", "https://"))

    @property
    def known_uri(self) -> str:
        """The URI, or Problem when none is configured and none can be guessed."""
        if self.uri is None:
            raise Problem(
                "No MLflow server is configured, and this folder holds no mlflow.db and no mlruns.",
                "Set MLFLOW_TRACKING_URI in the host's env block (https://…, sqlite:///… or a folder) and restart the server.",
            )
        return self.uri

    @property
    def client(self) -> MlflowClient:
        """MLflow's client. The first use imports mlflow; later uses wait for that import at most."""
        with self._shared.lock:
            if self._shared.client is None:
                uri = self.known_uri
                check_local_store(uri)
                _prepare_environment(self.settings)
                import mlflow

                self._shared.client = mlflow.MlflowClient(uri)
        return self._shared.client

    @property
    def store(self) -> AbstractStore:
        """MLflow's store behind a database or folder, for what its client has no method for."""
        _ = self.client
        from mlflow.tracking._tracking_service.utils import _get_store

        store: AbstractStore = _get_store(self.known_uri)  # type: ignore[no-untyped-call]
        return store

    def warm(self) -> None:
        """Import mlflow on a thread of its own, so that the first call need not wait for it. Failures wait for that call."""

        def run() -> None:
            with contextlib.suppress(Exception):
                _ = self.client
                if self.is_http:
                    import requests  # noqa: F401

        threading.Thread(target=run, name="import mlflow", daemon=True).start()

    # -- direct requests -------------------------------------------------------------------------------------------

    def request(
        self,
        path: str,
        params: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        stream: bool = False,
        timeout: float | None = None,
    ) -> Response:
        """GET a path of an http(s) server with the credentials, TLS settings and headers that MLflow itself would use.

        Returns any answer, whatever its status. Raises what MLflow's helper raises when there is none.
        """
        self.call.check()
        _ = self.client
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request

        response: Response = http_request(  # type: ignore[no-untyped-call]  # MLflow has no types there
            get_default_host_creds(self.known_uri),  # type: ignore[no-untyped-call]
            path,
            "GET",
            params=params,
            extra_headers=dict(headers or {}),
            stream=stream,
            timeout=timeout or self.call.remaining,
            max_retries=0 if timeout else None,
            raise_on_status=False,
        )
        return response

    def get_json(self, path: str, params: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None) -> Any:
        """The JSON of a GET. Raises Problem for any other status than 200 and for an answer that is not JSON."""
        return self.json_of(self.request(path, params))

    def json_of(self, response: Response) -> Any:
        """The JSON of an answer to `request`. Raises Problem for any other status than 200 and for other content."""
        if response.status_code != 200:
            raise of_status(response.status_code, safe_uri(self.known_uri), response.text)
        try:
            return response.json()
        except ValueError:
            raise not_mlflow(safe_uri(self.known_uri), 200) from None

    def is_alive(self, within: float) -> bool:
        """Whether the server gives any HTTP answer within so many seconds."""
        with contextlib.suppress(Exception):
            self.request("/health", timeout=within)
            return True
        return False

    def side_by_side(self, *jobs: Callable[[], T]) -> list[T]:
        """The results of independent requests, run at the same time, in the order given. The first failure is raised."""
        call = self.call
        pool = self._shared.pool()

        def run(job: Callable[[], T]) -> T:
            call.check()
            return job()

        futures = [pool.submit(run, job) for job in jobs[1:]]
        results = [run(job) for job in jobs[:1]]
        # A job that no thread has begun is done here: jobs that wait for jobs of their own can so never fill the pool
        # with waiting threads.
        late = {at: run(jobs[at + 1]) for at in reversed(range(len(futures))) if futures[at].cancel()}
        return results + [late[at] if at in late else future.result() for at, future in enumerate(futures)]

    # -- experiments -----------------------------------------------------------------------------------------------

    def experiment_names(self) -> dict[str, str]:
        """Every active experiment's name by id, newest change first, as known; read in full when not known yet."""
        if self._shared.experiments is None:
            return self.reread_experiments()
        return self._shared.experiments

    def reread_experiments(self) -> dict[str, str]:
        found = [experiment for page in self._experiment_pages() for experiment in page]
        names = {str(experiment.experiment_id): str(experiment.name) for experiment in found}
        self._shared.newest = _mark(found[:1])
        self._shared.experiments = names
        return names

    def _experiment_pages(self) -> Iterator[list[Experiment]]:
        token = None
        while True:
            page = self.client.search_experiments(
                max_results=1_000, order_by=["last_update_time DESC"], page_token=token
            )
            yield list(page)
            token = token_of(page)
            if not token:
                return

    def _experiments_changed(self) -> bool:
        """Whether an experiment was made, renamed or restored since the list was read: a request for one row."""
        latest = self.client.search_experiments(max_results=1, order_by=["last_update_time DESC"])
        return _mark(latest) != self._shared.newest

    def across_experiments(self, search: Callable[[list[str]], T]) -> T:
        """`search(ids of all active experiments)`, with a list of experiments that is true at this moment.

        The known list is used at once and checked by a small request beside the search; when it proves old, the list is
        read again and the search repeated. So a warm call costs no more time than its search.
        """
        if self._shared.experiments is None:
            return search(list(self.reread_experiments()))
        results: list[Any] = self.side_by_side(
            lambda: search(list(self._shared.experiments or ())), self._experiments_changed
        )
        if results[1]:
            return search(list(self.reread_experiments()))
        found: T = results[0]
        return found

    def within_experiments(self, experiment_ids: list[str] | None, search: Callable[[list[str]], T]) -> T:
        """`search` in these experiments, or in all active ones when None."""
        return self.across_experiments(search) if experiment_ids is None else search(experiment_ids)

    # -- runs ------------------------------------------------------------------------------------------------------

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        query: str = "",
        *,
        order_by: Sequence[str] = (),
        max_results: int = 1_000,
        page_token: str | None = None,
        deleted: bool = False,
    ) -> tuple[list[Run], str | None]:
        """One page of `runs/search` and the token of the next. At most EXPERIMENTS_PER_REQUEST experiments."""
        self.call.check()
        if not experiment_ids:
            return [], None
        page = self.client.search_runs(
            list(experiment_ids),
            query,
            run_view_type=2 if deleted else 1,  # ViewType.DELETED_ONLY, ACTIVE_ONLY
            max_results=max_results,
            order_by=list(order_by) or None,
            page_token=page_token,
        )
        return list(page), token_of(page)

    def find_runs(self, experiment_ids: Sequence[str], query: str, *, at_most: int = 1_000) -> list[Run]:
        """The runs that match in any number of experiments: one request per thousand experiments, side by side."""
        pages = self.side_by_side(
            *(lambda ids=chunk: self.search_runs(ids, query, max_results=at_most) for chunk in chunks(experiment_ids))
        )
        return [run for page, _ in pages for run in page]

    # -- single things ---------------------------------------------------------------------------------------------

    def get_run(self, run_id: str) -> Run:
        """The run. Raises errors.NotFound, with the next step, when the server has none of that id."""
        self.call.check()
        try:
            return self.client.get_run(run_id)
        except Exception as error:
            if is_absent(error):
                raise NotFound(
                    f"No run has the id '{run_id}'.",
                    "It may be deleted, or another kind of id: resolve_id finds what it is.",
                ) from error
            raise

    def logged_model(self, model_id: str) -> LoggedModel | None:
        return self._or_none(lambda: self.client.get_logged_model(model_id))

    def model_version_uri(self, name: str, version: str) -> str:
        """Where a registered model's version (a number, or `@alias`) keeps its artifacts."""
        self.call.check()
        try:
            if version.startswith("@"):
                version = str(self.client.get_model_version_by_alias(name, version[1:]).version)
            return str(self.client.get_model_version_download_uri(name, version))
        except Exception as error:
            if is_absent(error) or "alias" in str(error):  # an unknown alias is an invalid parameter to MLflow
                raise NotFound(
                    f"No registered model '{name}' has a version '{version}'.", "Check the name, version or alias."
                ) from error
            raise

    def trace(self, trace_id: str) -> TraceInfo | None:
        return self._or_none(lambda: self.client.get_trace(trace_id).info)

    def attempt(self, get: Callable[[], T]) -> T | Exception:
        """What `get` gives, or its failure: for a part of an answer that may be missing if the answer says so."""
        try:
            return get()
        except CallEnded:
            raise
        except Exception as error:
            return error

    def problem(self, error: Exception) -> Problem:
        """The failure as the sentence that the agent reads."""
        return problem_of(error, self.uri or "MLflow")

    @staticmethod
    def is_missing(error: Exception) -> bool:
        """Whether the failure says that the thing does not exist."""
        return isinstance(error, NotFound) or is_absent(error)

    def _or_none(self, get: Callable[[], T]) -> T | None:
        """What `get` gives, or None when the server says that there is no such thing. Other failures are raised."""
        self.call.check()
        try:
            return get()
        except Exception as error:
            if is_absent(error):
                return None
            raise


class _Shared:
    """What all calls of the process share."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.client: MlflowClient | None = None
        self.experiments: dict[str, str] | None = None
        self.newest: tuple[Any, ...] | None = None
        self._pool: ThreadPoolExecutor | None = None

    def pool(self) -> ThreadPoolExecutor:
        with self.lock:
            self._pool = self._pool or ThreadPoolExecutor(SIDE_BY_SIDE, "side by side")
        return self._pool


def token_of(page: PagedList[T]) -> str | None:
    """The token of the page after this one. Database stores give it as bytes, servers as text."""
    token: str | bytes | None = page.token
    return token.decode() if isinstance(token, bytes) else token or None


def chunks(experiment_ids: Sequence[str]) -> list[list[str]]:
    """The ids in lists that one request may carry."""
    ids = list(experiment_ids)
    return [ids[at : at + EXPERIMENTS_PER_REQUEST] for at in range(0, len(ids), EXPERIMENTS_PER_REQUEST)]


def _mark(experiments: Sequence[Experiment]) -> tuple[Any, ...]:
    return tuple((each.experiment_id, each.name, each.last_update_time) for each in experiments)


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
        "MLFLOW_ALLOW_FILE_STORE": "true",  # MLflow refuses folders to protect writers; this process only reads
        "MLFLOW_LOGGING_LEVEL": settings.log_level,
        "GIT_PYTHON_REFRESH": "quiet",  # no warning on machines without git
    }
    if not settings.telemetry:
        ours |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    for name, value in ours.items():
        os.environ.setdefault(name, value)
    if settings.log_level != "DEBUG":
        # It announces every retry; what comes of it is told to the caller.
        logging.getLogger("urllib3").setLevel(logging.ERROR)
