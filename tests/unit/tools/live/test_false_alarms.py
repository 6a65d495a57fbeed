"""How often healthy training is called sick, and how surely what is sick is found: on simulated curves with fixed seeds.

Healthy curves are power laws, an exponential, a line, a cosine and warm restarts, of 15 to 1,500 points, with noise from a
hundredth of what is won to a third of it: normal, heavy-tailed (Student's t with 3 degrees), autocorrelated (0.9), or a random
walk, which no look at one curve can tell from a trend. Called sick of 2,160 curves of each kind of noise (30 seeds), in percent:

    noise            blown up   levelled off   overfitting   a spike
    normal             0.0          0.3            0.0         0.0
    heavy-tailed       0.0          0.2            0.0         5.1    (it does have single values far from all others)
    autocorrelated     0.05         2.1            0.1         0.1
    random walk        0.3          3.5            1.2         0.0

The tests below try a part of these curves and allow what is in the table, with some room.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from itertools import product

import pytest

from mlflow_mcp.client.metrics import History, Point
from mlflow_mcp.tools.live.judging import trends
from mlflow_mcp.tools.live.judging.pace import Pace, slower
from mlflow_mcp.tools.live.judging.series import Series
from tests.support.simulations import trials

Shape = Callable[[float], float]
HEALTHY: dict[str, Shape] = {
    "power law 1/2": lambda x: 2 + 8 * (1 + 1_000 * x) ** -0.5,
    "power law 1/4": lambda x: 2 + 8 * (1 + 1_000 * x) ** -0.25,
    "exponential": lambda x: 2 + 3 * math.exp(-3 * x),
    "line": lambda x: 5 - 3 * x,
    "cosine": lambda x: 2 + 1.5 * (1 + math.cos(math.pi * x)),
    "warm restarts": lambda x: 2 + 3 * math.exp(-4 * x) + 0.6 * math.exp(-20 * ((3 * x) % 1)),
}
LENGTHS, SCATTERS = (15, 60, 400, 1_500), (0.02, 0.2, 1.0)


def normal(count: int, scatter: float, r: random.Random) -> list[float]:
    return [r.gauss(0, scatter) for _ in range(count)]


def heavy_tailed(count: int, scatter: float, r: random.Random) -> list[float]:
    return [scatter * r.gauss(0, 1) / math.sqrt(max(1e-9, r.gammavariate(1.5, 1 / 1.5))) for _ in range(count)]


def autocorrelated(count: int, scatter: float, r: random.Random) -> list[float]:
    values, value = [], 0.0
    for _ in range(count):
        value = 0.9 * value + r.gauss(0, scatter * 0.436)
        values.append(value)
    return values


def walk(count: int, scatter: float, r: random.Random) -> list[float]:
    values, value = [], 0.0
    for _ in range(count):
        value += r.gauss(0, scatter / 3)
        values.append(value)
    return values


def series(values: list[float], name: str = "loss", *, stride: int = 1, gap: float = 10.0) -> Series:
    points = [Point(at * stride, round(at * stride * gap * 1_000), value) for at, value in enumerate(values)]
    return Series.of(name, History(points, True))


def rates(noise: Callable[[int, float, random.Random], list[float]], seeds: int) -> dict[str, float]:
    """The percentage of healthy curves in which each trend is seen."""
    seen = dict.fromkeys(("blown up", "levelled off", "overfitting", "a spike"), 0)
    cases = list(product(HEALTHY.items(), LENGTHS, SCATTERS, range(seeds)))
    for (name, shape), length, scatter, seed in cases:
        r = random.Random(f"{name} {noise.__name__} {length} {scatter} {seed}")
        errors = noise(length, scatter, r)
        training = series([shape((at + 1) / length) + errors[at] for at in range(length)])
        count = max(15, length // 10)
        errors = noise(count, scatter / 2, r)
        measured = [shape((at + 1) / count) + 0.1 + errors[at] for at in range(count)]
        validation = series(measured, "val_loss", stride=max(1, length // count))
        seen["blown up"] += trends.blow_up(training, "min") is not None
        seen["levelled off"] += trends.levelled_off(training, "min") is not None
        seen["overfitting"] += trends.overfits(training, validation, "min") is not None
        seen["a spike"] += bool(trends.spikes(training, "min"))
    return {trend: 100 * count / len(cases) for trend, count in seen.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("noise", "allowed"),
    [(normal, (0.0, 1.5, 0.0, 0.0)), (heavy_tailed, (0.0, 1.5, 0.0, 8.0)), (autocorrelated, (0.5, 4.0, 1.5, 0.3)), (walk, (2.0, 5.0, 3.0, 0.3))],
)  # fmt: skip
def test_healthy_curves_are_rarely_called_sick(noise, allowed):
    seeds = trials(8)
    seen = rates(noise, seeds)
    one = 100 / (len(HEALTHY) * len(LENGTHS) * len(SCATTERS) * seeds)

    assert all(rate <= most + (one if most else 0) for rate, most in zip(seen.values(), allowed)), seen


SICK_SEEDS = range(10)


def share_found(make: Callable[[random.Random], object]) -> float:
    return sum(make(random.Random(seed)) is not None for seed in SICK_SEEDS) / len(SICK_SEEDS)


@pytest.mark.slow
@pytest.mark.parametrize("length", [40, 200, 1_000])
def test_curves_that_blow_up_are_found_whatever_their_scatter(length):
    falling = HEALTHY["power law 1/2"]

    def jumps(r: random.Random):
        errors = normal(length, 0.1, r)
        values = [falling(at / length) + errors[at] + 4 * (at > 0.85 * length) for at in range(length)]
        return trends.blow_up(series(values), "min")

    def explodes(r: random.Random):
        errors = normal(length, 0.1, r)
        late = [math.exp(80 * (at / length - 0.9)) if at > 0.8 * length else 0 for at in range(length)]
        return trends.blow_up(series([falling(at / length) + errors[at] + late[at] for at in range(length)]), "min")

    def collapses(r: random.Random):
        errors = normal(length, 0.03, r)
        right = [0.9 - 0.8 * math.exp(-4 * at / length) if at < 0.8 * length else 0.1 for at in range(length)]
        return trends.blow_up(series([right[at] + errors[at] for at in range(length)], "accuracy"), "max")

    assert [share_found(each) for each in (jumps, explodes, collapses)] == [1.0, 1.0, 1.0]


@pytest.mark.slow
@pytest.mark.parametrize("count", [20, 40, 100])
def test_overfitting_is_found_with_its_best_step(count):
    for seed in SICK_SEEDS:
        r = random.Random(seed)
        training = series([0.5 + 2 * math.exp(-3 * at / 1_000) + r.gauss(0, 0.05) for at in range(1_000)])
        bend = [0.9 + 1.6 * math.exp(-6 * at / count) + 0.8 * max(0, at / count - 0.4) for at in range(count)]
        validation = series([value + r.gauss(0, 0.02) for value in bend], "val_loss", stride=1_000 // count)

        found = trends.overfits(training, validation, "min")

        assert found is not None
        assert 0.3 < found.best.step / 1_000 < 0.65
        assert found.train_now < found.train_then
        assert (
            trends.overfits(training, series([value + r.gauss(0, 0.02) for value in bend[: count * 2 // 5]]), "min")
            is None
        )


@pytest.mark.slow
@pytest.mark.parametrize(("length", "scatter"), [(200, 0.02), (200, 0.1), (1_000, 0.1), (1_000, 0.3)])
def test_curves_that_level_off_are_found(length, scatter):
    def levels(r: random.Random):
        errors = normal(length, scatter, r)
        return trends.levelled_off(
            series([2 + 3 * math.exp(-20 * at / length) + errors[at] for at in range(length)]), "min"
        )

    assert share_found(levels) >= 0.8


# --- silence and pace


def ticking(count: int, r: random.Random, spread: float, pauses: int = 0) -> list[Point]:
    """Steps that usually take 10 s, by a log-normal law, with some pauses of 10 minutes."""
    paused = set(r.sample(range(1, count), pauses)) if pauses else set()
    now, points = 0.0, []
    for step in range(count):
        now += 10 * math.exp(r.gauss(0, spread)) + 600 * (step in paused)
        points.append(Point(step, round(now * 1_000), 1.0))
    return points


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("pauses", [0, 3])
def test_healthy_runs_are_not_called_stuck_or_slow_at_any_moment(spread, pauses):
    """A run is looked at 40 times between its steps; 15 runs of each kind (60 in a thorough run), also in a first pause of ten minutes. Stuck: never.
    Slow: at most one look in 200."""
    stuck = slow = looks = 0
    for seed in range(trials(60)):
        points = ticking(400, random.Random(seed), spread, pauses)
        for at in range(10, 400, 10):
            now = (points[at].timestamp + points[at + 1].timestamp) // 2 if at < 399 else points[at].timestamp
            clock = Series.of("loss", History(points[: at + 1], True))
            stuck += Pace.of(clock, points[at]).silence(now) == "silent"
            slow += slower(clock) is not None
            looks += 1
    assert stuck == 0
    assert slow <= looks / 200


def test_a_validation_loss_that_climbs_at_each_evaluation_is_no_blow_up():
    """Of nineteen evaluations any rise is within a few points: this one is overfitting."""
    falling = [1.03 + 0.6 * math.exp(-at / 3) for at in range(10)]
    climbing = [1.04 + 0.04 * at for at in range(1, 10)]

    assert trends.blow_up(series([*falling, *climbing]), "min") is None
    assert trends.blow_up(series([*falling, *[1.05, 1.04, 3.1, 3.2, 3.15, 3.3, 3.2, 3.25, 3.2]]), "min") is not None
