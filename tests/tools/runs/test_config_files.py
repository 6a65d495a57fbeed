"""compare_runs and diff_artifacts on runs that keep settings in files of their own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.asking import data_of, problem_of, rows_of
from tests.support.secrets import SECRETS
from tests.support.stores import copied

pytestmark = pytest.mark.slow
CONFIG = {"model": {"pretrained": "in21k", "size": 3}, "optim": {"lr": 0.1, "decay": 0.05}, "seed": 1}
OTHER = {"model": {"pretrained": "in1k", "size": 3}, "optim": {"lr": 0.2, "decay": 0.0500000001}, "seed": 1}
RUNS: dict[str, dict[str, Any]] = {
    "one": {"conf/train.yaml": CONFIG, "eval/tiles.json": {"a": 1}},
    "other": {"conf/train.yaml": OTHER, "eval/tiles.json": {"a": 2}},
    "same": {"conf/train.yaml": CONFIG},
    "several": {"configs/data.yaml": {"a": 1}, "configs/model.yaml": {"b": 1}},
    "plain": {"numbers.json": {"a": 1}, "more.json": {"a": 1}},
    "secret": {"conf/train.yaml": {**CONFIG, "api_key": SECRETS["Hugging Face"]}},
    "many": {"conf/train.yaml": {**CONFIG, **{f"k{n}": n for n in range(20)}}},
}


@pytest.fixture(scope="module")
def store(empty_template, tmp_path_factory):
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("configs")
    uri = copied(empty_template, folder / "mlflow.db")
    client = MlflowClient(uri)
    experiment = client.create_experiment("training", (folder / "artifacts").as_uri())
    for name, files in RUNS.items():
        run = client.create_run(experiment, run_name=name).info.run_id
        client.log_metric(run, "val/acc", 0.9)
        if name in ("one", "other"):
            client.log_param(run, "lr", files["conf/train.yaml"]["optim"]["lr"])
        for path, values in files.items():
            client.log_dict(run, values, path)
        client.set_terminated(run)
    return uri


def test_what_differs_in_a_config_file_is_among_the_differences(store, ask):
    data = data_of(ask(store, "compare_runs", run_ids=["one", "other"]))

    assert [(row["name"], row["A"], row["B"]) for row in rows_of(data["differences"])] == [
        ("params.lr", "0.1", "0.2"),
        ("conf/train.yaml: model.pretrained", "in21k", "in1k"),
        ("conf/train.yaml: optim.decay", "0.05", "0.0500000001"),
    ]


def test_equal_config_files_say_nothing(store, ask):
    data = data_of(ask(store, "compare_runs", run_ids=["one", "same"]))

    assert "conf/train.yaml" not in str(data)


def test_three_sides_have_a_value_each(store, ask):
    data = data_of(ask(store, "compare_runs", run_ids=["same", "other", "one"]))
    (row,) = [row for row in rows_of(data["differences"]) if row["name"].endswith("pretrained")]

    assert (row["A"], row["B"], row["C"]) == ("in21k", "in1k", "in21k")


def test_config_files_of_one_side_alone_and_keys_left_out_are_named(store, ask):
    alone = data_of(ask(store, "compare_runs", run_ids=["one", "several"]))["notes"]
    many = data_of(ask(store, "compare_runs", run_ids=["same", "many"]))

    assert (
        "Config files that not all sides have: 'conf/train.yaml', 'configs/data.yaml', 'configs/model.yaml'." in alone
    )
    assert sum("conf/train.yaml: k" in row["name"] for row in rows_of(many["differences"])) == 12
    assert "8 more keys of conf/train.yaml differ: diff_artifacts." in many["notes"]


def test_secrets_in_config_files_stay_hidden(store, ask):
    answer = ask(store, "compare_runs", run_ids=["one", "secret"])

    assert "conf/train.yaml: api_key" in answer.text
    assert SECRETS["Hugging Face"] not in answer.text


def test_config_finds_the_only_file_of_settings(store, ask):
    data = data_of(ask(store, "diff_artifacts", run_ids=["one", "other"], artifact_path="config"))

    assert {row[0] for row in data["changes"]["rows"]} == {"model.pretrained", "optim.lr", "optim.decay"}


def test_where_config_is_not_one_file_they_are_named(store, ask):
    several = problem_of(ask(store, "diff_artifacts", run_ids=["several", "one"], artifact_path="config"))
    plain = problem_of(ask(store, "diff_artifacts", run_ids=["plain", "one"], artifact_path="config"))

    assert several.startswith(
        "'several' has no config.yml; its files of settings: 'configs/data.yaml', 'configs/model.yaml'. Pass one"
    )
    assert plain.startswith("'plain' has no config.yml; its YAML, JSON and TOML files: ")
    assert "'numbers.json'" in plain
