"""How often a run logs, how long it has been silent, how fast its steps go, and how much is left."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from mlflow_mcp.client.metrics import Point
from mlflow_mcp.text import as_number, lasting
from mlflow_mcp.tools.live.judging.series import Series

# Silence is told when it is so many usual gaps long, more where few gaps are known; never below the shortest: a first
# validation or checkpoint may take ten minutes. And so many times the longest pause that the run came back from.
_GAPS, _GAPS_OF_FEW, _FEW_GAPS = 10, 30, 8
_SHORTEST_QUIET, _SHORTEST_SILENCE = 60.0, 600.0
_LONGER_THAN_A_PAUSE = 1.5
# Clocks of two machines differ by less than this, in seconds.
_CLOCKS = 60.0
_LAST_GAPS = 200
# A pace is compared over so many of the last gaps; slower is by this factor, in all but a quarter of them.
_RECENT, _SLOWER = 20, 2.0
# The time left is told from so many stretches of the last part of the run.
_STRETCHES, _LAST_POINTS = 8, 200

Silence = Literal["no", "quiet", "silent", "future", "unknown"]


@dataclass(frozen=True)
class Pace:
    """When a run logs. Gaps are in seconds; `pause` is the longest that it came back from, `None` where too few are known."""

    last: Point
    usual_gap: float | None
    pause: float | None
    gaps: int
    is_exact: bool = True  # whether the gaps are those between all points; of a sample they are larger

    @property
    def told_gap(self) -> str:
        """The usual gap in words; nothing where it is not known."""
        if self.usual_gap is None:
            return ""
        return f"usual gap {'' if self.is_exact else 'at most '}{lasting(self.usual_gap)}"

    @classmethod
    def of(cls, clock: Series, last: Point) -> Pace:
        times = sorted({point.timestamp for point in clock.tail})[-_LAST_GAPS:]
        gaps = [(b - a) / 1000 for a, b in pairwise(times)]
        if len(gaps) < 2:
            return cls(last, None, None, len(gaps))
        # One that has become slower is measured by its present gaps.
        usual = max(statistics.median(gaps), statistics.median(gaps[-_RECENT:]))
        return cls(last, usual, max(max(gaps), _pause_of_sampled(clock, usual)), len(gaps), clock.has_whole_tail)

    def age(self, now: int) -> float:
        return (now - self.last.timestamp) / 1000

    def silence(self, now: int) -> Silence:
        """Whether the run is silent at this moment (milliseconds), measured by its own gaps."""
        age = self.age(now)
        if age < -_CLOCKS:
            return "future"
        if self.usual_gap is None or self.pause is None:
            return "unknown"
        factor = _GAPS if self.gaps >= _FEW_GAPS else _GAPS_OF_FEW
        if age <= max(_SHORTEST_QUIET, factor * self.usual_gap):
            return "no"
        longest = max(_SHORTEST_SILENCE, factor * self.usual_gap, _LONGER_THAN_A_PAUSE * self.pause)
        return "silent" if age > longest else "quiet"


def _pause_of_sampled(clock: Series, usual: float) -> float:
    """The longest pause that a sample shows: what a gap between its points has beyond the time that its steps usually take."""
    if clock.is_whole or not clock.has_steps:
        return 0.0
    pairs = [(b.step - a.step, (b.timestamp - a.timestamp) / 1000) for a, b in pairwise(clock.logged)]
    rates = [gap / steps for steps, gap in pairs if steps > 0]
    if not rates:
        return 0.0
    rate = statistics.median(rates)
    return max(gap - steps * rate for steps, gap in pairs if steps > 0) + usual


@dataclass(frozen=True)
class Slower:
    """Seconds per step now and before."""

    now: float
    before: float
    over: int  # steps


def slower(clock: Series) -> Slower | None:
    """A run whose steps take at least twice as long as they usually did, in most of the last gaps."""
    recent = _rates(clock.tail)[-_RECENT:]
    whole = _rates(clock.logged)
    earlier = whole[: -_RECENT if clock.is_whole else -1]
    if len(recent) < _RECENT or len(earlier) < _RECENT:
        return None
    now, before = statistics.median(recent), statistics.median(earlier)
    most = sum(rate > before for rate in recent) >= 0.75 * len(recent)
    if now < _SLOWER * before or not most or (clock.is_whole and _was_as_slow(earlier, now)):
        return None
    steps = clock.tail[-1].step - clock.tail[max(0, len(clock.tail) - _RECENT - 1)].step
    return Slower(now, before, steps)


def _was_as_slow(earlier: Sequence[float], now: float) -> bool:
    """Whether the run was about as slow before and became fast again: phases of training, machines that are shared."""
    starts = range(len(earlier) - _RECENT, -1, -5)
    slow = [statistics.median(earlier[at : at + _RECENT]) > now / 1.3 for at in starts]  # the latest first
    return True in slow[slow.index(False) :] if False in slow else False


def _rates(points: Sequence[Point]) -> list[float]:
    """Seconds per step between points that follow one another; per point where a metric has no steps."""
    by_time = {point.timestamp: point.step for point in points}
    moments = sorted(by_time.items())
    moves = len({step for _, step in moments}) > 1
    pairs = [((b - a) / 1000, (y - x) if moves else 1) for (a, x), (b, y) in pairwise(moments)]
    return [gap / steps for gap, steps in pairs if steps > 0]


# -- how much is left


@dataclass(frozen=True)
class Total:
    """How many steps or epochs a run is to have, and which param says so."""

    count: float
    param: str
    unit: Literal["step", "epoch"]


# Not `steps` and `num_steps`: they are also those of a rollout, or of sampling.
_OF_STEPS = (
    "max_steps", "num_train_steps", "num_training_steps", "total_steps", "train_steps", "training_steps", "max_train_steps",
    "total_training_steps", "max_iters", "total_iters", "train_iters", "num_iterations", "max_iterations", "total_iterations",
    "iterations", "total_timesteps",
)  # fmt: skip
_OF_EPOCHS = ("num_train_epochs", "max_epochs", "num_epochs", "n_epochs", "total_epochs", "train_epochs", "epochs")


def totals_of(params: Mapping[str, str]) -> list[Total]:
    """The totals that params name, in the order in which they are to be believed. -1 and 0 stand for none."""
    last_words = {name: name.replace("/", ".").rpartition(".")[2].lower().replace("-", "_") for name in params}
    found: list[Total] = []
    units: tuple[tuple[Literal["step", "epoch"], tuple[str, ...]], ...] = (("step", _OF_STEPS), ("epoch", _OF_EPOCHS))
    for unit, known in units:
        for word in known:
            for name in (name for name, last in last_words.items() if last == word):
                count = as_number(params[name].strip().replace(",", ""))
                if count is not None and count > 0:
                    found.append(Total(count, name, unit))
    return found


@dataclass(frozen=True)
class Remaining:
    """How far a run is, and the seconds that are left: from the pace of its last part, between its fastest and slowest
    stretch. `assumes` is what the params alone do not say."""

    done: float
    total: Total
    seconds: float | None = None
    fastest: float | None = None
    slowest: float | None = None
    assumes: str | None = None
    is_reached: bool = False  # whether the next point would be beyond the total: steps may begin at 0


def remaining(totals: Sequence[Total], clock: Series, epochs: Series | None) -> Remaining | None:
    """What is left by the first total that the run's own steps or its metric `epoch` can be measured by."""
    for total in totals:
        if total.unit == "epoch" and epochs is not None and epochs.values:
            done = epochs.values[-1]
            moments = [(point.timestamp, point.value) for point in epochs.logged]
            if done <= total.count * 1.001:
                return _left(done, total, moments, None)
        elif clock.has_steps:
            # The first step may be 0 or 1.
            done = max(point.step for point in clock.logged)
            if done <= total.count:
                moments = [(point.timestamp, float(point.step)) for point in clock.tail]
                return _left(done, total, moments, "a step is an epoch" if total.unit == "epoch" else None)
    return None


def _left(done: float, total: Total, moments: Sequence[tuple[int, float]], assumes: str | None) -> Remaining:
    forward: list[tuple[int, float]] = []
    for moment, place in sorted(moments)[-_LAST_POINTS:]:
        if forward and place < forward[-1][1]:  # begun again from a checkpoint: what was before is another pace
            forward = [(moment, place)]
        elif not forward or place > forward[-1][1]:
            forward.append((moment, place))
    left = total.count - done
    between = forward[-1][1] - forward[-2][1] if len(forward) > 1 else 0
    if left <= between or len(forward) <= 2:
        return Remaining(done, total, assumes=assumes, is_reached=left <= between)
    rates = _stretch_rates(forward)
    (begin, first), (end, last) = forward[0], forward[-1]
    overall = (end - begin) / 1000 / (last - first)
    if len(rates) < 3 or overall <= 0:
        return Remaining(done, total, left * overall if overall > 0 else None, assumes=assumes)
    return Remaining(done, total, left * overall, left * min(rates), left * max(rates), assumes)


def _stretch_rates(moments: Sequence[tuple[int, float]]) -> list[float]:
    """Seconds per step of stretches of about as many points."""
    count = min(_STRETCHES, len(moments) - 1)
    edges = [moments[round(at * (len(moments) - 1) / count)] for at in range(count + 1)]
    return [(b - a) / 1000 / (y - x) for (a, x), (b, y) in pairwise(edges)]
