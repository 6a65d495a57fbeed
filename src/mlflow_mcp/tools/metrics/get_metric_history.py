"""Metric curves in few points with exact figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.client import Client, metrics
from mlflow_mcp.client.ids.runs import runs_of
from mlflow_mcp.client.metrics import Point
from mlflow_mcp.text import iso, listed, number
from mlflow_mcp.tools.arguments import MetricNames, RunIds
from mlflow_mcp.tools.metrics.curve import Curve, seconds_since
from mlflow_mcp.tools.metrics.histories import Axis, EndStep, StartStep, curves_of, read_histories, refuse_backwards

if TYPE_CHECKING:
    from mlflow.entities import Run


# As many points as an answer of all its curves may hold.
MOST_POINTS = 400


MaxPoints = Annotated[
    int | None, Field(ge=2, le=1_000, description="Points per curve at most. Default: 100, fewer with many curves.")
]


Exact = Annotated[
    bool, Field(description="Read every point: finds single-step spikes that sampling misses. Slower for long curves.")
]


class CurveFacts(BaseModel):
    """One metric of one run. first, last, min, max are `[step, value]`; largest_jump is
    `[step, value, next step, its value]`, spike `[step, value, value before, value after]` of a single point.
    Exact unless `sampled`; `x` and `y` are the points shown."""

    run_id: str
    run: str | None
    metric: str
    points: Annotated[int | None, Field(description="How many points there are; unknown when sampled.")] = None
    sampled: Annotated[str | None, Field(description="That the figures come from a sample, and of what size.")] = None
    by_time: Annotated[str | None, Field(description="Why seconds stand in the place of steps.")] = None
    first: list[Any] | None = None
    last: list[Any] | None = None
    min: list[Any] | None = None
    max: list[Any] | None = None
    best_step: int | None = None
    mean_last_tenth: Annotated[Any, Field(description="Mean over the last tenth of the steps.")] = None
    largest_jump: list[Any] | None = None
    spike: list[Any] | None = None
    written_again: Annotated[
        dict[str, Any] | None,
        Field(description="Points at a step that had one: [step, value, time, later value, time]. The later counts."),
    ] = None
    nan: dict[str, Any] | None = None
    infinite: int | None = None
    x: list[Any]
    y: list[Any]


class Curves(Answer):
    """Curves, one an entry."""

    axis: str
    curves: list[CurveFacts]


def get_metric_history(  # noqa: PLR0913  # one parameter per argument of the tool
    client: Client,
    run_ids: RunIds,
    metrics: MetricNames,
    max_points: MaxPoints = None,
    start_step: StartStep = None,
    end_step: EndStep = None,
    exact: Exact = False,
    axis: Axis = "step",
) -> Curves:
    """Get the curves of metrics (loss, accuracy, system metrics) of one or more runs in few points, with first, last, min,
    max, best step, mean of the last tenth, largest jump, spike and where NaN is. Long curves are sampled by the server;
    exact=true reads all; start_step and end_step zoom in. plot_metrics draws them."""
    refuse_backwards(start_step, end_step)
    runs = runs_of(client, run_ids)
    pairs = curves_of(runs, metrics)
    most = max_points or max(10, min(100, MOST_POINTS // len(pairs)))
    read = _exactly if exact else _sampled
    curves = read(client, pairs, start_step, end_step, max(most // 2, 4))
    answer = Curves(axis="step" if axis == "step" else "seconds since the first point", curves=[])
    for (run, name), (curve, is_whole) in zip(pairs, curves):
        answer.curves.append(_facts(run, name, curve, is_whole, most, axis))
    if any(each.sampled for each in answer.curves):
        answer.note("Sampled figures may miss a spike between the sampled points: exact=true reads all of them.")
    if start_step is not None or end_step is not None:
        answer.note("All figures are of the steps asked for.")
    empty = [f"{each.run}: {each.metric}" for each in answer.curves if not each.x and not each.nan]
    if empty:
        answer.note(f"No points in these steps: {listed(empty, 5)}. Without start_step and end_step all are shown.")
    return answer


def _sampled(
    client: Client, pairs: Sequence[tuple[Run, str]], start: int | None, end: int | None, parts: int
) -> list[tuple[Curve, bool]]:
    found = read_histories(client, pairs, start, end, metrics.MOST_SAMPLED)
    curves = []
    for run, name in pairs:
        history = found[run.info.run_id, name]
        curve = Curve.between(name, history.points, parts)
        curve.add(history.points)
        curves.append((curve, history.is_whole))
    return curves


def _exactly(
    client: Client, pairs: Sequence[tuple[Run, str]], start: int | None, end: int | None, parts: int
) -> list[tuple[Curve, bool]]:
    """Every point of every curve, a page at a time. The ends of the steps are asked for first: the last tenth and the
    parts of the curve are counted from them."""
    ends = read_histories(client, pairs, start, end, 2)
    curves = []
    for place, (run, name) in enumerate(pairs, 1):
        curve = Curve.between(name, ends[run.info.run_id, name].points, parts)
        for page in client.metrics.every_point(run.info.run_id, name):
            curve.add(point for point in page if _within(point, start, end))
            message = f"{curve.count:,} points of {name} read (curve {place} of {len(pairs)})"
            client.call.progress(place - 1, len(pairs), message)
        curve.close()
        curves.append((curve, True))
    return curves


def _within(point: Point, start: int | None, end: int | None) -> bool:
    return (start is None or point.step >= start) and (end is None or point.step <= end)


def _facts(run: Run, name: str, curve: Curve, is_whole: bool, most: int, axis: str) -> CurveFacts:
    shown = curve.shown(most)
    first = curve.first if curve.by_time else None
    return CurveFacts(
        run_id=run.info.run_id,
        run=run.info.run_name,
        metric=name,
        points=curve.count if is_whole else None,
        sampled=None if is_whole else f"a sample of {curve.count:,} points",
        by_time=_why_by_time(first) if first else None,
        x=[seconds_since(curve.first, point) if axis == "time" else curve.x_of(point) for point in shown],
        y=[number(point.value) for point in shown],
        **curve.facts(is_whole=is_whole),
    )


def _why_by_time(first: Point) -> str:
    since = iso(first.timestamp)
    return f"All points are at step {first.step}: seconds since the first" + (f", {since}." if since else ".")
