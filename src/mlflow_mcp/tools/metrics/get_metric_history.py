"""Metric curves in few points with exact figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import BaseModel, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client, metrics
from mlflow_mcp.client.ids.runs import runs_of
from mlflow_mcp.client.metrics import Point
from mlflow_mcp.text import iso, listed, number, plural
from mlflow_mcp.tools.arguments import MetricNames, RunIds
from mlflow_mcp.tools.metrics.attempts import resumed_by
from mlflow_mcp.tools.metrics.curve import Curve, seconds_since
from mlflow_mcp.tools.metrics.histories import (
    MOST_CURVES,
    Axis,
    EndStep,
    StartStep,
    curves_of,
    read_histories,
    refuse_backwards,
    with_children,
)

if TYPE_CHECKING:
    from mlflow.entities import Run

# A curve of a run, of a metric, and whether all of its points were read.
Shown: TypeAlias = "tuple[Run, str, Curve, bool]"

# As many points as an answer of all its curves may hold.
MOST_POINTS = 400
# Of more curves no points are shown unless they are asked for.
_MOST_WITH_POINTS = 12
_MOST_FOLDED = 200
_MOST_ODD = 30
_MOST_RESUMED = 5


MaxPoints = Annotated[
    int | None,
    Field(
        ge=2, le=1_000, description="Points per curve at most. Default: 100, fewer with many, none beyond 12 curves."
    ),
]


Exact = Annotated[bool, Field(description="Read every point: finds single-step spikes. Slower.")]


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
    past_best: Annotated[str | None, Field(description="Of validation metrics whose last value is not their best.")] = (
        None
    )
    mean_last_tenth: Annotated[Any, Field(description="Mean over the last tenth of the steps.")] = None
    largest_jump: list[Any] | None = None
    sudden: Annotated[
        list[list[Any]] | None,
        Field(description="Changes within few points far beyond the usual ones, written like largest_jump."),
    ] = None
    spike: list[Any] | None = None
    written_again: Annotated[
        dict[str, Any] | None,
        Field(description="Points at a step that had one: [step, value, time, later value, time]. The later counts."),
    ] = None
    attempts: Annotated[
        list[list[Any]] | None,
        Field(
            description="Where the steps went back: what each attempt wrote, and when. x and y go attempt by attempt."
        ),
    ] = None
    nan: dict[str, Any] | None = None
    infinite: dict[str, Any] | None = None
    x: list[Any] | None = None
    y: list[Any] | None = None


class Curves(Answer):
    """Curves, one an entry; of many curves only the odd ones (NaN, infinite, spike, sudden jump, steps written again or
    missing), the `others` as rows."""

    axis: str
    curves: list[CurveFacts]
    others: Table | None = None


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
    max, best step, mean of the last tenth, largest jump, spike and where NaN is. Of many curves (a sweep's parent stands for
    its children) the odd ones come first. Long curves are sampled by the server; exact=true reads all; start_step and
    end_step zoom in. plot_metrics draws them."""
    refuse_backwards(start_step, end_step)
    runs, notes = with_children(client, runs_of(client, run_ids), metrics)
    pairs = curves_of(runs, metrics, MOST_CURVES if max_points else _MOST_FOLDED)
    is_folded = max_points is None and len(pairs) > _MOST_WITH_POINTS
    most = max_points or max(10, min(100, MOST_POINTS // len(pairs)))
    read = _exactly if exact else _sampled
    curves = read(client, pairs, start_step, end_step, max(most // 2, 4))
    answer = Curves(axis="step" if axis == "step" else "seconds since the first point", curves=[])
    shown = [(*pair, *curve) for pair, curve in zip(pairs, curves)]
    if is_folded:
        _fold(answer, shown, axis)
    else:
        answer.curves = [_facts(*each, most, axis) for each in shown]
    answer.note(*notes, *_resumed(runs))
    if not all(is_whole for _, is_whole in curves):
        answer.note("Sampled figures may miss a spike between the sampled points: exact=true reads all of them.")
    if start_step is not None or end_step is not None:
        answer.note("All figures are of the steps asked for.")
    empty = [f"{run.info.run_name}: {name}" for run, name, curve, _ in shown if not curve.count]
    if empty:
        answer.note(f"No points in these steps: {listed(empty, 5)}. Without start_step and end_step all are shown.")
    return answer


def _resumed(runs: Sequence[Run]) -> Iterator[str]:
    for run in runs[:_MOST_RESUMED]:
        if signs := resumed_by(run.data.params, run.data.tags):
            yield f"{run.info.run_name} has {', '.join(f'the {each}' for each in signs)}."


def _sampled(
    client: Client, pairs: Sequence[tuple[Run, str]], start: int | None, end: int | None, parts: int
) -> list[tuple[Curve, bool]]:
    found = read_histories(client, pairs, start, end, metrics.MOST_SAMPLED)
    curves = []
    for run, name in pairs:
        history = found[run.info.run_id, name]
        curve = Curve.between(name, history.points, parts)
        curve.add(sorted(history.points, key=lambda point: point[:2]))
        curves.append((curve, history.is_whole))
    return curves


def _exactly(
    client: Client, pairs: Sequence[tuple[Run, str]], start: int | None, end: int | None, parts: int
) -> list[tuple[Curve, bool]]:
    """Every point of every curve, a page at a time. The ends of the steps are asked for first: the last tenth and the
    parts of the curve are counted from them."""
    ends = read_histories(client, pairs, start, end, 2)
    curves = []
    steps = client.call.steps("read", "curve", len(pairs))
    for run, name in pairs:
        curve = Curve.between(name, ends[run.info.run_id, name].points, parts)
        for page in client.metrics.every_point(run.info.run_id, name):
            curve.add(point for point in page if _within(point, start, end))
            steps.advance(0, f", {plural(curve.count, 'point')} of the next")
        curve.close()
        steps.advance()
        curves.append((curve, True))
    return curves


def _within(point: Point, start: int | None, end: int | None) -> bool:
    return (start is None or point.step >= start) and (end is None or point.step <= end)


def _facts(run: Run, name: str, curve: Curve, is_whole: bool, most: int, axis: str) -> CurveFacts:
    shown = curve.shown(most)
    if axis == "time":
        shown = sorted(shown, key=lambda point: (point.timestamp, point.step))
    start = min(shown, key=lambda point: point.timestamp, default=None)
    first = curve.first if curve.by_time else None
    return CurveFacts(
        run_id=run.info.run_id,
        run=run.info.run_name,
        metric=name,
        points=curve.count if is_whole else None,
        sampled=None if is_whole else f"a sample of {curve.count:,} points",
        by_time=_why_by_time(first) if first else None,
        x=[seconds_since(start, point) if axis == "time" else curve.x_of(point) for point in shown],
        y=[number(point.value) for point in shown],
        **curve.facts(is_whole=is_whole),
    )


def _fold(answer: Curves, shown: Sequence[Shown], axis: str) -> None:
    """The odd curves with their facts, the others as rows; no points of either."""
    odd = [each for each in shown if each[2].is_odd(is_whole=each[3])]
    for each in odd[:_MOST_ODD]:
        facts = _facts(*each, 2, axis)
        facts.x = facts.y = None
        answer.curves.append(facts)
    others = [each for each in shown if each[2].count and not each[2].is_odd(is_whole=each[3])]
    columns = ["run_id", "run", "metric", "points", "last_step", "first", "last", "min", "max"]
    rows = [_row(*each) for each in others]
    if len({run.info.run_name for run, *_ in others}) == len({run.info.run_id for run, *_ in others}):
        columns, rows = columns[1:], [row[1:] for row in rows]
    answer.others = Table.of(columns, rows, keep=("run",)) if rows else None
    answer.note(
        f"Odd (NaN, infinite, spike, sudden jump, steps written again or missing): {len(odd)} of {len(shown)} curves"
        f"{', told first' if odd else ''}. max_points=… shows points, of {MOST_CURVES} curves at most."
    )
    if len(odd) > _MOST_ODD:
        answer.note(f"Odd, too: {listed([f'{run.info.run_name}: {name}' for run, name, *_ in odd[_MOST_ODD:]], 60)}.")
    answer.note(*_ending_early(shown))


def _row(run: Run, name: str, curve: Curve, is_whole: bool) -> list[Any]:
    ends = [curve.first, curve.last, curve.low, curve.high]
    values = [number(point.value) if point else None for point in ends]
    last_step = curve.last.step if curve.last else None
    return [run.info.run_id, run.info.run_name, name, curve.count if is_whole else None, last_step, *values]


def _ending_early(shown: Sequence[Shown]) -> list[str]:
    """Of each metric whose curves mostly end at one step, those that end before it."""
    sentences = []
    for name in dict.fromkeys(name for _, name, *_ in shown):
        ends = [(str(run.info.run_name), curve.last.step) for run, of, curve, _ in shown if of == name and curve.last]
        step, count = Counter(end for _, end in ends).most_common(1)[0] if ends else (0, 0)
        early = [f"{run} ({end})" for run, end in ends if end < step]
        if early and count > len(ends) / 2:
            sentences.append(f"{name} of {count} runs ends at step {step}; before it in: {', '.join(early[:20])}.")
    return sentences


def _why_by_time(first: Point) -> str:
    since = iso(first.timestamp)
    return f"All points are at step {first.step}: seconds since the first" + (f", {since}." if since else ".")
