"""Named servers over HTTP: the credentials of one never reach another, and one that asks for a log-in takes its own."""

from __future__ import annotations

from base64 import b64encode

import pytest

from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.servers import answering, faulty_proxy, running_mlflow_server

INVOCATION = "71f3f3199ea5e1f0"
JOB = f"{INVOCATION}.0"


def basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def test_the_credentials_of_a_server_reach_no_other(mlflow_server, ask_many, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ana")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "of the default")
    with (
        faulty_proxy(mlflow_server.uri) as default,
        faulty_proxy(mlflow_server.uri) as dev,
        faulty_proxy(mlflow_server.uri) as user_info,
        faulty_proxy(mlflow_server.uri) as open_to_all,
    ):
        listed = {
            "MLFLOW_MCP_SERVERS": f"main={default.uri},dev={dev.uri},"
            f"info={user_info.uri.replace('://', '://ben:b%40b@')},bare={open_to_all.uri}",
            "MLFLOW_MCP_SERVER_DEV_TOKEN": "of-dev",
            "MLFLOW_MCP_DOWNLOAD_DIR": str(tmp_path),
        }
        with ask_many(Settings.from_environment(listed)) as ask:
            texts = [
                ask("get_server_info").text,
                ask("resolve_id", id="71f3f3").text,
                ask("compare_runs", run_ids=["71f3f3", "dev:0c94be", "info:0c94be", "bare:0c94be"]).text,
                ask("diff_artifacts", run_ids=[JOB, f"dev:{JOB}", f"info:{JOB}"], artifact_path="config.yml").text,
                ask("export_runs", run_ids=[JOB, f"dev:{JOB}", f"bare:{JOB}"], path="a.html").text,
                ask("find_similar_runs", run_id=f"dev:{JOB}", experiment_id="bare:").text,
                ask("search_models", experiment_id="dev:").text,
                ask("get_artifact_content", run_id=f"info:{JOB}", artifact_path="config.yml").text,
                ask("get_run", run_id=f"dev:{JOB}").text,
                ask("get_run", run_id=f"{info_url(user_info.uri)}").text,
            ]
        sent = [
            {seen.headers.get("Authorization") for seen in proxy.requests}
            for proxy in (default, dev, user_info, open_to_all)
        ]
        assert all(len(proxy.requests) > 5 for proxy in (default, dev, user_info, open_to_all))

    assert sent == [{basic("ana", "of the default")}, {"Bearer of-dev"}, {basic("ben", "b@b")}, {None}]
    assert not any(secret in text for text in texts for secret in ("of the default", "of-dev", "b%40b", "b@b"))


def info_url(uri: str) -> str:
    return f"{uri}/#/experiments/1/runs/{'0' * 32}"


def test_an_mlflow_url_picks_its_server(mlflow_server, store, ask_many):
    with ask_many(Settings(servers=f"local={store.uri},web={mlflow_server.uri}")) as ask:
        run = data_of(ask("get_run", run_id=f"web:{JOB}"))
        again = data_of(ask("get_run", run_id=run["url"]))
        across = data_of(ask("compare_runs", run_ids=["0c94be", run["url"]]))
        experiment = run["url"].partition("/runs/")[0]
        found = data_of(ask("query_runs", experiment_id=experiment, limit=1))
        similar = data_of(ask("find_similar_runs", run_id=JOB, experiment_id=experiment))

    assert run["url"].startswith(mlflow_server.uri)
    assert "web:" not in run["url"]
    assert again == run
    assert len(rows_of(across["sides"])) == 2
    assert found["server"] == "web"
    assert all(row["run_id"].startswith("web:") for row in rows_of(similar["runs"]))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A real server that asks for a log-in; MLflow makes its first user itself."""
    folder = tmp_path_factory.mktemp("guarded")
    config = folder / "auth.ini"
    config.write_text(
        "[mlflow]\ndefault_permission = READ\nadmin_username = admin\nadmin_password = password of admin\n"
        f"database_uri = sqlite:///{folder}/auth.db\nauthorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    variables = {"MLFLOW_AUTH_CONFIG_PATH": str(config), "MLFLOW_FLASK_SERVER_SECRET_KEY": "not a secret"}
    with running_mlflow_server(folder, options=("--app-name", "basic-auth"), environment=variables) as uri:
        yield uri


@pytest.mark.slow
def test_a_server_with_a_log_in_takes_its_own_credentials(guarded, store, ask_many):
    listed = {"MLFLOW_MCP_SERVERS": f"local={store.uri},safe={guarded}"}
    own = {"MLFLOW_MCP_SERVER_SAFE_USERNAME": "admin", "MLFLOW_MCP_SERVER_SAFE_PASSWORD": "password of admin"}
    with ask_many(Settings.from_environment({**listed, **own})) as ask:
        found = rows_of(data_of(ask("search_experiments", name="safe:"))["experiments"])
        states = data_of(ask("get_server_info"))["servers"]
    with ask_many(Settings.from_environment(listed)) as ask:
        refused = problem_of(ask("search_experiments", name="safe:"))
        searched = data_of(ask("resolve_id", id="71f3f3"))

    assert [row["experiment_id"] for row in found] == ["safe:0"]
    assert [each["state"] for each in states] == ["answers", "answers"]
    assert refused.startswith("On server safe: ")
    assert "MLFLOW_MCP_SERVER_SAFE_USERNAME" in refused
    assert [each["id"] for each in searched["found"]] == [INVOCATION]
    assert searched["notes"][0].startswith("Not searched: safe. ")


@pytest.mark.slow
def test_a_refusal_names_the_variables_of_its_server(store, ask_many):
    with (
        answering(401, "who are you?", "text/plain") as uri,
        ask_many(Settings(servers=f"local={store.uri},safe={uri}")) as ask,
    ):
        refused = problem_of(ask("get_run", run_id="safe:71f3f3"))

    assert (
        "MLFLOW_MCP_SERVER_SAFE_USERNAME and MLFLOW_MCP_SERVER_SAFE_PASSWORD, or MLFLOW_MCP_SERVER_SAFE_TOKEN"
        in refused
    )
    assert "MLFLOW_TRACKING" not in refused
