"""What every HTTP answer to MLflow's client passes through: bounded in size and time, of the configured host, noted.

MLflow's sessions are the `requests` library's. It reads a body to its end, however long, and follows any redirect.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from mlflow_mcp.client.call import Call
from mlflow_mcp.client.transport.acknowledge import acknowledge_at_once
from mlflow_mcp.client.transport.codes import not_mlflow
from mlflow_mcp.client.transport.failures import stalled
from mlflow_mcp.client.transport.tracing import traced
from mlflow_mcp.client.transport.translate import ResponseFacts, last_response
from mlflow_mcp.errors import Unreachable
from mlflow_mcp.text import safe_uri, size

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

# An answer of MLflow's API, unpacked: its JSON takes up to sixteen times as much memory. Files are streams, and not meant.
LARGEST_ANSWER = 64_000_000
_PIECE = 16_384
# Of an error's body; it may be a page of HTML.
_LONGEST_BODY = 20_000
# A body of another make is small; parsing a large one twice would cost as much as the request.
_LARGEST_CHECKED = 2_000

# Answers that say nothing for the credentials: who one is not, what one may not, and too much at once.
_API = re.compile(r"/api/\d\.\d/")
_REFUSED = (401, 403, 407, 429)

# The call for which this thread asks, and when the part of it that may be missing has to be there.
current_call: ContextVar[Call | None] = ContextVar("current_call", default=None)
part_ends: ContextVar[float | None] = ContextVar("part_ends", default=None)
# Whether a request may be sent once only: a write whose answer was lost may have happened.
sent_once: ContextVar[bool] = ContextVar("sent_once", default=False)

# What an answer of a route holds at least one of (a list that is empty is left out of MLflow's JSON, so these may be `{}`) …
_MAY_HOLD = {
    "/mlflow/experiments/search": ("experiments", "next_page_token"),
    "/mlflow/runs/search": ("runs", "next_page_token"),
    "/mlflow/metrics/get-history": ("metrics", "next_page_token"),
    "/mlflow/metrics/get-history-bulk-interval": ("metrics",),
    "/mlflow-artifacts/artifacts": ("files",),
    "/mlflow/traces": ("traces", "next_page_token"),
    "/mlflow/traces/search": ("traces", "next_page_token"),
    "/mlflow/traces/batchGet": ("traces",),
    "/mlflow/logged-models/search": ("models", "next_page_token"),
    "/mlflow/model-versions/search": ("model_versions", "next_page_token"),
    "/mlflow/registered-models/search": ("registered_models", "next_page_token"),
}
# … and what one always has.
_HOLDS = {
    "/mlflow/runs/get": ("run",),
    "/mlflow/experiments/get": ("experiment",),
    "/mlflow/experiments/get-by-name": ("experiment",),
    "/mlflow/artifacts/list": ("root_uri", "files"),
    "/mlflow/model-versions/get": ("model_version",),
    "/mlflow/model-versions/get-download-uri": ("artifact_uri",),
    "/mlflow/registered-models/alias": ("model_version",),
    "/mlflow/registered-models/get": ("registered_model",),
    "/mlflow/traces/get": ("trace",),
    "/mlflow/traces/<id>": ("trace", "trace_info"),
}
_ONE_TRACE = re.compile(r"(?<=/mlflow/traces/)(?!(?:search|get|metrics|batchGet|batchGetInfos)$)[^/]+(?:/info)?$")
# Lists whose entries are objects, and what one of a trace cannot do without.
_OF_OBJECTS = ("experiments", "runs", "metrics", "files", "traces", "models", "model_versions", "registered_models")
_IDS_OF_TRACES = ("trace_id", "request_id")


def guard(session: Session) -> Session:
    """The session, made safe. MLflow keeps it: this happens once."""
    if not getattr(session, "guarded_by_mlflow_mcp", False):
        # A log-in proxy's cookie of one identity would go out with the requests of another.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        session.get_redirect_target = _target_on_same_host(session.get_redirect_target)  # type: ignore
        for adapter in {id(each): each for each in session.adapters.values()}.values():  # one serves several schemes
            adapter.send = traced(_bounded(_once_where_asked(adapter)))  # type: ignore[method-assign]
            acknowledge_at_once(adapter)
        session.guarded_by_mlflow_mcp = True  # type: ignore[attr-defined]
    return session


@contextmanager
def asking_for(call: Call) -> Iterator[None]:
    """What is requested inside is part of this call."""
    before = current_call.get()
    current_call.set(call)
    try:
        yield
    finally:
        current_call.set(before)  # not by a token: a stream may be closed in another context


def _target_on_same_host(target_of: Callable[[Response], str | None]) -> Callable[[Response], str | None]:
    def target(response: Response) -> str | None:
        found = target_of(response)
        if found:
            asked = urlsplit(str(response.request.url))
            meant = urlsplit(urljoin(str(response.request.url), found))
            becomes_tls = (asked.scheme, meant.scheme) == ("http", "https")
            if asked.hostname != meant.hostname or (asked.port != meant.port and not becomes_tls):
                raise Unreachable(
                    f"{_origin(response)} redirects to another host, {meant.netloc.rpartition('@')[2]}, which is not contacted.",
                    "If MLflow is there, set MLFLOW_TRACKING_URI to it; a log-in page or a gateway redirects like this, too.",
                )
        return found

    return target


def _once_where_asked(adapter: Any) -> Callable[..., Response]:
    """The adapter's `send`; inside `sent_once` without its retries, on a connection of its own, which no server has closed."""
    with_retries = adapter.send

    def send(request: PreparedRequest, **options: Any) -> Response:
        if not sent_once.get():
            return with_retries(request, **options)  # type: ignore[no-any-return]
        from requests.adapters import HTTPAdapter

        return HTTPAdapter(max_retries=0, pool_connections=1, pool_maxsize=1).send(request, **options)

    return send


def _bounded(send: Callable[..., Response]) -> Callable[..., Response]:
    def bounded(request: PreparedRequest, stream: bool = False, timeout: Any = None, **options: Any) -> Response:
        call, end = current_call.get(), part_ends.get()
        if end is not None:
            left = max(0.01, end - time.monotonic())
            timeout = min(timeout, left) if isinstance(timeout, (int, float)) else left
        started = time.monotonic()
        response = send(request, stream=stream, timeout=timeout, **options)
        if call is not None:
            call.heard.now()
            call.answered(response.status_code, time.monotonic() - started)
        is_file = stream and response.status_code in (200, 206)
        if not is_file:
            _read(response, call, end)
        _note(response, is_file)
        if call is not None and _accepts_credentials(response):
            call.accepted()
        return response

    return bounded


def _accepts_credentials(response: Response) -> bool:
    """Whether MLflow's API answered because of who asks. `/health` and `/version` answer anybody, a log-in page with HTML, and
    before a refusal of a gateway's nobody has looked at the credentials."""
    return (
        "Authorization" in response.request.headers
        and _API.search(urlsplit(str(response.request.url)).path) is not None
        and response.status_code < 500
        and response.status_code not in _REFUSED
        and response.headers.get("Content-Type", "").lower().startswith("application/json")
    )


def _read(response: Response, call: Call | None, end: float | None) -> None:
    """Read the body here, as far as an answer may go."""
    parts: list[bytes] = []
    length, body = 0, object()
    if call is not None:
        call.heard.now(body)
    try:
        for piece in _pieces(response):
            parts.append(piece)
            length += len(piece)
            _check_progress(response, length, end)
            if call is not None:
                call.check()
                call.heard.now(body)
    except BaseException:
        response.close()
        raise
    finally:
        if call is not None:
            call.heard.whole(body)
    response._content, response._content_consumed = b"".join(parts), True  # type: ignore[attr-defined]  # as `.content` does


def _pieces(response: Response) -> Iterator[bytes]:
    """The body as it comes. `iter_content` would wait for each piece to be full, and a slow server would seem silent."""
    if not hasattr(response.raw, "read1"):  # urllib3 1
        yield from response.iter_content(_PIECE)
        return
    while piece := response.raw.read1(_PIECE, decode_content=True):
        yield piece


def _check_progress(response: Response, length: int, end: float | None) -> None:
    if length > LARGEST_ANSWER:
        raise Unreachable(
            f"The answer of {_origin(response)} is larger than {size(LARGEST_ANSWER)} and was not read to its end.",
            "Ask for less at a time: a smaller limit, one experiment, fewer runs or metrics.",
        )
    if end is not None and time.monotonic() > end:
        raise stalled(_origin(response))


def _note(response: Response, is_file: bool) -> None:
    """What `translate` knows of an answer whose status MLflow's client puts into a text only."""
    content_type = response.headers.get("Content-Type", "").lower()
    body = "" if is_file or response.status_code == 200 else response.text[:_LONGEST_BODY]
    last_response.set(ResponseFacts(response.status_code, content_type, body))
    if not is_file and response.status_code == 200 and len(response.content) < _LARGEST_CHECKED:
        _check_shape(response)


def _check_shape(response: Response) -> None:
    """Raise NotMlflow for a small body that is none of MLflow's: its client makes an empty result of any JSON object."""
    path = _ONE_TRACE.sub("<id>", urlsplit(str(response.request.url)).path)
    route = next((route for route in (*_MAY_HOLD, *_HOLDS) if path.endswith(route)), None)
    if route is None or (route in _HOLDS and response.request.method != "GET"):
        return
    try:
        answer = json.loads(response.content)
    except (ValueError, RecursionError):
        answer = None
    names = _MAY_HOLD.get(route, ()) or _HOLDS[route]
    may_be_empty = route in _MAY_HOLD and answer == {}
    if not isinstance(answer, dict) or not (may_be_empty or set(names) & set(answer)) or not _has_entries(answer):
        problem = not_mlflow(_origin(response), 200)
        # A server without traces answers 404: this is not what `ask_feature` takes for an older server.
        raise Unreachable(problem.failed, problem.next_step) if "/traces" in route else problem


def _has_entries(answer: dict[str, Any]) -> bool:
    """Whether its lists are lists of objects, and its traces have ids: of other things MLflow's client makes empty ones."""
    for name in _OF_OBJECTS:
        entries = answer.get(name, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            return False
    # The older API has the fields of a trace in its entry, the newer one in its info.
    traces = [*answer.get("traces", []), *(answer[name] for name in ("trace", "trace_info") if name in answer)]
    if not all(isinstance(trace, dict) for trace in traces):
        return False
    infos = [trace.get("info", trace.get("trace_info", trace)) for trace in traces]
    return all(isinstance(info, dict) and any(info.get(name) for name in _IDS_OF_TRACES) for info in infos)


def _origin(response: Response) -> str:
    parts = urlsplit(str(response.request.url))
    return safe_uri(f"{parts.scheme}://{parts.netloc}")
