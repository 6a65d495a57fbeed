"""The `recipe` of get_run: what is recorded of how to repeat a run, and what an exact repeat needs besides."""

from __future__ import annotations

import json

import pytest

from tests.recorded.store import catalogue, local_store
from tests.support.asking import data_of
from tests.support.raw_store import RawRun, run_id
from tests.support.servers import fail, faulty_proxy
from tests.support.stores import filled

GIT = {"mlflow.source.git.commit": "9c1e5a7b", "mlflow.source.name": "train.py", "mlflow.source.type": "LOCAL"}


@pytest.fixture
def recipe_of(empty_store, tmp_path, ask):
    def answered(files=(), **fields):
        home = tmp_path / run_id(1)
        for path in files:
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text("x")
        run = RawRun(run_id(1), artifact_uri=home.as_uri(), **fields)
        return data_of(ask(filled(empty_store, [run]), "get_run", run_id=run_id(1))).get("recipe")

    return answered


def test_a_run_that_recorded_nothing_says_what_is_missing(recipe_of):
    assert recipe_of() == {"missing": "command, git commit, packages, dataset digests, seed"}


def test_what_is_there_is_named_and_not_called_missing(recipe_of):
    recipe = recipe_of(
        ["requirements.txt", "config.yaml", "changes.patch", "weights.bin"],
        tags={**GIT, "mlflow.source.git.dirty": "true", "mlflow.project.entryPoint": "main"},
        params={"seed": "7", "lr": "0.1"},
    )

    assert recipe == {
        "command": "train.py (entry point main)",
        "commit": "9c1e5a7b",
        "dirty": "true",
        "diff": "changes.patch",
        "config": "config.yaml",
        "packages": "requirements.txt",
        "seed": "param seed",
        "missing": "dataset digests",
    }


@pytest.mark.parametrize(
    ("dirty", "missing"),
    [("true", "the uncommitted changes"), ("false", None), (None, "whether there were uncommitted changes")],
)
def test_a_commit_alone_is_exact_only_where_nothing_was_changed(dirty, missing, recipe_of):
    recipe = recipe_of(tags={**GIT, **({"mlflow.source.git.dirty": dirty} if dirty else {})})

    assert ("uncommitted" in recipe["missing"]) == (missing is not None)
    assert missing is None or missing in recipe["missing"]


def test_a_notebook_is_said_to_be_one(recipe_of):
    assert recipe_of(tags={**GIT, "mlflow.source.type": "NOTEBOOK"})["source_type"] == "NOTEBOOK"


def test_the_diff_may_be_a_tag(recipe_of):
    recipe = recipe_of(tags={**GIT, "mlflow.source.git.dirty": "true", "mlflow.source.git.diff": "-a"})

    assert recipe["diff"] == "tag mlflow.source.git.diff"
    assert "uncommitted" not in recipe["missing"]


@pytest.mark.parametrize(("image", "is_exact"), [("x/train@sha256:12ab", True), ("x/train:latest", False)])
def test_an_image_is_exact_only_by_its_digest(image, is_exact, recipe_of):
    recipe = recipe_of(params={"container.image": image})

    assert recipe["image"] == "param container.image"
    assert ("the image's digest" in recipe["missing"]) == (not is_exact)


def test_the_packages_of_an_older_model_are_found_in_its_folder(recipe_of):
    history = json.dumps([{"artifact_path": "model"}])

    assert (
        recipe_of(["model/conda.yaml"], tags={"mlflow.log-model.history": history})["packages"] == "conda.yaml of model"
    )


def test_a_recipe_stays_short(recipe_of):
    tags = {**GIT, "mlflow.source.git.repoURL": "https://git.example.com/" + "x" * 500, "mlflow.source.name": "y" * 900}
    recipe = recipe_of(
        ["requirements.txt", "config.yaml", "a.patch"], tags=tags, params={f"{n}.seed": "1" for n in range(30)}
    )

    assert len(json.dumps(recipe)) < 600
    assert recipe["seed"] == "param 0.seed, 1.seed and 28 more"


def test_the_packages_of_a_logged_model_are_found(both_model_stores, ask):
    run, model = both_model_stores.runs["bert-base"], both_model_stores.models["ckpt-300"]

    recipe = data_of(ask(both_model_stores.uri, "get_run", run_id=run))["recipe"]

    assert recipe["packages"] == f"requirements.txt of {model}"
    assert "packages" not in recipe["missing"]


@pytest.mark.slow
def test_an_evaluation_names_its_launchers_versions(tmp_path, ask):
    uri, candidate = local_store(tmp_path / "recorded"), catalogue()["invocations"]["candidate"]["id"]

    recipe = data_of(ask(uri, "get_run", run_id=f"{candidate}.2"))["recipe"]

    assert recipe["command"] == "param launcher_command"
    assert recipe["config"] == "config.yml"
    assert recipe["packages"] == "nemo_evaluator_launcher 0.2.6, nemo_evaluator 0.2.8"
    assert recipe["missing"] == "git commit, dataset digests, seed"


def test_files_that_cannot_be_listed_are_not_called_missing(mlflow_server, ask):
    with faulty_proxy(mlflow_server.uri, fail(503, "artifacts/list")) as proxy:
        recipe = data_of(ask(proxy.uri, "get_run", run_id="sft-8b-base"))["recipe"]

    assert "packages" not in recipe["missing"]
    assert recipe["missing"].endswith("(not all of its files could be read)")
