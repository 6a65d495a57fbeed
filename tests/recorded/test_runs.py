"""Runs of real exports: whose config and whose times they show, and which model they are of."""

from __future__ import annotations

from tests.recorded.store import catalogue
from tests.support.asking import data_of, rows_of

CORRECTED = catalogue()["corrected"]["job_id"]
CANDIDATE = catalogue()["invocations"]["candidate"]


def test_a_run_shows_the_config_of_its_own_task_first_and_none_of_the_others(recorded, ask):
    answer = ask(recorded, "get_run", run_id=CORRECTED)

    names = list(data_of(answer)["params"])
    of_config = [name for name in names if name.startswith("config.")]
    assert {name.split(".")[3] for name in names if ".tasks." in name} == {CORRECTED.rpartition(".")[2]}
    assert of_config[0].startswith("config.evaluation.tasks.")
    assert not any(name.startswith("config.") for name in names[: names.index(of_config[0])])
    assert "config.evaluation.tasks.<other tasks>.* (7)" in answer.data["more_params"]
    assert "config.execution.* (25)" in answer.data["more_params"]
    assert len(answer.text) < 3_600


def test_params_shown_and_counted_are_all_params(recorded, ask):
    import re

    from mlflow import MlflowClient

    answer = data_of(ask(recorded, "get_run", run_id=CORRECTED))

    counted = sum(int(count) for count in re.findall(r"\((\d+)\)", answer["more_params"]))
    params = MlflowClient(recorded).get_run(answer["run_id"]).data.params
    assert len(answer["params"]) + counted + answer["more_params"].count("base_command") == len(params)


def test_the_times_of_an_export_are_said_to_be_the_exports(recorded, ask):
    exported = data_of(ask(recorded, "get_run", run_id=CORRECTED))
    listed = data_of(ask(recorded, "query_runs", experiment_id="jdoe/nova-30b", limit=5))

    assert exported["times_are"].startswith("those of the export")
    assert "exported" in listed["runs"]["columns"]
    assert not {"start_time", "duration_s"} & set(listed["runs"]["columns"])


def test_the_model_stands_in_one_column_whether_a_tag_or_a_param_names_it(recorded, ask):
    answer = data_of(
        ask(recorded, "query_runs", query=f"tags.invocation_id = '{CANDIDATE['id']}' AND tags.task_name = 'ifeval'")
    )

    rows = {row["experiment"]: row["model"] for row in rows_of(answer["runs"])}
    assert rows == {"jdoe/nova-30b": "nova-30b-sft", "nemo-evaluator-launcher": "acme/nova-30b-sft"}
    assert "tags.model" not in answer["runs"]["columns"]


def test_named_columns_get_no_column_of_models(recorded, ask):
    answer = data_of(ask(recorded, "query_runs", experiment_id="jdoe/nova-30b", tags=["model"]))

    assert "tags.model" in answer["runs"]["columns"]
    assert "model" not in answer["runs"]["columns"]
