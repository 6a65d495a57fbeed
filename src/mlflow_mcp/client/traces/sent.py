"""Traces as servers send them in JSON, made MLflow's entities: what local stores give.

MLflow's own client takes the JSON apart with protobuf first, which for a page of traces takes longer than the rest of a call.
What is left out of the JSON is what it is there: an empty text, 0, or None.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from mlflow_mcp.client.transport.connection import token_of

if TYPE_CHECKING:
    from mlflow.entities import Assessment, AssessmentSource, TraceInfo, TraceLocation

    from mlflow_mcp.client import Client

_ROUTE = "/api/3.0/mlflow/traces/search"


class PageRequest(NamedTuple):
    """One page of a search."""

    experiment_ids: Sequence[str]
    query: str
    order_by: Sequence[str]
    most: int
    page_token: str | None


def page_of(client: Client, asked: PageRequest) -> tuple[list[TraceInfo], str | None]:
    """The traces and the token of the next page. Within `client.ask`; raises what MLflow's client raises."""
    from mlflow.exceptions import MlflowException

    if client.is_http:
        try:
            return _sent_page(client, asked)
        except MlflowException as error:
            if error.error_code != "ENDPOINT_NOT_FOUND":  # a server before MLflow 3: MLflow's client knows its route
                raise
    page = client.connection.mlflow.search_traces(
        locations=list(asked.experiment_ids),
        filter_string=asked.query or None,
        max_results=asked.most,
        order_by=list(asked.order_by) or None,
        page_token=asked.page_token,
        include_spans=False,
    )
    return [trace.info for trace in page], token_of(page)


def _sent_page(client: Client, asked: PageRequest) -> tuple[list[TraceInfo], str | None]:
    places = [
        {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": each}} for each in asked.experiment_ids
    ]
    given = {"filter": asked.query, "order_by": list(asked.order_by), "page_token": asked.page_token}
    body = {"locations": places, "max_results": asked.most} | {name: value for name, value in given.items() if value}
    page = client.http.asked_json(_ROUTE, body)
    return [trace_of(each) for each in page.get("traces", ())], page.get("next_page_token") or None


def trace_of(sent: Mapping[str, Any]) -> TraceInfo:
    """The trace. Raises KeyError, ValueError or TypeError for JSON of another shape."""
    from mlflow.entities import TraceInfo, TraceState

    duration = sent.get("execution_duration")
    return TraceInfo(
        trace_id=sent["trace_id"],
        client_request_id=sent.get("client_request_id"),
        trace_location=_location(sent.get("trace_location") or {}),
        request_preview=sent.get("request_preview"),
        response_preview=sent.get("response_preview"),
        request_time=_time(sent.get("request_time")) or 0,
        execution_duration=None if duration is None else _length(duration),
        state=TraceState(sent.get("state", "STATE_UNSPECIFIED")),
        trace_metadata=dict(sent.get("trace_metadata", {})),
        tags=dict(sent.get("tags", {})),
        assessments=[_assessment(each) for each in sent.get("assessments", ())],
    )


def _location(sent: Mapping[str, Any]) -> TraceLocation:
    from mlflow.entities import TraceLocation

    if experiment := sent.get("mlflow_experiment"):
        return TraceLocation.from_experiment_id(experiment.get("experiment_id", ""))
    return TraceLocation.from_dict({"type": "TRACE_LOCATION_TYPE_UNSPECIFIED", **sent})


def _assessment(sent: Mapping[str, Any]) -> Assessment:
    from mlflow.entities import AssessmentError, Expectation, Feedback

    about = {
        "name": sent.get("assessment_name", ""),
        "source": _source(sent.get("source") or {}),
        "trace_id": sent.get("trace_id"),
        "metadata": sent.get("metadata"),
        "span_id": sent.get("span_id"),
        "create_time_ms": _time(sent.get("create_time")) or 0,
        "last_update_time_ms": _time(sent.get("last_update_time")) or 0,
    }
    found: Assessment
    if (feedback := sent.get("feedback")) is not None:
        error = feedback.get("error")
        found = Feedback(
            value=feedback.get("value"),
            error=AssessmentError.from_dictionary({"error_code": "", **error}) if error else None,
            rationale=sent.get("rationale"),
            overrides=sent.get("overrides"),
            valid=sent.get("valid", True),
            **about,
        )
    elif (expectation := sent.get("expectation")) is not None:
        written = expectation.get("serialized_value")
        found = Expectation(value=json.loads(written["value"]) if written else expectation.get("value"), **about)
    else:
        return _of_another_kind(sent)
    found.assessment_id = sent.get("assessment_id")
    return found


def _of_another_kind(sent: Mapping[str, Any]) -> Assessment:
    """An issue, in versions of MLflow that have them; others refuse it."""
    from google.protobuf.json_format import ParseDict
    from mlflow.entities import Assessment
    from mlflow.protos.assessments_pb2 import Assessment as Message

    message = ParseDict(dict(sent), Message(), ignore_unknown_fields=True)
    found: Assessment = Assessment.from_proto(message)  # type: ignore[no-untyped-call]  # MLflow has no types there
    return found


def _source(sent: Mapping[str, Any]) -> AssessmentSource:
    from mlflow.entities import AssessmentSource

    return AssessmentSource(sent.get("source_type", "SOURCE_TYPE_UNSPECIFIED"), sent.get("source_id") or None)


def _time(text: str | None) -> int | None:
    """`2026-11-20T14:00:00.125Z` as milliseconds since 1970."""
    if not text:
        return None
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return round(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 1000 + _thousandths(fraction)


def _length(text: str) -> int:
    """`1.911s` as milliseconds."""
    whole, _, fraction = text.removesuffix("s").partition(".")
    sign = -1 if whole.startswith("-") else 1
    return sign * (abs(int(whole)) * 1000 + _thousandths(fraction))


def _thousandths(fraction: str) -> int:
    return int(f"{fraction:0<3}"[:3])
