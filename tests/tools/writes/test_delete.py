"""Deleting and restoring, after the user has seen what goes with it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mcp_types import ElicitResult
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.servers import cut, fail, faulty_proxy
from tests.support.stores import copied

ERAS = ["legacy", "auto"]


def allowing(uri, **others):
    return Settings(tracking_uri=uri, allow_write=("delete",), **others)


def user(action, asked=None):
    async def answer(_, params):
        if asked is not None:
            asked.append(params.message)
        return ElicitResult(action=action, content={} if action == "accept" else None)

    return {"elicitation_callback": answer}


def stage_of(uri, run_id):
    return MlflowClient(uri).get_run(run_id).info.lifecycle_stage


@pytest.mark.parametrize("mode", ERAS)
def test_runs_are_deleted_and_restored(both_homes, ask_many, mode):
    mlflow, asked = MlflowClient(both_homes.uri), []
    parent = both_homes.run(name="parent")
    child = mlflow.create_run("0", tags={"mlflow.parentRunId": parent}).info.run_id
    mlflow.log_metric(parent, "acc", 0.5)
    with ask_many(allowing(both_homes.uri), mode=mode, **user("accept", asked)) as ask_on:
        gone = ask_on("delete", targets=[parent])

        assert stage_of(both_homes.uri, parent) == "deleted"
        assert stage_of(both_homes.uri, child) == "active"
        again = ask_on("delete", targets=[parent])
        back = ask_on("restore", targets=[parent])

    assert "1 metric, 0 params" in asked[0]
    assert "1 child run would stay without a parent" in asked[0]
    assert data_of(gone)["undo"] == f'restore(targets=["{parent}"])'
    assert data_of(again)["outcome"].startswith("unchanged")
    assert data_of(back)["undo"] == f'delete(targets=["{parent}"])'
    assert stage_of(both_homes.uri, parent) == "active"
    assert " via " in mlflow.get_run(parent).data.tags["mlflow_mcp.by"]
    assert len(asked) == 2


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("action", ["decline", "cancel", None])
def test_without_consent_nothing_is_deleted(home, ask_many, mode, action):
    run_id = home.run()
    before = MlflowClient(home.uri).get_run(run_id).data.tags
    with ask_many(allowing(home.uri), mode=mode, **(user(action) if action else {})) as ask_on:
        text = problem_of(ask_on("delete", targets=[run_id]))

    assert "Nothing was changed." in text
    assert stage_of(home.uri, run_id) == "active"
    assert MlflowClient(home.uri).get_run(run_id).data.tags == before


FOLDERS = {f"{number:02}/f.txt": "x" * 100 for number in range(25)}


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "0 metrics, 0 params, no files"),
        (
            {"a.txt": "x" * 500, "plots/b.txt": "x" * 700},
            "0 metrics, 0 params; kept until MLflow's gc: 2 files (1.2 kB)",
        ),
        (FOLDERS, "; kept until MLflow's gc: at least 19 files (at least 1.9 kB)"),
    ],
    ids=["none", "two", "cut"],
)
def test_the_files_of_a_run_are_counted_as_far_as_a_few_listings_tell(both_homes, ask, files, told):
    run_id = both_homes.run(files)

    answer = ask(allowing(both_homes.uri), "delete", targets=[run_id], dry_run=True)

    assert rows_of(data_of(answer)["changes"])[-1]["before"].endswith(told)


def test_files_that_cannot_be_listed_are_not_said_to_be_none(http_home, ask):
    run_id = http_home.run({"a.txt": "x"})
    with faulty_proxy(http_home.uri, fail(500, "artifacts/list")) as proxy:
        answer = ask(allowing(proxy.uri), "delete", targets=[run_id], dry_run=True)

    assert "its files, which could not be counted" in rows_of(data_of(answer)["changes"])[-1]["before"]


def test_an_experiment_goes_and_comes_back_with_its_runs(empty_store, ask_many):
    mlflow, asked = MlflowClient(empty_store), []
    experiment_id = mlflow.create_experiment("old")
    runs = [mlflow.create_run(experiment_id).info.run_id for _ in range(3)]
    with ask_many(allowing(empty_store), **user("accept", asked)) as ask_on:
        data_of(ask_on("delete", targets=["old"]))
        assert mlflow.get_experiment(experiment_id).lifecycle_stage == "deleted"
        refused = problem_of(ask_on("restore", targets=[runs[0]]))
        again = ask_on("delete", targets=["old"])
        back = ask_on("restore", targets=[experiment_id])

    assert "its 3 runs would be deleted with it" in asked[0]
    assert data_of(again)["outcome"].startswith("unchanged")
    assert refused.endswith(f"Restore it first: restore(targets=['{experiment_id}']) brings back all its runs.")
    assert "with its 3 deleted runs" in rows_of(data_of(back)["changes"])[0]["after"]
    assert {stage_of(empty_store, run_id) for run_id in runs} == {"active"}


def test_a_version_is_gone_for_good_and_its_alias_is_named(model_store, tmp_path, ask_many):
    models, asked = replace(model_store, uri=copied(model_store.uri, tmp_path / "models.db")), []
    with ask_many(allowing(models.uri), **user("accept", asked)) as ask_on:
        dry = ask_on("delete", targets=["models:/intent/1"], dry_run=True)
        gone = ask_on("delete", targets=["models:/intent@champion"])
        whole = ask_on("delete", targets=["models:/intent"])

    assert data_of(dry)["outcome"].startswith("dry run")
    assert len(asked) == 1
    assert "version 1 of model 'intent': the alias '@champion' would be gone; it cannot be restored" in asked[0]
    assert "undo" not in data_of(gone)
    assert gone.data["notes"] == ["Cannot be restored: version 1 of model 'intent'."]
    assert "A registered model is not deleted here" in problem_of(whole)
    with pytest.raises(MlflowException):
        MlflowClient(models.uri).get_model_version("intent", "1")


def test_a_run_that_a_version_was_made_of_is_told(model_store, ask):
    answer = ask(allowing(model_store.uri), "delete", targets=[model_store.runs["bert-base"]], dry_run=True)

    assert "it is the source run of 'intent version 1'" in rows_of(data_of(answer)["changes"])[-1]["before"]


def test_a_trace_is_gone_for_good(traces_copy, ask_many):
    trace_id, asked = traces_copy["ticket 1"], []
    with ask_many(allowing(traces_copy.uri), **user("accept", asked)) as ask_on:
        gone = ask_on("delete", targets=[trace_id])
        back = ask_on("restore", targets=[traces_copy["ticket 4"]])

    assert "cannot be restored" in asked[0]
    assert data_of(gone)["notes"] == [f"Cannot be restored: trace {trace_id}."]
    assert problem_of(back).startswith("A trace cannot be restored, and this one is not deleted")
    with pytest.raises(MlflowException):
        MlflowClient(traces_copy.uri).get_trace(trace_id)


def test_a_name_cannot_forge_lines_of_the_question(empty_store, ask_many):
    name, asked = "x\n- nothing else would be deleted", []
    run_id = MlflowClient(empty_store).create_run("0", run_name=name).info.run_id
    with ask_many(allowing(empty_store), **user("decline", asked)) as ask_on:
        ask_on("delete", targets=[run_id])

    assert len(asked[0].splitlines()) == 2


def test_one_target_that_is_not_there_keeps_all(home, ask_many):
    run_id = home.run()
    with ask_many(allowing(home.uri), **user("accept")) as ask_on:
        problem_of(ask_on("delete", targets=[run_id, "f" * 32]))

    assert stage_of(home.uri, run_id) == "active"


def test_a_deletion_whose_answer_was_lost_is_looked_up(http_home, ask_many):
    run_id = http_home.run()
    with (
        faulty_proxy(http_home.uri, cut("runs/delete$", after=0)) as proxy,
        ask_many(allowing(proxy.uri), **user("accept")) as ask_on,
    ):
        answer = ask_on("delete", targets=[run_id])

        assert proxy.count("runs/delete$") == 1
    assert any("was lost" in note for note in data_of(answer)["notes"])
