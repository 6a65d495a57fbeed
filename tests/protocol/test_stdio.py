"""The real thing, as hosts start it: a process, two pipes, and nothing but JSON-RPC on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress

import anyio
import pytest

from tests.support.servers import faulty_proxy, stall

pytestmark = pytest.mark.slow  # processes of their own

COMMAND = [sys.executable, "-m", "mlflow_mcp"]
HANDSHAKES = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return kept | more


class Host:
    """One end of the pipes. Every line that comes must be JSON-RPC."""

    def __init__(self, process):
        self.process = process
        self.number = 0

    def send(self, method, params=None, **more):
        message = {"jsonrpc": "2.0", "method": method, **more}
        if params is not None:
            message["params"] = params
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def ask(self, method, params=None):
        self.number += 1
        self.send(method, params, id=self.number)
        while True:
            line = self.process.stdout.readline()
            assert line, f"the server ended: {self.process.stderr.read()}"
            message = json.loads(line)
            assert message["jsonrpc"] == "2.0"
            if message.get("id") == self.number:
                return message

    def initialize(self, version="2025-11-25"):
        client = {"name": "test", "version": "1"}
        answer = self.ask("initialize", {"protocolVersion": version, "capabilities": {}, "clientInfo": client})
        self.send("notifications/initialized")
        return answer["result"]

    def call(self, tool, **arguments):
        return self.ask("tools/call", {"name": tool, "arguments": arguments})["result"]


@contextmanager
def started(python=sys.executable, *, seconds=60, **variables):
    """A server's process. It is killed when the test is done with it, and when it takes too long."""
    with subprocess.Popen(
        [python, *COMMAND[1:]],
        env=environment(**variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        watchdog = threading.Timer(seconds, process.kill)
        watchdog.start()
        try:
            yield Host(process)
        finally:
            watchdog.cancel()
            process.kill()


@pytest.mark.parametrize("version", HANDSHAKES)
def test_a_client_of_any_version_connects_and_gets_an_answer(version, forked_python):
    """Without an MLflow server: the answer is what to set, and comes without `import mlflow`."""
    with started(sys.executable if version == HANDSHAKES[-1] else forked_python) as host:
        hello = host.initialize(version)
        tools = host.ask("tools/list", {})["result"]["tools"]
        answer = host.call("search_experiments", name="llama")

    assert hello["protocolVersion"] == version
    assert hello["serverInfo"]["name"] == "mlflow-mcp"
    assert "invocation id" in hello["instructions"]
    assert "get_invocation" in [tool["name"] for tool in tools]
    assert answer["content"][0]["text"].startswith("No MLflow server is configured, and this folder holds no mlflow.db")


def test_a_client_of_the_newest_version_connects_without_a_handshake(sqlite_template, forked_python):
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    parameters = StdioServerParameters(
        command=forked_python, args=COMMAND[1:], env=environment(MLFLOW_TRACKING_URI=sqlite_template.uri)
    )

    async def talk():
        with anyio.fail_after(60):
            async with Client(stdio_client(parameters)) as client:
                answer = await client.call_tool("get_invocation", {"invocation_id": "71f3f3199ea5e1f0"})
                return client.protocol_version, answer

    version, answer = anyio.run(talk)

    assert version == "2026-07-28"
    assert len(answer.structured_content["tasks"]["rows"]) == 4


def test_stdout_carries_nothing_but_json_rpc_and_closing_stdin_ends_the_process_even_while_a_call_waits(mlflow_server):
    seeded = mlflow_server.seeded
    with (
        faulty_proxy(mlflow_server.uri, stall("get-history-bulk-interval.*train")) as proxy,
        started(MLFLOW_TRACKING_URI=proxy.uri) as host,
    ):
        host.initialize()
        host.ask("tools/list", {})
        answers = [
            host.call("get_server_info"),
            host.call("get_invocation", invocation_id=seeded.candidate),
            host.call("get_run", run_id=seeded.log_run),
            host.call("get_artifact_content", run_id=seeded.log_run, artifact_path="config.yml"),
            host.call("get_run", run_id="nothing is called so"),
        ]
        curve = {"run_ids": seeded.training_base, "metrics": "train/loss"}
        host.send("tools/call", {"name": "get_metric_history", "arguments": curve}, id=99)
        wait_until(lambda: proxy.count("train"), host.process)
        host.process.stdin.close()

        assert host.process.wait(timeout=3) == 0
        rest, complaints = host.process.stdout.read(), host.process.stderr.read()

    assert [bool(answer.get("isError")) for answer in answers] == [False, False, False, False, True]
    assert [json.loads(line)["jsonrpc"] for line in rest.splitlines()] in ([], ["2.0"]), (
        "at most the end of the last call"
    )
    assert complaints == ""


def call_line(name, number="1"):
    return (
        f'{{"jsonrpc":"2.0","id":{number},"method":"tools/call",'
        f'"params":{{"name":"search_experiments","arguments":{{"name":{name}}}}}}}'
    )


# A line that is no message, and the id and code of each answer to it.
UNREADABLE: dict[str, tuple[str | bytes, list[tuple[object, int]]]] = {
    "half a surrogate pair": (call_line('"\\ud83d"', "7"), [(7, -32700)]),
    "5,000 digits": (call_line("9" * 5_000, '"x"'), [("x", -32700)]),
    "5,000 deep": (call_line("[" * 5_000 + "]" * 5_000, "8"), [(8, -32700)]),
    "the id last": ('{"method":"ping","params":{"a":{"id":3},"b":"\\ud83d\\"id\\":4"},"id":-9}', [(-9, -32700)]),
    "garbage": ("garbage", [(None, -32700)]),
    "not UTF-8": (b'{"jsonrpc":"2.0","id":10,"method":"\xff"}', [(10, -32700)]),
    "text behind": ('{"jsonrpc":"2.0","id":11,"method":"ping"} x', [(11, -32700)]),
    "a batch": ('[{"id":12,"method":"ping"},{"id":"b","method":"ping"}]', [(12, -32600), ("b", -32600)]),
    "an empty batch": ("[]", [(None, -32600)]),
    "a number": ("17", [(None, -32600)]),
    "an id of null": ('{"jsonrpc":"2.0","id":null,"method":"ping"}', [(None, -32600)]),
    "an id with a fraction": ('{"jsonrpc":"2.0","id":1.5,"method":"ping"}', [(None, -32600)]),
    "no method": ('{"jsonrpc":"2.0","id":13}', [(13, -32600)]),
    "another version": ('{"jsonrpc":"1.0","id":14,"method":"ping"}', [(14, -32600)]),
    "params in a list": ('{"jsonrpc":"2.0","id":15,"method":"ping","params":[1]}', [(15, -32602)]),
    "17 MB": (call_line('"' + "a" * 17_000_000 + '"', "16"), [(16, -32600)]),
    "17 MB, the id last": ('{"method":"' + "a" * 17_000_000 + '","id":17}', [(17, -32600)]),
}


def test_every_line_that_is_no_message_is_answered_with_its_id_and_the_next_request_works(forked_python):
    with started(forked_python) as host:
        host.initialize()
        wire = host.process.stdin.buffer
        for case, (line, expected) in UNREADABLE.items():
            wire.write((line if isinstance(line, bytes) else line.encode()) + b"\n")
            wire.flush()
            answers = [json.loads(host.process.stdout.readline()) for _ in expected]

            assert [(answer["id"], answer["error"]["code"]) for answer in answers] == expected, case
        # No requests, so nobody waits for an answer.
        wire.write(b'\n{"jsonrpc":"2.0","id":5,"result":7}\n{"jsonrpc":"2.0","method":"notifications/none"}\n')

        assert host.ask("ping")["result"] == {}


def wait_until(condition, process):
    """Until it holds; the watchdog of `started` ends the process, and so this, when it never does."""
    while not condition():
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.02)
            pytest.fail("the server ended")


def test_settings_that_cannot_be_used_end_the_process_with_one_sentence():
    done = subprocess.run(
        COMMAND,
        env=environment(MLFLOW_MCP_MAX_TOKENS="lots"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "mlflow-mcp: MLFLOW_MCP_MAX_TOKENS='lots' cannot be used: Input should be a valid integer, unable to parse "
        "string as an integer. Correct it or leave MLFLOW_MCP_MAX_TOKENS out.\n"
    )


IMPORT = """
import os, sys, threading
before = dict(os.environ)
import mlflow_mcp, mlflow_mcp.__main__, mlflow_mcp.server.app, mlflow_mcp.settings
mlflow_mcp.server.app.build_server(mlflow_mcp.settings.Settings(tracking_uri="sqlite:///nowhere.db"))
heavy = {"mlflow", "pandas", "numpy", "sqlalchemy", "requests", "matplotlib", "PIL", "yaml"} & set(sys.modules)
assert not heavy, f"imported: {heavy}"
assert dict(os.environ) == before, "the environment was changed"
assert threading.active_count() == 1, "a thread was started"
assert os.listdir() == [], "a file was made"
"""


def test_importing_the_package_and_building_a_server_have_no_side_effect():
    done = subprocess.run(
        [sys.executable, "-B", "-c", IMPORT],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_version_is_that_of_the_package():
    import mlflow_mcp

    done = subprocess.run(
        [*COMMAND, "--version"], env=environment(), capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout == f"mlflow-mcp {mlflow_mcp.__version__}\n"
