"""A run recorded by one call, and found again by its key."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest
from mlflow import MlflowClient

from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.secrets import SECRETS
from tests.support.servers import cut, fail, faulty_proxy, stall

KEY = "mlflow_mcp.key"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "files"
    (made / "plots").mkdir(parents=True)
    (made / "report.md").write_text("# Report\n")
    (made / "plots" / "loss.bin").write_bytes(bytes(range(256)) * 40)
    (made / "empty.txt").write_text("")
    return made


def allowing(uri, folder, **others):
    return Settings(tracking_uri=uri, allow_write=("log",), download_dir=str(folder), **others)


def runs_of(uri, key, experiment="0"):
    found = MlflowClient(uri).search_runs([experiment], f"tags.`{KEY}` = '{key}'")
    return [run for run in found if run.data.tags[KEY] == key]


def changes_of(answer):
    return {row["what"]: (row["before"], row["after"]) for row in rows_of(data_of(answer)["changes"])}


def differing(answer):
    return {row["what"]: (row["there"], row["given"]) for row in rows_of(data_of(answer)["differs"])}


WHOLE = {
    "params": ["lr=0.01", "model=llama", "note="],
    "metrics": ["acc=0.91", "loss@0=2.5", "loss@100=0.3"],
    "tags": ["team=nlp"],
    "files": ["report.md", "plots/loss.bin", "empty.txt"],
    "start_time": "2026-11-20T10:00:00Z",
    "end_time": "2026-11-20T11:30:00Z",
}


def test_one_call_records_a_whole_run(both_homes, folder, ask, snapshot, request):
    key = f"whole-{request.node.callspec.id}"
    answer = ask(allowing(both_homes.uri, folder), "log_run", experiment_id="Default", key=key, name="ours", **WHOLE)

    data = data_of(answer)
    mlflow = MlflowClient(both_homes.uri)
    run = mlflow.get_run(data["run_id"])
    assert (run.info.run_name, run.info.status) == ("ours", "FINISHED")
    assert run.info.end_time - run.info.start_time == 90 * 60 * 1000
    assert run.data.params == {"lr": "0.01", "model": "llama", "note": ""}
    assert run.data.metrics == {"acc": 0.91, "loss": 0.3}
    assert [(each.step, each.value) for each in mlflow.get_metric_history(run.info.run_id, "loss")] == [
        (0, 2.5),
        (100, 0.3),
    ]
    assert (run.data.tags["team"], run.data.tags[KEY]) == ("nlp", key)
    assert " via " in run.data.tags["mlflow_mcp.by"]
    assert run.data.tags["mlflow.user"]
    files = {entry.path: entry.file_size for entry in mlflow.list_artifacts(run.info.run_id)}
    assert files["report.md"] == 9
    assert set(files) == {"report.md", "plots", "empty.txt"}
    stored = mlflow.download_artifacts(run.info.run_id, "plots/loss.bin", str(folder))
    assert Path(stored).read_bytes() == bytes(range(256)) * 40
    known = {data["run_id"]: "<run>", key: "<key>", both_homes.uri: "<server>"}
    snapshot(f"log_run.{'http' if 'url' in data else 'sqlite'}", answer, known)


def test_the_same_key_again_changes_nothing_and_says_which_run_it_is(both_homes, folder, ask):
    settings, call = allowing(both_homes.uri, folder), {"experiment_id": "0", "key": "twice", **WHOLE}
    first = data_of(ask(settings, "log_run", **call))

    again = ask(settings, "log_run", **call)

    assert data_of(again)["outcome"] == "unchanged: this key has a run, which holds all of it"
    assert again.data["run_id"] == first["run_id"]
    assert len(runs_of(both_homes.uri, "twice")) == 1
    assert len(MlflowClient(both_homes.uri).get_metric_history(first["run_id"], "loss")) == 2


def test_what_is_missing_is_added_and_what_differs_is_told_and_left(both_homes, folder, ask):
    settings = allowing(both_homes.uri, folder)
    run_id = data_of(ask(settings, "log_run", experiment_id="0", key="differs", **WHOLE))["run_id"]
    (folder / "report.md").write_text("# Another report\n")
    (folder / "new.txt").write_text("new")
    later = {
        "params": ["lr=0.02", "seed=3"],
        "metrics": ["acc=0.92", "loss@100=0.3", "loss@200=0.1"],
        "tags": ["team=vision", "extra=1"],
        "files": ["report.md", "new.txt"],
    }

    answer = ask(
        settings, "log_run", experiment_id="0", key="differs", status="FAILED", name="x", end_time="2026-11-20T12:00:00Z",
        start_time="2026-11-20T10:00:00Z", **later,
    )  # fmt: skip

    assert data_of(answer)["outcome"] == (
        "written in part: added to the run of this key; 7 values there differ and were left, see differs"
    )
    assert differing(answer) == {
        "name": ("differs", "x"),
        "status": ("FINISHED", "FAILED"),
        "end_time": ("2026-11-20T11:30:00Z", "2026-11-20T12:00:00Z"),
        "param lr": ("0.01", "0.02"),
        "tag team": ("nlp", "vision"),
        "metric acc": (0.91, 0.92),
        "file report.md": ("9 B", "17 B"),
    }
    assert set(changes_of(answer)) == {"1 param", "1 tag", "1 value of 1 metric", "file new.txt"}
    run = MlflowClient(both_homes.uri).get_run(run_id)
    assert run.data.params == {"lr": "0.01", "model": "llama", "note": "", "seed": "3"}
    assert (run.data.metrics["acc"], run.data.metrics["loss"]) == (0.91, 0.1)
    assert (run.data.tags["team"], run.data.tags["extra"], run.info.status) == ("nlp", "1", "FINISHED")


def test_a_file_of_the_same_size_and_other_content_differs(home, folder, ask):
    settings = allowing(home.uri, folder)
    ask(settings, "log_run", experiment_id="0", key="same size", files=["report.md"])
    (folder / "report.md").write_text("# Retorp\n")

    answer = ask(settings, "log_run", experiment_id="0", key="same size", files=["report.md"])

    assert data_of(answer)["outcome"].startswith("unchanged: this key has a run; 1 value there differs")
    assert differing(answer) == {"file report.md": ("9 B, other content", "9 B")}


def test_a_large_file_is_compared_by_its_size_and_that_is_told(home, folder, ask):
    with (folder / "large.bin").open("wb") as file:
        file.truncate(10_000_001)
    settings, call = allowing(home.uri, folder), {"experiment_id": "0", "key": "large file", "files": ["large.bin"]}
    ask(settings, "log_run", **call)

    assert data_of(ask(settings, "log_run", **call))["notes"] == [
        "Compared by size alone, not by content: 'large.bin'."
    ]


def test_a_dry_run_writes_nothing(home, folder, ask):
    answer = ask(
        allowing(home.uri, folder), "log_run",
        experiment_id="not yet", key="dry", create_experiment=True, dry_run=True, **WHOLE,
    )  # fmt: skip

    assert data_of(answer)["outcome"] == "dry run: nothing was written"
    assert "run_id" not in answer.data
    assert {"experiment", "run", "3 params", "1 tag", "status"} <= set(changes_of(answer))
    assert MlflowClient(home.uri).get_experiment_by_name("not yet") is None


def test_an_experiment_is_made_only_when_that_is_asked_for(empty_store, folder, ask):
    settings = allowing(empty_store, folder)
    settings = settings.model_copy(update={"allow_write": ("log", "delete")})
    call = {"experiment_id": "new one", "key": "k", "metrics": ["acc=1"]}

    assert problem_of(ask(settings, "log_run", **call)).endswith("create_experiment=true makes one of this name.")
    assert MlflowClient(empty_store).get_experiment_by_name("new one") is None
    made = data_of(ask(settings, "log_run", create_experiment=True, **call))

    experiment = MlflowClient(empty_store).get_experiment_by_name("new one")
    assert made["undo"] == f'delete(targets=["{made["run_id"]}", "{experiment.experiment_id}"])'
    assert " via " in experiment.tags["mlflow_mcp.by"]
    assert "unchanged" in data_of(ask(settings, "log_run", create_experiment=True, **call))["outcome"]


def test_a_run_is_nested_and_kept_open_and_ended_later(home, folder, ask):
    settings = allowing(home.uri, folder)
    parent = data_of(ask(settings, "log_run", experiment_id="0", key="sweep", status="RUNNING"))
    child = data_of(ask(settings, "log_run", experiment_id="0", key="trial", parent_run_id=parent["run_id"]))

    mlflow = MlflowClient(home.uri)
    assert mlflow.get_run(child["run_id"]).data.tags["mlflow.parentRunId"] == parent["run_id"]
    assert (mlflow.get_run(parent["run_id"]).info.status, parent["notes"][0]) == (
        "RUNNING", "The run stays RUNNING: the same key with another status ends it.",
    )  # fmt: skip

    ended = ask(settings, "log_run", experiment_id="0", key="sweep", status="KILLED")

    assert changes_of(ended)["status"][0] == "RUNNING"
    assert mlflow.get_run(parent["run_id"]).info.status == "KILLED"


def test_not_a_number_and_infinity_are_kept_and_compared(both_homes, folder, ask):
    settings, call = (
        allowing(both_homes.uri, folder),
        {"experiment_id": "0", "key": "odd", "metrics": ["a=nan", "b=-inf"]},
    )
    first = ask(settings, "log_run", **call)

    assert any(note.startswith("NaN or infinite in 'a', 'b'") for note in data_of(first)["notes"])
    assert data_of(ask(settings, "log_run", **call))["outcome"].startswith("unchanged: this key has a run, which")
    assert set(differing(ask(settings, "log_run", **{**call, "metrics": ["a=1", "b=inf"]}))) == {"metric a", "metric b"}


def test_more_than_a_request_may_hold_goes_into_several(both_homes, folder, ask):
    params = [f"p{number}={'é' * 5_000}" for number in range(120)]
    metrics = [f"loss@{step}={step / 7}" for step in range(1_500)]

    answer = ask(
        allowing(both_homes.uri, folder), "log_run", experiment_id="0", key="large", params=params, metrics=metrics
    )

    run = MlflowClient(both_homes.uri).get_run(data_of(answer)["run_id"])
    assert len(run.data.params) == 120
    assert run.data.params["p119"] == "é" * 5_000
    points = MlflowClient(both_homes.uri).get_metric_history(run.info.run_id, "loss")
    assert [(each.step, each.value) for each in points] == [(step, step / 7) for step in range(1_500)]
    assert {"1,000 values of 1 metric", "500 values of 1 metric"} <= set(changes_of(answer))


# --- refused before anything is written


@pytest.mark.parametrize(
    "arguments",
    [
        {"params": ["a=1", "a=2"]},
        {"params": {"a": "x" * 6_001}},
        {"params": {"a?b": "1"}},
        {"params": {"a" * 251: "1"}},
        {"tags": {"a": "x" * 8_001}},
        {"tags": ["mlflow.user=eve"]},
        {"tags": ["mlflow_mcp.key=other"]},
        {"metrics": ["acc=high"]},
        {"metrics": ["acc"]},
        {"metrics": ["acc=1e999"]},
        {"metrics": ["acc@1=1", "acc@1=2"]},
        {"metrics": ["acc@99999999999999999999=1"]},
        {"metrics": ["a?b=1"]},
        {"key": " "},
        {"key": "both ' and \""},
        {"key": "two\nlines"},
        {"start_time": "yesterday"},
        {"start_time": "2026-11-20", "end_time": "2026-11-19"},
        {"end_time": "2026-11-19"},
        {"start_time": "2999-01-01"},
        {"start_time": "2026-11-19", "end_time": "2026-11-20", "status": "RUNNING"},
        {"experiment_id": "no such experiment"},
        {"experiment_id": "123456", "create_experiment": True},
        {"parent_run_id": "f" * 32},
        {"files": ["missing.txt"]},
        {"files": ["plots"]},
        {"files": ["../outside.txt"]},
        {"files": ["link.txt"]},
        {"files": ["~nobody-at-all/x"]},
        {"status": "DONE"},
    ],
    ids=lambda arguments: "-".join(arguments),
)
def test_what_cannot_be_is_refused_whole(home, folder, ask, snapshot_error, arguments):
    (folder.parent / "outside.txt").write_text("not yours")
    (folder / "link.txt").symlink_to(folder.parent / "outside.txt")
    before = len(MlflowClient(home.uri).search_runs(["0"]))

    answer = ask(
        allowing(home.uri, folder),
        "log_run",
        **{"experiment_id": "Default", "key": "refused", "tags": ["b=1"], **arguments},
    )

    snapshot_error(answer)
    assert len(MlflowClient(home.uri).search_runs(["0"])) == before


def test_files_that_are_too_large_are_refused(home, folder, ask, snapshot_error):
    with (folder / "huge.bin").open("wb") as file:
        file.truncate(100_000_001)

    snapshot_error(ask(allowing(home.uri, folder), "log_run", experiment_id="0", key="huge", files=["huge.bin"]))
    assert not runs_of(home.uri, "huge")


@pytest.mark.parametrize("kind", ["Hugging Face", "GitHub"])
def test_a_secret_is_not_written(home, folder, ask, kind):
    secret = SECRETS[kind]
    for arguments in ({"params": {"launch": f"run --token {secret}"}}, {"tags": {"hint": secret}}, {"name": secret}):
        answer = ask(allowing(home.uri, folder), "log_run", experiment_id="0", key="secret", **arguments)

        assert "looks as if it held a secret" in problem_of(answer)
        assert secret not in answer.text
    assert not runs_of(home.uri, "secret")


def test_a_deleted_run_of_the_key_is_told(empty_store, folder, ask, snapshot_error):
    settings = allowing(empty_store, folder)
    run_id = data_of(ask(settings, "log_run", experiment_id="0", key="gone"))["run_id"]
    MlflowClient(empty_store).delete_run(run_id)

    answer = ask(settings, "log_run", experiment_id="0", key="gone")

    assert problem_of(answer).replace(run_id, "<run>") == (
        "The run with the key 'gone' is deleted: <run> in experiment 'Default'. "
        "`mlflow runs restore --run-id <run>` brings it back; for a new run use another key."
    )


def test_a_deleted_experiment_is_told_and_not_made_anew(empty_store, folder, ask):
    mlflow = MlflowClient(empty_store)
    mlflow.delete_experiment(mlflow.create_experiment("old"))

    answer = ask(allowing(empty_store, folder), "log_run", experiment_id="old", key="k", create_experiment=True)

    assert "The experiment 'old' (id 1) was deleted" in problem_of(answer)


def test_a_name_that_is_another_experiments_id_is_refused_with_both(empty_store, folder, ask):
    mlflow = MlflowClient(empty_store)
    first = mlflow.create_experiment("first")
    second = mlflow.create_experiment(first)

    answer = ask(allowing(empty_store, folder), "log_run", experiment_id=first, key="k")

    assert problem_of(answer) == (
        f"'{first}' is the id of experiment 'first' and the name of experiment {second}. Give '{second}', or 'first'."
    )


def test_two_runs_of_a_key_are_refused_with_both(empty_store, folder, ask):
    both = [MlflowClient(empty_store).create_run("0", tags={KEY: "two"}).info.run_id for _ in range(2)]

    text = problem_of(ask(allowing(empty_store, folder), "log_run", experiment_id="0", key="two"))

    assert text.startswith("2 runs of experiment 'Default' have the key 'two': ")
    assert all(run_id in text for run_id in both)


def test_a_parent_in_another_experiment_is_refused(empty_store, folder, ask):
    mlflow = MlflowClient(empty_store)
    parent = mlflow.create_run(mlflow.create_experiment("other")).info.run_id

    answer = ask(allowing(empty_store, folder), "log_run", experiment_id="0", key="k", parent_run_id=parent)

    assert "MLflow shows no run below one of another experiment" in problem_of(answer)
    assert not runs_of(empty_store, "k")


def test_files_are_refused_where_they_would_lie_on_the_servers_own_disk(http_home, folder, tmp_path, ask):
    MlflowClient(http_home.uri).create_experiment("on its disk", str(tmp_path / "disk"))

    answer = ask(allowing(http_home.uri, folder), "log_run", experiment_id="on its disk", key="k", files=["report.md"])

    assert "of the server's own disk, which is not written to from here" in problem_of(answer)
    assert not (tmp_path / "disk").exists()


# --- faults


LOST = {
    "creation": "runs/create$",
    "values": "runs/log-batch$",
    "file": "mlflow-artifacts/artifacts/.*report.md$",
    "end": "runs/update$",
}


@pytest.mark.parametrize("route", LOST.values(), ids=LOST)
def test_a_request_whose_answer_was_lost_is_looked_up_and_not_repeated(http_home, folder, ask, route):
    key = f"lost {route}"
    call = {"experiment_id": "0", "key": key, "params": ["a=1"], "metrics": ["acc@3=1"], "files": ["report.md"]}
    with faulty_proxy(http_home.uri, cut(route, 1, after=0)) as proxy:
        answer = ask(allowing(proxy.uri, folder), "log_run", **call)

    # An upload is answered with an empty body: nothing of it can be cut.
    assert any("was lost" in note for note in data_of(answer)["notes"]) or "artifacts" in route
    assert len(runs_of(http_home.uri, key)) == 1
    run = runs_of(http_home.uri, key)[0]
    assert (run.data.params, run.data.metrics, run.info.status) == ({"a": "1"}, {"acc": 1.0}, "FINISHED")
    assert len(MlflowClient(http_home.uri).get_metric_history(run.info.run_id, "acc")) == 1


@pytest.mark.parametrize("route", list(LOST.values())[1:], ids=list(LOST)[1:])
def test_what_broke_off_says_what_is_written_and_the_same_call_completes_it(
    http_home, folder, ask, route, snapshot_error
):
    key = f"broken {route}"
    call = {"experiment_id": "0", "key": key, "params": ["a=1"], "metrics": ["acc@3=1"], "files": ["report.md"]}
    with faulty_proxy(http_home.uri, fail(503, route)) as proxy:
        broken = ask(allowing(proxy.uri, folder), "log_run", **call)
        text = problem_of(broken).replace(proxy.uri, "<proxy>")
    run = runs_of(http_home.uri, key)[0]
    assert run.info.status == "RUNNING"
    snapshot_error(text.replace(run.info.run_id, "<run>"), case=route)

    completed = data_of(ask(allowing(http_home.uri, folder), "log_run", **call))

    assert completed["outcome"] == "written: added to the run of this key"
    after = runs_of(http_home.uri, key)
    assert [each.info.run_id for each in after] == [run.info.run_id]
    assert (after[0].data.params, after[0].data.metrics, after[0].info.status) == ({"a": "1"}, {"acc": 1.0}, "FINISHED")


def test_a_server_that_goes_silent_in_mid_write_leaves_a_run_that_is_explained(http_home, folder, ask):
    with faulty_proxy(
        http_home.uri, stall("runs/log-batch|runs/get|experiments/search", 2, 3, 4, 5, 6, 7, 8, 9)
    ) as proxy:
        settings = allowing(proxy.uri, folder, probe_timeout=0.3, timeout=4)
        text = problem_of(ask(settings, "log_run", experiment_id="0", key="silent", params=["a=1"], metrics=["b=1"]))

    run = runs_of(http_home.uri, "silent")[0]
    assert run.info.status == "RUNNING"
    assert "Whether this was written is not known: " in text
    assert "begun in experiment 'Default'" in text
    assert text.endswith(
        f"Call log_run again with the key 'silent': it looks first, and adds only what is missing. Run {run.info.run_id} is RUNNING until then."
    )


def test_without_the_permission_nothing_is_begun(http_home, folder, ask):
    with faulty_proxy(http_home.uri, fail(403, "runs/create$", body="Permission denied")) as proxy:
        text = problem_of(ask(allowing(proxy.uri, folder), "log_run", experiment_id="0", key="refused by server"))

    assert text.startswith("This was not written: run 'refused by server' with the key 'refused by server' begun in ")
    assert text.endswith("Ask the administrator for the permission to edit it.")
    assert not runs_of(http_home.uri, "refused by server")


def test_many_writers_at_once_make_one_run(http_home, folder, ask_many):
    """Half of them in one server, half in servers of their own."""
    answers = []
    settings, barrier = allowing(http_home.uri, folder), threading.Barrier(6)

    def write(ask_on, number):
        barrier.wait()
        answers.append(ask_on("log_run", experiment_id="0", key="at once", params=["a=1"], metrics=[f"m{number}=1"]))

    with ask_many(settings) as one, ask_many(settings) as two, ask_many(settings) as three, ask_many(settings) as four:
        threads = [
            threading.Thread(target=write, args=each) for each in zip([one, one, one, two, three, four], range(6))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    told = [answer.text for answer in answers if answer.is_error]
    assert all("at the same time. Call again: it adds what is missing there." in text for text in told), told
    active = runs_of(http_home.uri, "at once")
    both_told = [answer for answer in answers if "made a run with this key at the same time" in answer.text]
    assert len(active) == 1 or both_told
    assert len(answers) == 6


def test_every_step_is_a_line_of_the_audit(home, folder, tmp_path, ask):
    settings = allowing(home.uri, folder, audit_file=str(tmp_path / "audit.jsonl"))
    ask(settings, "log_run", experiment_id="0", key="audited", params=["a=1"], files=["report.md"])

    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [re.sub(" .*", "", line["what"]) for line in lines] == ["run", "1", "file", "status"]
    run_id = runs_of(home.uri, "audited")[0].info.run_id
    assert [line["outcome"] for line in lines] == [f"done (id {run_id})", "done", "done", "done"]


def test_mlflow_prints_nothing_on_stdout(http_home, folder, ask, capfd):
    """It would tell the run's address there, which is where the protocol runs."""
    data_of(ask(allowing(http_home.uri, folder), "log_run", experiment_id="0", key="printed"))

    assert capfd.readouterr().out == ""
