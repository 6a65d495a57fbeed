"""`mlflow-mcp doctor` in front of good and bad servers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from mlflow_mcp.cli.doctor import run_doctor
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.catalog import offered
from tests.support.servers import answering, faulty_proxy, refused_uri, server_environment, stall, stalling_server

Doctor = Callable[..., tuple[int, str]]


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """`doctor(uri)` -> exit code, and what it wrote with its broken lines joined."""
    # The doctor is in a hurry; other tests of this process keep MLflow's time-out as a server sets it.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "50")

    def ask(uri: str | None, **settings: object) -> tuple[int, str]:
        code = run_doctor(Settings(tracking_uri=uri, **settings))
        return code, " ".join(capsys.readouterr().out.split())

    return ask


def test_a_good_server_passes_every_check(doctor, mlflow_server):
    code, said = doctor(mlflow_server.uri)
    assert code == 0
    assert f"ok address {mlflow_server.uri} ok answer after 0." in said
    assert "ok credentials none set, and none asked for ok version the server is 3." in said
    assert "ok experiments 6 active, the newest 'sweeps'," in said
    assert "can be read, served by the MLflow server" in said
    assert "Yes, it can." in said


def test_a_local_store_is_not_asked_what_only_servers_have(doctor, sqlite_store):
    code, said = doctor(sqlite_store.uri)
    assert code == 0
    assert "credentials" not in said
    assert "can be read, kept in /" in said


def test_the_doctor_says_that_nothing_is_written_to_mlflow(doctor, sqlite_store):
    assert not any(entry.effect.changes_mlflow for entry in offered(Settings()))
    line = f"ok tools {len(offered(Settings()))} tools: reads MLflow; writes files: export_runs, download_artifacts, plot_metrics"
    assert line in doctor(sqlite_store.uri)[1]


def test_a_store_without_runs_can_be_used(doctor, empty_store):
    code, said = doctor(empty_store)
    assert code == 0
    assert "ok artifacts no runs yet" in said


def test_a_store_found_in_the_folder_is_named(doctor, sqlite_store, tmp_path):
    code, said = doctor(None)
    assert code == 0
    assert f"ok address sqlite:///{tmp_path}/mlflow.db, of this folder: MLFLOW_TRACKING_URI is not set" in said


def test_nothing_configured_says_what_to_set(doctor):
    code, said = doctor(None)
    assert code == 1
    assert "NO address No MLflow server is configured" in said
    assert "Set MLFLOW_TRACKING_URI" in said
    assert said.endswith("No, not yet. Not checked: answer, credentials, version, experiments, artifacts.")


def test_a_missing_database_is_not_made_by_looking(doctor, tmp_path):
    code, said = doctor(f"sqlite:///{tmp_path / 'absent.db'}")
    assert code == 1
    assert f"NO address The database {tmp_path / 'absent.db'} does not exist." in said
    assert list(tmp_path.iterdir()) == []


def test_a_refused_connection_is_reported_without_the_password(doctor):
    with refused_uri() as uri:
        code, said = doctor(uri.replace("//", "//ana:hunter22@"))
    assert code == 1
    assert "NO answer The MLflow server at http://***@127.0.0.1" in said
    assert "cannot be reached: nothing answers there. Check MLFLOW_TRACKING_URI" in said
    assert "hunter22" not in said


def test_refused_credentials_name_the_variables(doctor):
    with answering(401) as uri:
        code, said = doctor(uri)
    assert code == 1
    assert f"NO credentials The MLflow server at {uri} does not accept the credentials (401)." in said
    assert "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN" in said


def test_a_log_in_page_is_not_taken_for_mlflow(doctor):
    with answering(200, "<html>Please log in</html>", "text/html") as uri:
        code, said = doctor(uri)
    assert code == 1
    assert f"NO credentials What answers at {uri} is not an MLflow tracking server" in said


def test_a_server_that_falls_silent_later_is_reported_too(doctor, mlflow_server):
    with faulty_proxy(mlflow_server.uri, stall("runs/search"), stall("health", 2)) as proxy:
        code, said = doctor(proxy.uri, probe_timeout=0.5, timeout=4)
    assert code == 1
    assert f"NO artifacts The MLflow server at {proxy.uri} accepts connections but does not answer." in said


@pytest.mark.slow
def test_a_silent_server_is_reported_by_the_command(forked_python):
    with stalling_server() as uri:
        command = [forked_python, "-m", "mlflow_mcp", "doctor"]
        environment = server_environment() | {"MLFLOW_TRACKING_URI": uri}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert f"The MLflow server at {uri} accepts connections but does not answer." in " ".join(ended.stdout.split())
