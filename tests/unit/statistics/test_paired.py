"""Tests and intervals of pairs against scipy's, against all sign flips one by one, and against their own level."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize_scalar

from mlflow_mcp.statistics.paired import least_loss_shown, mean_interval, shares_interval, sign_flip_two_sided


def all_flips(differences):
    seen = abs(math.fsum(differences))
    sums = [
        abs(math.fsum(s * d for s, d in zip(signs, differences)))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return sum(each >= seen - 1e-9 for each in sums) / len(sums)


@pytest.mark.parametrize(
    "differences",
    [
        [0.25, -0.5, 0.75, 0, 0.25, 0.25],
        [0.1, 0.2, 0.3, -0.1],
        [1, 1, 1, 1, 1, 1],
        [0.311, -0.07, 0.2222, 0.9, 0.13, 0.5],
    ],
)
def test_it_is_the_share_of_all_sign_flips(differences):
    p, how = sign_flip_two_sided(differences)

    assert how == "exact sign-flip test"
    assert p == pytest.approx(all_flips(differences), abs=1e-12)


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=11))
def test_quarters_are_exact_and_sides_do_not_matter(quarters):
    differences = [each / 4 for each in quarters]
    p, _ = sign_flip_two_sided(differences)

    assert p == pytest.approx(all_flips(differences), abs=1e-12)
    assert sign_flip_two_sided([-each for each in differences])[0] == pytest.approx(p, abs=1e-12)


def test_thirds_that_binary_numbers_cannot_hold_are_exact_for_hundreds_of_questions():
    draw = random.Random(1)
    differences = [draw.choice([-1, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3]) for _ in range(300)]
    p, how = sign_flip_two_sided(differences)
    drawn = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(0)
    )

    assert how == "exact sign-flip test"
    assert p == pytest.approx(drawn.pvalue, abs=0.01)


def test_many_values_of_any_size_are_drawn_and_very_many_take_the_t_test():
    rng = np.random.default_rng(2)
    some, many = rng.normal(0.1, 1, 300), rng.normal(0.03, 1, 3_000)

    p, how = sign_flip_two_sided(list(some))
    assert how == "sign-flip test, 10,000 draws"
    assert p == pytest.approx(stats.ttest_1samp(some, 0).pvalue, abs=0.02)
    assert p == sign_flip_two_sided(list(some))[0], "the same question has the same answer"
    p, how = sign_flip_two_sided(list(many))
    assert how == "paired t test"
    assert p == pytest.approx(stats.ttest_1samp(many, 0).pvalue, rel=1e-9)


def test_the_interval_of_a_mean_is_students():
    values = [0.5, -0.25, 0.75, 0.25, 0.0]
    expected = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))

    assert mean_interval(values) == pytest.approx(expected, rel=1e-9)
    assert mean_interval([0.5]) is None


@pytest.mark.parametrize(("won", "lost", "of"), [(7, 1, 21), (0, 0, 50), (28, 18, 541), (0, 9, 30), (40, 0, 40)])
def test_the_interval_of_shares_ends_where_the_score_test_does(won, lost, of):
    low, high = shares_interval(won, lost, of)

    assert -1 <= low <= (won - lost) / of <= high <= 1
    for end in (low, high):
        if abs(end) < 0.999:
            assert abs(_z(won, lost, of, end)) == pytest.approx(1.959964, abs=2e-3)
    assert shares_interval(lost, won, of) == pytest.approx((-high, -low), abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("by_chance", "of"), [(0, 60), (10, 100), (46, 541), (200, 1_000), (0, 20_000)])
def test_the_least_loss_shown_is_found_in_four_of_five_simulations(by_chance, of):
    loss = least_loss_shown(by_chance, of)
    rng = np.random.default_rng(4)
    lost, won, _ = rng.multinomial(
        of, [by_chance / of / 2 + loss, by_chance / of / 2, 1 - by_chance / of - loss], 4_000
    ).T

    drawn = Counter(zip(map(int, lost), map(int, won)))
    found = sum(times for (a, b), times in drawn.items() if a + b and stats.binomtest(a, a + b).pvalue < 0.05)
    assert found / 4_000 == pytest.approx(0.8, abs=0.03)


def test_too_few_pairs_show_no_loss_at_all():
    assert least_loss_shown(0, 5) is None
    assert least_loss_shown(0, 6) == pytest.approx(0.8 ** (1 / 6), abs=1e-4), "all six have to be lost"


def test_the_published_example_of_paired_shares():
    # Fagerland, Lydersen and Laake 2014, airway hyper-responsiveness: 1 and 7 of 21 changed; Tango's interval.
    assert shares_interval(7, 1, 21) == pytest.approx((0.026, 0.517), abs=1e-3)


def _z(won, lost, of, difference):
    """The score statistic with its nuisance share found by maximising the likelihood."""

    def unlikelihood(share):  # of `lost`; `won` has share + difference
        other = share + difference
        rest = 1 - share - other
        parts = ((lost, share), (won, other), (of - won - lost, rest))
        return -sum(count * math.log(chance) for count, chance in parts if count)

    low, high = max(0, -difference) + 1e-12, (1 - difference) / 2 - 1e-12
    share = minimize_scalar(unlikelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    return (won - lost - of * difference) / math.sqrt(of * (2 * share + difference * (1 - difference)))
