"""Drawing curves and bars as PNG. The only module that imports matplotlib, and only when something is drawn."""

from __future__ import annotations

import functools
import io
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec

from mlflow_mcp.entities.metrics import is_finite

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Distinguishable with colour vision deficiencies; the easiest to distinguish come first.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B", "#444444")
_DASHES = ("-", "--", ":", "-.")
_LEGEND_MOST = 12
_DPI = 110
_LARGEST_DRAWN = 1e300


@dataclass(frozen=True)
class Line:
    """One curve: its label and its points in order."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


P = ParamSpec("P")


def _quietly(draw: Callable[P, bytes]) -> Callable[P, bytes]:
    """Without numpy's warnings on stderr: the margins of an axis from 1e-300 to 1e300 overflow, and are cut."""

    @functools.wraps(draw)
    def quiet(*args: P.args, **kwargs: P.kwargs) -> bytes:
        import matplotlib  # noqa: F401  # first, since what is missing should be called by its name
        import numpy

        with numpy.errstate(all="ignore"):
            return draw(*args, **kwargs)

    return quiet


def _divisor(lines: Sequence[Line]) -> float:
    """What values are divided by: beyond 1e300 the differences that an axis is made of are no numbers."""
    largest = max((abs(value) for line in lines for value in line.y if is_finite(value)), default=0.0)
    return 1.0 if largest < _LARGEST_DRAWN else 1e10


@_quietly
def draw_curves(panels: Sequence[tuple[str, Sequence[Line]]], x_label: str, smoothing: float, log_y: bool) -> bytes:
    """A PNG with one panel for each (metric, lines). With smoothing the raw curves stay visible, faint."""
    figure, axes = _figure(len(panels))
    for axis, (metric, lines) in zip(axes, panels):
        divisor = _divisor(lines)
        for place, line in enumerate(lines):
            style: dict[str, Any] = {
                "color": _COLOURS[place % len(_COLOURS)],
                "linestyle": _DASHES[place // len(_COLOURS) % len(_DASHES)],
            }
            marker = "o" if len(line.x) < 3 else None
            y = [value / divisor if is_finite(value) else math.nan for value in line.y]
            if smoothing:
                axis.plot(line.x, y, alpha=0.25, linewidth=0.8, **style)
                y = smoothed(y, smoothing)
            axis.plot(line.x, y, label=_short(line.label), linewidth=1.6, marker=marker, **style)
        axis.set_ylabel(metric if divisor == 1 else f"{metric} / {divisor:g}")
        if log_y:
            axis.set_yscale("log")
        _tidy(axis)
        if lines:
            _legend(axis, len(lines))
    axes[-1].set_xlabel(x_label)
    if smoothing:
        figure.suptitle(f"moving average, weight {smoothing:g}; raw curves faint", fontsize=9, color="#555555")
    return _png(figure)


@_quietly
def draw_bars(metric: str, bars: Sequence[tuple[str, float]], log_x: bool) -> bytes:
    """A PNG of horizontal bars with their values, in the order given."""
    figure, axes = _figure(1, height=max(2.4, 0.34 * len(bars) + 1.2))
    axis = axes[0]
    labels, values = [_short(label) for label, _ in bars], [value for _, value in bars]
    drawn = axis.barh(range(len(bars)), values, color=_COLOURS[0], height=0.7)
    axis.bar_label(drawn, labels=[f"{value:.6g}" for value in values], padding=4, fontsize=9)
    axis.set_yticks(range(len(bars)), labels)
    axis.invert_yaxis()
    axis.set_xlabel(metric)
    if log_x:
        axis.set_xscale("log")
    axis.margins(x=0.14)
    _tidy(axis)
    axis.grid(visible=False, axis="y")
    return _png(figure)


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """The exponential moving average, corrected at its beginning; NaN stays NaN and does not spread."""
    average, share = 0.0, 0.0
    result = []
    for value in values:
        if math.isnan(value):
            result.append(value)
            continue
        average = average * weight + (1 - weight) * value
        share = share * weight + (1 - weight)
        result.append(average / share)
    return result


def _figure(panels: int, height: float | None = None) -> tuple[Any, list[Axes]]:
    # matplotlib tells the operator about fonts and caches; nobody asked.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Without pyplot, so that nothing global keeps the figure alive.
    figure = Figure(figsize=(9, height or (4.6 if panels == 1 else 2.6 * panels + 0.6)), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(panels, 1, sharex=panels > 1, squeeze=False)
    return figure, [row[0] for row in axes]


def _tidy(axis: Axes) -> None:
    axis.grid(visible=True, color="#dddddd", linewidth=0.8)
    axis.set_axisbelow(True)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _legend(axis: Axes, lines: int) -> None:
    if lines > _LEGEND_MOST:
        handles, labels = axis.get_legend_handles_labels()
        axis.legend(
            handles[:_LEGEND_MOST],
            [*labels[: _LEGEND_MOST - 1], f"… {lines - _LEGEND_MOST + 1} more"],
            fontsize=8,
            frameon=False,
        )
    elif lines > 1 or axis.get_legend_handles_labels()[1]:
        axis.legend(fontsize=8, frameon=False)


def _short(label: str) -> str:
    # A leading underscore would hide a label from the legend, and `$` would start a formula.
    text = _in_font(label.lstrip("_")) or "run"
    return (text if len(text) <= 44 else f"{text[:30]}…{text[-12:]}").replace("$", r"\$")


def _in_font(text: str) -> str:
    """The text on one line, with a box for each character that matplotlib's font does not have (and would warn of)."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties()))
    return "".join(part if font.get_char_index(ord(part)) else "□" for part in " ".join(text.split()))


def _png(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", facecolor="white")
    figure.clear()
    return file.getvalue()
