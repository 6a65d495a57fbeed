"""Serving over HTTP, without authentication on this machine: both eras, probes, and what is refused at the door."""

from __future__ import annotations

import json
import socket
import time

import anyio
import anyio.to_thread
import httpx2
import pytest

from mlflow_mcp.server.transports import http as transport
from mlflow_mcp.server.transports import web
from mlflow_mcp.settings import Settings, SettingsError
from mlflow_mcp.tools.catalog import ADDS, offered
from tests.support.http_serving import ACCEPT, asked, connected, posted, serving, taking_turns
from tests.support.servers import faulty_proxy, refused_uri, stall

# Each has a server of its own in a thread, and connections to it.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(sqlite_template):
    with serving(sqlite_template.uri) as (address, _):
        yield address


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_client_of_either_era_gets_the_same_answer_as_over_stdio(address, store, ask, mode):
    over_stdio = ask(store.uri, "search_experiments").data

    assert asked(address, "search_experiments", mode=mode).structured_content == over_stdio


def test_resources_and_prompts_are_served(address):
    async def look():
        async with connected(address) as client:
            text = await client.read_resource("mlflow://help/filters")
            return text.contents[0].text, (await client.list_prompts()).prompts

    text, prompts = anyio.run(look)
    assert "LIKE" in text
    assert len(prompts) > 5


def test_no_tool_writes_files(address):
    async def tools():
        async with connected(address) as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    offered = anyio.run(tools)
    assert not {"export_runs", "download_artifacts"} & set(offered)
    assert all(tool.annotations.read_only_hint for tool in offered.values())
    assert not {"path", "overwrite"} & set(offered["plot_metrics"].input_schema["properties"])
    told = asked(address, "plot_metrics", run_ids=["x"], metrics=["loss"], path="a.png")
    assert told.is_error
    assert told.content[0].text.startswith("plot_metrics has no argument 'path'.")


def test_no_file_of_the_servers_machine_is_sent_to_mlflow(sqlite_store):
    with serving(sqlite_store.uri, allow_write=("log",)) as (address, _):
        arguments = {"experiment_id": "evals", "key": "of-a-test"}
        told = asked(address, "log_run", **arguments, files=["secrets.txt"])
        logged = asked(address, "log_run", **arguments, dry_run=True)

    assert told.content[0].text.startswith("log_run has no argument 'files'.")
    assert not logged.is_error


def test_where_files_go_is_told_to_nobody(address):
    assert "files_into" not in asked(address, "get_server_info").structured_content


def test_health_and_ready(address):
    assert httpx2.get(f"{address}/health").json() == {"status": "ok"}
    asked(address, "search_experiments")  # has loaded MLflow's client
    assert httpx2.get(f"{address}/ready").json() == {"status": "ready"}


def test_not_ready_while_mlflow_does_not_answer():
    with refused_uri() as uri, serving(uri) as (address, server):
        _ = server.parts.connections.own.mlflow
        answer = httpx2.get(f"{address}/ready")

    assert (answer.status_code, answer.json()) == (503, {"status": "MLflow does not answer (ConnectError)."})


def test_ready_is_asked_of_mlflow_once_in_a_while(mlflow_server):
    with faulty_proxy(mlflow_server.uri) as proxy, serving(proxy.uri) as (address, server):
        _ = server.parts.connections.own.mlflow
        answers = [httpx2.get(f"{address}/ready").status_code for _ in range(5)]
        seen = [(each.path, each.headers.get("Authorization")) for each in proxy.requests]

    assert answers == [200] * 5
    assert seen == [("/health", None)]


def test_figures_of_calls_and_of_mlflow(mlflow_server):
    with serving(mlflow_server.uri) as (address, _):
        asked(address, "search_experiments")
        asked(address, "get_run", run_id="nothing")
        asked(address, "no_such_tool")
        text = httpx2.get(f"{address}/metrics").text

    lines = text.splitlines()
    assert 'mlflow_mcp_calls_total{tool="search_experiments",outcome="ok"} 1' in lines
    assert 'mlflow_mcp_calls_total{tool="get_run",outcome="error"} 1' in lines
    assert 'mlflow_mcp_call_seconds_count{tool="unknown"} 1' in lines
    assert 'mlflow_mcp_call_seconds_bucket{tool="get_run",le="+Inf"} 1' in lines
    assert "no_such_tool" not in text
    answered = next(line for line in lines if line.startswith('mlflow_mcp_mlflow_requests_total{status="200"}'))
    assert int(answered.split()[1]) >= 2


def test_an_oversized_body_is_refused(address):
    told = httpx2.post(f"{address}/mcp", content=b"x" * (web.LARGEST_BODY + 1), headers=ACCEPT)
    # Without a Content-Length, too.
    parts = httpx2.post(f"{address}/mcp", content=iter([b"x" * 600_000] * 2), headers=ACCEPT)

    assert (told.status_code, parts.status_code) == (413, 413)


def test_slow_clients_are_not_waited_for(address, monkeypatch):
    monkeypatch.setattr(web, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(transport, "_HEAD_SECONDS", 0.3)
    port = int(address.rpartition(":")[2])
    head = f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: 50\r\n"
    with (
        socket.create_connection(("127.0.0.1", port)) as no_head,
        socket.create_connection(("127.0.0.1", port)) as no_body,
    ):
        no_head.sendall(head.encode())
        no_body.sendall(f"{head}\r\n{{".encode())
        for each in (no_head, no_body):
            each.settimeout(20)
        assert no_body.recv(1_000).startswith(b"HTTP/1.1 408 ")
        assert no_head.recv(1_000) == b""


@pytest.mark.parametrize("head", ["GET /health HTTP/1.1\r\nHost: localhost", "POST /mcp HTTP/1.1\r\nHost: evil"])
def test_the_body_of_a_request_that_is_answered_is_not_waited_for(address, head, monkeypatch):
    monkeypatch.setattr(transport, "_HEAD_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as client:
        client.settimeout(0.1)
        client.sendall(f"{head}\r\nContent-Length: 5000\r\n\r\n".encode())
        ends = time.monotonic() + 20
        assert "closed" in (_fed(client) for _ in iter(lambda: time.monotonic() < ends, False))


def _fed(client: socket.socket) -> str:
    """One more byte of a body, and what the server says to it."""
    try:
        client.sendall(b"a")
        return "answered" if client.recv(1_000) else "closed"
    except TimeoutError:
        return "waits"
    except OSError:
        return "closed"


def test_a_client_that_keeps_its_connection_sends_a_second_request_whole_or_not_at_all(address, monkeypatch):
    monkeypatch.setattr(transport, "_HEAD_SECONDS", 0.3)
    port = int(address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(20)
        client.sendall(f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b'{"status":"ok"}'):
            answer += client.recv(1_000)
        client.sendall(b"GET /health HT")
        assert client.recv(1_000) == b""


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_cursor_of_one_instance_goes_on_at_another(sqlite_template, mode):
    async def pages(address, limit):
        async with connected(address, mode=mode) as client:
            found, cursor = [], {}
            while True:
                page = (await client.call_tool("query_runs", {"limit": limit, **cursor})).structured_content
                found += [row[0][:12] for row in page["runs"]["rows"]]
                if not page.get("next_cursor"):
                    return found
                cursor = {"cursor": page["next_cursor"]}

    with serving(sqlite_template.uri) as (first, one), serving(sqlite_template.uri) as (second, other):
        with taking_turns(first, second) as address:
            found = anyio.run(pages, address, 7)
        whole = anyio.run(pages, first, 100)
        shares = [each.parts.metrics.text().count('outcome="ok"') for each in (one, other)]

    assert found == whole
    assert len(whole) > 14
    assert shares == [1, 1]  # both have answered


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"host": "0.0.0.0"}, "MLFLOW_MCP_AUTH=shared or passthrough"),
        ({"auth": "shared"}, "MLFLOW_MCP_TOKENS"),
        ({"auth": "passthrough"}, "MLFLOW_TRACKING_URI"),
        ({"auth": "passthrough", "tracking_uri": "http://svc:secret@mlflow.example.com"}, "the place of the caller's"),
        (
            {
                "auth": "passthrough",
                "tracking_uri": "http://127.0.0.1:1",
                "servers": "prod=http://127.0.0.1:1,dev=sqlite:///x.db",
            },
            "MLFLOW_MCP_SERVERS",
        ),
        ({"auth": "shared", "jwt_issuer": "https://issuer.example.com"}, "MLFLOW_MCP_PUBLIC_URL"),
        ({"tls_key": "key.pem"}, "MLFLOW_MCP_TLS_CERT"),
        ({"tls_cert": "nowhere.pem"}, "nowhere.pem"),
    ],
)
def test_what_would_let_in_the_wrong_ones_or_nobody_does_not_start(options, named, empty_store):
    with pytest.raises(SettingsError, match=named):
        transport.HttpServer(Settings(**{"tracking_uri": empty_store} | options))


def test_other_machines_are_served_where_the_operator_says_so(empty_store):
    assert transport.HttpServer(Settings(tracking_uri=empty_store, host="0.0.0.0", allow_anyone=True))


def test_a_shutdown_lets_calls_finish_and_refuses_new_ones(mlflow_server):
    with (
        faulty_proxy(mlflow_server.uri, stall("/runs/search")) as proxy,
        serving(proxy.uri, shutdown_seconds=30, timeout=1.5) as (own, server),
    ):
        _ = server.parts.connections.own.mlflow
        outcomes = []

        async def slow(client):
            outcomes.append(await client.call_tool("query_runs", {}))

        async def story():
            async with connected(own) as client, anyio.create_task_group() as tasks:
                await client.list_tools()
                tasks.start_soon(slow, client)
                while not any("/runs/search" in each.path for each in proxy.requests):
                    await anyio.sleep(0.01)
                server.leave()
                ready = await anyio.to_thread.run_sync(httpx2.get, f"{own}/ready")
                refused = await anyio.to_thread.run_sync(posted, own)
                return ready, refused

        ready, refused = anyio.run(story)
    assert ready.status_code == refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert json.loads(refused.text)["error"]["message"] == "This server is shutting down."
    assert outcomes[0].content[0].text.startswith("query_runs did not finish within 1.5 s.")


def test_a_run_is_recorded_without_files_of_the_servers_machine():
    settings = Settings(transport="http", allow_write=("log",))
    (entry,) = [entry for entry in offered(settings) if entry.name == "log_run"]

    assert entry.without == ("files",)
    assert entry.effect is ADDS


def test_a_shutdown_does_not_wait_for_streams_that_never_end(empty_store):
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    with serving(empty_store, shutdown_seconds=600, sessions=1) as (own, server):
        session = posted(own, message).headers["mcp-session-id"]
        with httpx2.stream("GET", f"{own}/mcp", headers=ACCEPT | {"Mcp-Session-Id": session}) as stream:
            assert stream.status_code == 200
            server.leave()
            with pytest.raises(httpx2.RemoteProtocolError):
                stream.read()
