"""A name is as readable as a value: what looks like a secret there is not written either."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from mlflow_mcp.settings import Settings
from tests.support.asking import problem_of
from tests.support.secrets import SECRETS

SECRET = SECRETS["Hugging Face"]


@pytest.fixture
def settings(home, tmp_path):
    (tmp_path / SECRET).write_text("x")
    return Settings(tracking_uri=home.uri, allow_write=("log", "annotate"), download_dir=str(tmp_path))


@pytest.mark.parametrize(
    "arguments",
    [
        {"metrics": [f"{SECRET}=1"]},
        {"params": [f"{SECRET}=1"]},
        {"tags": [f"{SECRET}=1"]},
        {"files": [SECRET]},
        {"experiment_id": SECRET, "create_experiment": True},
    ],
    ids=lambda arguments: next(iter(arguments)),
)
def test_log_run_writes_no_secret_as_a_name(arguments, settings, ask):
    answer = ask(settings, "log_run", **{"experiment_id": "0", "key": "of secrets", **arguments})

    assert "looks as if it held a secret" in problem_of(answer)
    assert SECRET not in answer.text
    mlflow = MlflowClient(settings.tracking_uri)
    assert SECRET not in [each.name for each in mlflow.search_experiments()]
    assert not mlflow.search_runs(["0"], "tags.`mlflow_mcp.key` = 'of secrets'")


def test_annotate_sets_no_tag_of_such_a_name_and_removes_one(settings, ask):
    mlflow = MlflowClient(settings.tracking_uri)
    run_id = mlflow.create_run("0", tags={SECRET: "1"}).info.run_id

    refused = ask(settings, "annotate", target=run_id, tags=[f"{SECRET}=2"])
    removed = ask(settings, "annotate", target=run_id, remove_tags=[SECRET])

    assert "looks as if it held a secret" in problem_of(refused)
    assert not removed.is_error
    assert SECRET not in mlflow.get_run(run_id).data.tags


@pytest.mark.parametrize("tag", ["MLflow.user", " mlflow.user", "MLFLOW_MCP.key"])
@pytest.mark.parametrize("tool", ["log_run", "annotate"])
def test_a_tag_that_a_database_may_take_for_one_of_mlflows_is_refused(tool, tag, settings, ask):
    run_id = MlflowClient(settings.tracking_uri).create_run("0").info.run_id
    on = {"experiment_id": "0", "key": "k"} if tool == "log_run" else {"target": run_id}

    assert problem_of(ask(settings, tool, tags={tag: "x"}, **on)).startswith("The tag '")
