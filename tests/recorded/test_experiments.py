"""What an experiment of real exports is summed up as."""

from __future__ import annotations

from tests.recorded.store import catalogue
from tests.support.asking import data_of, rows_of

INVOCATIONS = catalogue()["invocations"]


def test_an_experiment_lists_its_invocations_with_models_that_no_tag_or_param_names(recorded, ask):
    """The model of `old_whole`, `old_jobs` and `resumed` is only in files; the upload of a job of `old_jobs` broke."""
    answer = data_of(ask(recorded, "describe_experiment", experiment_id="nemo-evaluator-launcher"))

    models = {row["invocation_id"]: row["model"] for row in rows_of(answer["invocations"])}
    assert models == {each["id"]: each["model"] for each in INVOCATIONS.values()}
    assert answer["last_export"] > answer["first_export"]
    assert "first_start" not in answer


def test_the_description_of_an_experiment_is_short_and_without_paths(recorded, ask):
    answer = ask(recorded, "describe_experiment", experiment_id="nemo-evaluator-launcher")

    assert len(answer.text) < 3_600
    assert "/data/" not in answer.text
    assert "mmlu_pro_*_exact_match_custom-extract" in [row["metric"] for row in rows_of(answer.data["metrics"])]
    assert "mmlu_pro_exact_match_custom-extract" in [row["metric"] for row in rows_of(answer.data["metrics"])]
