"""The process that serves over HTTP: how it starts, why it does not, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading

import httpx2
import pytest
import trustme

from mlflow_mcp.server.records.tracing import traces_sent
from mlflow_mcp.server.transports.http import HttpServer, listening_at
from mlflow_mcp.settings import Settings, SettingsError
from tests.support.http_serving import ACCEPT
from tests.support.servers import faulty_proxy, free_port, server_environment, stall

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-m", "mlflow_mcp", "serve", "--transport", "http"]


def test_a_taken_port_is_a_sentence_and_exit_code_2(empty_store):
    with listening_at(Settings(port=0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "--port", str(port)],
            env=server_environment() | {"MLFLOW_TRACKING_URI": empty_store},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert done.returncode == 2
    assert done.stderr == (
        f"mlflow-mcp: Cannot listen at 127.0.0.1, port {port} (Address already in use). Choose others with --host and --port.\n"
    )


def test_a_host_that_is_nobody_is_a_sentence():
    with pytest.raises(SettingsError, match=r"Cannot listen at no-such-host\.invalid, port 8000 \("):
        listening_at(Settings(host="no-such-host.invalid"))


def test_files_that_are_no_certificate_are_a_sentence(tmp_path, empty_store):
    authority = trustme.CA()
    cert, other = authority.issue_cert("localhost"), authority.issue_cert("localhost")
    chain, key, text = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "text.pem"
    cert.cert_chain_pems[0].write_to_path(chain)
    other.private_key_pem.write_to_path(key)
    text.write_text("no certificate")

    for cert_file, key_file in ((chain, key), (text, key), (chain, None), (tmp_path / "nowhere", key)):
        settings = Settings(tracking_uri=empty_store, tls_cert=str(cert_file), tls_key=key_file and str(key_file))
        with pytest.raises(SettingsError, match=r"cannot be used \(.+\)\. Correct MLFLOW_MCP_TLS_CERT"):
            HttpServer(settings)


def test_https_and_an_end_that_lets_a_call_finish(mlflow_server, tmp_path):
    """One process: its certificate, what it prints, SIGTERM while a call waits for MLflow, and the spans of all that."""
    authority, port = trustme.CA(), free_port()
    chain, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert = authority.issue_cert("localhost")
    cert.private_key_pem.write_to_path(key)
    chain.write_bytes(b"".join(each.bytes() for each in cert.cert_chain_pems))
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    token = "ana-0123456789abcdef"
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "query_runs", "arguments": {}}}
    with faulty_proxy(mlflow_server.uri, stall("/runs/search")) as proxy:
        variables = {
            "MLFLOW_TRACKING_URI": proxy.uri,
            "MLFLOW_MCP_AUTH": "shared",
            "MLFLOW_MCP_TOKENS": f"ana={token}",
            "MLFLOW_MCP_TIMEOUT": "3",
            "OTEL_TRACES_EXPORTER": "console",
        }
        flags = ["--port", str(port), "--tls-cert", str(chain), "--tls-key", str(key)]
        with subprocess.Popen(
            [*COMMAND, *flags], env=server_environment() | variables, stderr=subprocess.PIPE, text=True
        ) as process:
            watchdog = threading.Timer(120, process.kill)
            watchdog.start()
            said = process.stderr.readline()
            answers = []
            with httpx2.Client(
                base_url=f"https://localhost:{port}",
                verify=trusted,
                headers=ACCEPT | {"Authorization": f"Bearer {token}"},
            ) as client:
                while client.get("/ready").status_code != 200:  # MLflow's client is being loaded
                    assert watchdog.is_alive()
                caller = threading.Thread(target=lambda: answers.append(client.post("/mcp", json=call, timeout=60)))
                caller.start()
                while not proxy.count("/runs/search") and caller.is_alive():
                    caller.join(0.05)
                process.send_signal(signal.SIGTERM)
                caller.join(60)
            code = process.wait(60)
            rest = process.stderr.read()
            watchdog.cancel()

    assert said == f"mlflow-mcp: serving https://127.0.0.1:{port}/mcp (auth: shared).\n"
    assert code == 0
    assert token not in rest
    data = next(line for line in answers[0].text.splitlines() if line.startswith("data: {"))
    told = json.loads(data.removeprefix("data: "))["result"]["content"][0]["text"]
    assert told.startswith("query_runs did not finish within 3 s.")
    spans = [json.loads(each) for each in re.findall(r"^\{$.*?^\}$", rest, re.M | re.S)]
    (called,) = (span for span in spans if span["name"] == "tools/call query_runs")
    asked = [span for span in spans if span["parent_id"] == called["context"]["span_id"]]
    assert called["resource"]["attributes"]["service.name"] == "mlflow-mcp"
    assert "/api/2.0/mlflow/experiments/search" in {span["attributes"].get("url.path") for span in asked}
    # MLflow was told whose part it is.
    trace = called["context"]["trace_id"].removeprefix("0x")
    assert all(f"-{trace}-" in seen.headers["Traceparent"] for seen in proxy.requests if "/mlflow/" in seen.path)


def test_the_body_of_an_answer_does_not_wait_for_its_head_to_be_acknowledged():
    with listening_at(Settings(port=0)) as listening, socket.create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_traces_without_their_exporter_are_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(SettingsError, match=r"OTEL_TRACES_EXPORTER=otlp needs the extra 'otel'\."):
        traces_sent(Settings(traces_exporter="otlp")).__enter__()
