"""Files that are written to runs whose artifacts are in a bucket."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of
from tests.support.servers import running_s3_server

pytestmark = pytest.mark.slow


@pytest.fixture
def s3(monkeypatch, tmp_path):
    """An S3 client of a server with the bucket `runs`, which this process may write to."""
    import boto3

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with running_s3_server(tmp_path) as uri:
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", uri)
        client = boto3.client("s3", endpoint_url=uri)
        client.create_bucket(Bucket="runs")
        yield client
        client.close()


def test_a_file_is_written_into_an_allowed_bucket_and_into_no_other(s3, empty_store, tmp_path, ask):
    MlflowClient(empty_store).create_experiment("in a bucket", "s3://runs/team")
    (tmp_path / "files" / "plots").mkdir(parents=True)
    (tmp_path / "files" / "plots" / "a.txt").write_text("content")
    settings = Settings(tracking_uri=empty_store, allow_write=("log",), download_dir=str(tmp_path / "files"))
    call = {"experiment_id": "in a bucket", "key": "k", "files": ["plots/a.txt"]}

    refused = ask(settings, "log_run", **call)
    allowed = settings.model_copy(update={"artifact_roots": ("s3://runs/team",)})
    run_id = data_of(ask(allowed, "log_run", **call))["run_id"]
    again = ask(allowed, "log_run", **call)

    assert "which this server may not read" in problem_of(refused)
    stored = s3.get_object(Bucket="runs", Key=f"team/{run_id}/artifacts/plots/a.txt")["Body"].read()
    assert stored == b"content"
    assert data_of(again)["outcome"].startswith("unchanged")
