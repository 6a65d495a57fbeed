"""get_run: one run whole, however it is named."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from mlflow import MlflowClient

from mlflow_mcp.text import iso
from tests.support import raw_store
from tests.support.asking import data_of
from tests.support.raw_store import STARTED, RawRun, run_id
from tests.support.stores import filled


def test_a_training_run_whole(sqlite_template, ask, snapshot):
    snapshot("get_run.training", ask(sqlite_template.uri, "get_run", run_id="sft-8b-base"))


def test_a_parent_with_its_children(sqlite_template, ask, snapshot):
    snapshot("get_run.parent", ask(sqlite_template.uri, "get_run", run_id=sqlite_template.seeded.sweep_parent))


def children(count, **more):
    parent = RawRun(run_id(900), name="parent")
    runs = [
        RawRun(
            run_id(at),
            name=f"child {at}",
            start_time=STARTED + at,
            status="RUNNING" if at == 2 else "FINISHED",
            metrics={"loss": 1 - at / count, "loss_std": 0.1} if at % 5 else {},
            params={
                "lr": str(at % 3),
                "warmup": f"{at % 3}00",
                "seed": str(at),
                "db_password": f"correct-horse-{at % 4}",
            }
            | {f"config.of.something.{name}": str(at % 2 + number) for number, name in enumerate("abcdefgh")},
            tags={"mlflow.parentRunId": run_id(900)},
        )
        for at in range(count)
    ]
    return [parent, *runs]


def test_many_children_are_told_in_few_words(empty_store, ask):
    answer = ask(filled(empty_store, children(30)), "get_run", run_id=run_id(900))

    told = answer.data["children"]
    assert (told["count"], told["statuses"]) == (30, {"FINISHED": 29, "RUNNING": 1})
    assert told["best"] == {
        "run_id": run_id(29),
        "name": "child 29",
        "metric": "loss",
        "value": 0.0333333,
        "of": "24 runs with a value",
        "order": "lowest first (name 'loss')",
    }
    assert told["varied"] == {
        "config.of.something.a": "0, 1 (and 7 others with it)",
        "db_password": "[secret hidden]",
        "lr": "0, 1, 2 (and warmup with it)",
    }
    assert "correct-horse" not in answer.text
    assert len(json.dumps(told)) < 700


def test_the_metric_of_the_best_child_needs_a_direction(empty_store, ask):
    runs = [replace(run, metrics={"zeta": 1.0}) for run in children(12)]

    told = ask(filled(empty_store, runs), "get_run", run_id=run_id(900)).data["children"]

    assert "best" not in told
    assert "aggregate_runs(metrics=['zeta']" in told["next"]


def test_children_are_judged_by_what_they_had_not_seen_or_by_the_primary_metric(empty_store, ask):
    def scores(at):
        return {"train_loss": 1 - at / 10, "val_loss": 0.2 + at / 10, "other": float(at)}

    runs = [replace(run, metrics=scores(int(run.name.split()[-1]) if " " in run.name else 0)) for run in children(8)]
    uri = filled(empty_store, runs)
    by_validation = data_of(ask(uri, "get_run", run_id=run_id(900)))["children"]["best"]
    client = MlflowClient(uri)
    client.set_experiment_tag("0", "mlflow.experiment.primaryMetric.name", "other")
    client.set_experiment_tag("0", "mlflow.experiment.primaryMetric.greaterIsBetter", "False")
    by_tag = data_of(ask(uri, "get_run", run_id=run_id(900)))["children"]["best"]

    assert (by_validation["metric"], by_validation["name"]) == ("val_loss", "child 0")
    assert (by_tag["metric"], by_tag["name"]) == ("other", "child 0")
    assert by_tag["order"].startswith("lowest first (tag mlflow.experiment.primaryMetric")


def test_few_children_are_listed(empty_store, ask):
    told = ask(filled(empty_store, children(4)), "get_run", run_id=run_id(900)).data["children"]

    assert told["count"] == 4
    assert [row[1] for row in told["runs"]["rows"]] == ["child 3", "child 2", "child 1", "child 0"]


@pytest.mark.slow
def test_of_very_many_children_the_newest_are_read(empty_store, ask):
    told = ask(filled(empty_store, children(510)), "get_run", run_id=run_id(900)).data["children"]

    assert told["partial"] == "the newest 500; there are more"
    assert told["best"]["of"].startswith("400 runs")


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


def test_what_mlflow_noted_of_the_code_is_shown_without_credentials(empty_store, tmp_path, ask):
    tags = {
        "mlflow.source.name": "train.py",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": "9c1e5a7b",
        "mlflow.source.git.branch": "main",
        "mlflow.source.git.dirty": "true",
        "mlflow.source.git.repoURL": "https://ana:abc123def@git.example.com/x.git",
        "mlflow.docker.image.uri": "registry.example.com/train:3",
        "mlflow.runType": "test",
    }

    runs = [RawRun(run_id(1), tags=tags, artifact_uri=(tmp_path / run_id(1)).as_uri())]
    answer = ask(filled(empty_store, runs), "get_run", run_id=run_id(1))

    assert answer.data["recipe"] == {
        "command": "train.py",
        "run_type": "test",
        "repository": "https://***@git.example.com/x.git",
        "commit": "9c1e5a7b",
        "branch": "main",
        "dirty": "true",
        "image": "registry.example.com/train:3",
        "missing": "packages, dataset digests, seed, the command's arguments, the uncommitted changes, the image's digest",
    }


@pytest.mark.parametrize("length", [1, 100, 6_000])
def test_a_running_run_tells_its_newest_point_and_the_usual_gap(length, empty_store, ask):
    uri = filled(empty_store, [RawRun(run_id(1), status="RUNNING"), RawRun(run_id(2), status="RUNNING")])
    with raw_store.opened(uri) as db:
        raw_store.add_points(db, run_id(1), "other", [(0, STARTED, 1.0)])
        points = [(step, STARTED + step * 10_000, 1.0) for step in range(length)]
        raw_store.add_points(db, run_id(1), "train/loss", points)

    answer = ask(uri, "get_run", run_id=run_id(1))

    told = answer.data["last_logged"]
    assert answer.data["status"] == "RUNNING"
    assert (told["metric"], told["step"], told["time"]) == ("train/loss", length - 1, iso(points[-1][1]))
    assert abs(told["seconds_ago"] - (time.time() - points[-1][1] / 1000)) < 60
    assert told.get("usual_gap_s") == (None if length == 1 else 10)
    assert "last_logged" not in ask(uri, "get_run", run_id=run_id(2)).data


def test_only_a_running_run_tells_when_it_last_logged(store, ask):
    assert "last_logged" not in ask(store.uri, "get_run", run_id="trial-04").data
