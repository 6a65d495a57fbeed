"""Connections of two identities in one process: nothing of one reaches the other."""

from __future__ import annotations

from base64 import b64encode

import pytest

from mlflow_mcp.client import Client
from mlflow_mcp.client.call import Call
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.transport.connection import Connection, Credentials
from mlflow_mcp.errors import NotFound
from mlflow_mcp.settings import Settings
from tests.support.servers import faulty_proxy

ANA = Credentials(username="ana", password="ana-password")
BEN = Credentials(token="ben-token")
SENT = {"ana": "Basic " + b64encode(b"ana:ana-password").decode(), "ben": "Bearer ben-token"}


def ask_everything(client: Client) -> list[str]:
    """Every way to the server: MLflow's client, its registry, and requests of our own, some from other threads."""
    names = client.experiments.reread()
    ids = list(names)
    client.run_concurrently(*(lambda each=each: client.runs.search([each], max_results=1) for each in ids))
    runs, _ = client.runs.search(ids, max_results=1)
    client.artifacts(runs[0].info.run_id).entries()
    client.http.server_version()
    with pytest.raises(NotFound):
        client.models.registry.version_uri("no-such-model", "1")
    return ids


def test_every_request_carries_the_credentials_of_its_own_connection(mlflow_server):
    with faulty_proxy(mlflow_server.uri) as proxy:
        settings = Settings(tracking_uri=proxy.uri)
        ana, ben = Client(Connection(settings, credentials=ANA)), Client(Connection(settings, credentials=BEN))
        sent: dict[str, set[str | None]] = {}
        for name, client in (("ana", ana), ("ben", ben), ("ana", ana)):
            before = len(proxy.requests)
            ask_everything(client)
            sent.setdefault(name, set()).update(seen.headers.get("Authorization") for seen in proxy.requests[before:])

    assert sent == {"ana": {SENT["ana"]}, "ben": {SENT["ben"]}}


def test_two_identities_that_ask_at_the_same_time_keep_their_credentials(mlflow_server):
    with faulty_proxy(mlflow_server.uri) as proxy:
        settings = Settings(tracking_uri=proxy.uri)
        clients = {name: Client(Connection(settings, credentials=who)) for name, who in (("ana", ANA), ("ben", BEN))}
        paths = {name: f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={name}" for name in clients}
        jobs = [lambda name=name, client=client: client.http.get(paths[name]) for name, client in clients.items()] * 8
        Connection(settings).pool.run(Call(timeout=60), jobs)
        pairs = {
            (seen.path.rpartition("=")[2], seen.headers.get("Authorization"))
            for seen in proxy.requests
            if "get-by-name" in seen.path
        }

    assert pairs == set(SENT.items())


def test_a_cookie_of_one_answer_goes_out_with_no_other_request(mlflow_server):
    with faulty_proxy(mlflow_server.uri) as proxy:
        proxy.added_headers["Set-Cookie"] = "session=of-ana; Path=/"
        settings = Settings(tracking_uri=proxy.uri)
        for credentials in (ANA, BEN):
            ask_everything(Client(Connection(settings, credentials=credentials)))

        assert len(proxy.requests) > 10
        assert [seen.path for seen in proxy.requests if "Cookie" in seen.headers] == []


def test_the_list_of_experiments_belongs_to_a_connection(sqlite_template):
    settings = Settings(tracking_uri=sqlite_template.uri)
    first, second = Connection(settings), Connection(settings)

    Client(first).experiments.names()

    assert first.experiments is not None
    assert second.experiments is None


def test_credentials_are_not_shown():
    assert repr(ANA) == "Credentials(username='ana')"
    assert repr(BEN) == "Credentials(username=None)"


def test_who_is_known_to_the_server_is_told_that_something_may_be_hidden(mlflow_server):
    settings = Settings(tracking_uri=mlflow_server.uri)
    known, unknown = Client(Connection(settings, credentials=ANA)), Client(Connection(settings))

    with pytest.raises(NotFound) as told_ana:
        experiment_ids(known, "nothing of this name")
    with pytest.raises(NotFound) as told_all:
        experiment_ids(unknown, "nothing of this name")

    assert "What these credentials may not read is not listed. " in str(told_ana.value)
    assert "credentials" not in str(told_all.value)


NOTHING = [
    ("search_experiments", {"name": "nothing"}),
    ("query_runs", {"query": "params.x = 'nothing'"}),
    ("search_runs_by_tags", {"tags": {"x": "nothing"}}),
    ("get_invocation", {"invocation_id": "ffffffffffffffff"}),
    ("get_run", {"run_id": "nothing"}),
    ("resolve_id", {"id": "ffffffffffffffff"}),
    ("best_runs", {"metric": "no_such_metric", "mode": "max"}),
    ("aggregate_runs", {"metrics": ["no_such_metric"]}),
    ("compare_runs", {"run_ids": ["nothing", "none"]}),
    ("export_runs", {"path": "a.csv", "query": "params.x = 'nothing'"}),
    ("get_metric_history", {"run_ids": ["nothing"], "metrics": ["x"]}),
    ("search_models", {"query": "name = 'nothing'"}),
    ("search_models", {"registered": True, "query": "name = 'nothing'"}),
    ("get_model", {"model": "nothing"}),
    ("search_traces", {"query": "name = 'nothing'"}),
    ("summarize_traces", {"query": "name = 'nothing'"}),
    ("get_trace", {"trace_id": f"tr-{'0' * 32}"}),
    ("search_artifacts", {"run_ids": ["nothing"], "pattern": "x"}),
]


@pytest.mark.slow
def test_nothing_found_may_be_hidden_from_who_is_known_to_the_server(mlflow_server, ask_many, monkeypatch, tmp_path):
    """MLflow's basic-auth leaves out of its lists what one may not read, and says nothing of it."""
    settings = Settings(tracking_uri=mlflow_server.uri, download_dir=str(tmp_path))
    hint = "What these credentials may not read is not listed."
    with ask_many(settings) as ask:
        told_all = [ask(tool, **arguments).text for tool, arguments in NOTHING]
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ana")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "of no account")
    with ask_many(settings) as ask:
        told_ana = {str(call): ask(call[0], **call[1]).text for call in NOTHING}
        found = ask("search_experiments").text

    assert not any(hint in text for text in told_all)
    assert [call for call, text in told_ana.items() if text.count(hint) != 1] == []
    assert hint not in found
