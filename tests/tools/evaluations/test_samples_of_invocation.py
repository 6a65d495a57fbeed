"""How many samples the tasks of an invocation had: limits reached or not, counts derived from responses, resumed runs."""

from __future__ import annotations

import pytest

from tests.support.asking import rows_of
from tests.support.evaluated import INVOCATION, evaluated, results, statistics
from tests.support.stores import filled

RESULTS = "artifacts/results.yml"
STATISTICS = "artifacts/eval_factory_metrics.json"
NO_LIMIT = "Where no limit is named, config files and params set none."
FLATTENED = {"config.deployment.model_id": "acme/nova"}


@pytest.fixture
def answer_of(empty_store, tmp_path, ask):
    def answered(*jobs):
        runs = [evaluated(tmp_path, number, **job) for number, job in enumerate(jobs)]
        return ask(filled(empty_store, runs), "get_invocation", invocation_id=INVOCATION)

    return answered


def row_of(answer):
    (row,) = rows_of(answer.data["tasks"])
    return row


@pytest.mark.parametrize("file", [RESULTS, "artifacts/run_config.yml"])
def test_a_limit_that_only_a_file_names_is_shown_though_there_are_flattened_params(file, answer_of):
    answer = answer_of(
        {"files": {file: results(limit_samples=1000), STATISTICS: statistics(1000)}, "params": FLATTENED}
    )

    name = file.rpartition("/")[2]
    assert f"limited (limit_samples=1000 in {name}): not comparable with a full run" in row_of(answer)["remarks"]
    assert NO_LIMIT not in answer.data["notes"]


def test_a_limit_above_the_number_of_responses_is_shown_as_not_reached(answer_of):
    answer = answer_of({"files": {RESULTS: results(limit_samples=1000), STATISTICS: statistics(541)}})

    row = row_of(answer)
    assert row["remarks"].startswith("limit_samples=1000 in results.yml, not reached: 541 responses")
    assert "samples" not in row
    assert (
        "not reached: the dataset is smaller than the limit, or samples were lost; results.yml and eval_factory_metrics.json "
        "do not say which." in answer.data["notes"]
    )
    assert NO_LIMIT not in answer.data["notes"]


def test_a_small_limit_that_was_not_reached_is_no_canary(answer_of):
    files = {RESULTS: results({"acc": {"value": 0.5, "stats": {"count": 30}}}, limit_samples=50)}

    row = row_of(answer_of({"files": files}))

    assert row["samples"] == 30
    assert row["remarks"].startswith("limit_samples=50 in results.yml, not reached: 30 samples")


def test_a_limit_as_a_share_stands_beside_the_responses(answer_of):
    row = row_of(answer_of({"files": {RESULTS: results(limit_samples=0.1), STATISTICS: statistics(1404)}}))

    assert "limited (limit_samples=0.1 in results.yml, a share of the dataset: 1404 responses)" in row["remarks"]


def test_no_limit_is_claimed_only_where_a_config_file_was_read(answer_of):
    answer = answer_of({"params": FLATTENED}, {"task": "mmlu", "files": {RESULTS: results(temperature=0)}})

    notes = answer.data["notes"]
    assert (
        "The params of 'ifeval' set no sample limit; results.yml, which names one of the harness too, was not read."
        in notes
    )
    assert "Where else no limit is named, config files and params set none." in notes


@pytest.mark.parametrize(
    ("responses", "samples", "evidence"),
    [
        (3280, 164, "samples: derived, 3280 responses / 20 repeats; repeats: n_samples in results.yml"),
        (
            3299,
            None,
            "samples: 164 or fewer, 3299 responses with their retries; repeats: n_samples in results.yml",
        ),
    ],
)
def test_samples_are_derived_only_where_repeats_divide_the_responses(responses, samples, evidence, answer_of):
    files = {RESULTS: results(extra={"n_samples": 20}), STATISTICS: statistics(responses)}

    row = row_of(answer_of({"files": files}))

    assert (row.get("samples"), row["repeats"], row["evidence"]) == (samples, 20, evidence)


@pytest.mark.parametrize(("repeats", "runs"), [(1, 1), (2, 2)], ids=["one repeat", "resumed"])
def test_responses_that_may_hold_retries_unseen_give_no_samples(repeats, runs, answer_of):
    files = {RESULTS: results(extra={"n_samples": repeats}), STATISTICS: statistics(224, total_runs=runs)}

    row = row_of(answer_of({"files": files}))

    assert row["responses"] == 224
    assert "samples" not in row


def test_a_resumed_evaluation_and_its_times_are_told(answer_of):
    times = {"start_time": "2026-09-20T01:05:00.000000Z", "end_time": "2026-09-20T03:11:00.000000Z"}
    answer = answer_of(
        {"files": {STATISTICS: statistics(198, total_runs=2, **times)}},
        {"task": "mmlu", "files": {STATISTICS: statistics(9, total_runs=1, **times)}},
    )

    remarks = {row["task"]: row.get("remarks") or "" for row in rows_of(answer.data["tasks"])}
    assert "run 2 times, resumed (total_runs=2 in eval_factory_metrics.json)" in remarks["ifeval"]
    assert "resumed" not in remarks["mmlu"]
    assert answer.data["tasks"]["common"]["evaluated"] == "2026-09-20T01:05:00Z to 03:11:00Z"


def test_tasks_of_one_name_are_told_apart_by_their_harness(answer_of):
    answer = answer_of({"task": "humaneval"}, {"task": "humaneval", "harness": "bigcode"})

    assert {row["harness"] for row in rows_of(answer.data["tasks"])} == {"lm-evaluation-harness", "bigcode"}


def test_missing_logs_are_told_once_with_where_the_job_ran(answer_of):
    answer = answer_of(
        {"files": {RESULTS: results()}, "params": {"results_dir": "login:/lustre/a"}},
        {"task": "mmlu", "files": {RESULTS: results()}},
    )

    told = [note for note in answer.data["notes"] if "logs" in note]
    assert told == ["No logs were exported. results_dir of ifeval: login:/lustre/a"]


def test_tasks_without_logs_are_named_where_others_have_them(answer_of):
    answer = answer_of({"files": {RESULTS: results()}}, {"task": "mmlu", "files": {"logs/client-1.log": "done"}})

    assert "No logs were exported for 'ifeval'." in answer.data["notes"]


@pytest.mark.parametrize(
    ("responses", "successful", "told"),
    [(498, 498, "498 responses; none of 498 responses failed"), (500, 498, "")],
)
def test_what_is_known_of_samples_missing_to_a_limit_is_told(responses, successful, told, answer_of):
    """All 500 were answered where 500 came back, whether or not some of them failed."""
    stats = {"response_stats": {"count": responses, "successful_count": successful}, "evaluation": {}}

    row = row_of(answer_of({"files": {RESULTS: results(limit_samples=500), STATISTICS: stats}}))

    assert (f"not reached: {told}" if told else "limited (limit_samples=500 in results.yml)") in row["remarks"]


def test_failed_responses_stand_beside_a_limit_that_was_not_reached(answer_of):
    counted = {"acc": {"value": 0.5, "stats": {"count": 498}}}
    stats = {"response_stats": {"count": 501, "successful_count": 498}, "evaluation": {}}

    row = row_of(answer_of({"files": {RESULTS: results(counted, limit_samples=500), STATISTICS: stats}}))

    assert row["remarks"] == "limit_samples=500 in results.yml, not reached: 498 samples; 3 of 501 responses failed"


HITS = 412


def of_binomial(count, **stats):
    """A score of as many hits with the standard error of a share."""
    share = HITS / count
    return {"acc": {"value": share, "stats": {"stderr": (share * (1 - share) / (count - 1)) ** 0.5, **stats}}}


@pytest.mark.parametrize(
    ("count", "responses", "repeats", "samples", "evidence"),
    [
        (541, 541, 1, 541, "samples: derived, 541 answers by stats.stderr, 541 responses"),
        (541, 550, 1, 541, "samples: derived, 541 answers by stats.stderr, 550 responses"),
        (
            990,
            999,
            5,
            198,
            "samples: derived, 990 answers by stats.stderr / 5 repeats; repeats: n_samples in results.yml",
        ),
        (541, 9000, 1, None, None),
        (541, 540, 1, None, None),
    ],
    ids=["all", "with retries", "with repeats", "of a part", "more than responses"],
)
def test_standard_errors_of_shares_count_the_samples(count, responses, repeats, samples, evidence, answer_of):
    files = {
        RESULTS: results(of_binomial(count), extra={"n_samples": repeats}),
        STATISTICS: statistics(responses),
    }

    row = row_of(answer_of({"files": files}))

    assert (row.get("samples"), row.get("evidence")) == (samples, evidence)


def test_standard_errors_of_other_scores_count_nothing(answer_of):
    """An average of shares has an error of its own, and a rounded value is a share of many numbers."""
    averaged = {"acc": {"value": 0.7612345678, "stats": {"stderr": 0.0153}}}

    row = row_of(answer_of({"files": {RESULTS: results(averaged), STATISTICS: statistics(541)}}))

    assert "samples" not in row
