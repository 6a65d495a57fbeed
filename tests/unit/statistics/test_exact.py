"""Fisher's exact test against known values and against all tables counted one by one."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_mcp.statistics.exact import Medians, Shares, fisher, percentiles_around_median, shown


@pytest.mark.parametrize(
    ("table", "p"),
    [
        ((1, 10, 11, 14), 0.002759456185),  # R: fisher.test(matrix(c(1, 9, 11, 3), 2))
        ((3, 4, 1, 4), 0.4857142857),  # Fisher's lady tasting tea
        ((8, 10, 1, 6), 0.03496503497),  # the example of scipy.stats.fisher_exact
        ((0, 5, 0, 9), 1.0),
        ((5, 5, 9, 9), 1.0),
        ((0, 10, 10, 10), 2 / comb(20, 10)),
        ((0, 0, 3, 7), 1.0),
    ],
)
def test_known_values(table, p):
    assert fisher(*table) == pytest.approx(p, rel=1e-9)


sizes = st.integers(0, 25)


@given(sizes, sizes, st.data())
def test_it_is_the_share_of_the_tables_that_are_no_likelier(of, other_of, data):
    hits, other_hits = data.draw(st.integers(0, of)), data.draw(st.integers(0, other_of))
    all_hits = hits + other_hits
    ways = [
        comb(of, at) * comb(other_of, all_hits - at) for at in range(max(0, all_hits - other_of), min(of, all_hits) + 1)
    ]
    seen = comb(of, hits) * comb(other_of, other_hits)
    exact = Fraction(sum(each for each in ways if each <= seen), comb(of + other_of, all_hits))

    assert fisher(hits, of, other_hits, other_of) == pytest.approx(float(exact), rel=1e-9)
    assert fisher(other_hits, other_of, hits, of) == pytest.approx(float(exact), rel=1e-9)


def test_a_hundred_thousand_traces_do_not_overflow():
    assert fisher(20_100, 50_000, 19_700, 50_000) == pytest.approx(0.0099455, rel=1e-4)
    assert fisher(0, 50_000, 50_000, 50_000) == 0.0


def test_a_verdict_names_its_counts_and_needs_enough_of_them():
    assert Shares(6, 20, 2, 20).verdict() == "cannot tell: 6 of 20 against 2 of 20, p=0.24"
    assert Shares(60, 200, 20, 200).verdict() == "higher: 60 of 200 against 20 of 200, p=<0.0001"
    assert Shares(2, 30, 11, 30).verdict() == "lower: 2 of 30 against 11 of 30, p=0.01"
    assert Shares(3, 0, 2, 20).verdict() == "cannot tell: 3 of 0 against 2 of 20"


def test_the_more_is_tested_the_stronger_a_verdict_must_be():
    assert Shares(2, 30, 11, 30).verdict(tests=4).startswith("lower")
    assert Shares(2, 30, 11, 30).verdict(tests=5).startswith("cannot tell")


def test_tiny_chances_are_not_written_out():
    assert [shown(p) for p in (0.5, 0.0123, 0.00012, 0.00001)] == ["0.5", "0.012", "0.00012", "<0.0001"]


def test_the_interval_of_a_median_narrows_with_the_count_and_never_leaves_the_values():
    assert percentiles_around_median(50_000, 2) == ["P49.2876", "P50.7124"]
    assert percentiles_around_median(1, 1) == ["P0.0000", "P100.0000"]


def test_the_interval_holds_the_median_far_more_often_than_promised():
    """Of 400 samples of 200 values at most one in forty may miss it; seeded."""
    low, high = (float(way[1:]) / 100 for way in percentiles_around_median(200, 1))
    numbers = random.Random(7)
    missed = 0
    for _ in range(400):
        ordered = sorted(numbers.expovariate(1) for _ in range(200))
        missed += not ordered[int(low * 199)] <= math.log(2) <= ordered[math.ceil(high * 199)]

    assert missed <= 10


def test_medians_differ_only_where_their_intervals_are_apart():
    assert Medians(2.7, 2.8, 2.2, 2.4).verdict(2) == "higher: 2.7 to 2.8 s against 2.2 to 2.4 s"
    assert Medians(1.0, 1.1, 2.2, 2.4).verdict(2) == "lower: 1 to 1.1 s against 2.2 to 2.4 s"
    assert Medians(2.3, 2.8, 2.2, 2.4).verdict(2) == "cannot tell: 2.3 to 2.8 s against 2.2 to 2.4 s"
