"""What proves how many samples an evaluation had: limit, count and repeats are three things."""

from __future__ import annotations

import pytest

from mlflow_mcp.entities.recorded_config import RecordedConfig
from mlflow_mcp.entities.samples import Proof, Samples

OWN = "config.evaluation.tasks.1.nemo_evaluator_config.config.params."


@pytest.mark.parametrize(
    ("params", "limit"),
    [
        ({"config.params.limit_samples": "10"}, Proof(10, "limit_samples=10 in its params")),
        ({"config.params.limit_samples": "10.0"}, Proof(10, "limit_samples=10 in its params")),
        ({"config.params.limit_samples": "0.01"}, Proof(0.01, "limit_samples=0.01 in its params")),
        ({"config.params.limit_samples": "null"}, None),
        ({"config.params.limit_samples": "0"}, None),
        ({"config.params.limit_samples": "all"}, None),
        ({f"{OWN}limit_samples": "7", "config.limit_samples": "99"}, Proof(7, "limit_samples=7 in its params")),
        ({"config.evaluation.tasks.0.config.params.limit_samples": "25"}, None),
        ({"config.execution.retry.limit": "3", "num_samples": "8"}, None),
        ({f"{OWN}extra.n_samples": "8", "config.num_repeats": "4"}, None),
    ],
)
def test_only_limit_samples_of_the_own_task_or_of_all_is_a_limit(params, limit):
    assert Samples.of_params(params, "1").limit == limit


@pytest.mark.parametrize(
    ("params", "repeats"),
    [
        ({f"{OWN}extra.n_samples": "8"}, Proof(8, "n_samples in its params")),
        ({"config.params.extra.num_repeats": "4"}, Proof(4, "num_repeats in its params")),
        ({"config.evaluation.tasks.0.extra.n_samples": "8"}, None),
        ({"n_samples": "0.5"}, None),
    ],
)
def test_n_samples_and_num_repeats_are_repeats(params, repeats):
    assert Samples.of_params(params, "1").repeats == repeats


@pytest.mark.parametrize(
    ("metrics", "count", "repeats"),
    [
        ({"mmlu_num_entries": 5.0, "gpqa_num_entries": 7.0}, Proof(7, "metric gpqa_num_entries"), None),
        ({"num_entries": 1.79e308, "accuracy": 0.5}, None, None),
        ({"aime_score_avg_of_10": 0.5}, None, Proof(10, "metric aime_score_avg_of_10")),
        ({"omni_avg-of-4_index": 0.5}, None, Proof(4, "metric omni_avg-of-4_index")),
        ({"n_samples": 3.0}, None, None),
    ],
)
def test_metrics_count_entries_and_name_repeats(metrics, count, repeats):
    assert Samples.of_metrics(metrics) == Samples(count=count, repeats=repeats)


@pytest.mark.parametrize(
    ("samples", "number", "is_trial"),
    [
        (Samples(), None, False),
        (Samples(limit=Proof(10, "")), 10, True),
        (Samples(limit=Proof(50, ""), count=Proof(48, "")), 48, True),
        (Samples(limit=Proof(51, "")), 51, False),
        (Samples(limit=Proof(0.01, "")), None, False),
        (Samples(count=Proof(30, "")), 30, False),
        (Samples(repeats=Proof(8, "")), None, False),
    ],
)
def test_a_small_limit_proves_a_trial_and_a_small_count_does_not(samples, number, is_trial):
    """AIME has 30 questions a year."""
    assert (samples.number, samples.is_trial) == (number, is_trial)


def test_what_is_proved_first_counts():
    own = Samples(limit=Proof(1, "own"))
    other = Samples(limit=Proof(2, "other"), count=Proof(3, "other"))

    assert own | other == Samples(limit=Proof(1, "own"), count=Proof(3, "other"))


@pytest.mark.parametrize(
    ("content", "samples", "model"),
    [
        (
            {"config": {"params": {"limit_samples": 10, "extra": {"n_samples": 2}}}},
            Samples(limit=Proof(10, "limit_samples=10 in results.yml"), repeats=Proof(2, "n_samples in results.yml")),
            None,
        ),
        (
            {
                "config": {"params": {"limit_samples": None}},
                "scores": [{"stats": {"count": 120}}, {"stats": {"count": 198}}],
            },
            Samples(values=Proof(198, "stats.count in results.yml")),
            None,
        ),
        ({"count": 3}, Samples(), None),
        ({"target": {"api_endpoint": {"model_id": "llama"}}, "served_model_name": "other"}, Samples(), "llama"),
        ({"judge": {"model_id": "gpt"}, "served_model_name": "llama"}, Samples(), "llama"),
        (
            {
                "config": {"params": {"extra": {"user": {"model_id": "simulated user"}}}},
                "target": {"api_endpoint": {"model_id": "llama"}},
            },
            Samples(),
            "llama",
        ),
        ({"config": {"params": {"extra": {"user": {"model_id": "simulated user"}}}}}, Samples(), None),
        ({"score": 0.5}, Samples(), None),
        (None, Samples(), None),
        ("text", Samples(), None),
    ],
)
def test_a_file_records_limit_count_repeats_and_the_evaluated_model(content, samples, model):
    recorded = RecordedConfig.of(content)

    assert (recorded.samples, recorded.model) == (samples, model)
    assert recorded.is_empty is (samples == Samples() and model is None)


@pytest.mark.parametrize(
    ("samples", "least", "enough"),
    [
        (Samples(count=Proof(198, "stats.count")), 100, True),
        (Samples(count=Proof(198, "stats.count")), 200, False),
        (Samples(limit=Proof(10, "limit_samples=10")), 50, False),
        (Samples(responses=Proof(1319, "response_stats.count")), 1319, None),  # retries may be among them
        (Samples(responses=Proof(1319, "response_stats.count")), 1320, False),
        (Samples(), 1, None),
    ],
)
def test_responses_can_only_tell_that_there_were_fewer_samples(samples, least, enough):
    assert samples.has_at_least(least) is enough


COUNT = "stats.count in results.yml"


def known(*, repeats=None, values=None, answers=None, responses=None, unfailed=False):
    return Samples(
        repeats=repeats and Proof(repeats, "n_samples"),
        values=values and Proof(values, COUNT),
        answers=answers and Proof(answers, "stats.stderr"),
        responses=responses and Proof(responses, "response_stats.count"),
        unfailed=Proof(responses, "response_stats.count") if unfailed else None,
    )


@pytest.mark.parametrize(
    ("samples", "counted"),
    [
        (known(values=198), Proof(198, COUNT)),
        (known(values=198, repeats=1), Proof(198, COUNT)),
        (known(values=480, repeats=16), None),  # samples, or samples times repeats
        # 354 responses are 114 samples three times and twelve retries, though 3 divides 354
        (
            known(values=342, repeats=3, responses=354),
            Proof(114, f"derived, 342 answers by {COUNT} / 3 repeats"),
        ),
        (
            known(values=342, repeats=3, responses=373),
            Proof(114, f"derived, 342 answers by {COUNT} / 3 repeats"),
        ),
        (known(values=341, repeats=3, responses=354), None),
        (
            known(values=114, repeats=3, responses=354),
            Proof(114, f"derived, {COUNT}, 354 responses / 3 repeats"),
        ),
        (known(values=60, repeats=3, responses=354), None),  # of a part of the task
        (known(repeats=3, responses=354), None),  # retries may be among them
        (known(repeats=3, responses=354, unfailed=True), Proof(118, "derived, 354 responses / 3 repeats")),
        (known(responses=354, unfailed=True), None),
        (known(answers=990, repeats=5, responses=999), Proof(198, "derived, 990 answers by stats.stderr / 5 repeats")),
        (known(answers=156, repeats=5, responses=780), Proof(156, "derived, stats.stderr, 780 responses / 5 repeats")),
        (known(answers=65, repeats=3, responses=864, unfailed=True), None),
        (known(values=342, answers=339, repeats=3, responses=354), None),
    ],
)
def test_samples_are_counted_where_all_that_the_files_tell_agrees(samples, counted):
    """Some harnesses count repeats in `stats.count`, others do not, and responses hold retries."""
    assert samples.counted == counted
