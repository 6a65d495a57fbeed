"""OpenTelemetry traces: the SDK makes a span for each message, `client/transport/tracing.py` one for each request to MLflow.
Here they get somewhere to go; OTEL_* variables say where, and OpenTelemetry reads them itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlflow_mcp import __version__, installation
from mlflow_mcp.settings import Settings, SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter


@contextmanager
def traces_sent(settings: Settings) -> Iterator[None]:
    """Inside, spans are sent; at the end the last ones are. Raises SettingsError when their exporter is not installed."""
    if settings.traces_exporter == "none":
        yield
        return
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    exporter = _exporter(settings)
    found = Resource.create({"service.version": __version__})
    unnamed = str(found.attributes.get("service.name", "")).startswith("unknown_service")
    provider = TracerProvider(resource=found.merge(Resource({"service.name": "mlflow-mcp"})) if unnamed else found)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()


def _exporter(settings: Settings) -> SpanExporter:
    if settings.traces_exporter == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stderr)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ModuleNotFoundError:
        raise SettingsError(
            f"OTEL_TRACES_EXPORTER=otlp needs the extra 'otel'. {installation.how_to_add('otel')}"
        ) from None
    exporter: SpanExporter = OTLPSpanExporter()
    return exporter
