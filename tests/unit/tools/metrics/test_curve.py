"""What a curve keeps of its points, against all of them."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlflow_mcp.client.metrics import Point, spread
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.tools.metrics.curve import Curve

unhurried = settings(deadline=None)  # a busy machine is no failure
steps = st.integers(-1_000, 100_000)
values = st.floats(allow_nan=True, allow_infinity=True)
# As MLflow tells a curve: in the order of its steps, a step logged again later.
curves = st.lists(st.tuples(steps, st.integers(0, 10**6), values), min_size=1, max_size=300).map(
    lambda told: [Point(*point) for point in sorted(told, key=lambda point: point[:2])]
)


def curve_of(points, parts=50, name="accuracy"):
    curve = Curve(name, min(point.step for point in points), max(point.step for point in points), parts)
    curve.add(points)
    return curve


def same(one, other):
    """Whether two points are equal, NaN being equal to itself."""
    return one[:2] == other[:2] and (one.value == other.value or (math.isnan(one.value) and math.isnan(other.value)))


@unhurried
@given(curves)
def test_ends_extremes_and_counts_are_those_of_all_points(points):
    curve = curve_of(points)

    finite = [point.value for point in points if is_finite(point.value)]
    assert curve.count == len(points)
    assert curve.first.step == points[0].step
    assert same(curve.last, points[-1])
    assert (curve.low.value if curve.low else None) == min(finite, default=None)
    assert (curve.high.value if curve.high else None) == max(finite, default=None)
    assert curve.nan.count == sum(math.isnan(point.value) for point in points)
    assert curve.nan.count + curve.infinite.count + len(finite) == len(points)


@unhurried
@given(curves)
def test_each_extreme_has_the_first_step_at_which_it_was_reached(points):
    curve = curve_of(points)

    if curve.low:
        assert curve.low.step == min(point.step for point in points if point.value == curve.low.value)
        assert curve.high.step == min(point.step for point in points if point.value == curve.high.value)


@unhurried
@given(curves, st.integers(2, 60))
def test_the_points_shown_hold_both_ends_and_both_extremes(points, most):
    curve = curve_of(points, max(most // 2, 4))

    shown = curve.shown(most)
    for wanted in (curve.first, curve.last, curve.low, curve.high):
        assert wanted is None or any(same(wanted, point) for point in shown)


@unhurried
@given(curves, st.integers(2, 60))
def test_the_points_shown_are_points_of_the_curve_in_order_and_about_as_many_as_asked_for(points, most):
    curve = curve_of(points, max(most // 2, 4))
    shown = curve.shown(most)

    assert all(any(same(each, point) for point in points) for each in shown)
    order = [point[:2] if not curve.attempts else (point.timestamp, point.step) for point in shown]
    assert order == sorted(order)
    assert len(shown) <= max(most, 5)


@unhurried
@given(curves)
def test_a_short_curve_is_shown_whole(points):
    curve = curve_of(points)

    assert len(curve.shown(len(points))) == len(points)


@unhurried
@given(curves)
def test_the_mean_of_the_last_tenth_is_that_of_the_points_there(points):
    curve = curve_of(points)

    first, last = points[0].step, points[-1].step
    latest = {p.step: p.value for p in points}  # the later of two points at one step
    tail = [value for step, value in latest.items() if is_finite(value) and step >= last - (last - first) / 10]
    told = curve.facts()["mean_last_tenth"]
    if not tail:
        assert told is None
    elif all(abs(value) < 1e300 for value in tail):  # their sum is a number, too
        slack = max(map(abs, tail))
        assert told == pytest.approx(math.fsum(tail) / len(tail), rel=1e-5, abs=1e-12 * slack)


@unhurried
@given(curves)
def test_the_largest_jump_is_between_neighbours_of_an_attempt_that_are_numbers(points):
    curve = curve_of(points)

    curve.close()
    jumps = []
    for part in curve.attempts or [points]:
        followed = pairwise([*part, Point(10**9, 0, 0.0)])
        finite = [p.value for p, q in followed if is_finite(p.value) and not (q.step == p.step and is_finite(q.value))]
        jumps += [abs(after - before) for before, after in pairwise(finite) if after != before]
    told = curve.changes.largest()
    assert (told.size if told else None) == max(jumps, default=None)


def spike_of(*values):
    return curve_of([Point(step, step, value) for step, value in enumerate(values)]).facts().get("spike")


def test_a_spike_is_named_with_the_values_beside_it_and_is_the_largest_jump():
    noise = [1.0 + step % 3 / 100 for step in range(40)]
    noise[20] = 9.75
    curve = curve_of([Point(step, step, value) for step, value in enumerate(noise)])

    assert curve.facts()["spike"] == [20, 9.75, 1.01, 1]
    assert curve.facts()["largest_jump"] == [20, 9.75, 21, 1], "nothing larger is left out of it"
    assert "spike" not in curve.facts(is_whole=False), "between the points of a sample there may be more like it"


def test_a_drop_of_one_point_is_a_spike():
    assert spike_of(5.0, 5.1, 5.0, 5.1, -3.0, 5.1, 5.0, 5.1) == [4, -3, 5.1, 5.1]


@pytest.mark.parametrize(
    "values",
    [
        (1.0, 1.1, 9.0, 9.1, 9.0, 9.1, 9.0),  # a step up
        (1.0, 1.1, 9.0, 9.1, 1.0, 1.1, 1.0),  # two points
        (0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0),  # up and down
        (1.0, 1.1, 1.0, 9.0, math.nan, 1.0, 1.1, 1.0),  # nothing known beside it
        (1.0, 1.1, 1.0, 1.1, 1.0, 9.0),  # the end
        (1.0, 9.0, 1.0),  # too short to tell
        (1e308, -1e308, 1e308, -1e308, 1e308, -1e308),
    ],
)
def test_what_is_no_single_point_far_from_its_neighbours_is_no_spike(values):
    assert spike_of(*values) is None


def test_a_jump_out_of_the_usual_is_sudden_and_a_steep_part_is_not():
    def is_odd(*values):
        return curve_of([Point(step, step, value) for step, value in enumerate(values)]).is_odd()

    flat = [1.0 + step % 2 / 100 for step in range(20)]
    assert is_odd(*flat, *(value + 5 for value in flat)), "a step up"
    assert is_odd(*flat, 6.0), "up at the end"
    assert not is_odd(*flat)
    assert not is_odd(*(2.0**-step for step in range(40))), "a loss that falls at first"
    assert not is_odd(*(1 / (1 + math.exp(20 - step)) for step in range(40)))


def test_nothing_is_compared_across_steps_that_were_written_again():
    points = [Point(step, step, 0.4) for step in range(60)] + [Point(step, 100 + step, 0.9) for step in range(40, 50)]

    assert "largest_jump" not in curve_of(points).facts(), "each attempt is level"
    many = [Point(step, step, 0.4) for step in range(6_000)] + [
        Point(step, 10_000 + step, 0.9) for step in range(40, 50)
    ]
    assert "largest_jump" not in curve_of(many).facts(), "what was not read in order is not known"


def test_of_many_points_those_that_led_up_to_a_break_are_shown():
    points = [Point(step, step, step % 7 / 10) for step in range(100)]
    curve = curve_of([*points, *(Point(step, 1_000 + step, step % 5 / 10) for step in range(60, 200))])
    shown = curve.shown(40)

    assert len(shown) == 40
    at_break = [point.timestamp for point in shown].index(99)
    assert [point.step for point in shown[at_break - 4 : at_break + 1]] == [95, 96, 97, 98, 99]
    assert all(point.timestamp > 1_000 for point in shown[at_break + 1 :])


def test_of_a_resumed_run_the_points_of_a_sudden_change_are_among_those_shown():
    abrupt = [Point(step, step, 5 + step % 7 / 100 + (4 if step >= 31 else 0)) for step in range(100)]
    curve = curve_of([*abrupt, *(Point(step, 1_000 + step, 9 + step % 5 / 100) for step in range(60, 200))])
    assert [(each.before.step, each.after.step) for each in curve.upheavals] == [(30, 31)]
    assert {30, 31} <= {point.step for point in curve.shown(20)}


def test_infinities_are_told_with_their_steps():
    points = [Point(step, step, math.inf if step in (3, 4, 9) else 1.0) for step in range(12)]

    assert curve_of(points).facts()["infinite"] == {"count": 3, "steps": "3-4, 9", "values": "Infinity"}


@unhurried
@given(curves)
def test_steps_written_again_are_counted(points):
    assert curve_of(points).written_again.count == len(points) - len({point.step for point in points})


def test_beyond_the_steps_that_are_remembered_the_count_of_those_written_again_is_a_least_one():
    points = [Point(step, step, 1.0) for step in (0, 0, *range(1, 30_000), 29_999)]

    told = curve_of(points).facts()["written_again"]
    assert told["points_at_least"] == 1
    assert "points" not in told


def test_points_of_one_step_are_kept_by_their_times():
    points = [Point(0, at * 1_000, float(at)) for at in range(5_000)]
    curve = Curve.between("acc", [points[0], points[-1]], 50)
    curve.add(points)

    assert len(curve.shown(100)) > 90
    assert curve.facts()["mean_last_tenth"] == 4749.5
    assert (curve.facts()["last"], curve.facts()["best_step"]) == ([4999.0, 4999], None)


def test_nan_is_listed_as_ranges_of_steps():
    nan = math.nan
    points = [Point(step, step, nan if step in (3, 4, 5, 9) else 1.0) for step in range(12)]

    assert curve_of(points).facts()["nan"] == {"count": 4, "steps": "3-5, 9"}


def test_only_the_first_of_many_nan_ranges_are_listed():
    points = [Point(step, step, math.nan if step % 2 else 1.0) for step in range(100)]

    assert curve_of(points).facts()["nan"] == {"count": 50, "steps": "1, 3, 5, 7, 9, …"}


@pytest.mark.slow
@pytest.mark.parametrize("parts", [4, 50, 500])
def test_memory_does_not_grow_with_the_length_of_a_curve(parts):
    curve = Curve("loss", 0, 49_999, parts)

    curve.add(Point(step, step, math.sin(step) + step * 1e-6) for step in range(50_000))

    assert curve.count == 50_000
    assert len({point for pair in curve.buckets.values() for point in pair}) <= 2 * parts
    assert len(curve.whole) <= 2_500
    assert len(curve.shown(2 * parts)) <= 2 * parts


@pytest.mark.slow
@pytest.mark.parametrize("where", [0, 1, 13_211, 49_998, 49_999])
def test_a_spike_of_one_step_among_50_000_is_always_shown(where):
    curve = Curve("loss", 0, 49_999, 50)

    curve.add(Point(step, step, 99.0 if step == where else math.sin(step)) for step in range(50_000))

    assert (where, 99.0) in [(point.step, point.value) for point in curve.shown(100)]
    assert curve.facts()["max"] == [where, 99.0]


def test_steps_logged_after_the_ends_were_asked_for_take_no_more_room():
    curve = Curve("loss", 0, 9, 4)

    curve.add(Point(step, step, float(step % 7)) for step in range(-5_000, 5_000))

    assert set(curve.buckets) <= {0, 1, 2, 3}
    assert curve.facts()["first"] == [-5000, 5.0]


def test_a_curve_of_no_points_has_no_facts():
    curve = Curve("loss", 0, 0, 4)

    assert curve.shown(10) == []
    assert curve.facts() == {
        **dict.fromkeys(("first", "last", "min", "max", "best_step", "mean_last_tenth")),
    }


@pytest.mark.parametrize(("name", "best"), [("val/loss", 2), ("val/accuracy", 1)])
def test_the_best_step_of_a_loss_is_its_lowest(name, best):
    points = [Point(0, 0, 2.0), Point(1, 1, 3.0), Point(2, 2, 1.0)]

    assert curve_of(points, name=name).facts()["best_step"] == best


@unhurried
@given(st.integers(0, 5_000), st.integers(1, 500))
def test_a_spread_has_both_ends_and_no_duplicates(count, most):
    places = spread(count, most)

    assert len(places) == len(set(places)) == min(count, most)
    assert places == sorted(places)
    if most > 1 and count:
        assert (places[0], places[-1]) == (0, count - 1)
