"""Where a model's name is from, and whether what never arrived was deleted, on real exports."""

from __future__ import annotations

import pytest
from mlflow.tracking import MlflowClient

from tests.recorded.store import catalogue, local_store
from tests.support.asking import data_of

INVOCATIONS = catalogue()["invocations"]


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("candidate", "param config."),
        ("resumed", "target.api_endpoint.model_id in results.yml"),
        ("old_whole", "param config.target.api_endpoint.model_id"),
    ],
)
def test_a_model_is_told_with_the_place_that_names_it(name, where, recorded, ask):
    data = data_of(ask(recorded, "get_invocation", invocation_id=INVOCATIONS[name]["id"]))

    assert data["model"].endswith(INVOCATIONS[name]["model"].rpartition("/")[2])
    assert data["model_from"].startswith(where)


def test_get_run_of_an_export_reads_the_model_that_neither_tag_nor_param_names(recorded, ask):
    data = data_of(ask(recorded, "get_run", run_id=INVOCATIONS["resumed"]["jobs"][0]["job_id"]))

    assert data["model"] == INVOCATIONS["resumed"]["model"]
    assert data["model_from"] == "target.api_endpoint.model_id in results.yml"


@pytest.mark.slow
def test_a_job_that_never_arrived_is_told_from_one_that_was_deleted(tmp_path, ask):
    uri = local_store(tmp_path)
    job = INVOCATIONS["candidate"]["jobs"][2]
    client = MlflowClient(uri)
    gone = [run["run_id"] for run in catalogue()["runs"] if run["job_id"] == job["job_id"]]
    for run_id in gone:
        client.delete_run(run_id)

    deleted = " ".join(data_of(ask(uri, "get_invocation", invocation_id=INVOCATIONS["candidate"]["id"]))["notes"])
    never = " ".join(data_of(ask(uri, "get_invocation", invocation_id=INVOCATIONS["resumed"]["id"]))["notes"])

    assert f"job .2: deleted is run {deleted.partition('deleted is run ')[2][:32]}: `mlflow runs restore" in deleted
    assert deleted.partition("deleted is run ")[2][:32] in gone
    assert "AIME_2025 (job .3); nor is a deleted run of it." in never
