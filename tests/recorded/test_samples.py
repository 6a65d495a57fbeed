"""What get_invocation says about samples and copies, on exports that the launcher itself wrote."""

from __future__ import annotations

import pytest

from tests.recorded.store import catalogue
from tests.support.asking import rows_of


@pytest.mark.parametrize("name", ["candidate", "baseline", "resumed", "trial", "partly_limited"])
def test_only_runs_with_a_small_limit_are_called_canaries(name, recorded, ask):
    """The limits are those that the catalogue knows; repeats per question and limits of neighbours are none."""
    invocation = catalogue()["invocations"][name]
    limited = {job["job_id"] for job in invocation["jobs"] if job["arrived"] and (job["limit"] or 0) >= 1}
    shares = {job["job_id"] for job in invocation["jobs"] if job["arrived"] and 0 < (job["limit"] or 0) < 1}

    rows = rows_of(ask(recorded, "get_invocation", invocation_id=invocation["id"]).data["tasks"])

    remarks = {row["job_id"]: row.get("remarks") or "" for row in rows}
    assert {job for job, remark in remarks.items() if "canary (limit_samples=" in remark} == limited
    assert {job for job, remark in remarks.items() if "limited (limit_samples=0.01" in remark} == shares
    assert not any("canary" in remark for job, remark in remarks.items() if job not in limited)


@pytest.mark.parametrize("name", ["candidate", "baseline", "resumed", "trial", "partly_limited"])
def test_a_count_that_is_shown_is_the_true_one(name, recorded, ask):
    invocation = catalogue()["invocations"][name]
    true = {job["job_id"]: job.get("samples") for job in invocation["jobs"]}

    rows = rows_of(ask(recorded, "get_invocation", invocation_id=invocation["id"]).data["tasks"])

    shown = {row["job_id"]: row["samples"] for row in rows if row.get("samples")}
    assert shown
    assert shown == {job: true[job] for job in shown}


def test_repeats_are_shown_as_repeats_and_never_as_samples(recorded, ask):
    invocation = catalogue()["invocations"]["candidate"]
    true = {job["job_id"]: job["repeats"] for job in invocation["jobs"] if job["repeats"] > 1}

    rows = rows_of(ask(recorded, "get_invocation", invocation_id=invocation["id"]).data["tasks"])

    assert {row["job_id"]: row["repeats"] for row in rows if row.get("repeats")} == true
    assert all("repeats: " in row["evidence"] for row in rows if row.get("repeats"))


@pytest.mark.parametrize("name", ["candidate", "baseline", "resumed"])
def test_no_repeat_and_no_small_dataset_makes_a_full_run_a_trial(name, recorded, ask):
    answer = ask(
        recorded,
        "compare_runs",
        run_ids=[catalogue()["invocations"][name]["id"], catalogue()["invocations"]["old_jobs"]["id"]],
    )

    assert not [note for note in answer.data.get("notes", ()) if "do not compare" in note]


def test_a_trial_is_told_where_it_is_compared_and_ranked(recorded, ask):
    invocations = catalogue()["invocations"]

    compared = ask(recorded, "compare_runs", run_ids=[invocations["candidate"]["id"], invocations["trial"]["id"]])
    ranked = ask(recorded, "best_runs", metric="ifeval_prompt_level_strict_acc", mode="min", limit=1)
    without = ask(recorded, "best_runs", metric="ifeval_prompt_level_strict_acc", mode="min", limit=1, min_samples=100)

    limits = [row for row in rows_of(compared.data["unequal"]) if row["unequal"] == "sample limit (do not compare)"]
    assert [row["B"] for row in limits] == [10]
    assert {row["verdict"] for row in rows_of(compared.data["verdicts"])} == {"CANNOT TELL"}
    assert any("is a trial run (limit_samples=10 in results.yml)" in note for note in ranked.data["notes"])
    assert invocations["trial"]["id"] not in without.text


def test_an_old_run_of_a_whole_invocation_has_a_row_for_each_task(recorded, ask):
    invocation = catalogue()["invocations"]["old_whole"]

    rows = rows_of(ask(recorded, "get_invocation", invocation_id=invocation["id"]).data["tasks"])

    assert sorted(row["task"] for row in rows) == sorted(job["task"].rpartition(".")[2] for job in invocation["jobs"])
    assert all(name.startswith(row["task"]) for row in rows for name in row["metrics"])


def test_responses_are_told_as_responses_and_never_as_samples(recorded, ask):
    invocation = catalogue()["invocations"]["baseline"]

    rows = rows_of(ask(recorded, "get_invocation", invocation_id=invocation["id"]).data["tasks"])

    (aime,) = [row for row in rows if row["task"] == "AIME_2025"]
    assert (aime["responses"], aime["repeats"], aime["samples"]) == (300, 10, 30)
    assert "samples: derived, 300 responses / 10 repeats" in aime["evidence"]
    assert {row["evaluated"][:10] for row in rows} == {"2026-03-01"}


def test_problems_times_repeats_are_split_where_the_repeats_are_known(recorded, ask):
    gsm8k = "eval-eval-20261121T175352Z-gsm8k"
    ranked = ask(recorded, "best_runs", metric="pass_at_1", mode="max", experiment_id="nemo-evaluator", min_samples=21)

    assert ranked.is_error
    assert "had fewer than 21 samples" in ranked.text
    assert gsm8k in ask(recorded, "best_runs", metric="pass_at_1", mode="max", min_samples=20).text


def test_the_tasks_of_an_old_run_for_a_whole_invocation_have_their_responses(recorded, ask):
    old = catalogue()["invocations"]["old_whole"]

    answer = ask(recorded, "get_invocation", invocation_id=old["id"])

    assert {row["task"]: row["responses"] for row in rows_of(answer.data["tasks"])} == {
        job["task"]: job["responses"] for job in old["jobs"]
    }
    assert "Where no limit is named, config files and params set none." in answer.data["notes"]
