"""What the curves of one run show, each finding in a sentence with its figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mlflow_mcp.client.metrics import Point
from mlflow_mcp.entities.direction import Mode
from mlflow_mcp.entities.metrics import is_finite, is_gradient, is_validation
from mlflow_mcp.text import iso, listed, number, plural
from mlflow_mcp.tools.live.judging import machine, trends
from mlflow_mcp.tools.live.judging.look import Look, judged_mode, pairs, speed_mode
from mlflow_mcp.tools.live.judging.series import Series
from mlflow_mcp.tools.metrics.upheavals import upheavals

Kind = Literal["diverging", "stuck", "over", "slow", "overfitting", "plateau", "full", "idle", "quiet", "note"]


@dataclass(frozen=True)
class Finding:
    """One finding: of what kind, about which metric, in words. `at` is when it began, in milliseconds, where that is known."""

    kind: Kind
    about: str
    text: str
    at: int | None = None


def of_curves(look: Look) -> list[Finding]:
    """The findings of all curves that were read, the worst kind first."""
    judged = {name: each for name, each in look.series.items() if judged_mode(name)}
    found = list(_diverging(look, judged))
    blown = {each.about for each in found} | {name for name in look.series if found and is_gradient(name)}
    calm = {name: each for name, each in judged.items() if name not in blown}
    found += _slower(look)
    found += _overfitting(calm)
    found += [] if found else _flat(calm)
    for name, series in calm.items():
        found += _jump(name, series) or _spikes(name, series)
        found += _not_numbers_between(name, series)
    found += _not_numbers_yet(look, blown)
    return found


def of_resume(look: Look, clock: Series) -> Iterator[Finding]:
    """That steps went back, what the run says of it, and which curves blew up right before."""
    if not clock.returns:
        return
    before, after = clock.returns[-1]
    times = f" ({len(clock.returns)} times in all)" if len(clock.returns) > 1 else ""
    reasons = "".join(f"; {each}" for each in look.resumed_by)
    text = (
        f"resumed: its steps went back from {before.step:,} to {after.step:,} at {iso(after.timestamp)}{times}{reasons}"
    )
    yield Finding("note", "resumed", text)
    since = clock.returns[-2][1].timestamp if len(clock.returns) > 1 else 0
    for name, series in look.series.items():
        if not (series.is_whole and (is_gradient(name) or judged_mode(name))):
            continue
        points = [point for point in series.logged if since <= point.timestamp < after.timestamp]
        last = upheavals(name, points, 3)[-1:]
        if last and last[0].after == points[-1]:
            begin, end = last[0]
            went = f"{name} went from {_shown(begin)} ({_at(series, begin)}) to {_shown(end)} ({_at(series, end)})"
            yield Finding("note", name, f"right before it {went}", end.timestamp)


def of_machine(look: Look) -> list[Finding]:
    latest = {name: point.value for name, point in look.latest.items() if name.startswith(machine.PREFIX)}
    gpus = [each for name, each in look.series.items() if name.startswith(machine.PREFIX)]
    full = [Finding("full", text.partition(" at ")[0].rpartition(" ")[0], text) for text in machine.full(latest)]
    return full + [Finding("idle", text.partition(" at ")[0], text) for text in machine.idle(gpus)]


@dataclass(frozen=True)
class _Onset:
    """When a curve stopped being a number or blew up, what it did, and how that began."""

    name: str
    moment: int
    text: str
    begun: str


def _diverging(look: Look, judged: dict[str, Series]) -> Iterator[Finding]:
    """The metrics that have a better side and blew up, in the order of their times, with the one that moved first: it may also
    be the size of the gradients."""
    moved = [name for name in look.series if name in judged or is_gradient(name)]
    onsets = sorted(
        (found for name in moved if (found := _onset(look.series[name], judged_mode(name) or "min"))),
        key=lambda onset: (onset.moment, onset.name),
    )
    for onset in onsets:
        if onset.name in judged:
            first = onsets[0]
            is_told = first.name in judged
            before = (
                "" if first.moment == onset.moment else f"; first {first.name}{'' if is_told else ' ' + first.begun}"
            )
            yield Finding("diverging", onset.name, f"{onset.name} {onset.text}{before}", onset.moment)


def _onset(series: Series, mode: Mode) -> _Onset | None:
    # A score that is no number may have had nothing to count; a loss that is none is lost.
    odd = trends.not_numbers(series) if mode == "min" else None
    lasts = odd is not None and odd.lasts
    change = trends.blow_up(series, mode) or (trends.jump_at_end(series, mode) if lasts else None)
    went = _went(series, change) if change else ""
    if odd is None or not lasts:
        return _Onset(series.name, change.begin.timestamp, f"{went} and stayed", went) if change else None
    count = plural(odd.count, "point") if series.is_whole else f"to its last, {_at(series, series.points[-1])}"
    text = f"is {odd.what} since {_at(series, odd.first)} ({count}), {_shown(odd.before)} before"
    if change is None:
        return _Onset(series.name, odd.first.timestamp, text, text)
    return _Onset(series.name, change.begin.timestamp, f"{went}, and {text}", went)


def _went(series: Series, change: trends.Change) -> str:
    went = "rose" if change.after > change.before else "fell"
    return f"{went} from {number(change.before, 4)} (until {_at(series, change.begin)}) to {number(change.after, 4)}"


def _slower(look: Look) -> Iterator[Finding]:
    for name, series in look.series.items():
        mode = speed_mode(name)
        change = trends.blow_up(series, mode) if mode else None
        if change:
            yield Finding("slow", name, f"{name} {_went(series, change)} and stayed", change.begin.timestamp)


def _overfitting(judged: dict[str, Series]) -> Iterator[Finding]:
    for train, validation in pairs(list(judged)):
        mode = judged_mode(validation)
        if mode is None or judged_mode(train) != mode:
            continue
        found = trends.overfits(judged[train], judged[validation], mode)
        if found:
            yield Finding(
                "overfitting",
                validation,
                f"{validation} went from {_shown(found.best)} (best, {_at(judged[validation], found.best)}) to "
                f"{number(found.level, 4)} while {train} went from {number(found.train_then, 4)} to {number(found.train_now, 4)}",
                found.best.timestamp,
            )


def _flat(judged: dict[str, Series]) -> Iterator[Finding]:
    """Of the metric that matters most: a validation loss, else a training loss."""
    main = min(judged, key=lambda name: ("loss" not in name.lower(), not is_validation(name), len(name)), default=None)
    mode = main and judged_mode(main)
    flat = trends.levelled_off(judged[main], mode) if main and mode else None
    if flat and main:
        won = f"{number(flat.won, 2)} ± {number(2 * flat.error, 2)}"
        since = _at(judged[main], flat.since)
        yield Finding(
            "plateau", main, f"{main} stays at {number(flat.level, 4)} since {since}: won {won} in its last third"
        )


def _jump(name: str, series: Series) -> list[Finding]:
    mode = judged_mode(name)
    change = trends.jump_at_end(series, mode) if mode else None
    if change is None:
        return []
    return [Finding("note", name, f"{name} {_went(series, change)}: a spike or a blow-up, too early to tell")]


def _spikes(name: str, series: Series) -> list[Finding]:
    mode = judged_mode(name)
    found = trends.spikes(series, mode) if mode else []
    if not found:
        return []
    last = found[-1]
    count = ("" if series.is_whole else "at least ") + plural(len(found), "spike")
    which = ", the last" if len(found) > 1 else ":"
    text = f"{name}: {count}{which} {_shown(last.peak)} at {_at(series, last.peak)}, about {number(last.usual, 4)} around it"
    return [Finding("note", name, text, last.peak.timestamp)]


def _not_numbers_between(name: str, series: Series) -> Iterator[Finding]:
    """Values that were no numbers, after which it went on with numbers."""
    odd = [point for point in series.points if not is_finite(point.value)]
    if odd and is_finite(series.points[-1].value):
        steps = f"steps {odd[0].step} to {odd[-1].step}" if len(odd) > 1 else f"step {odd[0].step}"
        words = " and ".join(sorted({str(number(point.value)) for point in odd}))
        yield Finding("note", name, f"{name}: {plural(len(odd), 'value')} of {words} at {steps}, numbers again since")


def _not_numbers_yet(look: Look, already_found: set[str]) -> Iterator[Finding]:
    """Metrics whose newest values are no numbers, without that being proof of anything: too few, or no better side."""
    odd = [name for name, point in look.latest.items() if name not in already_found and not is_finite(point.value)]
    if odd:
        text = f"not a number at its newest point, and no proof of diverging: {listed(sorted(odd), 3)}"
        yield Finding("note", "NaN", text)


def _at(series: Series, point: Point) -> str:
    """Where a point is: its step, or the time since the first where there are no steps."""
    if series.has_steps:
        return f"step {point.step:,}"
    return f"{round((point.timestamp - series.logged[0].timestamp) / 1000):,} s"


def _shown(point: Point) -> str:
    return str(number(point.value, 4))
