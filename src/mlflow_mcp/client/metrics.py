"""The points of a metric: sampled by the server where it can, or all of them, page by page.

`GET …/metrics/get-history-bulk-interval` samples evenly by rows, keeps both ends, and returns every point of a history
that is no longer than `max_results` (at most 2,500). `GET …/metrics/get-history` pages through all of it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from mlflow_mcp.client.transport.connection import token_of
from mlflow_mcp.errors import Problem

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client import Client


class Point(NamedTuple):
    """One logged value: its step, its time in milliseconds, the value."""

    step: int
    timestamp: int
    value: float


class Activity(NamedTuple):
    """The metric that a run logged last: its name, time in milliseconds and step, and the seconds that usually lie between
    two of its points."""

    metric: str
    timestamp: int
    step: int
    usual_gap: float | None


class History(NamedTuple):
    """Points in the order of their steps; `is_whole` when they are all there are (in the steps asked for)."""

    points: list[Point]
    is_whole: bool


MOST_SAMPLED = 2_500
_RUNS_PER_REQUEST = 100
_GAPS = 50
_PAGE = 10_000
_SAMPLES_WITHIN_STEPS = (3, 5)  # the oldest version that was seen to do it right
_BULK_INTERVAL = "/api/2.0/mlflow/metrics/get-history-bulk-interval"
_HISTORY = "/api/2.0/mlflow/metrics/get-history"
# Steps are 64-bit integers.
_FIRST_STEP, _LAST_STEP = -(2**63), 2**63 - 1


class Metrics:
    """`client.metrics`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def points(self, run_id: str, name: str, most: int) -> list[Point]:
        """At most about `most` points of one metric of one run in the order of their steps, first and last among them."""
        return self.histories([run_id], name, most)[run_id].points

    def histories(
        self,
        run_ids: Sequence[str],
        name: str,
        most: int = MOST_SAMPLED,
        start_step: int | None = None,
        end_step: int | None = None,
    ) -> dict[str, History]:
        """At most `most` points of one metric for each run, sampled by the server; for servers that cannot, by us."""
        found: dict[str, History] = {}
        for start in range(0, len(run_ids), _RUNS_PER_REQUEST):
            part = list(run_ids[start : start + _RUNS_PER_REQUEST])
            by_run: dict[str, list[Point]] = {run_id: [] for run_id in part}
            for run_id, point in self._sampled(part, name, most, start_step, end_step):
                by_run.setdefault(run_id, []).append(point)
            found |= {run_id: History(points, len(points) < most) for run_id, points in by_run.items()}
            # Older servers sample the steps of all runs together: few points of a run are then not all of them.
            if len(part) > 1 and len({point.step for points in by_run.values() for point in points}) >= most:
                for run_id in [each for each in part if found[each].is_whole]:
                    found |= self.histories([run_id], name, most, start_step, end_step)
        return found

    def activity(self, run: Run) -> Activity | None:
        """When a run last logged a metric, and the usual time between the points of that metric; None without metrics."""
        # `run.data.metrics` has the values alone.
        logged = run.data._metric_objs
        if not logged:
            return None
        newest = max(logged, key=lambda each: (each.timestamp, each.key))
        history = self.histories([run.info.run_id], newest.key)[run.info.run_id]
        if not history.is_whole:  # of a sample only the last part is read whole
            start = history.points[-_GAPS].step
            history = self.histories([run.info.run_id], newest.key, start_step=start)[run.info.run_id]
        times = sorted(point.timestamp for point in history.points)[-_GAPS - 1 :]
        gaps = [after - before for before, after in pairwise(times)]
        usual = statistics.median(gaps) / 1000 if len(gaps) > 1 and history.is_whole else None
        return Activity(newest.key, newest.timestamp, newest.step, usual)

    def every_point(self, run_id: str, name: str) -> Iterator[list[Point]]:
        """The whole history in pages, as logged (by time), so that memory holds one page. A server that does not page
        answers all at once."""
        token: str | None = None
        while True:
            page, next_token = self._history_page(run_id, name, token)
            yield page
            if not next_token:
                return
            if next_token == token:
                raise Problem("The MLflow server repeats a page of the metric's history.", "Leave exact out.")
            token = next_token

    def _history_page(self, run_id: str, name: str, token: str | None) -> tuple[list[Point], str | None]:
        if self._client.is_http:
            params = {"run_id": run_id, "metric_key": name, "max_results": _PAGE}
            answer = self._client.http.get_json(_HISTORY, params | ({"page_token": token} if token else {}))
            return _points(answer.get("metrics", ())), answer.get("next_page_token")
        page = self._client.ask(
            lambda: self._client.connection.store.get_metric_history(  # type: ignore[no-untyped-call]
                run_id, name, max_results=_PAGE, page_token=token
            )
        )
        return [Point(each.step, each.timestamp, each.value) for each in page], token_of(page)

    def _sampled(
        self, run_ids: list[str], name: str, most: int, start: int | None, end: int | None
    ) -> Iterator[tuple[str, Point]]:
        zoomed = start is not None or end is not None
        first = _FIRST_STEP if start is None else min(max(start, _FIRST_STEP), _LAST_STEP)
        last = _LAST_STEP if end is None else min(max(end, _FIRST_STEP), _LAST_STEP)
        if not self._client.is_http:
            steps = (first, last) if zoomed else (None, None)
            sampled = self._client.ask(
                lambda: self._client.connection.store.get_metric_history_bulk_interval(run_ids, name, most, *steps)
            )
            yield from ((each.run_id, Point(each.step, each.timestamp, each.value)) for each in sampled)
            return
        if start is not None and self._samples_wrongly_within_steps():
            yield from self._thinned(run_ids, name, most, first, last)
            return
        params: list[tuple[str, Any]] = [("run_ids", run_id) for run_id in run_ids]
        params += [("metric_key", name), ("max_results", most)]
        params += [("start_step", first), ("end_step", last)] if zoomed else []
        response = self._client.http.get(_BULK_INTERVAL, params)
        if response.status_code in (404, 405, 501):  # a server from before this route
            yield from self._thinned(run_ids, name, most, first, last)
            return
        for each in self._client.http.json_of(response).get("metrics", ()):
            yield str(each.get("run_id", run_ids[0])), _point(each)

    def _samples_wrongly_within_steps(self) -> bool:
        """Whether the server may leave out most points of steps that begin after the first: 2.16 to 3.1 do, and nothing in
        their answer shows it. A server that does not tell its version is taken for one of these."""
        return self._client.http.is_older_than(*_SAMPLES_WITHIN_STEPS) is not False

    def _thinned(self, run_ids: list[str], name: str, most: int, first: int, last: int) -> Iterator[tuple[str, Point]]:
        """What the server would sample, out of the whole history."""
        for run_id in run_ids:
            points = sorted(p for page in self.every_point(run_id, name) for p in page if first <= p.step <= last)
            yield from ((run_id, points[at]) for at in spread(len(points), most))


def spread(count: int, most: int) -> list[int]:
    """At most `most` of the indices 0 to count - 1, evenly spread, first and last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(at * (count - 1) / (most - 1)) for at in range(most)}) if most > 1 else [count - 1]


def _points(metrics: Iterable[dict[str, Any]]) -> list[Point]:
    return [_point(each) for each in metrics]


def _point(metric: dict[str, Any]) -> Point:
    # Protobuf's JSON writes NaN as text and leaves out what is zero.
    return Point(int(metric.get("step", 0)), int(metric.get("timestamp", 0)), float(metric.get("value", 0.0)))
