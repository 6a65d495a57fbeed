"""Pictures of metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mlflow_mcp.answers.base import ImageAnswer
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.runs import runs_of
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import iso, number, plural, short, size
from mlflow_mcp.tools.arguments import MetricNames, Overwrite, RunIds
from mlflow_mcp.tools.metrics import drawing
from mlflow_mcp.tools.metrics.histories import (
    Axis,
    EndStep,
    StartStep,
    curves_of,
    read_histories,
    refuse_backwards,
    with_children,
)
from mlflow_mcp.tools.output_files import place_for, refuse_existing, written_whole

if TYPE_CHECKING:
    from pathlib import Path

    from mlflow.entities import Run

    from mlflow_mcp.client.metrics import History

Kind = Annotated[Literal["curves", "bars"], Field(description="'bars': the latest value of one metric across runs.")]
Smoothing = Annotated[float, Field(ge=0, le=0.999, description="Weight of the moving average, e.g. 0.6; 0: none.")]
LogScale = Annotated[bool, Field(description="Logarithmic value axis.")]
PicturePath = Annotated[
    str | None,
    Field(
        min_length=1,
        description="Write the PNG there too, e.g. 'loss.png', in the allowed folder: terminals show no images.",
    ),
]

_PANELS = 6
_BARS = 40
_POINTS = 1_000
_LINES_OF_TEXT = 20


def plot_metrics(  # noqa: PLR0913  # one parameter per argument of the tool
    client: Client,
    run_ids: RunIds,
    metrics: MetricNames,
    kind: Kind = "curves",
    smoothing: Smoothing = 0,
    log_scale: LogScale = False,
    start_step: StartStep = None,
    end_step: EndStep = None,
    axis: Axis = "step",
    path: PicturePath = None,
    overwrite: Overwrite = False,
) -> ImageAnswer:
    """Draw metrics as a picture (PNG) for the user: curves of several runs and metrics over steps or time, or bars of a
    metric across runs; with their numbers in words. For figures alone get_metric_history is smaller and exact."""
    refuse_backwards(start_step, end_step)
    place = _place(client, path, overwrite) if path else None
    runs, notes = with_children(client, runs_of(client, run_ids), metrics)
    pairs = curves_of(runs, metrics)
    masked = client.masked
    if kind == "bars":
        bars = _bars(pairs, log_scale, masked)
        bars.note(*notes)
        return _written(client, bars, place)
    names = list(dict.fromkeys(name for _, name in pairs))
    if len(names) > _PANELS:
        raise Problem(f"These are {len(names)} metrics; a picture holds {_PANELS}.", "Name fewer metrics.")
    found = read_histories(client, pairs, start_step, end_step, _POINTS)
    by_time = axis == "step" and _has_no_steps(found.values())
    axis = "time" if by_time else axis
    panels = [
        (
            masked(name),
            [_line(run, found[run.info.run_id, name], axis, masked) for run, of in pairs if of == name],
        )
        for name in names
    ]
    if not any(line.x for _, lines in panels for line in lines):
        raise Problem("There are no points in these steps.", "Leave start_step and end_step out.")
    png = drawing.draw_curves(
        panels, "step" if axis == "step" else "seconds since the first point", smoothing, log_scale
    )
    answer = ImageAnswer(text=_in_words(pairs, found), data=png)
    answer.note(*notes)
    if smoothing:
        answer.note(f"Smoothed with a moving average of weight {smoothing:g}; the raw curves are faint.")
    if log_scale:
        answer.note("Logarithmic value axis.")
    if by_time:
        answer.note("Drawn over time: all points of a curve are at one step.")
    if any(not each.is_whole for each in found.values()):
        answer.note(f"Long curves are drawn and described by a sample of {_POINTS:,} points.")
    return _written(client, answer, place)


def _place(client: Client, path: str, overwrite: bool) -> Path:
    """Where the picture goes, known before anything is read. Raises Problem for a name that says another kind of file."""
    place = place_for(client.settings, path)
    if place.suffix.lower() != ".png":
        raise Problem(
            f"'{short(place.name, 80)}' does not end in .png, which the picture is.", "Give a name such as 'loss.png'."
        )
    if not overwrite:
        refuse_existing(place)
    return place


def _written(client: Client, answer: ImageAnswer, place: Path | None) -> ImageAnswer:
    """The answer, with its picture in a file as well and the file's place first in the notes."""
    if place is not None:
        with written_whole(client.settings, place) as part:
            part.write_bytes(answer.data)
        answer.notes = [f"Written to {place} ({size(len(answer.data))}).", *(answer.notes or ())]
    return answer


def _has_no_steps(histories: Iterable[History]) -> bool:
    """Whether there are curves of several points, and each of them has all of them at one step."""
    several = [history.points for history in histories if len(history.points) > 1]
    return bool(several) and all(points[0].step == points[-1].step for points in several)


def _line(run: Run, history: History, axis: str, masked: Callable[[str], str]) -> drawing.Line:
    points = history.points
    origin = points[0].timestamp if points else 0
    x = [float(point.step) if axis == "step" else (point.timestamp - origin) / 1000 for point in points]
    # What is drawn is in no text that the server masks.
    return drawing.Line(masked(run.info.run_name or run.info.run_id[:8]), x, [point.value for point in points])


def _in_words(pairs: Sequence[tuple[Run, str]], found: dict[tuple[str, str], History]) -> str:
    lines = []
    for run, name in pairs[:_LINES_OF_TEXT]:
        points = found[run.info.run_id, name].points
        finite = [point for point in points if is_finite(point.value)]
        if not finite:
            lines.append(f"{run.info.run_name} {name}: no finite value.")
            continue
        low, high = min(finite, key=lambda point: point.value), max(finite, key=lambda point: point.value)
        odd = f", {plural(len(points) - len(finite), 'NaN or infinite point')}" if len(points) > len(finite) else ""
        lines.append(
            f"{run.info.run_name} {name}: first {number(points[0].value)}, last {number(points[-1].value)}, "
            f"min {number(low.value)} at step {low.step}, max {number(high.value)} at step {high.step}{odd}."
        )
    if len(pairs) > _LINES_OF_TEXT:
        lines.append(f"{len(pairs) - _LINES_OF_TEXT} more curves.")
    return "\n".join(lines)


def _bars(pairs: Sequence[tuple[Run, str]], log_scale: bool, masked: Callable[[str], str]) -> ImageAnswer:
    names = list(dict.fromkeys(name for _, name in pairs))
    if len(names) > 1:
        raise Problem(f"Bars show one metric, these are {len(names)}.", "Name one metric, or use kind='curves'.")
    values = [(run, run.data.metrics[name]) for run, name in pairs]
    finite = sorted(((run, value) for run, value in values if is_finite(value)), key=lambda pair: -pair[1])[:_BARS]
    if not finite:
        raise Problem(f"No run has a finite '{names[0]}'.", "get_metric_history shows where it is NaN.")
    bars = [(masked(_label(run, values)), value) for run, value in finite]
    summary = "; ".join(f"{label}: {number(value)}" for label, value in bars)
    answer = ImageAnswer(text=f"{names[0]}: {summary}.", data=drawing.draw_bars(masked(names[0]), bars, log_scale))
    if len(finite) < len(values):
        answer.note(f"{plural(len(values) - len(finite), 'run')} left out: NaN, infinite, or beyond {_BARS} bars.")
    return answer


def _label(run: Run, among: Sequence[tuple[Run, float]]) -> str:
    name = run.info.run_name or run.info.run_id[:8]
    twins = sum(other.info.run_name == run.info.run_name for other, _ in among)
    return name if twins < 2 else f"{name} {(iso(run.info.start_time) or '')[:10]} {run.info.run_id[:6]}"
