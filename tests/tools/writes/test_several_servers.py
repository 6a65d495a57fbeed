"""Writing where several servers are named: the id decides, the question and the record say where."""

from __future__ import annotations

import json

from mcp_types import ElicitResult
from mlflow import MlflowClient

from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of
from tests.support.stores import copied


def id_of(store):
    client = MlflowClient(store.uri)
    every = [each.experiment_id for each in client.search_experiments()]
    return client.search_runs(every, f"attributes.run_name = '{store.seeded.log_run}'")[0].info.run_id


def both_of(store, tmp_path, **others):
    """Two copies of one store: every id is on both."""
    uris = [copied(store.uri, tmp_path / f"{name}.db") for name in ("prod", "dev")]
    settings = Settings(
        servers=f"prod={uris[0]},dev={uris[1]}", allow_write=("annotate", "registry", "delete"), **others
    )
    return uris, settings


def test_a_note_is_written_to_the_server_that_the_id_names(store, tmp_path, ask_many):
    audit = tmp_path / "audit.jsonl"
    (prod, dev), settings = both_of(store, tmp_path, audit_file=str(audit))
    run = id_of(store)
    with ask_many(settings) as ask:
        answer = data_of(ask("annotate", target=f"dev:{run}", tags={"reviewed": "yes"}))
        undone = data_of(ask("annotate", target=f"dev:{run}", remove_tags=["reviewed"], dry_run=True))

    assert MlflowClient(dev).get_run(run).data.tags["reviewed"] == "yes"
    assert "reviewed" not in MlflowClient(prod).get_run(run).data.tags
    assert answer["server"] == "dev"
    assert f"dev:{run}" in answer["target"]
    assert f'target="dev:{run}"' in answer["undo"]
    assert undone["server"] == "dev"
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    assert {line["server_name"] for line in lines} == {"dev"}
    assert {line["server"] for line in lines} == {dev}


def test_the_user_is_asked_with_the_name_of_the_server(store, tmp_path, ask_many):
    (prod, dev), settings = both_of(store, tmp_path)
    run, asked = id_of(store), []

    async def accept(_, params):
        asked.append(params.message)
        return ElicitResult(action="accept", content={})

    with ask_many(settings, mode="auto", elicitation_callback=accept) as ask:
        gone = data_of(ask("delete", targets=[f"dev:{run}"]))
        back = data_of(ask("restore", targets=[f"dev:{run}"]))

    assert asked[0].startswith(f"On the MLflow server 'dev' ({dev}): ")
    assert gone["undo"] == f'restore(targets=["dev:{run}"])'
    assert back["undo"] == f'delete(targets=["dev:{run}"])'
    assert MlflowClient(prod).get_run(run).info.lifecycle_stage == "active"
    assert MlflowClient(dev).get_run(run).info.lifecycle_stage == "active"


def test_a_new_model_is_registered_where_its_run_is(model_store, tmp_path, ask_many):
    (prod, dev), settings = both_of(model_store, tmp_path, write_without_asking=True)
    with ask_many(settings) as ask:
        answer = data_of(ask("register_model", model="dev:models:/intent/1", name="another"))

    assert [each.name for each in MlflowClient(dev).search_registered_models("name = 'another'")] == ["another"]
    assert MlflowClient(prod).search_registered_models("name = 'another'") == []
    assert answer["server"] == "dev"


def test_a_run_is_logged_into_the_experiment_of_the_server(empty_store, tmp_path, ask_many):
    prod, dev = copied(empty_store, tmp_path / "prod.db"), empty_store
    with ask_many(Settings(servers=f"prod={prod},dev={dev}", allow_write=("log",))) as ask:
        logged = data_of(ask("log_run", experiment_id="dev:Default", key="a", metrics=["acc=0.5"]))
        whole = problem_of(ask("log_run", experiment_id="dev:", key="a", metrics=["acc=0.5"]))
        mixed = problem_of(ask("log_run", experiment_id="dev:Default", key="b", parent_run_id="0" * 32))

    assert logged["server"] == "dev"
    assert len(MlflowClient(dev).search_runs(["0"])) == 1
    assert MlflowClient(prod).search_runs(["0"]) == []
    assert "names a server, and nothing on it" in whole
    assert mixed.startswith("log_run works on one MLflow server at a time")


def test_things_of_two_servers_are_not_changed_in_one_call(store, tmp_path, ask_many):
    (prod, dev), settings = both_of(store, tmp_path)
    run = id_of(store)
    with ask_many(settings) as ask:
        refused = problem_of(ask("delete", targets=[run, f"dev:{run}"]))

    assert refused.startswith("delete works on one MLflow server at a time")
    for uri in (prod, dev):
        assert MlflowClient(uri).get_run(run).info.lifecycle_stage == "active"
