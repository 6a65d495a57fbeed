"""diff_artifacts tells what is equal, and both it and get_artifact_content where a config file contradicts its run's params."""

from __future__ import annotations

import pytest

from tests.support.asking import data_of, rows_of
from tests.support.evaluated import evaluated
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import filled

TRAIN = "lr: 3e-4\nbatch_size: 64\nhf_token: host:HF_TOKEN\nfp16: true\n"


@pytest.fixture
def trained(empty_store, tmp_path):
    """A store of runs, as (params, content of the file) each."""

    def stored(*runs, path="config/train.yaml"):
        made = []
        for number, (params, content) in enumerate(runs, 1):
            file = tmp_path / run_id(number) / path
            file.parent.mkdir(parents=True)
            file.write_text(content)
            home = (tmp_path / run_id(number)).as_uri()
            made.append(RawRun(run_id(number), name=f"trial {number}", artifact_uri=home, params=params))
        return filled(empty_store, made)

    return stored


def diff(ask, uri, *numbers, path="config/train.yaml"):
    return data_of(ask(uri, "diff_artifacts", run_ids=[run_id(number) for number in numbers], artifact_path=path))


def test_few_equal_values_are_shown_beside_the_changes(trained, ask):
    data = diff(ask, trained(({}, TRAIN), ({}, TRAIN.replace("64", "16"))), 1, 2)

    assert [row["path"] for row in rows_of(data["changes"])] == ["batch_size"]
    assert (data["equal"], data["equal_values"]) == (3, {"lr": "3e-4", "hf_token": "host:HF_TOKEN", "fp16": True})


def test_a_secret_that_is_equal_is_hidden(trained, ask):
    secret = TRAIN + "wandb_api_key: correct-horse-9\n"

    data = diff(ask, trained(({}, secret), ({}, secret.replace("64", "16"))), 1, 2)

    assert data["equal_values"]["wandb_api_key"] == "[secret hidden]"


def test_what_is_equal_on_all_of_three_sides_counts(trained, ask):
    data = diff(
        ask, trained(({}, "a: 1\nb: 1\nc: 1\n"), ({}, "a: 2\nb: 1\nc: 1\n"), ({}, "a: 3\nb: 2\nc: 1\n")), 1, 2, 3
    )

    assert (data["equal"], data["equal_values"]) == (1, {"c": 1})


PARAMS = {"batch_size": "128", "lr": "0.0003", "fp16": "True", "seed": "7"}


def test_a_config_file_that_contradicts_its_runs_params_is_told(trained, ask_many):
    uri = trained((PARAMS, TRAIN), ({**PARAMS, "batch_size": "16"}, TRAIN.replace("64", "16")))
    told = "batch_size 64 in the file, 128 in the run's params."
    with ask_many(uri) as ask:
        read = ask("get_artifact_content", run_id=run_id(1), artifact_path="train.yaml").data
        compared = ask("diff_artifacts", run_ids=[run_id(1), run_id(2)], artifact_path="train.yaml").data

    assert read["notes"] == [told]
    assert compared["notes"] == [f"A: {told}"]


@pytest.mark.parametrize(
    ("path", "params", "content"),
    [
        ("config/train.yaml", {"lr": "0.00030", "fp16": "TRUE"}, TRAIN),
        ("config/train.yaml", {"other": "1"}, TRAIN),
        ("reports/scores.yaml", {"lr": "1"}, TRAIN),
        ("config/train.txt", {"lr": "1"}, TRAIN),
        ("config/train.yaml", {"lr": "1"}, "lr: [1, 2]\n"),
        ("config/train.yaml", {"lr": "1"}, "optimizer: {lr: 2}\n"),
    ],
    ids=["written otherwise", "no such param", "no config", "no keys", "a list", "another path"],
)
def test_other_files_and_params_contradict_nothing(path, params, content, trained, ask):
    uri = trained((params, content), path=path)

    assert "notes" not in ask(uri, "get_artifact_content", run_id=run_id(1), artifact_path=path).data


def test_the_params_of_a_launchers_run_are_not_compared_with_its_files(empty_store, tmp_path, ask):
    """They are those of all tasks of its invocation."""
    run = evaluated(tmp_path, 1, params={"temperature": "1"}, files={"artifacts/config.yml": {"temperature": 0}})
    uri = filled(empty_store, [run])

    assert "notes" not in ask(uri, "get_artifact_content", run_id=run.id, artifact_path="config.yml").data
