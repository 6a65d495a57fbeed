"""Differences of two estimates: against scipy, against published figures, and by their rate of false alarms."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from mlflow_mcp.statistics.differences import Difference, Estimate, wilson
from tests.support.simulations import standard_errors, trials

shares = st.tuples(st.integers(1, 400), st.floats(0, 1)).map(lambda pair: (round(pair[0] * pair[1]), pair[0]))


def of_shares(hits, of, other_hits, other_of, scale=1.0):
    return Difference(Estimate.of_share(hits, of, scale), Estimate.of_share(other_hits, other_of, scale))


@given(shares, st.floats(0.5, 4))
def test_wilson_agrees_with_scipy(counted, z):
    hits, of = counted
    level = 1 - 2 * stats.norm.sf(z)
    true = stats.binomtest(hits, of).proportion_ci(level, method="wilson")
    assert wilson(hits / of, of, z) == pytest.approx((true.low, true.high), abs=1e-9)


@pytest.mark.parametrize(
    ("counts", "limits"),
    [  # Newcombe 1998, table II, method 10: other less base
        ((56, 70, 48, 80), (-0.3339, -0.0524)),
        ((9, 10, 3, 10), (-0.8090, -0.1705)),
        ((10, 10, 0, 20), (-1.0000, -0.6791)),
    ],
)
def test_newcombes_interval_has_the_published_limits(counts, limits):
    assert of_shares(*counts).limits(0.025) == pytest.approx(limits, abs=5e-5)


def test_shares_in_percent_have_the_same_p_and_a_hundred_times_the_limits():
    plain, percent = of_shares(40, 100, 55, 120), of_shares(40, 100, 55, 120, scale=100)

    assert percent.p == plain.p == pytest.approx(stats.fisher_exact([[55, 65], [40, 60]]).pvalue)
    assert percent.limits(0.025) == pytest.approx([100 * limit for limit in plain.limits(0.025)])
    assert percent.stderr == pytest.approx(100 * plain.stderr)
    assert percent.could_show(0.05) == pytest.approx(100 * plain.could_show(0.05))


@given(st.lists(st.floats(-9, 9), min_size=5, max_size=9), st.lists(st.floats(-9, 9), min_size=5, max_size=9))
def test_repeats_agree_with_welchs_test_of_scipy(values, others):
    assume(min(statistics.variance(values), statistics.variance(others)) > 1e-3)
    found = Difference(Estimate.of_repeats(values), Estimate.of_repeats(others))
    true = stats.ttest_ind(others, values, equal_var=False)
    interval = true.confidence_interval(0.95)

    assert found.p == pytest.approx(true.pvalue, rel=1e-6, abs=1e-12)
    assert found.limits(0.025) == pytest.approx((interval.low, interval.high), rel=1e-6, abs=1e-9)


def test_few_repeats_against_many_have_the_degrees_of_the_few():
    few, many = Estimate.of_repeats([0.1, 0.2]), Estimate.of_repeats([0.1, 0.2, 0.3, 0.15, 0.22, 0.3])

    assert Difference(few, many).degrees == Difference(many, few).degrees == 1
    assert Difference(few, few).degrees == 2
    assert Difference(few, Estimate(0.3, 0.01)).degrees == 1


def test_two_known_errors_are_a_z_test():
    found = Difference(Estimate(0.5, 0.02**2), Estimate(0.56, 0.02**2))

    assert found.p == pytest.approx(2 * stats.norm.sf(0.06 / math.hypot(0.02, 0.02)))
    shown = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * math.hypot(0.02, 0.02)
    assert found.could_show(0.05) == pytest.approx(shown, rel=1e-6)


@pytest.mark.parametrize(
    ("base", "other", "cannot"),
    [
        (Estimate(1.0, 0.0), Estimate(0.9, 0.01), True),  # a recorded error of 0 says nothing
        (Estimate.of_share(20, 20), Estimate.of_share(10, 20), False),  # all right: the counts say how sure that is
        (Estimate.of_repeats([0.5, 0.5]), Estimate.of_repeats([0.4, 0.4]), True),
        (Estimate.of_repeats([0.5, 0.5]), Estimate.of_repeats([0.4, 0.41]), False),
    ],
)
def test_an_error_of_0_is_no_knowledge(base, other, cannot):
    assert Difference(base, other).cannot_be_tested is cannot


def test_a_share_of_all_against_a_recorded_error_is_not_certain():
    found = Difference(Estimate.of_share(50, 50), Estimate(0.95, 0.01**2))

    assert found.limits(0.025)[0] < -0.1
    assert found.p > 0.05


@given(shares, shares)
def test_swapped_sides_have_the_same_p_and_mirrored_limits(one, two):
    found, swapped = of_shares(*one, *two), of_shares(*two, *one)

    low, high = found.limits(0.025)
    assert swapped.p == pytest.approx(found.p)
    assert swapped.limits(0.025) == pytest.approx((-high, -low))


# --- how often there is a difference where none is

PAIRS = trials(1_000)  # two standard errors of a rate of 5 % are 1.4 % then, and of a quarter of them 2.8 %
LEVEL = 0.05
MARGIN = standard_errors(2, LEVEL, PAIRS)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9, 0.98])
@pytest.mark.parametrize(("of", "other_of"), [(50, 50), (50, 400), (300, 300), (2_000, 2_000)])
def test_false_alarms_of_shares_stay_below_their_level(share, of, other_of):
    seeds = of * 10_000 + other_of, of * 10_000 + other_of + 1
    drawn = [stats.binom.rvs(n, share, size=PAIRS, random_state=seed) for n, seed in zip((of, other_of), seeds)]
    pairs = Counter(zip(*(map(int, each) for each in drawn)))
    alarms = sum(times for (hits, others), times in pairs.items() if of_shares(hits, of, others, other_of).p <= LEVEL)
    assert alarms / PAIRS <= LEVEL + MARGIN


NORMAL, SKEWED = (lambda rng: rng.gauss(0, 1)), (lambda rng: rng.expovariate(1))


@pytest.mark.slow
@pytest.mark.parametrize("draw", [NORMAL, SKEWED], ids=["normal", "skewed"])
@pytest.mark.parametrize(("n", "other_n"), [(2, 2), (2, 3), (2, 10), (3, 3), (4, 9), (5, 10), (10, 10)])
def test_false_alarms_of_repeats_stay_below_their_level(draw, n, other_n):
    rng = random.Random(f"{n} {other_n}")
    alarms = 0
    for _ in range(PAIRS):
        values, others = ([draw(rng) for _ in range(count)] for count in (n, other_n))
        alarms += Difference(Estimate.of_repeats(values), Estimate.of_repeats(others)).p <= LEVEL
    assert alarms / PAIRS <= LEVEL + MARGIN
