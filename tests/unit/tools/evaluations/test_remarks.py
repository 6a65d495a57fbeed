"""What is said of limits, counts and responses."""

from __future__ import annotations

import pytest

from mlflow_mcp.entities.recorded_config import RecordedStatistics
from mlflow_mcp.entities.samples import Proof, Samples
from mlflow_mcp.tools.evaluations.remarks import of_trial


@pytest.mark.parametrize(
    ("limit", "count", "responses", "begins", "number"),
    [
        (1000, None, 198, "limit_samples=1000, not reached: 198 responses", None),
        (1000, 198, 198, "limit_samples=1000, not reached: 198 samples", 198),
        (500, 498, 498, "limit_samples=500, not reached: 498 samples", 498),
        (500, None, None, "limited (limit_samples=500): not comparable", 500),
        (0.1, None, 1404, "limited (limit_samples=0.1, a share of the dataset: 1404 responses)", None),
        (20, None, 20, "canary (limit_samples=20): not comparable", 20),
    ],
)
def test_a_limit_is_told_with_whether_it_was_reached(limit, count, responses, begins, number):
    samples = Samples(
        Proof(limit, f"limit_samples={limit}"),
        count and Proof(count, "stats.count in results.yml"),
        responses=responses and Proof(responses, f"{responses} responses"),
    )

    assert [told.startswith(begins) for told in of_trial(samples, RecordedStatistics())] == [True]
    assert samples.number == number
