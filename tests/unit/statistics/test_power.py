"""Power against scipy's noncentral t, and against Fisher's test of simulated shares."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from mlflow_mcp.statistics.differences import Difference, Estimate
from mlflow_mcp.statistics.power import power_of_t, smallest
from tests.support.simulations import trials


@given(st.floats(2, 60), st.floats(1, 200), st.sampled_from([0.05, 0.05 / 8]))
def test_a_power_that_is_not_small_agrees_with_scipys_noncentral_t(shift, degrees, level):
    true = stats.nct.sf(stats.t.ppf(1 - level / 2, degrees), degrees, shift)
    assume(true > 0.3)
    assert power_of_t(shift, degrees, level) == pytest.approx(true, abs=5e-3)


def test_a_known_error_has_the_power_of_a_normal_value():
    assert power_of_t(2.8, math.inf, 0.05) == pytest.approx(stats.norm.sf(stats.norm.ppf(0.975) - 2.8))


def test_the_smallest_difference_of_a_power():
    assert smallest(lambda apart: apart, 0.8, 0.1, 1.0) == pytest.approx(0.8)
    assert smallest(lambda apart: apart / 2, 0.8, 0.1, 1.0) is None


@pytest.mark.slow
@pytest.mark.parametrize(("of", "share"), [(50, 0.5), (50, 0.1), (200, 0.7), (541, 0.83), (1_584, 0.47)])
@pytest.mark.parametrize("level", [0.05, 0.05 / 8])
def test_a_difference_that_could_be_shown_is_shown_about_four_times_of_five(of, share, level):
    hits, pairs = round(of * share), trials(1_600)
    own = Estimate.of_share(hits, of)
    apart = Difference(own, own).could_show(level)
    rates = []
    for sign in (1, -1):
        if 0 <= share + sign * apart <= 1:
            drawn = [
                stats.binom.rvs(of, each, size=pairs, random_state=seed)
                for seed, each in enumerate((share, share + sign * apart))
            ]
            counts = Counter(zip(*(map(int, each) for each in drawn)))
            found = {
                pair: Difference(Estimate.of_share(pair[0], of), Estimate.of_share(pair[1], of)).p for pair in counts
            }
            rates.append(sum(times for pair, times in counts.items() if found[pair] <= level) / pairs)
    assert 0.76 <= min(rates) <= 0.87
