"""Rank correlation, shares of variance and permutation tests, against scipy and brute force."""

from __future__ import annotations

import math
import random
from itertools import permutations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from mlflow_mcp.statistics.distributions import f_upper
from mlflow_mcp.statistics.ranks import Between, Curved, permutation_ps, product, ranks, standardised
from tests.support.simulations import standard_errors, trials

few = st.integers(-4, 4).map(float)


def spearman(one, other):
    return product(Curved(one).line, standardised(ranks(other)))


def explained(groups, values):
    return Between(groups)(standardised(values))


any_number = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.one_of(few, any_number), min_size=1, max_size=40))
def test_ranks_share_places(values):
    assert ranks(values) == pytest.approx(list(stats.rankdata(values)))


@given(st.lists(st.tuples(few, st.one_of(few, any_number)), min_size=3, max_size=40))
def test_rank_correlation_with_ties(pairs):
    one, other = zip(*pairs)
    assume(len(set(one)) > 1 and len(set(other)) > 1)

    assert spearman(one, other) == pytest.approx(stats.spearmanr(one, other).statistic, abs=1e-9)


def test_a_side_without_two_values_goes_with_nothing():
    assert spearman([3.0, 3.0, 3.0], [1.0, 2.0, 3.0]) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1e3, 1e3)), min_size=5, max_size=40))
def test_share_of_variance_between_groups(pairs):
    groups, values = zip(*pairs)
    assume(len(set(groups)) > 1 and max(values) - min(values) > 1e-3)
    mean = sum(values) / len(values)
    members = {group: [value for each, value in pairs if each == group] for group in groups}
    between = sum(len(part) * (sum(part) / len(part) - mean) ** 2 for part in members.values())

    assert explained(groups, values) == pytest.approx(between / sum((v - mean) ** 2 for v in values), abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from("abc"), few), min_size=5, max_size=30))
def test_of_ranks_it_is_kruskals_statistic(pairs):
    groups, values = zip(*pairs)
    assume(len(set(groups)) > 1 and len(set(values)) > 1)
    parts = [[value for group, value in pairs if group == name] for name in set(groups)]

    kruskal = stats.kruskal(*parts).statistic
    assert explained(groups, ranks(values)) == pytest.approx(kruskal / (len(values) - 1), abs=1e-9)


@given(st.floats(0.001, 0.999), st.integers(1, 20), st.integers(1, 2_000))
def test_tails_of_f(share, between, within):
    f = share / between / ((1 - share) / within)
    assert f_upper(share, between, within) == pytest.approx(stats.f.sf(f, between, within), rel=1e-7, abs=1e-290)


@pytest.mark.parametrize("seed", range(4))
def test_few_values_are_tried_in_every_order(seed):
    generator = random.Random(seed)
    levels, values = [generator.randrange(3) for _ in range(6)], [generator.choice([1.0, 2.0, 5.0]) for _ in range(6)]
    for statistic in (Curved([float(level) for level in levels]), Between(levels)):
        (p,) = permutation_ps([statistic], values)

        spread = [each - sum(ranks(values)) / 6 for each in ranks(values)]
        length = math.sqrt(sum(each * each for each in spread)) or 1.0
        orders = [statistic([each / length for each in order]) for order in permutations(spread)]
        as_large = sum(each >= orders[0] - 1e-9 for each in orders)
        assert p == as_large / math.factorial(6)


@pytest.mark.parametrize("count", [60, 290])
def test_random_orders_say_what_the_tail_of_the_distribution_says(count):
    generator = random.Random(count)
    for strength in (0.0, 0.15, 0.3):
        groups = [generator.randrange(4) for _ in range(count)]
        values = [strength * group + generator.gauss(0, 1) for group in groups]
        (p,) = permutation_ps([Between(groups)], values)
        parts = [[v for v, group in zip(values, groups) if group == at] for at in range(4)]

        assert p == pytest.approx(stats.kruskal(*parts).pvalue, rel=0.35, abs=0.002)


def test_many_values_have_the_tail_of_their_distribution():
    generator = random.Random(3)
    levels = [generator.random() for _ in range(2_000)]
    values = [0.06 * level + generator.gauss(0, 0.5) for level in levels]

    (p,) = permutation_ps([Curved(levels)], values)

    assert p == pytest.approx(min(1.0, 2 * stats.spearmanr(levels, values).pvalue), rel=0.02)


def test_a_peak_inside_the_range_is_seen_where_ranks_do_not_rise_or_fall():
    generator = random.Random(5)
    levels = [at % 10 / 10 for at in range(60)]
    values = [-((level - 0.45) ** 2) * 10 + generator.gauss(0, 0.3) for level in levels]

    (p,) = permutation_ps([Curved(levels)], values)

    assert abs(spearman(levels, values)) < 0.3
    assert p < 0.001


@pytest.mark.slow
@pytest.mark.parametrize("count", [6, 24])
def test_the_false_alarm_rate_is_at_most_the_level(count):
    """Simulated: sets without any relation. The bound is four standard errors above 5%."""
    generator, alarms, sets = random.Random(11), [0, 0], trials(1_500)
    for _ in range(sets):
        values = [generator.gauss(0, 1) for _ in range(count)]
        tests = [Curved([generator.random() for _ in values]), Between([generator.randrange(3) for _ in values])]
        for at, p in enumerate(permutation_ps(tests, values)):
            alarms[at] += p < 0.05
    assert max(alarms) / sets < 0.05 + standard_errors(4, 0.05, sets)
