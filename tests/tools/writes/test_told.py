"""What answers say beside the change: what needed none, what is not undone, what a name means."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mcp_types import ElicitResult
from mlflow import MlflowClient

from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.stores import copied


def allowing(uri, *toolsets):
    return Settings(tracking_uri=uri, allow_write=toolsets)


async def agreed(_, params):
    return ElicitResult(action="accept", content={})


def made(uri, name):
    return MlflowClient(uri).create_run("0", run_name=name).info.run_id


def test_a_deleted_run_is_restored_by_its_name(empty_store, ask_many):
    run_id = made(empty_store, "the one")
    with ask_many(allowing(empty_store, "delete"), elicitation_callback=agreed) as ask_on:
        gone = ask_on("delete", targets=["the one"])
        again = ask_on("delete", targets=["the one"])
        back = ask_on("restore", targets=["the one"])

    target = f"run 'the one' ({run_id})"
    assert [data_of(each)["target"] for each in (gone, again, back)] == [target] * 3
    assert again.data["outcome"].startswith("unchanged")
    assert MlflowClient(empty_store).get_run(run_id).info.lifecycle_stage == "active"


def test_of_two_deleted_runs_of_a_name_none_is_restored(empty_store, ask_many):
    both = [made(empty_store, "twin") for _ in range(2)]
    for run_id in both:
        MlflowClient(empty_store).delete_run(run_id)
    with ask_many(allowing(empty_store, "delete"), elicitation_callback=agreed) as ask_on:
        text = problem_of(ask_on("restore", targets=["twin"]))

    assert all(run_id in text for run_id in both)


def test_what_was_deleted_before_is_named_beside_what_is_deleted_now(empty_store, ask_many):
    old, new = made(empty_store, "old"), made(empty_store, "new")
    MlflowClient(empty_store).delete_run(old)
    with ask_many(allowing(empty_store, "delete"), elicitation_callback=agreed) as ask_on:
        gone = ask_on("delete", targets=[old, new])
        back = ask_on("restore", targets=[old])
        both = ask_on("restore", targets=[old, new])

    assert data_of(gone)["notes"] == [f"Deleted before: run 'old' ({old})."]
    assert "notes" not in data_of(back)
    assert data_of(both)["notes"] == [f"Not deleted: run 'old' ({old})."]


def test_a_tag_that_is_not_there_and_a_note_that_is_are_told(home, ask):
    run_id = home.run()
    settings = allowing(home.uri, "annotate")
    ask(settings, "annotate", target=run_id, note="Once.", tags=["owner=ana"])

    absent = ask(settings, "annotate", target=run_id, remove_tags=["ownr"])
    again = ask(settings, "annotate", target=run_id, note="Once.", tags=["owner=bo"])

    assert data_of(absent)["notes"] == ["No tag to remove: 'ownr'. Nearest: 'owner'."]
    assert data_of(again)["notes"] == ["You wrote this note before: it is there once, and was not appended again."]


@pytest.mark.parametrize(
    ("toolsets", "how"),
    [
        (("registry", "delete"), 'delete(targets=["models:/told/1"]) does that.'),
        (("registry",), "MLflow's UI deletes it."),
    ],
)
def test_how_a_new_version_is_taken_back_is_told(model_store, tmp_path, ask_many, toolsets, how):
    models = replace(model_store, uri=copied(model_store.uri, tmp_path / "models.db"))
    model_id = models.models["ckpt-200"]
    with ask_many(allowing(models.uri, *toolsets), elicitation_callback=agreed) as ask_on:
        with_alias = ask_on("register_model", model=model_id, name="told", alias="best")
        without = ask_on("register_model", model=model_id, name="told-2")

    assert data_of(with_alias)["undo"] == 'set_model_alias(name="told", alias="best")'
    assert with_alias.data["notes"] == [f"undo takes back the alias only, not version 1 of model 'told': {how}"]
    assert "undo" not in data_of(without)
    assert without.data["notes"] == [
        f"There is no undo for version 1 of model 'told-2': {how.replace('told', 'told-2')}"
    ]


def test_a_verdict_on_a_span_says_so(traces_copy, ask):
    mlflow = MlflowClient(traces_copy.uri)
    span = mlflow.get_trace(traces_copy["ticket 1"]).data.spans[0]

    answer = ask(
        allowing(traces_copy.uri, "annotate"), "log_assessment",
        trace_id=traces_copy["ticket 1"], name="fine", value=True, span=span.span_id,
    )  # fmt: skip

    assert rows_of(data_of(answer)["changes"])[0]["what"] == f"feedback fine of span {span.span_id}"


def test_the_way_back_of_a_deleted_run_of_a_key_is_a_call_where_it_is_allowed(empty_store, tmp_path, ask):
    settings = Settings(tracking_uri=empty_store, allow_write=("log", "delete"), download_dir=str(tmp_path))
    run_id = data_of(ask(settings, "log_run", experiment_id="0", key="gone"))["run_id"]
    MlflowClient(empty_store).delete_run(run_id)

    text = problem_of(ask(settings, "log_run", experiment_id="0", key="gone"))

    assert text.endswith(f'restore(targets=["{run_id}"]) brings it back; for a new run use another key.')
