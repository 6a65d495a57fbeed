"""Figures of traces that the server computes: counts, sums and percentiles by group.

MLflow's correlation of two filters is not used: over 100,000 traces on sqlite it took more than three minutes, a count 0.3 s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from mlflow_mcp.client.traces.metric_filters import Scope
from mlflow_mcp.errors import RejectedByMlflow, UnsupportedByServer

if TYPE_CHECKING:
    from mlflow_mcp.client import Client

T = TypeVar("T")
SINCE = "3.9"
# Groups that MLflow returns for one query; there is no page after it.
MOST_GROUPS = 1_000
TIME = "time_bucket"
View = Literal["TRACES", "SPANS", "ASSESSMENTS"]


@dataclass(frozen=True)
class Measure:
    """What is computed: of TRACES, SPANS or ASSESSMENTS, and how: COUNT, SUM, AVG, MAX or P<percentile>."""

    view: View
    metric: str
    ways: Sequence[str] = ("COUNT",)
    by: Sequence[str] = ()
    seconds: int | None = None
    """The length of the buckets of time to group by; the scope's window must have both ends."""
    is_optional: bool = False
    """Whether nothing is returned, instead of an error, by servers that know traces' metrics but not this one."""


class Figure(NamedTuple):
    """The values of one group, by the ways they were computed in."""

    by: Mapping[str, str]
    values: Mapping[str, float]


class TraceMetrics:
    """`client.trace_metrics`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def all(self, *queries: tuple[Scope, Measure]) -> list[list[Figure]]:
        """The figures of several queries, asked at the same time."""
        steps = self._client.call.steps("computed", "table", of="figures")
        return self._client.run_concurrently(*(lambda each=each: self.query(*each) for each in queries), steps=steps)

    def query(self, scope: Scope, measure: Measure) -> list[Figure]:
        """Raises UnsupportedByServer for a server or store that computes none."""
        if not scope.experiment_ids:
            return []
        try:
            points = self._client.ask_feature(lambda: self._points(scope, measure), "trace metrics", since=SINCE)
        except RejectedByMlflow:
            if measure.is_optional:
                return []
            raise
        return [
            Figure(dict(point.dimensions), {_way(way): float(value) for way, value in point.values.items()})
            for point in points
        ]

    def or_else(self, computed: Callable[[], T], otherwise: Callable[[], T]) -> T:
        """What the server computes; of a server or store that computes no figures of traces, what is found `otherwise`."""
        try:
            return computed()
        except UnsupportedByServer:
            return otherwise()

    @property
    def _store(self) -> Any:
        """MLflow's own store: its clients have no method for metrics."""
        uri = self._client.connection.mlflow.tracking_uri
        from mlflow.tracing.client import TracingClient

        return TracingClient(uri).store

    def _points(self, scope: Scope, measure: Measure) -> Any:
        from mlflow.entities.trace_metrics import AggregationType, MetricAggregation, MetricViewType

        ways = [
            MetricAggregation(AggregationType.PERCENTILE, float(way[1:]))
            if way[:1] == "P"
            else MetricAggregation(AggregationType(way))
            for way in measure.ways
        ]
        window = scope.window
        return self._store.query_trace_metrics(
            experiment_ids=list(scope.experiment_ids),
            view_type=MetricViewType(measure.view),
            metric_name=measure.metric,
            aggregations=ways,
            dimensions=list(measure.by) or None,
            filters=list(scope.filters) or None,
            time_interval_seconds=measure.seconds,
            start_time_ms=window.start,
            end_time_ms=None if window.end is None else window.end - 1,
            max_results=MOST_GROUPS,
        )


def _way(text: str) -> str:
    """`P50.0` as `P50`."""
    return f"P{float(text[1:]):g}" if text[:1] == "P" else text
