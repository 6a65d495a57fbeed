"""Quantiles and tails against scipy's."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from mlflow_mcp.statistics.distributions import (
    normal_quantile,
    normal_two_sided,
    t_quantile,
    t_two_sided,
    welch_degrees,
)
from mlflow_mcp.statistics.exact import binomial_two_sided, holm

degrees_of_freedom = st.one_of(st.integers(1, 10), st.floats(1, 5_000), st.just(math.inf))


@given(st.floats(-40, 40), degrees_of_freedom)
def test_tails_of_t(t, degrees):
    true = 2 * stats.t.sf(abs(t), degrees) if math.isfinite(degrees) else 2 * stats.norm.sf(abs(t))
    assert t_two_sided(t, degrees) == pytest.approx(true, rel=1e-8, abs=1e-300)


@given(st.floats(0.0005, 0.9995), degrees_of_freedom)
def test_quantiles_of_t(share, degrees):
    true = stats.t.ppf(share, degrees) if math.isfinite(degrees) else stats.norm.ppf(share)
    assert t_quantile(share, degrees) == pytest.approx(true, rel=1e-8, abs=1e-9)


def test_the_ends():
    assert t_two_sided(math.inf, 3) == 0.0
    assert t_two_sided(0.0, 3) == pytest.approx(1.0)
    assert normal_two_sided(1.959963984540054) == pytest.approx(0.05, rel=1e-9)
    assert normal_quantile(0.975) == pytest.approx(1.959963984540054, rel=1e-9)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=12), st.lists(st.floats(-50, 50), min_size=2, max_size=12))
def test_welch_agrees_with_scipy(values, others):
    own, other = statistics.variance(values), statistics.variance(others)
    assume(min(own, other) > 1e-3)  # scipy warns of values that are all alike
    true = stats.ttest_ind(values, others, equal_var=False)
    own, other = own / len(values), other / len(others)
    degrees = welch_degrees(own, len(values) - 1, other, len(others) - 1)
    t = (statistics.mean(values) - statistics.mean(others)) / math.sqrt(own + other)
    assert degrees == pytest.approx(true.df, rel=1e-6)
    assert t_two_sided(t, degrees) == pytest.approx(true.pvalue, rel=1e-6, abs=1e-12)


@given(st.integers(0, 60), st.integers(0, 60), st.sampled_from([0.5, 0.1, 0.73]))
def test_binomial_agrees_with_scipy(hits, misses, share):
    if hits + misses:
        true = stats.binomtest(hits, hits + misses, share).pvalue
        assert binomial_two_sided(hits, hits + misses, share) == pytest.approx(true, rel=1e-7)


def test_binomial_at_its_ends():
    assert binomial_two_sided(0, 0) == 1.0
    assert binomial_two_sided(3, 3, 1.0) == 1.0
    assert binomial_two_sided(2, 3, 1.0) == 0.0
    assert binomial_two_sided(40_000, 80_000) == pytest.approx(1.0, rel=1e-6)


@given(st.lists(st.floats(0, 1), max_size=9))
def test_holm_keeps_the_order_and_raises_every_p(chances):
    adjusted = holm(chances)
    assert all(new >= old for old, new in zip(chances, adjusted))
    assert all(new <= 1 for new in adjusted)
    ordered = sorted(zip(chances, adjusted))
    assert [new for _, new in ordered] == sorted(adjusted)
    if chances:
        assert adjusted[chances.index(min(chances))] == min(1.0, len(chances) * min(chances))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
