"""Points of every kind that trainers leave: several ranks, resumes, no steps, wrong clocks; and what is left of a run."""

from __future__ import annotations

import math
import random

import pytest

from mlflow_mcp.client.metrics import History, Point
from mlflow_mcp.tools.live.judging import trends
from mlflow_mcp.tools.live.judging.machine import full, gpu_metrics, idle
from mlflow_mcp.tools.live.judging.pace import Pace, remaining, slower, totals_of
from mlflow_mcp.tools.live.judging.series import Series

MINUTE, HOUR = 60.0, 3_600.0


def series(points, name="loss"):
    """Of (step, seconds, value)."""
    return Series.of(name, History([Point(step, round(1_000 * moment), value) for step, moment, value in points], True))


def steady(count, gap=10.0, start=0.0, first=0):
    return [(first + at, start + at * gap, 1.0) for at in range(count)]


# --- who wrote the points


def test_steps_that_begin_again_are_a_resume_and_the_later_values_count():
    found = series([*steady(100), *((80 + at, 3_000 + 10 * at, 5.0) for at in range(40))])

    ((before, after),) = found.returns
    assert (before.step, after.step) == (99, 80)
    assert [point.value for point in found.points if point.step >= 80] == [5.0] * 40


def test_ranks_that_write_one_run_are_no_resume_and_their_medians_count():
    ranks = [(step, 10 * step + rank, float(rank)) for step in range(50) for rank in range(8)]

    found = series(ranks)

    assert (found.writers, found.returns) == (8, [])
    assert set(found.values) == {3.0}


def test_ranks_that_run_ahead_of_one_another_are_no_resumes():
    points = sorted(
        [(s, 10 * s, 1.0) for s in range(100)] + [(s, 10 * s + 55, 1.0) for s in range(100)], key=lambda p: p[1]
    )

    assert series(points).returns == []


def test_a_single_rank_of_eight_with_nan_does_not_make_the_step_nan():
    ranks = [(step, 10 * step + rank, math.nan if rank == 3 else 1.0) for step in range(20) for rank in range(8)]

    assert trends.not_numbers(series(ranks)) is None


def test_points_without_steps_are_ordered_by_time():
    found = series([(0, moment, float(moment)) for moment in range(50)])

    assert not found.has_steps
    assert found.values == [float(moment) for moment in range(50)]


def test_nan_from_the_first_point_on_or_followed_by_numbers_is_no_end_in_nan():
    assert trends.not_numbers(series([(at, at, math.nan) for at in range(20)])) is None
    assert trends.not_numbers(series([(at, at, math.nan if at < 10 else 1.0) for at in range(20)])) is None

    found = trends.not_numbers(series([(at, at, 1.0 if at < 10 else math.nan) for at in range(20)]))

    assert found is not None
    assert (found.first.step, found.count, found.before.step, found.lasts) == (10, 10, 9, True)


# --- silence


def silence(points, ago, *, gap=10.0):
    found = series(points)
    last = max(found.logged, key=lambda point: point.timestamp)
    return Pace.of(found, last).silence(last.timestamp + round(1_000 * ago))


@pytest.mark.parametrize(
    ("ago", "expected"),
    [(5, "no"), (59, "no"), (2 * MINUTE, "quiet"), (20 * MINUTE, "silent"), (-5 * HOUR, "future"), (-30, "no")],
)
def test_silence_is_measured_by_the_usual_gap(ago, expected):
    assert silence(steady(200), ago) == expected


def test_a_run_that_came_back_from_longer_pauses_is_not_called_silent():
    points = [*steady(100), *steady(100, start=100 * 10 + 3 * HOUR, first=100)]

    assert silence(points, 2 * HOUR) == "quiet"
    assert silence(points, 5 * HOUR) == "silent"


def test_a_metric_that_is_logged_every_hour_is_silent_after_ten():
    assert silence(steady(30, gap=HOUR), 9 * HOUR) == "no"
    assert silence(steady(30, gap=HOUR), 16 * HOUR) == "silent"


def test_few_points_say_nothing_about_gaps():
    assert silence(steady(2), 3 * HOUR) == "unknown"
    assert silence(steady(4), 4 * MINUTE) == "no"
    assert silence(steady(4), 3 * HOUR) == "silent"


def test_a_pause_within_a_sampled_curve_is_seen():
    every_tenth = [*steady(1_000)[::10], *steady(1_000, start=10_000 + HOUR, first=1_000)[::10]]
    points = [Point(step, round(1_000 * moment), value) for step, moment, value in every_tenth]
    tail = [Point(1_900 + at, round(1_000 * (10_000 + HOUR + 10 * (900 + at))), 1.0) for at in range(100)]

    found = Pace.of(Series.of("loss", History(points, False), tail), tail[-1])

    assert found.usual_gap == 10
    assert HOUR < found.pause < HOUR + 60


def test_a_run_is_slower_when_its_steps_take_twice_as_long():
    halved = [*steady(200), *steady(40, gap=25.0, start=2_000, first=200)]

    found = slower(series(halved))

    assert found is not None
    assert (found.now, found.before) == (25.0, 10.0)
    assert slower(series(steady(240))) is None
    assert slower(series([*steady(200), *steady(40, gap=15.0, start=2_000, first=200)])) is None


def test_a_run_whose_phases_differ_in_speed_is_not_called_slow_again():
    phases = [
        *steady(100),
        *steady(40, 25.0, 1_000, 100),
        *steady(100, 10.0, 2_000, 140),
        *steady(30, 25.0, 3_000, 240),
    ]

    assert slower(series(phases[:140])) is not None
    assert slower(series(phases)) is None


# --- what is left


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"max_steps": "1000"}, [(1000, "max_steps", "step")]),
        ({"trainer.max_steps": "1,000"}, [(1000, "trainer.max_steps", "step")]),
        ({"max_steps": "-1", "num_train_epochs": "3.0"}, [(3, "num_train_epochs", "epoch")]),
        ({"epochs": "20", "total_steps": "500"}, [(500, "total_steps", "step"), (20, "epochs", "epoch")]),
        ({"warmup_steps": "100", "save_steps": "50", "eval_steps": "5", "lr": "0.1"}, []),
        (
            {"num_steps": "128", "n_steps": "2048", "steps": "50", "total_timesteps": "1e6"},
            [(1e6, "total_timesteps", "step")],
        ),
        ({"max_steps": "None", "epochs": "auto"}, []),
    ],
)
def test_totals_are_read_from_params_that_name_one(params, expected):
    assert [(total.count, total.param, total.unit) for total in totals_of(params)] == expected


def test_time_left_is_the_pace_of_the_last_part():
    slow_then_fast = [*steady(300, gap=60.0), *steady(300, gap=10.0, start=300 * 60, first=300)]

    found = remaining(totals_of({"max_steps": "1000"}), series(slow_then_fast), None)

    assert (found.done, found.seconds, found.assumes) == (599, pytest.approx(401 * 10), None)


def test_a_total_below_the_steps_is_no_total_of_steps():
    assert remaining(totals_of({"epochs": "3"}), series(steady(100)), None) is None
    assert remaining(totals_of({"max_steps": "50"}), series(steady(100)), None) is None


def test_epochs_are_measured_by_the_metric_epoch_and_otherwise_only_under_an_assumption():
    clock = series(steady(100))
    epochs = series([(at, 10 * at, at / 50) for at in range(100)], "epoch")

    measured = remaining(totals_of({"epochs": "3"}), clock, epochs)
    assumed = remaining(totals_of({"epochs": "200"}), clock, None)

    assert measured.seconds == pytest.approx((3 - 99 / 50) * 500)
    assert (assumed.done, assumed.assumes) == (99, "a step is an epoch")


def test_after_a_resume_only_the_pace_since_counts():
    points = [*steady(100), *((80 + at, 1_000 + 8 * HOUR + 10 * at, 1.0) for at in range(40))]

    found = remaining(totals_of({"max_steps": "200"}), series(points), None)

    assert found.seconds == pytest.approx(81 * 10)


@pytest.mark.slow
def test_the_interval_of_the_time_left_holds_the_truth_in_most_runs():
    """Steps of 10 s by a log-normal law, with a pause of a minute at every 25th; looked at halfway. 300 runs."""
    inside = 0
    for seed in range(300):
        r = random.Random(seed)
        now, points = 0.0, []
        for step in range(801):
            now += 10 * math.exp(r.gauss(0, 0.5)) + 60 * (step % 25 == 24)
            points.append((step, now, 1.0))
        found = remaining(totals_of({"max_steps": "800"}), series(points[:401]), None)
        truth = points[800][1] - points[400][1]
        inside += found.fastest <= truth <= found.slowest
        assert abs(found.seconds - truth) < 0.2 * truth
    assert inside >= 0.9 * 300


# --- the machine


def gpu(values, name="system/gpu_0_utilization_percentage"):
    return series([(at, 10 * at, value) for at, value in enumerate(values)], name)


def test_an_idle_gpu_is_told_with_what_it_did_before():
    assert idle([gpu([90.0] * 50 + [0.0] * 10)]) == ["GPU 0 at 0% for its last 10 points (90 s), 90% before"]
    assert idle([gpu([90.0] * 50 + [0.0] * 4)]) == []
    assert idle([gpu([0.0, 90.0] * 30)]) == []
    (of_node,) = idle([gpu([1.0] * 12, "system/node-3/gpu_7_utilization_percentage")])
    assert of_node == "GPU 7 of node-3 at 1% for its last 10 points (90 s)"


def test_a_full_disk_and_memory_are_told_and_a_full_gpu_memory_is_not():
    latest = {
        "system/disk_usage_percentage": 98.44,
        "system/system_memory_usage_percentage": 60.0,
        "system/n1/system_memory_usage_percentage": 96.0,
        "system/gpu_0_memory_usage_percentage": 99.0,
    }

    assert full(latest) == ["disk 98.44% full", "memory of n1 96% full"]
    assert gpu_metrics([*latest, "system/gpu_1_utilization_percentage"]) == ["system/gpu_1_utilization_percentage"]
