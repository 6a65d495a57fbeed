"""The statistics against arithmetic that shares nothing with them: fractions, decimals and numpy."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.statistics.values import Statistics

unhurried = settings(deadline=None)  # a busy machine is no failure
LARGEST = 1.7976931348623157e308
ordinary = st.floats(-1e6, 1e6)
finite = st.floats(-1.79e308, 1.79e308)
anything = st.floats(allow_nan=True, allow_infinity=True)


def sample_of(values):
    sample = Statistics()
    for value in values:
        sample.add(value)
    return sample


def exact_mean(values):
    return sum(map(Fraction, values)) / len(values)


def exact_std(values):
    mean = exact_mean(values)
    variance = sum((Fraction(value) - mean) ** 2 for value in values) / (len(values) - 1)
    with localcontext() as context:
        context.prec, context.Emax, context.Emin = 60, 10**6, -(10**6)
        return (Decimal(variance.numerator) / Decimal(variance.denominator)).sqrt()


@unhurried
@given(st.lists(finite, min_size=1, max_size=40))
def test_the_mean_is_the_exact_one_rounded_once(values):
    assert sample_of(values).mean == float(exact_mean(values))


@unhurried
@given(st.lists(finite, min_size=2, max_size=40))
def test_the_standard_deviation_is_exact_for_values_of_any_size(values):
    wanted = float(exact_std(values))

    assert sample_of(values).std == pytest.approx(wanted, rel=1e-12, abs=1e-320)


@unhurried
@given(st.lists(ordinary, min_size=2, max_size=40))
def test_mean_and_standard_deviation_are_those_of_numpy(values):
    sample = sample_of(values)

    assert sample.mean == pytest.approx(numpy.mean(values), rel=1e-9, abs=1e-9)
    assert sample.std == pytest.approx(numpy.std(values, ddof=1), rel=1e-6, abs=1e-6)
    assert sample.stderr == pytest.approx(numpy.std(values, ddof=1) / math.sqrt(len(values)), rel=1e-6, abs=1e-6)


@unhurried
@given(st.lists(ordinary, min_size=1, max_size=40), st.floats(0, 1))
def test_a_quantile_is_that_of_numpy(values, share):
    assert sample_of(values).quantile(share) == pytest.approx(numpy.quantile(values, share), rel=1e-9, abs=1e-9)


@unhurried
@given(st.lists(finite, min_size=1, max_size=40), st.floats(0, 1))
def test_a_quantile_lies_between_the_ends_for_values_of_any_size(values, share):
    least, greatest = min(values), max(values)
    slack = 1e-15 * max(abs(least), abs(greatest))

    assert least - slack <= sample_of(values).quantile(share) <= greatest + slack


@unhurried
@given(st.lists(finite, min_size=1, max_size=40))
def test_the_ends_of_the_quantiles_are_the_extremes(values):
    sample = sample_of(values)

    assert (sample.quantile(0), sample.quantile(1)) == (min(values), max(values))


@unhurried
@given(st.lists(st.none() | anything, max_size=60))
def test_every_value_is_counted_in_just_one_way(values):
    sample = sample_of(values)

    numbers = [value for value in values if value is not None]
    assert sample.missing == values.count(None)
    assert sample.nan == sum(map(math.isnan, numbers))
    assert sample.infinite == sum(abs(value) >= 1.797e308 for value in numbers)
    assert sample.values == [value for value in numbers if abs(value) < 1.797e308]


def test_values_near_both_ends_of_the_doubles_neither_overflow_nor_vanish():
    sample = sample_of([1e-300, 1e300, -1e300])

    assert sample.mean == float(Fraction(1e-300) / 3)
    assert sample.std == pytest.approx(1e300, rel=1e-15)


def test_the_spread_of_the_smallest_doubles_is_not_lost():
    assert sample_of([1e-300, 3e-300]).std == pytest.approx(math.sqrt(2) * 1e-300, rel=1e-15)


def test_a_spread_beyond_the_doubles_is_infinite_and_no_error():
    assert sample_of([1.7e308, -1.7e308]).std == math.inf


def test_nearly_equal_large_values_do_not_cancel_out():
    values = [1e9 + 1, 1e9 + 2, 1e9 + 3]

    assert (sample_of(values).mean, sample_of(values).std) == (1e9 + 2, 1.0)


def test_one_value_has_a_mean_and_no_spread():
    sample = sample_of([0.25])

    assert (sample.mean, sample.std, sample.stderr, sample.quantile(0.5)) == (0.25, None, None, 0.25)


def test_no_values_have_no_figures():
    sample = sample_of([math.nan, math.inf, None])

    assert (sample.mean, sample.std, sample.stderr, sample.quantile(0.5)) == (None, None, None, None)
    assert (sample.nan, sample.infinite, sample.missing) == (1, 1, 1)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, LARGEST, -LARGEST])
def test_what_cannot_be_ranked_is_not_finite(value):
    assert not is_finite(value)


@pytest.mark.parametrize("value", [0.0, -0.0, 1e300, -1e300, 5e-324])
def test_numbers_of_any_size_are_finite(value):
    assert is_finite(value)
