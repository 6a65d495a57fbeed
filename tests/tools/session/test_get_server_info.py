"""get_server_info: what is connected, from a file and from a server."""

from __future__ import annotations

from tests.support.servers import fail, faulty_proxy


def test_a_server_is_described(mlflow_server, ask, snapshot):
    snapshot("get_server_info.http", ask(mlflow_server.uri, "get_server_info"), versions())


def test_a_file_is_described(sqlite_store, ask, snapshot):
    snapshot("get_server_info.sqlite", ask(sqlite_store.uri, "get_server_info"), versions())


def versions():
    import mlflow

    import mlflow_mcp

    return {f'"{mlflow.__version__}"': '"<mlflow>"', f'"{mlflow_mcp.__version__}"': '"<mlflow-mcp>"'}


def test_a_server_that_guards_its_version_is_described_without(mlflow_server, ask):
    with faulty_proxy(mlflow_server.uri, fail(403, "/version")) as proxy:
        answer = ask(proxy.uri, "get_server_info")

    assert not answer.is_error, answer.text
    assert answer.data["tracking_uri"] == proxy.uri
    assert answer.data["experiments"] == len(mlflow_server.seeded.experiments) + 1  # and MLflow's Default
    assert "server_version" not in answer.data
