"""What was deleted is not called absent: it is said to be deleted, with the way back."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from tests.support.asking import data_of, problem_of


@pytest.fixture
def deleted(both_homes):
    client = MlflowClient(both_homes.uri)
    kept = client.create_experiment(f"kept {both_homes.run({})}")
    run = client.create_run(kept, run_name="gone").info.run_id
    client.delete_run(run)
    name = f"deleted {run}"
    experiment = client.create_experiment(name)
    inside = client.create_run(experiment).info.run_id
    client.delete_experiment(experiment)
    return both_homes.uri, run, name, experiment, inside


def test_a_deleted_run_is_found_by_its_id(deleted, ask):
    uri, run, *_ = deleted

    (found,) = data_of(ask(uri, "resolve_id", id=run))["found"]

    assert (found["kind"], found["id"]) == ("run", run)
    assert found["matched"].startswith("deleted: `mlflow runs restore")


@pytest.mark.parametrize("by", ["name", "id"])
def test_a_deleted_experiment_is_said_to_be_deleted_and_how_it_comes_back(by, deleted, ask):
    uri, _, name, experiment, _ = deleted

    text = problem_of(ask(uri, "query_runs", experiment_id=name if by == "name" else experiment))

    assert text.startswith(f"The experiment '{name}' (id {experiment}) was deleted 20")
    assert f"mlflow experiments restore --experiment-id {experiment}" in text


def test_the_runs_of_a_deleted_experiment_can_be_read(deleted, ask_many):
    uri, _, name, experiment, inside = deleted

    with ask_many(uri) as ask:
        refused = problem_of(ask("query_runs", experiment_id=name))
        found = data_of(ask("query_runs", experiment_id=name, deleted=True))

    assert f"query_runs(experiment_id='{experiment}', deleted=true) lists its runs" in refused
    assert [row[0] for row in found["runs"]["rows"]] == [inside]


def test_a_name_that_moved_to_another_experiment_means_the_other_one(empty_store, ask_many):
    client = MlflowClient(empty_store)
    first = client.create_experiment("eval")
    client.create_run(first, run_name="old")
    with ask_many(empty_store) as ask:
        ask("query_runs", experiment_id="eval")
        client.rename_experiment(first, "eval-old")
        client.create_run(client.create_experiment("eval"), run_name="new")

        answer = ask("query_runs", experiment_id="eval")

    assert "'new'" in str(answer.data)
    assert "'old'" not in str(answer.data)


def test_a_note_of_an_experiment_is_shown(empty_store, ask):
    client = MlflowClient(empty_store)
    client.set_experiment_tag(client.create_experiment("noted"), "mlflow.note.content", "the one to quote")

    assert "the one to quote" in ask(empty_store, "search_experiments", name="noted").text


def test_a_deleted_run_is_found_by_its_name(empty_store, ask_many):
    client = MlflowClient(empty_store)
    run = client.create_run("0", run_name="typo").info.run_id
    client.delete_run(run)
    with ask_many(empty_store) as ask:
        (found,) = ask("resolve_id", id="typo").data["found"]
        refused = problem_of(ask("get_run", run_id="typo"))
        nothing = ask("query_runs", query="attributes.run_name = 'typo'").data["notes"]

    assert (found["id"], found["matched"]) == (
        run,
        f"run name; deleted: `mlflow runs restore --run-id {run}` brings it back",
    )
    assert refused.startswith(f"'typo' is the name of 1 deleted run: {run} (")
    assert f"get_run(run_id='{run}') reads it" in refused
    assert f"mlflow runs restore --run-id {run}" in refused
    assert "1 deleted run matches: query_runs(deleted=true) lists them." in nothing


def test_a_deleted_experiment_is_found_by_its_name_and_a_part_of_it(deleted, ask_many):
    uri, _, name, experiment, inside = deleted
    with ask_many(uri) as ask:
        (found,) = ask("resolve_id", id=name).data["found"]
        notes = ask("search_experiments", name=name[2:].upper()).data["notes"]
        (run,) = ask("resolve_id", id=inside).data["found"]

    assert found["kind"] == "experiment"
    assert found["next"] == f"query_runs(experiment_id='{experiment}', deleted=true)"
    assert f"mlflow experiments restore --experiment-id {experiment}" in found["matched"]
    assert any(note.startswith(f"'{name}' (id {experiment}) was deleted 20") for note in notes)
    assert f"its experiment '{name}' was deleted 20" in run["matched"]


def test_a_deleted_invocation_is_said_to_be_deleted(empty_store, ask):
    client = MlflowClient(empty_store)
    run = client.create_run("0", tags={"invocation_id": "5d1e0c7a9b21f346"}).info.run_id
    client.delete_run(run)

    refused = problem_of(ask(empty_store, "get_invocation", invocation_id="5d1e0c"))

    assert refused.startswith(f"'5d1e0c' begins the invocation id of 1 deleted run: {run} (")


def test_only_what_looks_like_an_id_of_an_evaluation_is_called_pending(store, ask_many):
    with ask_many(store.uri) as ask:
        assert "pending" in ask("resolve_id", id="ffffffffffff").text
        assert "pending" not in ask("resolve_id", id="no-such-name").text


def test_an_error_names_the_call_that_reads_the_runs_of_a_deleted_experiment(empty_store, ask_many):
    client = MlflowClient(empty_store)
    experiment = client.create_experiment("gone")
    client.create_run(experiment, run_name="inside gone")
    client.delete_experiment(experiment)
    with ask_many(empty_store) as ask:
        refused = problem_of(ask("get_metric_history", run_ids="inside gone", metrics="acc"))
        listed = ask("query_runs", experiment_id=experiment, deleted=True).data["runs"]

    assert f"query_runs(experiment_id='{experiment}', deleted=true) lists such runs" in refused
    assert "inside gone" in str(listed)
