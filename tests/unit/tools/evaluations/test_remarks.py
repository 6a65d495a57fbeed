"""What is said of limits, counts and responses."""

from __future__ import annotations

import pytest

from mlflow_mcp.entities.samples import Proof, Samples
from mlflow_mcp.tools.evaluations.remarks import is_above, of_trial, without_unclear_count


@pytest.mark.parametrize(
    ("limit", "count", "responses", "told", "above"),
    [
        (1000, None, 198, "limit_samples=1000, but 198 responses: the limit may have cut nothing off", True),
        (1000, 198, 198, "limited (limit_samples=1000): not comparable with a full run", False),
        (500, None, 498, "limited (limit_samples=500): not comparable with a full run", False),
        (500, None, None, "limited (limit_samples=500): not comparable with a full run", False),
        (0.1, None, 1404, "limited (limit_samples=0.1): not comparable with a full run", False),
        (50, None, 20, "canary (limit_samples=50): not comparable with a full run", True),
    ],
)
def test_a_limit_far_above_the_responses_is_no_count_of_samples(limit, count, responses, told, above):
    samples = Samples(Proof(limit, f"limit_samples={limit}"), count and Proof(count, "stats.count in results.yml"))

    assert of_trial(samples, responses) == [told]
    assert is_above(samples, responses) == above


@pytest.mark.parametrize(("repeats", "kept"), [(None, True), (1, True), (16, False)])
def test_a_count_that_may_hold_the_repeats_is_no_count_of_samples(repeats, kept):
    count = Proof(480, "stats.count in results.yml")
    samples = Samples(count=count, repeats=repeats and Proof(repeats, "n_samples"))

    assert (without_unclear_count(samples).count == count) == kept
    entries = Proof(30, "metric num_entries")
    assert without_unclear_count(Samples(count=entries, repeats=samples.repeats)).count == entries
