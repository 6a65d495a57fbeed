"""An OpenTelemetry span for each request to MLflow, where the operator has traces sent; else nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from opentelemetry.propagate import inject
from opentelemetry.trace import SpanKind, StatusCode, get_tracer

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

_tracer = get_tracer("mlflow-mcp")


def traced(send: Callable[..., Response]) -> Callable[..., Response]:
    def with_span(request: PreparedRequest, **options: Any) -> Response:
        asked = urlsplit(str(request.url))
        # Without the query, which holds what a caller searches for, and without what the error says of it.
        about = {
            "http.request.method": str(request.method),
            "server.address": asked.hostname or "",
            "url.path": asked.path,
        }
        with _tracer.start_as_current_span(
            str(request.method),
            kind=SpanKind.CLIENT,
            attributes=about,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            if span.is_recording():
                inject(request.headers)
            try:
                response = send(request, **options)
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise
            span.set_attribute("http.response.status_code", response.status_code)
            return response

    return with_span
