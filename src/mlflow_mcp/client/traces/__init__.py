"""Traces: one, its spans, or one request's worth of a search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlflow_mcp.client.artifacts.locate import store_at
from mlflow_mcp.client.filters import explained
from mlflow_mcp.client.traces.filters import EXAMPLE
from mlflow_mcp.client.traces.sent import PageRequest, page_of
from mlflow_mcp.entities.spans import StoredSpan
from mlflow_mcp.errors import (
    AccessRefused,
    NotFound,
    Problem,
    TimedOut,
    TraceNotFound,
    Unreachable,
    UnsupportedByServer,
)

if TYPE_CHECKING:
    from mlflow.entities import TraceInfo
    from mlflow.tracing.client import TracingClient

    from mlflow_mcp.client import Client

SINCE = "2.14"
# What MLflow takes for one request.
MOST_PER_REQUEST = 500
_SPANS_LOCATION = "mlflow.trace.spansLocation"
_KEPT_BY_THE_SERVER = ("TRACKING_STORE", "ARCHIVE_REPO")
_FILE_LOCATION = "mlflow.artifactLocation"
_FILE = "traces.json"
_UI_ROUTE = "/ajax-api/2.0/mlflow/get-trace-artifact"
_OLD_ROUTE = "/api/2.0/mlflow/traces/{}/info"
_NEVER_CAME = "MLflow has no spans of this trace: they were never exported, or have not arrived yet."


@dataclass(frozen=True)
class Spans:
    """The spans of a trace as MLflow has them; `missing` says why there may be fewer than there were."""

    spans: Sequence[StoredSpan] = field(default_factory=tuple)
    missing: str | None = None


class Traces:
    """`client.traces`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def info(self, trace_id: str) -> TraceInfo:
        """The trace without its spans. Raises TraceNotFound when the server has none of that id."""
        try:
            with self._client.naming(f"trace '{trace_id}'"):
                info: TraceInfo = self._client.ask_feature(
                    lambda: self.tracing.get_trace_info(trace_id), "traces", since=SINCE
                )
        except NotFound as error:
            raise _no_trace(trace_id) from error
        except (UnsupportedByServer, Unreachable) as error:
            if isinstance(error, (TimedOut, AccessRefused)) or not self._client.is_http:
                raise
            older = self._info_of_old_server(trace_id)
            if older is None:
                raise
            return older
        return info

    def spans(self, info: TraceInfo) -> Spans:
        """The trace's spans, as far as they have arrived. What cannot be read is said, not raised: the trace itself exists."""
        try:
            found = self._spans(info)
        except NotFound:
            return Spans(missing=_NEVER_CAME)
        except Problem as error:  # also a 500, which is what servers of MLflow 2 say of a file that is not there
            return Spans(missing=f"Its spans cannot be read. {error.failed}")
        return Spans(found) if found else Spans(missing=_NEVER_CAME)

    def search(
        self,
        experiment_ids: Sequence[str],
        query: str = "",
        *,
        order_by: Sequence[str] = (),
        max_results: int = MOST_PER_REQUEST,
        page_token: str | None = None,
    ) -> tuple[list[TraceInfo], str | None]:
        """One page of traces without their spans, and the token of the next. At most EXPERIMENTS_PER_REQUEST experiments."""
        if not experiment_ids:
            return [], None
        asked = PageRequest(experiment_ids, query, order_by, max_results, page_token)
        with explained(query, EXAMPLE):
            return self._client.ask_feature(lambda: page_of(self._client, asked), "traces", since=SINCE)

    def count(self, experiment_ids: Sequence[str], window: tuple[int | None, int | None]) -> int | None:
        """How many traces the experiments have in a window of milliseconds (end exclusive), as the server counts them; None
        where it cannot."""
        start, end = window
        try:
            points = self._client.ask_feature(
                lambda: self._counted(experiment_ids, start, end), "trace metrics", since="3.9"
            )
        except Unreachable:
            raise
        except (Problem, AttributeError):  # older servers and older clients do not count
            return None
        return sum(int(point.values.get("COUNT", 0)) for point in points)

    @property
    def tracing(self) -> TracingClient:
        """MLflow's tracing client: its main one has no method for the info alone."""
        uri = self._client.connection.mlflow.tracking_uri
        from mlflow.tracing.client import TracingClient

        return TracingClient(uri)

    def _info_of_old_server(self, trace_id: str) -> TraceInfo | None:
        """From the route that servers before MLflow 3.2 have: MLflow's newer clients ask them for another, which they answer
        with 404 or 500. None where that route is missing too. Raises TraceNotFound."""
        response = self._client.http.get(_OLD_ROUTE.format(quote(trace_id, safe="")))
        try:
            content = self._client.http.json_of(response)
        except NotFound as error:
            raise _no_trace(trace_id) from error
        except Problem:
            return None
        if not isinstance(content, dict) or "trace_info" not in content:
            return None

        def read() -> TraceInfo:
            from google.protobuf.json_format import ParseDict
            from mlflow.entities.trace_info_v2 import TraceInfoV2
            from mlflow.protos.service_pb2 import TraceInfo as Message

            message = ParseDict(content["trace_info"], Message(), ignore_unknown_fields=True)
            return TraceInfoV2.from_proto(message).to_v3()

        return self._client.ask(read)

    def _spans(self, info: TraceInfo) -> Sequence[StoredSpan]:
        if self._client.is_http and (sent := self._as_stored(info.trace_id)):
            return sent
        if info.tags.get(_SPANS_LOCATION) not in _KEPT_BY_THE_SERVER:
            return self._uploaded(info)
        with suppress(UnsupportedByServer):
            # MLflow's own method waits three seconds for the rest of a trace that is not complete.
            some = self._client.ask_feature(
                lambda: self.tracing.store.get_trace(info.trace_id, allow_partial=True), "parts of traces", since="3.7"
            )
            return [span.to_dict() for span in some.data.spans] if some else []
        whole = partial(self._client.connection.mlflow.get_trace, info.trace_id, display=False)
        found = self._client.ask_feature(whole, "spans of traces", since="3.5")
        return [span.to_dict() for span in found.data.spans]

    def _as_stored(self, trace_id: str) -> Sequence[StoredSpan]:
        """From the route of MLflow's UI, which sends spans as they are stored: a tenth of the time of the API's, for which the
        server takes each span apart. Empty where that route is missing, guarded, or has none."""
        response = self._client.http.get(_UI_ROUTE, {"request_id": trace_id})
        if response.status_code != 200:
            return []
        content = self._client.http.json_of(response)
        spans = content.get("spans") if isinstance(content, dict) else None
        return _checked(spans) if isinstance(spans, list) else []

    def _uploaded(self, info: TraceInfo) -> Sequence[StoredSpan]:
        """Out of the file that clients upload beside a trace when the server does not keep spans. MLflow's own method would
        fetch it with the credentials and from the server that this process' environment names."""
        root = info.tags.get(_FILE_LOCATION)
        if not root:
            return []
        store = self._client.ask(lambda: store_at(self._client, root, info.trace_id))
        with self._client.asking():
            blocks = bytearray()
            for block in store.stream(_FILE):
                self._client.call.check()
                blocks += block
        try:
            return _checked(json.loads(blocks)["spans"])
        except (ValueError, TypeError, KeyError, RecursionError):
            raise _broken() from None

    def _counted(self, experiment_ids: Sequence[str], start: int | None, end: int | None) -> Any:
        from mlflow.entities.trace_metrics import AggregationType, MetricAggregation, MetricViewType

        return self.tracing.store.query_trace_metrics(
            experiment_ids=list(experiment_ids),
            view_type=MetricViewType.TRACES,
            metric_name="trace_count",
            aggregations=[MetricAggregation(aggregation_type=AggregationType.COUNT)],
            start_time_ms=start,
            end_time_ms=None if end is None else end - 1,
        )


def _no_trace(trace_id: str) -> TraceNotFound:
    return TraceNotFound(
        f"No trace has the id '{trace_id}'.", "search_traces finds traces by time, text, status or session."
    )


def _checked(spans: Sequence[Any]) -> Sequence[StoredSpan]:
    """The spans as MLflow stores them now. Raises Problem for what are none."""
    try:
        return [span if "span_id" in span else _rewritten(span) for span in spans]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _broken() from None


def _broken() -> Problem:
    return Problem("What is stored of them is broken.", "get_trace without span shows the rest.")


def _rewritten(span: Any) -> StoredSpan:
    """A span of MLflow 2, which wrote them in another form."""
    from mlflow.entities import Span

    return Span.from_dict(span).to_dict()
