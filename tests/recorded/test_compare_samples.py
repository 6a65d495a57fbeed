"""Samples of the launcher's own exports question by question, against what their record says."""

from __future__ import annotations

from mlflow_mcp.client import Client
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.runs.samplewise.read.columns import Columns
from mlflow_mcp.tools.runs.samplewise.read.lines import lines_of
from mlflow_mcp.tools.runs.samplewise.read.traces import lines_of_traces
from tests.recorded.store import catalogue
from tests.support.asking import data_of, problem_of, rows_of


def test_the_samples_of_the_newer_launcher_are_read_from_its_file(recorded, ask):
    gsm8k, agents = (next(id for id, n in catalogue()["traces"].items() if n == count) for count in (40, 6))
    sentence = problem_of(ask(recorded, "compare_samples", run_ids=[gsm8k, agents]))

    assert sentence.startswith("A is of task gsm8k, B of terminal-bench/core: they have no question in common")
    assert "A 40 scored samples (gsm8k/results.jsonl), B 6 scored samples" in sentence


def test_its_traces_hold_the_same_samples_as_its_file(recorded):
    client = Client(Connection(Settings(tracking_uri=recorded)))
    run_id = next(id for id, n in catalogue()["traces"].items() if n == 40)
    experiment = client.runs.get(run_id).info.experiment_id
    traces = [line.row for line in lines_of_traces(client, run_id, experiment)]
    (entry,) = [each for each in client.artifacts(run_id).tree()[0] if each.path.endswith("results.jsonl")]
    file = [line.row for line in lines_of(client, client.artifacts(run_id), entry)]

    def told(row, reward):
        return int(row["problem_idx"]), int(row["repeat"] or 0), reward

    assert sorted(told(row, row["scores"]["reward"]) for row in traces) == sorted(
        told(row, row["reward"]) for row in file
    )
    columns = Columns.of(traces)
    assert list(columns.scores) == ["reward"]
    assert columns.ids[0] == ("problem_idx",)
    assert columns.repeat == ("repeat",)


def test_the_recorded_invocations_agree_with_what_their_record_says(recorded, ask, snapshot):
    truth = catalogue()["paired_samples"]
    ids = [catalogue()["invocations"][side]["id"] for side in ("baseline", "candidate")]
    answer = ask(recorded, "compare_samples", run_ids=ids)

    assert answer.data["counts"] == {
        "pairs": truth["rows"],
        "regressed": truth["only_baseline"],
        "fixed": truth["only_candidate"],
        "both_right": truth["both"],
        "both_wrong": truth["neither"],
    }
    assert len(answer.text) < 4_000
    of_jobs = data_of(ask(recorded, "compare_samples", run_ids=[truth["baseline"], truth["candidate"]]))
    assert of_jobs["counts"] == answer.data["counts"]
    snapshot("compare_samples_invocations", answer.data)


def test_pages_continue_and_hold_every_question_once(recorded, ask):
    truth = catalogue()["paired_samples"]
    ids, seen, cursor = [truth["baseline"], truth["candidate"]], [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        data = data_of(ask(recorded, "compare_samples", run_ids=ids, show="both", limit=20, **more))
        seen += [row["id"] for row in rows_of(data["samples"])]
        if not (cursor := data.get("next_cursor")):
            break

    assert len(seen) == len(set(seen)) == truth["only_baseline"] + truth["only_candidate"]


def test_samples_in_another_copy_of_the_job_are_found_and_named(recorded, ask):
    truth = catalogue()["paired_samples"]
    without = next(
        run["run_id"] for run in catalogue()["runs"] if run["job_id"] == truth["candidate"] and "logs" in run["traits"]
    )
    data = data_of(ask(recorded, "compare_samples", run_ids=[truth["baseline"], without]))

    assert data["counts"]["pairs"] == truth["rows"]
    assert any(note.startswith("B: the samples of ifeval are in copy ") for note in data["notes"])


def test_an_old_run_of_a_whole_invocation_is_compared_by_task(recorded, ask):
    ids = [catalogue()["invocations"][side]["id"] for side in ("old_whole", "candidate")]

    assert data_of(ask(recorded, "compare_samples", run_ids=ids))["counts"]["pairs"] == 541


def test_nothing_exported_names_the_setting_that_exports_it(recorded, ask, snapshot_error):
    id = {name: invocation["id"] for name, invocation in catalogue()["invocations"].items()}

    snapshot_error(ask(recorded, "compare_samples", run_ids=[id["trial"], id["oldest"]]))
    snapshot_error(ask(recorded, "compare_samples", run_ids=[f"{id['baseline']}.0", f"{id['candidate']}.0"]))
    snapshot_error(ask(recorded, "compare_samples", run_ids=[f"{id['baseline']}.2", f"{id['candidate']}.0"]))
