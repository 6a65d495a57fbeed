"""The record holds what its catalogue says: the traits that the product's launcher rules are tested on."""

import json
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts

from tests.recorded.store import catalogue, local_store, run_with, runs_with

SHARED, OWN = "nemo-evaluator-launcher", "jdoe/nova-30b"


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return local_store(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module")
def client(uri: str) -> MlflowClient:
    return MlflowClient(uri)


def text(uri: str, run: dict, ending: str) -> str:
    (path,) = [path for path in run["files"] if path.endswith(ending)]
    return Path(download_artifacts(run_id=run["run_id"], artifact_path=path, tracking_uri=uri)).read_text()


def job(invocation: str, index: int) -> dict:
    return catalogue()["invocations"][invocation]["jobs"][index]


def test_the_catalogue_lists_every_run_of_the_store(client):
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    stored = {run.info.run_id: run for run in client.search_runs(ids, max_results=500)}
    assert set(stored) == {run["run_id"] for run in catalogue()["runs"]}
    assert {run["run_id"]: run["status"] for run in catalogue()["runs"]} == {
        run_id: run.info.status for run_id, run in stored.items()
    }


def test_only_one_copy_of_a_job_has_logs_and_params_and_only_the_other_has_tags_and_all_files(client):
    job_id = job("candidate", 0)["job_id"]
    with_logs, own = run_with("logs", job_id=job_id), run_with("tags", job_id=job_id)
    assert (with_logs["experiment"], own["experiment"]) == (SHARED, OWN)
    assert any("/logs/client-" in path for path in with_logs["files"])
    assert not any("/logs/" in path for path in own["files"])
    assert any(path.endswith("/report.html") for path in own["files"])
    params = client.get_run(with_logs["run_id"]).data.params
    assert sum(name.startswith("config.") for name in params) > 60
    assert not any(name.startswith("config.") for name in client.get_run(own["run_id"]).data.params)
    assert client.get_run(own["run_id"]).data.tags["model"] == "nova-30b-sft"
    assert "model" not in client.get_run(with_logs["run_id"]).data.tags


def test_a_corrected_score_is_a_second_point_at_step_0_in_one_copy_only(client):
    corrected = catalogue()["corrected"]
    points = client.get_metric_history(corrected["overwritten"], corrected["metric"])
    assert [(point.step, point.value) for point in points] == [(0, corrected["old"]), (0, corrected["new"])]
    (other,) = client.get_metric_history(corrected["not_overwritten"], corrected["metric"])
    assert other.value == corrected["old"]


def test_a_resumed_job_has_several_client_logs():
    resumed = run_with("logs", job_id=job("resumed", 0)["job_id"])
    assert sum("/logs/client-" in path for path in resumed["files"]) == job("resumed", 0)["client_logs"] == 3


def test_a_trial_run_says_its_limit_only_in_its_config(uri, client):
    for run in runs_with("limited, in its config only"):
        assert yaml.safe_load(text(uri, run, "run_config.yml"))["config"]["params"]["limit_samples"] == 10
        stored = client.get_run(run["run_id"]).data
        assert "limit" not in json.dumps([stored.params, stored.tags, stored.metrics])


def test_flattened_params_name_the_limits_of_other_tasks(client):
    run = run_with("flattened params with limits of other tasks", job_id=job("partly_limited", 1)["job_id"])
    limits = {key: value for key, value in client.get_run(run["run_id"]).data.params.items() if "limit_samples" in key}
    prefix = "config.evaluation.tasks.{}.nemo_evaluator_config.config.params.limit_samples"
    assert limits == {prefix.format(0): "25", prefix.format(2): "0.01"}
    assert job("partly_limited", 1)["limit"] is None


def test_repeats_are_no_limit(uri):
    run = run_with("logs", job_id=job("candidate", 1)["job_id"])
    params = yaml.safe_load(text(uri, run, "run_config.yml"))["config"]["params"]
    assert (params["limit_samples"], params["extra"]["n_samples"]) == (None, 8)
    assert (job("candidate", 1)["samples"], job("candidate", 1)["repeats"]) == (198, 8)


def test_broken_uploads_leave_metrics_and_few_files_failed_by_the_current_exporter_and_finished_by_the_older(client):
    current, older = runs_with("upload broke", exported_by="current"), runs_with("upload broke", exported_by="older")
    assert {run["status"] for run in current} == {"FAILED"}
    assert {run["status"] for run in older} == {"FINISHED"}
    for run in current + older:
        assert client.get_run(run["run_id"]).data.metrics
        assert len(run["files"]) <= 2


def test_old_whole_invocation_runs_have_no_job_and_several_folders():
    old = run_with("old whole invocation", exported_by="older")
    assert (old["job_id"], old["task"], old["name"]) == (None, None, f"eval-{old['invocation_id']}")
    assert len({path.split("/")[0] for path in old["files"] if "/" in path}) == 3


def test_the_older_exporter_made_a_new_run_for_each_export_of_a_job(client):
    duplicate = catalogue()["old_duplicate"]
    for which in ("first", "second"):
        metrics = client.get_run(duplicate[which]["run_id"]).data.metrics
        assert metrics[duplicate["metric"]] == duplicate[which]["value"]


def test_the_phrase_is_in_the_client_log_as_often_as_the_catalogue_says(uri):
    phrase = catalogue()["log_phrase"]
    for job_id, count in phrase["in_client_log_of"].items():
        run = run_with("logs", job_id=job_id)
        (log,) = [path for path in run["files"] if "/logs/client-" in path]
        assert text(uri, run, log).count(phrase["phrase"]) == count


def test_the_samples_pair_up_as_the_catalogue_says(uri):
    paired = catalogue()["paired_samples"]
    candidate, baseline = (
        [json.loads(line) for line in text(uri, run_with("tags", job_id=paired[side]), ".jsonl").splitlines()]
        for side in ("candidate", "baseline")
    )
    pairs = [(new[paired["field"]], old[paired["field"]]) for new, old in zip(candidate, baseline)]
    assert len(pairs) == paired["rows"] == 541
    assert pairs.count((True, False)) == paired["only_candidate"]
    assert pairs.count((False, True)) == paired["only_baseline"]


def test_the_newer_launchers_runs_have_one_trace_per_sample(client):
    for run in runs_with("one trace per sample"):
        stored = client.get_run(run["run_id"])
        assert run["name"] == f"eval-{run['job_id']}"
        assert "invocation_id" not in stored.data.tags
        traces = client.search_traces(
            locations=[stored.info.experiment_id], run_id=run["run_id"], max_results=100, include_spans=False
        )
        assert len(traces) == catalogue()["traces"][run["run_id"]] == int(stored.data.params["n_results"])
