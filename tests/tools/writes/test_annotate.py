"""Notes and tags, on everything that has them."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace

import pytest
from mlflow import MlflowClient

from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.secrets import SECRETS
from tests.support.servers import cut, fail, faulty_proxy, refused_uri, stall
from tests.support.stores import copied


def allowing(uri, **others):
    return Settings(tracking_uri=uri, allow_write=("annotate",), **others)


def changes_of(answer):
    return {row["what"]: (row["before"], row["after"]) for row in rows_of(data_of(answer)["changes"])}


NOTE = "mlflow.note.content"
REGISTERED = "intent"


def test_a_note_is_appended_with_date_and_author_and_tags_say_before_and_after(both_homes, ask):
    run_id = both_homes.run()
    mlflow = MlflowClient(both_homes.uri)
    mlflow.set_tag(run_id, NOTE, "First words.")
    mlflow.set_tag(run_id, "owner", "bo")
    mlflow.set_tag(run_id, "old", "1")

    answer = ask(
        allowing(both_homes.uri), "annotate",
        target=run_id, note="Loss diverges at step 400.", tags=["owner=ana", "reviewed=yes"], remove_tags=["old"],
    )  # fmt: skip

    tags = mlflow.get_run(run_id).data.tags
    assert re.fullmatch(
        r"First words\.\n\n\*\*\d{4}-\d\d-\d\d \d\d:\d\d UTC, .+ via .+:\*\* Loss diverges at step 400\.", tags[NOTE]
    )
    assert (tags["owner"], tags["reviewed"]) == ("ana", "yes")
    assert "old" not in tags
    assert " via " in tags["mlflow_mcp.by"]
    changes = changes_of(answer)
    assert changes["tag owner"] == ("bo", "ana")
    assert changes["tag reviewed"] == (None, "yes")
    assert changes["tag old"] == ("1", None)
    assert changes["note"][0] == "12 characters"
    assert answer.data["undo"] == f'annotate(target="{run_id}", tags=["owner=bo", "old=1"], remove_tags=["reviewed"])'


def test_the_call_that_undoes_it_does(home, ask):
    run_id = home.run()
    mlflow = MlflowClient(home.uri)
    mlflow.set_tag(run_id, "owner", "bo")
    ask(allowing(home.uri), "annotate", target=run_id, tags=["owner=ana", "new=1"])

    ask(allowing(home.uri), "annotate", target=run_id, tags=["owner=bo"], remove_tags=["new"])

    tags = mlflow.get_run(run_id).data.tags
    assert tags["owner"] == "bo"
    assert "new" not in tags


def test_a_dry_run_writes_nothing(home, ask):
    run_id = home.run()
    before = MlflowClient(home.uri).get_run(run_id).data.tags

    answer = ask(allowing(home.uri), "annotate", target=run_id, note="x", tags=["a=1"], dry_run=True)

    assert data_of(answer)["outcome"] == "dry run: nothing was written"
    assert changes_of(answer)["tag a"] == (None, "1")
    assert MlflowClient(home.uri).get_run(run_id).data.tags == before


def test_the_same_again_changes_nothing(home, ask):
    run_id = home.run()
    for _ in range(2):
        answer = ask(allowing(home.uri), "annotate", target=run_id, note="Once.", tags=["a=1"])

    assert data_of(answer)["outcome"] == "unchanged: everything was so already"
    assert MlflowClient(home.uri).get_run(run_id).data.tags[NOTE].count("Once.") == 1


def test_an_experiment_is_annotated_by_its_name(sqlite_store, ask):
    name = "ana/llama-3.1-8b"

    data_of(
        ask(allowing(sqlite_store.uri), "annotate", target=name, note="Frozen for the paper.", tags=["state=frozen"])
    )

    tags = MlflowClient(sqlite_store.uri).get_experiment_by_name(name).tags
    assert "Frozen for the paper." in tags[NOTE]
    assert tags["state"] == "frozen"


def test_a_trace_is_annotated(traces_copy, ask):
    trace_id = traces_copy["ticket 1"]

    data_of(ask(allowing(traces_copy.uri), "annotate", target=trace_id, note="Good one.", tags=["golden=yes"]))

    tags = MlflowClient(traces_copy.uri).get_trace(trace_id).info.tags
    assert "Good one." in tags[NOTE]
    assert tags["golden"] == "yes"


@pytest.fixture
def models(model_store, tmp_path):
    return replace(model_store, uri=copied(model_store.uri, tmp_path / "models.db"))


def test_models_and_versions_are_annotated_in_their_descriptions(models, ask):
    mlflow = MlflowClient(models.uri)
    model_id = models.models["ckpt-200"]
    for target in (model_id, f"models:/{REGISTERED}", f"models:/{REGISTERED}/1"):
        data_of(ask(allowing(models.uri), "annotate", target=target, note="Checked.", tags=["seen=1"]))

    logged, version = mlflow.get_logged_model(model_id), mlflow.get_model_version(REGISTERED, "1")
    registered = mlflow.get_registered_model(REGISTERED)
    assert "Checked." in logged.tags[NOTE]
    assert "Checked." in registered.description
    assert "Checked." in version.description
    assert logged.tags["seen"] == registered.tags["seen"] == version.tags["seen"] == "1"


def test_what_was_written_by_a_person_before_stays(models, ask):
    before = MlflowClient(models.uri).get_registered_model(REGISTERED).description or ""

    ask(allowing(models.uri), "annotate", target=f"models:/{REGISTERED}", note="More.")

    assert MlflowClient(models.uri).get_registered_model(REGISTERED).description.startswith(before)


# --- refused before anything is written


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"note": "  "},
        {"tags": ["a=1"], "remove_tags": ["a"]},
        {"tags": ["mlflow.user=eve"]},
        {"tags": {"a" * 251: "1"}},
        {"tags": {"a?b": "1"}},
        {"tags": {"a": "x" * 8_001}},
        {"note": "x" * 8_001},
    ],
    ids=["nothing", "blank", "both", "mlflow's own", "long name", "bad name", "long value", "long note"],
)
def test_what_mlflow_would_refuse_or_cut_is_refused_whole(home, ask, snapshot_error, arguments):
    run_id = home.run(name="target")
    before = MlflowClient(home.uri).get_run(run_id).data.tags
    also = {"tags": {"fine": "1", **arguments["tags"]}} if isinstance(arguments.get("tags"), dict) else {}

    answer = ask(allowing(home.uri), "annotate", target=run_id, **{**arguments, **also})

    snapshot_error(answer)
    assert MlflowClient(home.uri).get_run(run_id).data.tags == before


@pytest.mark.parametrize("kind", ["Hugging Face", "GitHub"])
def test_a_secret_is_not_written(home, ask, kind):
    run_id, secret = home.run(), SECRETS[kind]

    for arguments in ({"note": f"The key is {secret}"}, {"tags": {"hint": secret}}):
        answer = ask(allowing(home.uri), "annotate", target=run_id, **arguments)

        assert "looks as if it held a secret" in problem_of(answer)
        assert secret not in answer.text
    assert secret not in str(MlflowClient(home.uri).get_run(run_id).data.tags)


def test_a_target_that_does_not_exist_is_named(sqlite_store, ask, snapshot_error):
    for target in ("no-such-thing", "f" * 32, "tr-" + "f" * 32, "models:/nothing/3", "m-" + "f" * 32, "99999"):
        snapshot_error(ask(allowing(sqlite_store.uri), "annotate", target=target, note="x"))


def test_a_name_of_two_things_is_refused_with_both(empty_store, ask):
    mlflow = MlflowClient(empty_store)
    experiment_id = mlflow.create_experiment("ranker")
    mlflow.create_registered_model("ranker")

    answer = ask(allowing(empty_store), "annotate", target="ranker", note="x")

    assert problem_of(answer) == (
        f"'ranker' is the name of experiment 'ranker' ({experiment_id}) and of registered model ranker. "
        f"Call again with one of '{experiment_id}', 'models:/ranker'."
    )


def test_two_runs_of_a_name_are_refused(home, ask):
    both = [MlflowClient(home.uri).create_run("0", run_name="twin-of-two").info.run_id for _ in range(2)]

    text = problem_of(ask(allowing(home.uri), "annotate", target="twin-of-two", note="x"))

    assert all(run_id in text for run_id in both), text


def test_a_job_of_several_runs_is_refused(sqlite_store, ask):
    job = f"{sqlite_store.seeded.duplicated}.0"

    text = problem_of(ask(allowing(sqlite_store.uri), "annotate", target=job, note="x"))

    assert text.startswith(f"'{job}' is a job of 2 runs: ")


def test_a_deleted_run_is_told_with_the_way_back(home, ask):
    run_id = home.run(name="gone")
    MlflowClient(home.uri).delete_run(run_id)

    text = problem_of(ask(allowing(home.uri), "annotate", target=run_id, note="x"))

    assert text == (
        f"The run 'gone' ({run_id}) is deleted; nothing can be written to it. "
        f"`mlflow runs restore --run-id {run_id}` brings it back."
    )


# --- faults


def test_a_server_that_refuses_is_told_and_nothing_is_claimed(http_home, ask):
    run_id = http_home.run()
    with faulty_proxy(http_home.uri, fail(403, "set-tag")) as proxy:
        text = problem_of(ask(allowing(proxy.uri), "annotate", target=run_id, tags=["a=1"]))

    assert text.startswith(f"This was not written: tag 'mlflow_mcp.by' of run 'a run' ({run_id}).")
    assert text.endswith("Ask the administrator for the permission to edit it.")


def test_a_write_whose_answer_was_lost_is_looked_up_and_sent_once(http_home, ask):
    run_id = http_home.run()
    with faulty_proxy(http_home.uri, cut("set-tag", after=0)) as proxy:
        answer = ask(allowing(proxy.uri), "annotate", target=run_id, note="Only once.")

        assert proxy.count("set-tag") == 2  # who, and the note

    assert data_of(answer)["outcome"] == "written"
    assert any("was lost" in note for note in answer.data["notes"])
    assert MlflowClient(http_home.uri).get_run(run_id).data.tags[NOTE].count("Only once.") == 1


def test_what_was_written_before_a_failure_is_said(http_home, ask):
    run_id = http_home.run()
    with faulty_proxy(http_home.uri, fail(500, "set-tag", 3)) as proxy:
        text = problem_of(ask(allowing(proxy.uri), "annotate", target=run_id, tags=["a=1", "b=2"]))

    on = f"run 'a run' ({run_id})"
    assert text.startswith(f"This was not written: tag 'b' of {on}.")
    assert f"Written before that: tag 'mlflow_mcp.by' of {on}; tag 'a' of {on}." in text
    tags = MlflowClient(http_home.uri).get_run(run_id).data.tags
    assert "a" in tags
    assert "b" not in tags


def test_a_write_that_cannot_be_looked_up_is_called_unknown(http_home, ask):
    run_id = http_home.run()
    # The run is read to find it, for its tags, and to look the write up.
    with faulty_proxy(http_home.uri, cut("set-tag", after=0), fail(503, "runs/get", 3, 4)) as proxy:
        text = problem_of(ask(allowing(proxy.uri), "annotate", target=run_id, tags=["a=1"]))

    assert text.startswith("Whether this was written is not known: tag 'mlflow_mcp.by'")
    assert text.endswith("Look before you write it again.")


def test_a_write_in_which_the_server_falls_silent_is_called_unknown_and_recorded_so(http_home, ask, tmp_path):
    run_id, file = http_home.run(), tmp_path / "audit.jsonl"
    with faulty_proxy(http_home.uri, stall("set-tag")) as proxy:
        settings = allowing(proxy.uri, timeout=2.0, audit_file=str(file))
        text = problem_of(ask(settings, "annotate", target=run_id, tags=["a=1"]))

    assert f"Whether this was written is not known: tag 'mlflow_mcp.by' of run 'a run' ({run_id})." in text
    # The thread of the ended call records it, once the connection is closed.
    for _ in range(600):
        if file.read_text():
            break
        threading.Event().wait(0.05)
    (line,) = file.read_text().splitlines()
    assert json.loads(line)["outcome"] == "not known"


def test_a_server_that_cannot_be_reached_is_no_missing_target(ask):
    with refused_uri() as uri:
        text = problem_of(ask(allowing(uri), "annotate", target="f" * 32, note="x"))

    assert "answers" in text
    assert "No run" not in text


def test_writers_at_once_lose_no_note(home, ask_many):
    run_id = home.run()
    texts: dict[int, str] = {}
    with ask_many(allowing(home.uri)) as ask_on:

        def append(number):
            texts[number] = ask_on("annotate", target=run_id, note=f"Finding {number}.").text

        threads = [threading.Thread(target=append, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    note = MlflowClient(home.uri).get_run(run_id).data.tags[NOTE]
    assert all(f"Finding {number}." in note for number in texts)


# --- what is allowed, and what is recorded


def test_without_the_variable_it_is_refused_by_name(home, ask_many):
    for settings in (Settings(tracking_uri=home.uri), allowing(home.uri, read_only=True)):
        with ask_many(settings, mode="legacy") as ask_on:
            answer = ask_on("annotate", target="x", note="x")

        assert problem_of(answer).startswith("annotate is not offered here: it changes MLflow.")


def test_every_change_is_recorded(home, ask, tmp_path, capfd):
    run_id, file = home.run(), tmp_path / "audit.jsonl"

    ask(allowing(home.uri, audit_file=str(file)), "annotate", target=run_id, tags=["a=1"])

    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["what"] for line in lines] == [
        f"tag 'mlflow_mcp.by' of run 'a run' ({run_id})",
        f"tag 'a' of run 'a run' ({run_id})",
    ]
    assert {line["outcome"] for line in lines} == {"done"}
    assert {line["tool"] for line in lines} == {"annotate"}
    assert capfd.readouterr().err.count("mlflow-mcp audit: ") == 2


def test_where_nothing_can_be_recorded_nothing_is_changed(home, ask, tmp_path):
    run_id = home.run()

    text = problem_of(ask(allowing(home.uri, audit_file=str(tmp_path)), "annotate", target=run_id, tags=["a=1"]))

    assert "cannot be written" in text
    assert "a" not in MlflowClient(home.uri).get_run(run_id).data.tags
