"""The curves of a report's runs: a picture where the extra for it is installed, and their figures in a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from mlflow_mcp import installation
from mlflow_mcp.client import Client
from mlflow_mcp.entities.direction import better
from mlflow_mcp.entities.metrics import is_finite, is_minor
from mlflow_mcp.text import listed, number, short_id
from mlflow_mcp.tools.metrics.drawing import Line, draw_curves
from mlflow_mcp.tools.metrics.histories import read_histories
from mlflow_mcp.tools.runs.report.reading import Subject
from mlflow_mcp.tools.runs.report.sections import Section, table_of

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client.metrics import History

_PANELS = 6
_POINTS = 1_000
_NAMED = 8

Curve = tuple[str, "Run", str]  # the side's label, its run, the metric


def curves_section(client: Client, subject: Subject) -> Section:
    """The metrics that were logged over steps; a launcher's exports have none."""
    metrics, left_out = _metrics(subject)
    stepless = _without_steps(subject)
    curves = [
        (side.label, job.canonical.entity, name)
        for name in metrics
        for side, jobs in zip(subject.sides, subject.jobs)
        for job in jobs
        if name in job.canonical.metrics
    ]
    if not curves:
        notes = ("No metric was logged over steps, so there is nothing to draw.",) if stepless else ()
        return Section("Curves", notes)
    found = read_histories(client, [(run, name) for _, run, name in curves], None, None, _POINTS)
    rows = [_figures(curve, found[curve[1].info.run_id, curve[2]]) for curve in curves]
    table = table_of(["metric", "side", "run", "points", "first", "last", "min", "at step", "max", "at step"], rows)
    sentences = [f"Not drawn: {', '.join(left_out)}."] if left_out else []
    if stepless:
        sentences.append(f"Not drawn, logged without steps: {listed(stepless, _NAMED)}.")
    if any(not history.is_whole for history in found.values()):
        sentences.append(f"Long curves are drawn and described by a sample of {_POINTS:,} points.")
    if not find_spec("matplotlib"):
        sentences.append(f"No pictures: this needs the extra 'plots'. {installation.how_to_add('plots')}")
        return Section("Curves", tuple(sentences), table)
    return Section("Curves", tuple(sentences), table, picture=_picture(metrics, curves, found, client.masked))


def _without_steps(subject: Subject) -> list[str]:
    """The metrics that were logged at the first step alone, wherever they were; those of the machine left out."""
    last: dict[str, int] = {}
    for jobs in subject.jobs:
        for job in jobs:
            for each in [] if job.canonical.is_export else job.canonical.entity.data._metric_objs or []:
                last[each.key] = max(each.step, last.get(each.key, 0))
    return sorted(name for name, step in last.items() if step <= 0 and not name.startswith("system/"))


def _metrics(subject: Subject) -> tuple[list[str], list[str]]:
    """The metrics with a value beyond the first step, scores before others and shared ones first; and those left out."""
    counts: dict[str, int] = {}
    for jobs in subject.jobs:
        for job in jobs:
            # `run.data.metrics` has the values alone.
            logged = [] if job.canonical.is_export else job.canonical.entity.data._metric_objs or []
            for each in logged:
                if each.step > 0 and not each.key.startswith("system/"):
                    counts[each.key] = counts.get(each.key, 0) + 1
    # A loss before a learning rate.
    names = sorted(counts, key=lambda name: (is_minor(name), better(name) is None, -counts[name], name))
    return names[:_PANELS], names[_PANELS:]


def _figures(curve: Curve, history: History) -> list[Any]:
    label, run, name = curve
    finite = [point for point in history.points if is_finite(point.value)]
    low = min(finite, key=lambda point: point.value, default=None)
    high = max(finite, key=lambda point: point.value, default=None)
    ends = [number(history.points[0].value), number(history.points[-1].value)] if history.points else [None, None]
    of_low, of_high = ([number(each.value), each.step] if each else [None, None] for each in (low, high))
    return [name, label, run.info.run_name, len(history.points), *ends, *of_low, *of_high]


def _picture(
    metrics: Sequence[str], curves: Sequence[Curve], found: dict[tuple[str, str], History], masked: Callable[[str], str]
) -> bytes:
    panels = []
    for name in metrics:
        lines = []
        for label, run, of in curves:
            if of == name:
                points = found[run.info.run_id, name].points
                text = masked(f"{label} {run.info.run_name or short_id(run.info.run_id)}")
                lines.append(Line(text, [float(point.step) for point in points], [point.value for point in points]))
        panels.append((masked(name), lines))
    return draw_curves(panels, "step", 0, log_y=False)
