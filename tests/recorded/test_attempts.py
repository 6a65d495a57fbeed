"""How the attempts of resumed jobs ended, and what is known of runs whose upload broke, on real exports."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.recorded.store import catalogue, local_store
from tests.support.asking import data_of, rows_of

INVOCATIONS = catalogue()["invocations"]
RESUMED, BROKEN = INVOCATIONS["resumed"]["id"], INVOCATIONS["broken"]["id"]


def logs_of(folder: Path, job_id: str) -> list[Path]:
    run = next(run["run_id"] for run in catalogue()["runs"] if run["job_id"] == job_id and "logs" in run["traits"])
    return sorted((folder / "artifacts").rglob(f"{run}/**/client*.log"))


def test_the_ends_of_all_attempts_are_quoted(recorded, ask):
    notes = data_of(ask(recorded, "get_invocation", invocation_id=RESUMED, verify=True))["notes"]

    (ends,) = [note for note in notes if note.startswith("Logs end with: ")]
    job = INVOCATIONS["resumed"]["jobs"][0]
    assert ends.count(f"{job['task']} (client") == job["client_logs"]
    assert "ifeval" not in ends  # one attempt, which ended as usual


@pytest.mark.slow
def test_what_cancelled_the_only_attempt_is_quoted_without_a_secret(tmp_path, ask):
    uri = local_store(tmp_path)
    (log,) = logs_of(tmp_path, f"{RESUMED}.1")
    key = "hf_" + "abCD1234" * 5
    with log.open("a") as file:
        file.write(f"srun: error: node-17: task 0: Killed, HF_TOKEN={key}\n")

    text = ask(uri, "get_invocation", invocation_id=RESUMED, verify=True).text

    assert f"{log.name} 'srun: error: node-17: task 0: Killed" in text
    assert key[5:15] not in text


def test_an_upload_that_broke_is_told_from_an_evaluation_that_did(recorded, ask):
    data = data_of(ask(recorded, "get_invocation", invocation_id=BROKEN, verify=True))

    rows = {(row["state"], row["what"]): row["detail"] for row in rows_of(data["problems"])}
    detail = rows["wrong", "run"]
    assert "results.yml is there with the scores of the metrics, so the evaluation had finished" in detail
    assert ("absent", "metadata.yaml, run_config.yml") in rows


def test_get_invocation_and_verify_name_the_same_absent_files(recorded, ask):
    plain, verified = (
        data_of(ask(recorded, "get_invocation", invocation_id=BROKEN, verify=verify)) for verify in (False, True)
    )

    (row,) = [row for row in rows_of(plain["tasks"]) if row["status"] == "FAILED"]
    missing = row["remarks"].partition("missing are ")[2].partition(", which")[0].split(", ")
    absent = [
        each["what"]
        for each in rows_of(verified["problems"])
        if each["tasks"] == "ifeval" and each["state"] == "absent"
    ]
    assert set(", ".join(absent).split(", ")) == {*missing, "logs"}  # those notes tell
    assert any(note.startswith("No logs were exported") for note in plain["notes"])
    assert "results.yml is there, so the evaluation had finished" in row["remarks"]


@pytest.mark.slow
def test_nothing_is_concluded_of_a_failed_run_without_its_results(tmp_path, ask):
    uri = local_store(tmp_path)
    run = next(run["run_id"] for run in catalogue()["runs"] if run["job_id"] == f"{BROKEN}.1")
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        ((folder,),) = connection.execute("SELECT artifact_uri FROM runs WHERE run_uuid = ?", (run,)).fetchall()
    for results in Path(folder.removeprefix("file://")).rglob("results.yml"):
        results.unlink()

    data = data_of(ask(uri, "get_invocation", invocation_id=f"{BROKEN}.1", verify=True))

    details = " ".join(str(row["detail"]) for row in rows_of(data["problems"]))
    assert "whether the evaluation or its export did not finish cannot be told" in details
    assert "had finished" not in details
