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
