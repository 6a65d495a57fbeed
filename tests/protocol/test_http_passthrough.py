"""Mode `passthrough` before MLflow's own basic-auth app: two users, of whom each sees what MLflow shows him, and no more."""

from __future__ import annotations

import base64
import json
import logging
from typing import get_args

import anyio
import httpx2
import pytest
from mcp_types import ResourceTemplateReference

from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.locate import store_at
from mlflow_mcp.client.transport.connection import Connection, Credentials
from mlflow_mcp.errors import Problem
from mlflow_mcp.settings import Settings, Toolset
from mlflow_mcp.tools.catalog import CATALOG, READS, RESOURCES
from tests.support import raw_store
from tests.support.basic_auth import PASSWORDS, basic_auth_server, hidden_from
from tests.support.http_serving import asked, connected, posted, serving

pytestmark = pytest.mark.slow
USERS = ("ana", "ben")


def header_of(user: str, password: str | None = None) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password or PASSWORDS[user]}".encode()).decode()


@pytest.fixture(scope="module")
def uri(session_folder, sqlite_template, tmp_path_factory):
    with basic_auth_server(session_folder, tmp_path_factory.mktemp("auth") / "server", sqlite_template.uri) as uri:
        yield uri


@pytest.fixture(scope="module")
def served(uri):
    with serving(uri, auth="passthrough", toolsets=get_args(Toolset), calls_per_minute=0) as (address, server):
        yield address, server


@pytest.fixture(scope="module")
def hidden(sqlite_template):
    return {user: hidden_from(user, sqlite_template.uri) for user in USERS}


def questions(other) -> list[tuple[str, dict]]:
    """Every read tool, asked for everything and for what the other one has, by its ids and names."""
    run, run2 = other.runs[:2]
    model = other.models[0] if other.models else "none"
    of_runs: dict[str, list[dict]] = {
        "get_run": [{"run_id": run}],
        "compare_runs": [{"run_ids": [run, run2]}],
        "compare_samples": [{"run_a": run, "run_b": run2}],
        "find_similar_runs": [{"run_id": run}],
        "get_metric_history": [{"run_ids": [run], "metrics": ["loss"]}],
        "list_artifacts": [{"run_id": run}],
        "get_artifact_content": [{"run_id": run, "artifact_path": "config.yml"}],
        "search_artifacts": [{"run_ids": [run], "pattern": "."}],
        "diff_artifacts": [{"run_a": run, "run_b": run2, "artifact_path": "config.yml"}],
        "check_run": [{"run_ids": [run]}],
        "plot_metrics": [{"run_ids": [run], "metrics": ["loss"]}],
        "resolve_id": [{"id": run}, {"id": run[:8]}, {"id": model}],
        "best_runs": [{"metric": "loss", "mode": "min"}, {"metric": "accuracy", "mode": "max"}],
        "aggregate_runs": [{"metrics": ["loss"]}],
        "query_runs": [{}, {"experiment_id": other.experiments[0]}, {"query": f"attributes.run_id = '{run}'"}],
        "search_runs_by_tags": [{"tags": {"executor": "slurm"}}],
        "search_experiments": [{}, {"name": other.experiments[0]}],
        "describe_experiment": [{"experiment_id": name} for name in other.experiments[:2]],
        "get_invocation": [{"invocation_id": invocation} for invocation in INVOCATIONS],
        "get_server_info": [{}],
        "search_models": [{}, {"registered": True}],
        "get_model": [{"model": name} for name in other.models[:2] or ["none"]],
        "search_traces": [{}, {"experiment_id": other.experiments[0]}],
        "get_trace": [{"trace_id": trace} for trace in other.traces[:1] or [f"tr-{'0' * 32}"]],
        "summarize_traces": [{}],
        "search_genai": [{"kind": "prompts"}, {"kind": "datasets"}],
        "get_prompt": [{"name": "none"}],
        "get_dataset": [{"dataset": "none"}],
    }
    return [(tool, arguments) for tool, several in of_runs.items() for arguments in several]


INVOCATIONS: list[str] = []


@pytest.fixture(autouse=True, scope="module")
def _invocations(sqlite_template):
    with raw_store.opened(sqlite_template.uri) as db:
        found = db.execute("SELECT DISTINCT value FROM tags WHERE key = 'invocation_id'").fetchall()
    INVOCATIONS[:] = [row[0] for row in found]


def answers(address: str, calls: list[tuple[str, str, dict]], at_once: int = 4) -> list[str]:
    """The whole answers to (user, tool, arguments), without what the question itself had said."""
    found = [""] * len(calls)

    async def run() -> None:
        turn = anyio.Semaphore(at_once)
        async with connected(address, header_of("ana")) as ana, connected(address, header_of("ben")) as ben:

            async def ask(place: int, user: str, tool: str, arguments: dict) -> None:
                async with turn:
                    result = await {"ana": ana, "ben": ben}[user].call_tool(tool, arguments)
                text = result.model_dump_json()
                for said in json.dumps(arguments).replace('"', " ").replace("'", " ").split():
                    text = text.replace(said.strip("[]{},:"), "") if len(said) > 6 else text
                found[place] = text

            with anyio.fail_after(120):
                async with anyio.create_task_group() as tasks:
                    for place, call in enumerate(calls):
                        tasks.start_soon(ask, place, *call)

    anyio.run(run)
    return found


def test_every_read_tool_is_asked(hidden):
    reading = {entry.name for entry in CATALOG if entry.effect is READS or entry.toolset == "plots"}
    assert {tool for tool, _ in questions(hidden["ana"])} == reading


@pytest.mark.parametrize("user", USERS)
def test_each_sees_only_his_own_in_every_read_tool(served, hidden, user):
    calls = [(user, *call) for call in questions(hidden[user])]
    found = answers(served[0], calls)

    leaked = {str(call): [mark for mark in hidden[user].marks if mark in text] for call, text in zip(calls, found)}
    assert {call: marks for call, marks in leaked.items() if marks} == {}
    # Not because nothing is seen at all.
    own = {"ana": "ana/llama-3.1-8b", "ben": "ben/qwen2.5-7b"}[user]
    assert own in found[[call[1:] for call in calls].index(("search_experiments", {}))]


def test_fifty_mixed_calls_at_once_keep_apart(served, hidden):
    tools = [
        ("search_experiments", {}),
        ("query_runs", {}),
        ("search_traces", {}),
        ("search_models", {}),
        ("get_server_info", {}),
    ]
    calls = [(USERS[number % 2], *tools[number // 2 % len(tools)]) for number in range(50)]
    alone = {str(call): text for call, text in zip(calls, answers(served[0], calls[:10]))}
    found = answers(served[0], calls, at_once=50)

    assert len(alone) == 10
    assert [call for call, text in zip(calls, found) if text != alone[str(call)]] == []
    assert not any(mark in text for (user, *_), text in zip(calls, found) for mark in hidden[user].marks)


def test_completion_and_resources_show_each_his_own(served, hidden):
    async def look(user):
        async with connected(served[0], header_of(user)) as client:
            seen = [(await client.list_resources()).model_dump_json()]
            for template in (await client.list_resource_templates()).resource_templates:
                for variable in ("experiment_id", "run_id", "invocation_id", "name", "trace_id"):
                    if f"{{{variable}}}" in template.uri_template:
                        ref = ResourceTemplateReference(uri=template.uri_template)
                        seen.append((await client.complete(ref, {"name": variable, "value": ""})).model_dump_json())
            for uri in (f"mlflow://runs/{hidden[user].runs[0]}", f"mlflow://experiments/{hidden[user].experiments[0]}"):
                try:
                    seen.append((await client.read_resource(uri)).model_dump_json().replace(uri, ""))
                except Exception as error:
                    seen.append(str(error).replace(uri.rpartition("/")[2], ""))
            return seen

    for user, own in (("ana", "ana/llama-3.1-8b"), ("ben", "ben/qwen2.5-7b")):
        seen = "\n".join(anyio.run(look, user))
        assert own in seen
        assert [mark for mark in hidden[user].marks if mark in seen] == []
    assert len(RESOURCES) >= 8


def test_a_wrong_password_is_a_sentence_and_is_shown_to_nobody(served, caplog):
    caplog.set_level(logging.DEBUG)
    told = asked(served[0], "search_experiments", header_of("ana", "a guess that is wrong"))
    listed = asked(served[0], "search_experiments", "Bearer of-no-account-at-all")
    figures = httpx2.get(f"{served[0]}/metrics").text

    assert told.is_error
    assert "401" in told.content[0].text or "credentials" in told.content[0].text
    assert listed.is_error
    everything = "\n".join([told.model_dump_json(), listed.model_dump_json(), figures, caplog.text])
    for secret in ("a guess that is wrong", header_of("ana", "a guess that is wrong")[6:], "of-no-account-at-all"):
        assert secret not in everything


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"ana").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"ana:").decode()},
        {"Authorization": "Bearer two words"},
        {"Authorization": "Digest abc"},
    ],
)
def test_without_credentials_that_mlflow_could_take_nobody_is_served(served, headers):
    answer = posted(served[0], **headers)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


def test_the_servers_own_credentials_are_never_used_for_a_caller(uri, monkeypatch, tmp_path):
    """Neither MLflow's variables nor a ~/.netrc."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ben")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORDS["ben"])
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine 127.0.0.1\nlogin ben\npassword {PASSWORDS['ben'].replace(' ', '_')}\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(uri, auth="passthrough") as (address, _):
        seen = asked(address, "search_experiments", header_of("ana")).model_dump_json()

    assert "ana/llama" in seen
    assert "ben/qwen" not in seen


def test_a_session_belongs_to_the_credentials_that_began_it(uri):
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
    }
    with serving(uri, auth="passthrough", sessions=2, sessions_each=2) as (address, _):
        begun = posted(address, hello, Authorization=header_of("ana"))
        session = begun.headers["mcp-session-id"]
        stolen = posted(address, Authorization=header_of("ben"), Mcp_Session_Id=session)
        own = posted(address, Authorization=header_of("ana"), Mcp_Session_Id=session)
        _, flood = (posted(address, hello, Authorization=header_of("ben")) for _ in range(2))

    assert (stolen.status_code, own.status_code, flood.status_code) == (404, 200, 429)


@pytest.mark.parametrize("root", ["s3://bucket/1/of-ben/artifacts", "/etc", "gs://bucket/x"])
def test_what_this_machine_may_read_is_not_read_for_a_caller(root):
    """Whoever makes an experiment chooses where its artifacts are; a caller could name another's."""
    settings = Settings(tracking_uri="http://127.0.0.1:1", auth="passthrough", artifact_roots="s3://bucket,/etc")
    client = Client(Connection(settings, credentials=Credentials(token="of-ana")))

    with pytest.raises(Problem, match="do not come through the MLflow server"):
        store_at(client, root, "of-ben")


def test_an_id_that_mlflow_refuses_hides_nothing_of_another_kind(served, sqlite_template):
    """MLflow's basic-auth answers 403 for the id of a trace or model that does not exist: as it does for any run's id."""
    with raw_store.opened(sqlite_template.uri) as db:
        ((own,),) = db.execute("SELECT run_uuid FROM runs WHERE experiment_id = 2 LIMIT 1").fetchall()

    async def ask():
        async with connected(served[0], header_of("ana")) as ana:
            found = await ana.call_tool("resolve_id", {"id": own})
            unknown = await ana.call_tool("get_run", {"run_id": "f" * 32})
            return found.structured_content, unknown.content[0].text

    found, unknown = anyio.run(ask)

    assert [match["kind"] for match in found["found"]] == ["run"]
    assert "does not let these credentials read run 'ffff" in unknown
    assert "they lack the permission, or it does not exist" in unknown


def test_a_dataset_is_looked_for_in_the_experiments_that_one_may_read(served):
    """MLflow's basic-auth refuses a search for datasets that names no experiments."""

    async def ask():
        async with connected(served[0], header_of("ana")) as ana:
            return (await ana.call_tool("get_dataset", {"dataset": "none"})).content[0].text

    assert anyio.run(ask).startswith("No evaluation dataset is called 'none'")
