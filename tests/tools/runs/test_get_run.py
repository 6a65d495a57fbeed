"""get_run: one run whole, however it is named."""

from __future__ import annotations

import pytest


def test_a_training_run_whole(sqlite_template, ask, snapshot):
    snapshot("get_run.training", ask(sqlite_template.uri, "get_run", run_id="sft-8b-base"))


def test_a_parent_with_its_children(sqlite_template, ask, snapshot):
    snapshot("get_run.parent", ask(sqlite_template.uri, "get_run", run_id=sqlite_template.seeded.sweep_parent))


def test_an_evaluation_whole(mlflow_server, ask, snapshot):
    snapshot("get_run.evaluation", ask(mlflow_server.uri, "get_run", run_id=mlflow_server.seeded.log_run))


def test_a_child_names_its_parent(store, ask):
    answer = ask(store.uri, "get_run", run_id="trial-04")

    assert answer.data["parent"] == store.seeded.runs[store.seeded.sweep_parent]


def test_one_run_is_named_in_many_ways(both_stores, ask):
    run_id = both_stores.seeded.runs[both_stores.seeded.log_run]
    ways = [
        run_id,
        run_id[:12],
        both_stores.seeded.log_run,
        "71f3f3199ea5e1f0.0",
        f" {run_id} ",
        f"https://mlflow.example/#/experiments/2/runs/{run_id}",
        f"https://mlflow.example/#/experiments/2/runs/{run_id}/artifacts/config.yml",
        f"runs:/{run_id}/model",
    ]
    for way in ways:
        assert ask(both_stores.uri, "get_run", run_id=way).data["run_id"] == run_id, way


def test_an_invocation_of_one_run_names_that_run(store, ask):
    answer = ask(store.uri, "get_run", run_id=store.seeded.canary_unmarked)

    assert answer.data["name"] == "eval-e5810f7a2bc94d36-gpqa_diamond"


def test_an_invocation_of_several_runs_lists_them(store, ask, snapshot):
    answer = ask(store.uri, "get_run", run_id=store.seeded.candidate)

    assert answer.is_error
    snapshot("get_run.ambiguous", answer)


def test_a_run_name_that_two_runs_have_lists_both(store, ask, snapshot):
    answer = ask(store.uri, "get_run", run_id=f"eval-{store.seeded.duplicated}-ifeval")

    assert answer.is_error
    snapshot("get_run.two_of_a_name", answer)


@pytest.mark.parametrize(
    "run_id",
    [
        "0123456789abcdef0123456789abcdef",
        "sft-8b-bse",
        "abc",
    ],
)
def test_an_unknown_run_says_what_to_try(run_id, both_stores, ask, snapshot_error):
    answer = ask(both_stores.uri, "get_run", run_id=run_id)

    snapshot_error(answer)
