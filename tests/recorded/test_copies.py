"""Copies of a job in every tool, on exports that the launcher itself wrote: all are looked at, and told apart."""

from __future__ import annotations

import pytest

from tests.recorded.store import catalogue
from tests.support.asking import data_of, problem_of, rows_of

CANDIDATE = catalogue()["invocations"]["candidate"]
CORRECTED = catalogue()["corrected"]
PHRASE = catalogue()["log_phrase"]


def copies_of(job_id):
    return [run for run in catalogue()["runs"] if run["job_id"] == job_id]


def copy_without_logs(job_id):
    return next(run["run_id"] for run in copies_of(job_id) if "logs" not in run["traits"])


def test_a_corrected_score_is_told_with_both_values_and_the_time(recorded, ask):
    answer = ask(recorded, "get_invocation", invocation_id=CANDIDATE["id"])

    row = next(row for row in rows_of(answer.data["tasks"]) if row["job_id"] == CORRECTED["job_id"])
    assert row["run_id"] == CORRECTED["overwritten"]
    assert row["metrics"][CORRECTED["metric"]] == CORRECTED["new"]
    assert f" {CORRECTED['old']} -> {CORRECTED['new']}, " in row["remarks"]
    assert CORRECTED["metric"] in row["remarks"]
    assert ", re-exported 2026-" in row["remarks"]
    others = [row["remarks"] for row in rows_of(answer.data["tasks"]) if row["job_id"] != CORRECTED["job_id"]]
    assert not any("re-exported" in (remarks or "") for remarks in others)


def test_copies_differ_in_the_corrected_score_and_in_no_other_metric(recorded, ask):
    answer = ask(recorded, "get_invocation", invocation_id=CANDIDATE["id"])

    scores = {f"{CANDIDATE['id']}{row['job']}": row["scores"] for row in rows_of(answer.data["duplicates"])}
    assert scores.pop(CORRECTED["job_id"])[CORRECTED["metric"]] == CORRECTED["old"]
    assert set(scores.values()) == {"equal"}
    assert (
        sum("other scores than the current ones of AIME_2025 (.3)" in place for place in answer.data["places"].values())
        == 1
    )


def test_the_place_that_has_the_logs_is_named(recorded, ask):
    answer = ask(recorded, "get_invocation", invocation_id=CANDIDATE["id"])

    runs = [run for job in CANDIDATE["jobs"] for run in copies_of(job["job_id"])]
    with_logs = {run["experiment"] for run in runs if "logs" in run["traits"]}
    assert {place for place, has in answer.data["places"].items() if "; logs" in has} == with_logs


@pytest.mark.parametrize("job_id", list(PHRASE["in_client_log_of"]))
def test_a_search_by_job_id_finds_the_lines_in_whichever_copy_has_the_logs(job_id, recorded, ask):
    answer = ask(recorded, "search_artifacts", run_ids=job_id, pattern=PHRASE["phrase"], plain=True)

    assert answer.data["total"] == PHRASE["in_client_log_of"][job_id]


def test_a_search_by_invocation_counts_each_line_once(recorded, ask):
    answer = ask(recorded, "search_artifacts", run_ids=CANDIDATE["id"], pattern=PHRASE["phrase"], plain=True)
    in_both = ask(
        recorded, "search_artifacts", run_ids=f"{CANDIDATE['id']}.1", pattern="model_id: acme", glob="results.yml"
    )

    assert answer.data["total"] == sum(PHRASE["in_client_log_of"].values())
    assert in_both.data["total"] == 1
    assert "(same in 2 copies)" in in_both.text


def test_nothing_found_in_one_copy_says_that_the_other_was_not_searched(recorded, ask):
    job_id = f"{CANDIDATE['id']}.1"
    run_id = copy_without_logs(job_id)
    (other,) = [run["run_id"] for run in copies_of(job_id) if run["run_id"] != run_id]

    answer = ask(recorded, "search_artifacts", run_ids=run_id, pattern=PHRASE["phrase"], plain=True)

    assert answer.data["total"] == 0
    assert any(note.startswith("NOT searched: ") and other in note for note in answer.data["notes"])


def test_a_file_that_is_the_same_in_both_copies_is_read_by_job_id(recorded, ask):
    answer = ask(
        recorded,
        "get_artifact_content",
        run_id=f"{CANDIDATE['id']}.1",
        artifact_path="results.yml",
        select="target.api_endpoint.model_id",
    )

    assert answer.data["content"] == CANDIDATE["model"]
    assert "The file is the same in 2 copies of this job." in answer.data["notes"]


def test_a_file_that_differs_between_the_copies_is_not_chosen_silently(recorded, ask):
    answer = ask(recorded, "get_artifact_content", run_id=CORRECTED["job_id"], artifact_path="results.yml")

    text = problem_of(answer)
    assert "differs between the copies of this job" in text
    assert CORRECTED["overwritten"] in text
    assert CORRECTED["not_overwritten"] in text


def test_a_selected_part_that_is_equal_in_all_copies_is_read_where_the_files_differ(recorded, ask):
    job_id = CORRECTED["job_id"]

    def selected(select):
        return ask(recorded, "get_artifact_content", run_id=job_id, artifact_path="results.yml", select=select)

    answer = data_of(selected("config.type"))
    assert answer["content"]
    assert (
        "This part is equal in all 2 copies of this job that have the file; the files differ elsewhere."
        in answer["notes"]
    )
    assert "differs between the copies of this job" in problem_of(selected("results"))


def test_a_loose_name_of_a_log_finds_the_one_with_a_number_or_offers_all(recorded, ask):
    jobs = catalogue()["invocations"]["resumed"]["jobs"]

    def read(job, path):
        return ask(recorded, "get_artifact_content", run_id=job["job_id"], artifact_path=path, max_lines=1)

    for path in ("client.log", "client-*.log"):
        several = problem_of(read(jobs[0], path))
        assert several.startswith(f"'{path}' fits 3 files: ")
        assert several.count("/logs/client-") == 3
    candidate = next(job for job in CANDIDATE["jobs"])
    for path in ("client.log", "logs/client-*.log"):
        answer = data_of(read(candidate, path))
        assert "/logs/client-" in answer["path"]
        assert any(
            note.startswith(f"There is no '{path}' itself; this is the only file that fits '")
            for note in answer["notes"]
        )
    assert "has no artifact 'clint.log'" in problem_of(read(candidate, "clint.log"))


def test_a_file_of_one_copy_is_read_by_job_id_and_its_run_is_named(recorded, ask):
    job_id = f"{CANDIDATE['id']}.1"
    (log,) = [
        row[-2] if isinstance(row[-1], int) else row[-1]
        for row in data_of(ask(recorded, "list_artifacts", run_id=job_id, pattern="**/client-*.log"))["artifacts"][
            "rows"
        ]
    ]

    by_job = ask(recorded, "get_artifact_content", run_id=job_id, artifact_path=log, tail=1)
    by_run = ask(recorded, "get_artifact_content", run_id=copy_without_logs(job_id), artifact_path=log, tail=1)

    assert any(note.startswith("Only one of 2 copies of this job has it: run ") for note in by_job.data["notes"])
    assert "but another copy of its job has" in problem_of(by_run)
    assert by_run.text.endswith(f"artifact_path='{log}').")


def test_a_listing_by_job_id_has_the_files_of_every_copy(recorded, ask):
    rows = rows_of(ask(recorded, "list_artifacts", run_id=f"{CANDIDATE['id']}.1", recursive=True).data["artifacts"])

    assert {row["run_id"] for row in rows} == {run["run_id"] for run in copies_of(f"{CANDIDATE['id']}.1")}


def test_jobs_are_compared_as_jobs_and_not_as_copies(recorded, ask):
    baseline = catalogue()["invocations"]["baseline"]["id"]

    answer = ask(
        recorded, "diff_artifacts", run_ids=[f"{CANDIDATE['id']}.1", f"{baseline}.1"], artifact_path="results.yml"
    )

    assert set(answer.data["sides"]) == {"A", "B"}
    assert "target.api_endpoint.model_id" in [row["path"] for row in rows_of(answer.data["changes"])]


def test_a_job_id_is_one_run_where_one_is_shown(recorded, ask):
    answer = ask(recorded, "get_run", run_id=CORRECTED["job_id"])

    assert data_of(answer)["run_id"] == CORRECTED["overwritten"]
    (note,) = [note for note in answer.data["notes"] if note.startswith("There are other copies of this job: run ")]
    assert CORRECTED["not_overwritten"] in note


def test_statistics_count_each_job_once_by_its_latest_finished_export(recorded, ask):
    """`old_jobs` has job 0 twice (0.4545, then 0.4697); a job of `broken` has a failed and a finished export."""
    metric = "gpqa_diamond_score_micro"
    runs = [run for run in catalogue()["runs"] if run["task"] == "gpqa_diamond" and run["job_id"]]
    wholes = 2  # old runs of a whole invocation, which have no job

    answer = ask(recorded, "aggregate_runs", metrics=metric)
    of_old = ask(recorded, "aggregate_runs", metrics=metric, query="tags.invocation_id = 'a2b4c6d8e0f13579'")
    by_experiment = ask(recorded, "aggregate_runs", metrics=metric, group_by="experiment")

    jobs = {run["job_id"] for run in runs}
    (row,) = rows_of(answer.data["table"])
    assert row["n"] == len(jobs) + wholes
    assert f"{len(runs) - len(jobs)} further copies of these jobs left out" in " ".join(answer.data["notes"])
    assert (rows_of(of_old.data["table"])[0]["n"], rows_of(of_old.data["table"])[0]["max"]) == (1, 0.4697)
    assert rows_of(of_old.data["table"])[0]["min"] == 0.4697
    in_experiments = {(run["experiment"], run["job_id"]) for run in runs}
    assert sum(row["n"] for row in rows_of(by_experiment.data["table"])) == len(in_experiments) + wholes


def test_statistics_leave_out_trial_runs_where_that_is_asked_for(recorded, ask):
    whole = ask(recorded, "aggregate_runs", metrics="ifeval_prompt_level_strict_acc")
    full = ask(recorded, "aggregate_runs", metrics="ifeval_prompt_level_strict_acc", min_samples=100)

    before, after = rows_of(whole.data["table"])[0]["n"], rows_of(full.data["table"])[0]["n"]
    assert after == before - 2, "limits of 10 and of 25"
    assert whole.data["notes"][0].startswith("Small trial runs are counted like full ones: 'eval-")
    assert "limit_samples=10 in " in whole.data["notes"][0]
    assert "limit_samples=25 in " in whole.data["notes"][0]
    assert any(note.startswith("2 runs with fewer than 100 samples left out: 'eval-") for note in full.data["notes"])
    assert any(note.startswith("Kept, though nothing counts or limits their samples: ") for note in full.data["notes"])


def test_an_upload_that_broke_is_told_also_where_mlflow_calls_the_run_finished(recorded, ask):
    invocation = catalogue()["invocations"]["old_jobs"]["id"]

    rows = rows_of(ask(recorded, "get_invocation", invocation_id=invocation).data["tasks"])

    without = {
        row["job_id"] for row in rows if "no results.yml where the launcher puts it" in (row.get("remarks") or "")
    }
    assert without == {
        run["job_id"]
        for run in catalogue()["runs"]
        if run["invocation_id"] == invocation and not any(file.endswith("results.yml") for file in run["files"])
    }


def test_a_comparison_names_the_task_whose_export_failed(recorded, ask):
    invocations = catalogue()["invocations"]

    answer = ask(recorded, "compare_runs", run_ids=[invocations["broken"]["id"], invocations["candidate"]["id"]])

    assert any(note.startswith("A: the run of task ifeval is FAILED") for note in answer.data["notes"])


def test_a_task_that_is_in_an_old_whole_run_and_in_a_run_of_its_own_is_said_to_be_perhaps_one(recorded, ask):
    rows = rows_of(ask(recorded, "get_invocation", invocation_id="7c2e91fa").data["tasks"])

    own, of_whole = sorted((row for row in rows if row["task"] == "ifeval"), key=lambda row: row["job_id"] is None)
    assert f"may repeat run {own['run_id']} (equal values of the 3 metrics of both)" in of_whole["remarks"]
    assert "may repeat" not in (own["remarks"] or "")
    assert not any("may repeat" in (row["remarks"] or "") for row in rows if row["task"] != "ifeval")


def test_a_planned_task_that_never_arrived_is_named_from_the_config_file(recorded, ask):
    """No run of this invocation has flattened params."""
    resumed = catalogue()["invocations"]["resumed"]["id"]

    answer = ask(recorded, "get_invocation", invocation_id=resumed)

    assert (
        "In the config, but without a run here: AIME_2025 (job .3); nor is a deleted run of it." in answer.data["notes"]
    )


def test_tags_that_only_some_copies_have_are_no_difference(recorded, ask):
    """Three of five tasks of `baseline` were exported only to the experiment without tags."""
    invocations = catalogue()["invocations"]

    answer = ask(recorded, "compare_runs", run_ids=[invocations["candidate"]["id"], invocations["baseline"]["id"]])

    tags = {row["name"]: row for row in rows_of(answer.data["differences"]) if row["name"].startswith("tags.")}
    assert tags.keys() == {"tags.checkpoint"}  # the model is told by the sides


def test_copies_of_one_job_have_one_model(recorded, ask):
    answer = ask(recorded, "compare_runs", run_ids=[CORRECTED["overwritten"], CORRECTED["not_overwritten"]])

    assert {row["model"] for row in rows_of(answer.data["sides"])} == {CANDIDATE["model"]}


def test_of_three_invocations_config_that_one_lacks_is_counted(recorded, ask):
    ids = [catalogue()["invocations"][name]["id"] for name in ("candidate", "baseline", "old_whole")]

    answer = ask(recorded, "compare_runs", run_ids=ids)

    assert any(" config params that only A, B have, with equal values: " in note for note in answer.data["notes"])
    verdicts = [row["metric"] for row in rows_of(answer.data["verdicts"]) if row["task"] == "gpqa_diamond"]
    assert verdicts == ["gpqa_diamond_score_micro"] * 2  # its headline; B and C against A
    assert len(answer.text) < 7_400


def test_copies_whose_scores_disagree_are_told_with_both_values_and_none_is_the_best(recorded, ask_many):
    ids = [run["run_id"] for run in copies_of(CORRECTED["job_id"])]
    with ask_many(recorded) as ask:
        rows = rows_of(ask("get_invocation", invocation_id=CANDIDATE["id"]).data["tasks"])
        compared = ask("compare_runs", run_ids=ids)

    remarks = {row["job_id"]: row["remarks"] for row in rows}
    assert remarks.pop(CORRECTED["job_id"]).startswith("the other copies have the scores of before its re-export; ")
    assert not any("scores" in (each or "") for each in remarks.values())
    assert all(row.get("best") is None for row in rows_of(compared.data["metrics"]))
    assert compared.data["notes"][0].startswith(f"A, B are copies of one job, {CORRECTED['job_id']} of invocation ")
    assert ": no verdict is given on them. Where their scores differ, " in compared.data["notes"][0]
    assert not any("which of its" in note for note in compared.data["notes"])


def test_what_a_broken_export_lacks_is_named(recorded, ask):
    broken = catalogue()["invocations"]["broken"]

    rows = rows_of(data_of(ask(recorded, "get_invocation", invocation_id=broken["id"]))["tasks"])

    failed = [row for row in rows if row["status"] == "FAILED"]
    assert failed
    for row in failed:
        assert "missing are eval_factory_metrics.json, " in row["remarks"]


def test_the_time_of_an_old_export_s_evaluation_is_that_of_its_file_and_in_get_run_its_param(recorded, ask_many):
    old = catalogue()["invocations"]["old_whole"]
    with ask_many(recorded) as ask:
        row = rows_of(ask("get_invocation", invocation_id=old["id"]).data["tasks"])[0]
        run = ask("get_run", run_id=row["run_id"]).data

    assert row["evaluated"].startswith("20")
    assert "param timestamp is 20" in run["times_are"]
    assert "param timestamp" not in row


def test_invocations_are_compared_by_the_file_that_their_runs_share(recorded, ask):
    ids = [catalogue()["invocations"][name]["id"] for name in ("candidate", "baseline")]
    data = data_of(ask(recorded, "diff_artifacts", run_ids=ids, artifact_path="config.yml"))

    assert list(data["sides"]) == ["A", "B"]
    assert all("runs with the same file" in side for side in data["sides"].values())


def test_of_copies_that_differ_the_one_that_counts_is_compared_and_named(recorded, ask):
    corrected = catalogue()["corrected"]
    job_id, other = corrected["job_id"], catalogue()["invocations"]["baseline"]["jobs"][0]["job_id"]
    data = data_of(ask(recorded, "diff_artifacts", run_ids=[job_id, other], artifact_path="results.yml"))

    assert corrected["overwritten"] in data["sides"]["A"]
    assert any(note.endswith(f"this is run {corrected['overwritten']}.") for note in data["notes"])
