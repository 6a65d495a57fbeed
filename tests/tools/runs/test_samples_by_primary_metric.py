"""compare_samples where the experiment's tags name the primary metric and which of its values are better."""

from __future__ import annotations

import json

import pytest
from mlflow import MlflowClient

from mlflow_mcp.client.experiments import GREATER_TAG, PRIMARY_TAG
from tests.recorded.lm_eval.files import BASE, TUNED, file_of
from tests.support.artifact_homes import Home
from tests.support.asking import data_of


def rated(change):
    """Samples of 20 questions with two scores; of the first 12 `change` is added."""
    return "".join(
        json.dumps({"id": f"q{n}", "question": f"What is {n}?", "reward": change * (n < 12), "score": n % 3 == 0})
        + "\n"
        for n in range(20)
    )


RATED = (rated(0), rated(1))


@pytest.fixture
def compared(empty_store, tmp_path, ask):
    home = Home(empty_store, tmp_path / "artifacts")  # of each test: an experiment keeps its tags

    def answered(primary, greater=None, files=RATED, **arguments):
        client = MlflowClient(home.uri)
        client.set_experiment_tag("0", PRIMARY_TAG, primary)
        if greater is not None:
            client.set_experiment_tag("0", GREATER_TAG, greater)
        runs = [home.run({"results.jsonl": file} if isinstance(file, str) else file) for file in files]
        return ask(home.uri, "compare_samples", run_ids=runs, **arguments)

    return answered


@pytest.mark.parametrize(("greater", "verdict"), [("False", "REGRESSED"), ("True", "IMPROVED"), (None, "IMPROVED")])
def test_the_primary_metric_is_the_score_and_its_tag_the_direction(greater, verdict, compared):
    data = data_of(compared("eval/reward", greater))

    assert data["verdict"].startswith(verdict)
    assert data["score"].startswith("reward (of the experiment's primary metric eval/reward; ")
    if greater is not None:
        better = "higher" if greater == "True" else "lower"
        assert data["score"].endswith(f"{better} is better by the experiment's tag)")


def test_a_score_that_is_named_keeps_its_own_direction(compared):
    data = data_of(compared("eval/reward", "False", metric="score"))

    assert data["score"].startswith("score (")
    assert "tag" not in data["score"]


def test_a_primary_metric_chooses_the_filter(compared):
    data = data_of(compared("sums_exact_match_strict-match", files=(file_of(BASE, "sums"), file_of(TUNED, "sums"))))

    assert data["score"].startswith("exact_match,strict-match (")
    assert "the experiment's primary metric sums_exact_match_strict-match" in data["score"]


def test_a_tag_of_a_longer_name_says_nothing_of_a_shorter_one(compared):
    files = (file_of(BASE, "choices"), file_of(TUNED, "choices"))

    assert "tag" not in data_of(compared("acc_norm", "False", files=files, metric="acc"))["score"]


def test_a_primary_metric_that_the_samples_lack_chooses_nothing(compared):
    assert compared("loss", "False").is_error
