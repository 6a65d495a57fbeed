"""The points of a metric, sampled by the server where it can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mlflow_mcp.tracking import Tracking

if TYPE_CHECKING:
    from collections.abc import Iterable


class Point(NamedTuple):
    """One logged value: its step, its time in milliseconds, the value."""

    step: int
    timestamp: int
    value: float


BULK_INTERVAL = "/api/2.0/mlflow/metrics/get-history-bulk-interval"


def metric_points(tracking: Tracking, run_id: str, name: str, most: int) -> list[Point]:
    """At most about `most` points of one metric of one run in the order of their steps, first and last among them."""
    if tracking.is_http:
        params = [("run_ids", run_id), ("metric_key", name), ("max_results", most)]
        told = tracking.get_json(BULK_INTERVAL, params)
        return _points(told.get("metrics", ()))
    return [Point(each.step, each.timestamp, each.value) for each in tracking.client.get_metric_history(run_id, name)]


def _points(told: Iterable[dict[str, Any]]) -> list[Point]:
    # Protobuf's JSON writes 64-bit integers as text and leaves out what is zero.
    return [
        Point(int(each.get("step", 0)), int(each.get("timestamp", 0)), float(each.get("value", 0.0))) for each in told
    ]
