"""The figures of all traces of a question together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlflow_mcp.client import Client
from mlflow_mcp.client.traces.metric_filters import Scope
from mlflow_mcp.client.traces.metrics import Measure
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.tools.traces.summaries.computed import WHOLE, whole_of
from mlflow_mcp.tools.traces.summaries.figures import Counted, Figures
from mlflow_mcp.tools.traces.summaries.judged import COUNT, Counts, Judged, counts_in, feedback_of
from mlflow_mcp.tools.traces.summaries.question import Question, read_all

_FAILED_SPANS = Measure("SPANS", "span_count", by=("span_name", "span_type"))


@dataclass
class Overview:
    """`counts` is None where the server has more values than it tells; `failed_spans` by name and type."""

    figures: Figures
    counts: Counts | None = None
    failed_spans: Mapping[tuple[str, str], int] = field(default_factory=dict)
    partial: str | None = None
    is_read: bool = False
    """Whether the traces were read, and nothing was computed by the server."""


def overview(client: Client, question: Question) -> Overview:
    """Computed by the server where it can, else from the traces, read one by one."""
    scope = question.scope
    if scope is None:
        return _read(client, question)
    return client.trace_metrics.or_else(lambda: _computed(client, scope), lambda: _read(client, question))


def _computed(client: Client, scope: Scope) -> Overview:
    *whole, assessed, failed = client.trace_metrics.all(
        *((scope, each) for each in WHOLE),
        (feedback_of(scope), COUNT),
        (scope.where("span.status = 'ERROR'"), _FAILED_SPANS),
    )
    spans = {(each.by["span_name"], each.by["span_type"]): int(each.values["COUNT"]) for each in failed}
    return Overview(whole_of(whole), counts_in(assessed), spans)


def _read(client: Client, question: Question) -> Overview:
    figures, judged = Counted(), Judged()

    def take(trace: TraceView) -> None:
        figures.add(trace)
        judged.add(trace)

    partial = read_all(client, question, take)
    return Overview(figures.figures, judged.counts, partial=partial, is_read=True)
