"""Log lines for hosts that ask for them: by a session's level until 2025-11-25, by each request's since 2026-07-28."""

from __future__ import annotations

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import PromptReference

from mlflow_mcp.server.app import build_server
from mlflow_mcp.settings import Settings
from tests.support.servers import faulty_proxy, stall

NEVER = 60  # seconds after which a hanging test fails
# The SDK's clients warn of what the newest protocol deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:.*(SEP-2577|logging).*")


def heard(settings, conversation, level=None, **options):
    """What the host was sent while it talked; `level` is what a host of the newest protocol wants with each request."""
    lines = []

    async def note(params):
        lines.append((params.level, params.logger, params.data))

    async def talk():
        with anyio.fail_after(NEVER):
            async with Client(build_server(settings), logging_callback=note, log_level=level, **options) as client:
                await conversation(client)
                await client.list_tools()  # whatever was sent before has come by then

    anyio.run(talk)
    return lines


async def complete_nothing(client):
    await client.complete(PromptReference(name="compare_invocations"), {"name": "run", "value": "a"})


NOTHING = "Nothing completed: "


@pytest.fixture
def unreachable(tmp_path):
    return Settings(tracking_uri=f"sqlite:///{tmp_path}/none.db")


@pytest.mark.parametrize(("level", "is_sent"), [("debug", True), ("info", True), ("warning", False), (None, False)])
def test_the_level_of_a_session_decides(level, is_sent, unreachable):
    async def conversation(client):
        if level:
            await client.set_logging_level(level)
        await complete_nothing(client)

    lines = heard(unreachable, conversation, mode="legacy")

    assert [(told, name, text.startswith(NOTHING)) for told, name, text in lines] == [
        ("info", "mlflow-mcp", True)
    ] * is_sent


@pytest.mark.parametrize(("level", "is_sent"), [("debug", True), ("info", True), ("warning", False), (None, False)])
def test_the_level_of_a_request_decides(level, is_sent, unreachable):
    lines = heard(unreachable, complete_nothing, level)

    assert [(told, name, text.startswith(NOTHING)) for told, name, text in lines] == [
        ("info", "mlflow-mcp", True)
    ] * is_sent


def test_the_level_of_one_session_is_not_that_of_another(unreachable):
    server, lines = build_server(unreachable), {"set": [], "unset": []}

    def noting(name):
        async def note(params):
            lines[name].append(params.data)

        return note

    async def talk():
        async with (
            Client(server, mode="legacy", logging_callback=noting("set")) as first,
            Client(server, mode="legacy", logging_callback=noting("unset")) as second,
        ):
            await first.set_logging_level("info")
            for client in (first, second):
                await complete_nothing(client)
                await client.list_tools()

    anyio.run(talk)

    assert (len(lines["set"]), len(lines["unset"])) == (1, 0)


def test_the_newest_protocol_has_no_level_of_a_session(unreachable):
    async def conversation(client):
        assert client.server_capabilities.logging is not None
        with pytest.raises(MCPError):
            await client.set_logging_level("debug")

    assert heard(unreachable, conversation) == []


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "level"), [("legacy", None), ("auto", "warning")])
def test_a_slow_server_is_a_warning(mode, level, mlflow_server):
    """One request hangs, others are answered."""
    with faulty_proxy(mlflow_server.uri, stall("runs/search")) as proxy:

        async def conversation(client):
            if mode == "legacy":
                await client.set_logging_level("warning")
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call_tool, "query_runs", {})
                while proxy.count("experiments/search.max_results=1") < 3:
                    await anyio.sleep(0.05)
                tasks.cancel_scope.cancel()

        lines = heard(Settings(tracking_uri=proxy.uri, probe_timeout=0.3), conversation, level, mode=mode)

    assert lines == [
        (
            "warning",
            "mlflow-mcp",
            f"The MLflow server at {proxy.uri} has sent nothing for 0.3 s, and answers other requests: it is slow at this one, "
            "or stuck in it.",
        )
    ]


@pytest.mark.slow
def test_a_part_that_an_answer_does_without_is_a_warning(mlflow_server):
    with faulty_proxy(mlflow_server.uri, stall("get-artifact")) as proxy:

        async def conversation(client):
            await client.set_logging_level("warning")
            arguments = {"invocation_id": mlflow_server.seeded.candidate}
            result = await client.call_tool("get_invocation", arguments)
            assert any("did not all come within" in note for note in result.structured_content["notes"])

        lines = heard(Settings(tracking_uri=proxy.uri, probe_timeout=60), conversation, mode="legacy")

    assert [text for _, _, text in lines] == [
        "What files and histories tell of these jobs did not all come within 5 s; what is missing is left out."
    ]
