"""One call's edge: side by side with others, cancelled, out of time, and never over its budget."""

from __future__ import annotations

import anyio
import pytest
from mcp import Client

from mlflow_mcp.answers.budget import encoded
from mlflow_mcp.answers.masking import HIDDEN
from mlflow_mcp.server.app import build_server
from mlflow_mcp.settings import Settings
from tests.support import raw_store
from tests.support.servers import faulty_proxy, stall

NEVER = 120  # seconds after which a hanging test fails


async def until(condition):
    """Come back once it holds: something that another thread does."""
    with anyio.fail_after(NEVER):
        while not condition():
            await anyio.sleep(0.01)


def talk(settings, conversation, **options):
    """Run `conversation(client)` with a client of a server with these settings."""

    async def main():
        with anyio.fail_after(NEVER):
            async with Client(build_server(settings), **options) as client:
                await conversation(client)

    anyio.run(main)


@pytest.mark.filterwarnings("ignore:ping is removed")  # in 2026-07-28; older clients send it
def test_a_call_in_flight_blocks_neither_ping_nor_another_call(mlflow_server):
    with faulty_proxy(mlflow_server.uri, stall("runs/search")) as proxy:

        async def conversation(client):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call_tool, "query_runs", {})
                await until(lambda: proxy.count("runs/search"))
                await client.send_ping()
                other = await client.call_tool("search_experiments", {"name": "evals"})
                tasks.cancel_scope.cancel()
            assert other.structured_content["experiments"]["rows"]

        talk(Settings(tracking_uri=proxy.uri), conversation, mode="legacy")


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_cancelled_calls_leave_room_for_others(mode, mlflow_server):
    """More calls than may run at once hang and are cancelled; the next one is answered."""
    with faulty_proxy(mlflow_server.uri, stall("runs/search")) as proxy:

        async def conversation(client):
            async with anyio.create_task_group() as tasks:
                for _ in range(20):
                    tasks.start_soon(client.call_tool, "get_invocation", {"invocation_id": "71f3f3199ea5e1f0"})
                await until(lambda: proxy.count("runs/search") >= 8)
                tasks.cancel_scope.cancel()
            proxy.faults.clear()
            answer = await client.call_tool("get_invocation", {"invocation_id": "71f3f3199ea5e1f0"})
            assert len(answer.structured_content["tasks"]["rows"]) == 4

        talk(Settings(tracking_uri=proxy.uri, probe_timeout=60), conversation, mode=mode)


def test_a_cancelled_call_asks_nothing_more(mlflow_server):
    """It is cancelled while it waits for the first of several folders."""
    with faulty_proxy(mlflow_server.uri, stall("artifacts/list", 1, after=0)) as proxy:
        run_id = mlflow_server.seeded.runs[mlflow_server.seeded.log_run]

        async def conversation(client):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call_tool, "list_artifacts", {"run_id": run_id, "recursive": True})
                await until(lambda: proxy.count("artifacts/list") == 1)
                tasks.cancel_scope.cancel()
            asked = proxy.count("artifacts/list")
            await client.call_tool("search_experiments", {})
            assert proxy.count("artifacts/list") == asked

        talk(Settings(tracking_uri=proxy.uri, probe_timeout=60), conversation)


def test_a_call_that_takes_too_long_says_how_to_ask_for_less(mlflow_server, ask, monkeypatch, snapshot_error):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "50")  # else this test's second is every later test's
    with faulty_proxy(mlflow_server.uri, stall("runs/search")) as proxy:
        answer = ask(Settings(tracking_uri=proxy.uri, timeout=1), "query_runs")

    snapshot_error(answer)


def test_a_slow_answer_of_a_server_that_lives_is_waited_for(mlflow_server, ask):
    """Longer than the time after which a sign of life is asked for: the first answer never comes, the second does."""
    with faulty_proxy(mlflow_server.uri, stall("runs/search")) as proxy:

        async def conversation(client):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.call_tool, "query_runs", {})
                await until(lambda: proxy.count("experiments/search.max_results=1") >= 3)
                tasks.cancel_scope.cancel()

        talk(Settings(tracking_uri=proxy.uri, probe_timeout=0.3), conversation)
        assert proxy.count("experiments/search.max_results=1") >= 3, "asked again and again, and answered each time"


def test_many_calls_at_once_are_all_answered(both_stores):
    async def conversation(client):
        answers = []

        async def one():
            answers.append(await client.call_tool("get_invocation", {"invocation_id": "71f3f3199ea5e1f0"}))

        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(one)
        assert len({encoded(answer.structured_content) for answer in answers}) == 1
        assert not any(answer.is_error for answer in answers)

    talk(Settings(tracking_uri=both_stores.uri), conversation)


@pytest.mark.parametrize("limit", [0, "many"])
def test_an_argument_of_a_wrong_kind_is_refused(limit, sqlite_template, ask, snapshot_error):
    snapshot_error(ask(sqlite_template.uri, "query_runs", limit=limit))


def test_data_that_an_answer_cannot_hold_is_not_told_as_a_wrong_argument(sqlite_store, ask):
    """A tag without a value: MLflow reads it, but the answer model takes text only."""
    run_id = sqlite_store.seeded.runs["trial-04"]
    with raw_store.opened(sqlite_store.uri) as db:
        db.execute("INSERT INTO tags(key, value, run_uuid) VALUES ('note', NULL, ?)", (run_id,))

    answer = ask(sqlite_store.uri, "get_run", run_id=run_id)

    assert answer.is_error
    assert answer.text == (
        "This call failed unexpectedly (ValidationError: 1 validation error for Run). The next call is not affected. "
        "If it happens again, please report it with the arguments you used."
    )


def test_a_secret_in_a_refused_argument_is_hidden(sqlite_template, ask):
    secret = "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH"

    answer = ask(sqlite_template.uri, "query_runs", limit=secret)

    assert answer.is_error
    assert answer.text.startswith(f"'limit' cannot be '{HIDDEN}': ")
    assert secret[3:] not in answer.text


def test_one_name_stands_for_a_list_of_one(sqlite_template, ask):
    one = ask(sqlite_template.uri, "query_runs", experiment_id="sweeps", metrics="accuracy", params="lr", limit=2)
    many = ask(
        sqlite_template.uri, "query_runs", experiment_id=["sweeps"], metrics=["accuracy"], params=["lr"], limit=2
    )

    assert one.data == many.data


# --- the budget


BUDGETS = [500, 1_000]


def large_questions(seeded):
    run = seeded.runs[seeded.log_run]
    return [
        ("get_server_info", {}),
        ("resolve_id", {"id": seeded.candidate[:6]}),
        ("search_experiments", {}),
        ("query_runs", {"limit": 1_000}),
        ("query_runs", {"limit": 1_000, "params": "*", "tags": "*", "metrics": "*"}),
        ("search_runs_by_tags", {"tags": {"executor": "slurm"}, "limit": 1_000}),
        ("get_invocation", {"invocation_id": seeded.candidate}),
        ("get_invocation", {"invocation_id": seeded.two_homes}),
        ("get_run", {"run_id": run}),
        ("get_run", {"run_id": seeded.sweep_parent}),
        ("list_artifacts", {"run_id": run, "recursive": True}),
        ("get_artifact_content", {"run_id": run, "artifact_path": "config.yml"}),
        ("get_artifact_content", {"run_id": run, "artifact_path": "client-481516.log"}),
        ("get_artifact_content", {"run_id": run, "artifact_path": "client-481516.log", "tail": 10_000}),
        ("get_artifact_content", {"run_id": run, "artifact_path": "client-481516.log", "start_line": 500}),
        ("describe_experiment", {"experiment_id": "evals"}),
        ("best_runs", {"metric": "accuracy", "limit": 100, "params": "*"}),
        ("compare_runs", {"run_ids": [seeded.candidate, seeded.baseline]}),
        ("find_similar_runs", {"run_id": run}),
        ("aggregate_runs", {"metrics": "*", "group_by": "run_name"}),
        ("get_metric_history", {"run_ids": seeded.training_base, "metrics": "*", "max_points": 1_000}),
        ("search_artifacts", {"run_ids": seeded.candidate, "pattern": "request", "max_matches": 200}),
        ("search_artifacts", {"run_ids": seeded.candidate, "pattern": "request", "max_matches": 50, "context": 20}),
        ("diff_artifacts", {"run_ids": [f"{seeded.candidate}.0", f"{seeded.candidate}.3"], "artifact_path": "config"}),
        ("diff_artifacts", {"run_ids": [f"{seeded.candidate}.0", f"{seeded.baseline}.0"], "artifact_path": "/"}),
        ("search_traces", {"limit": 1_000, "fields": "spans.inputs, spans.outputs"}),
        ("get_trace", {"trace_id": seeded.retried_trace}),
        ("get_trace", {"trace_id": seeded.retried_trace, "span": "answer"}),
        ("get_trace", {"trace_id": seeded.trace_session}),
        ("summarize_traces", {"group_by": "hour"}),
        ("summarize_traces", {"group_by": "failure"}),
    ]


@pytest.fixture(scope="module")
def whole_answers(sqlite_template, ask_many):
    with ask_many(Settings(tracking_uri=sqlite_template.uri, max_tokens=25_000)) as ask:
        return [ask(tool, **given) for tool, given in large_questions(sqlite_template.seeded)]


@pytest.mark.slow
@pytest.mark.xdist_group("budgets")
@pytest.mark.parametrize("max_tokens", BUDGETS)
def test_no_answer_exceeds_its_budget_and_omissions_are_noted(max_tokens, store, whole_answers, ask_many):
    with ask_many(Settings(tracking_uri=store.uri, max_tokens=max_tokens)) as ask:
        answers = [(tool, ask(tool, **given)) for tool, given in large_questions(store.seeded)]

    for (tool, answer), whole in zip(answers, whole_answers, strict=True):
        assert not answer.is_error, f"{tool}: {answer.text}"
        assert len(answer.text) <= max_tokens * 4, tool
        # get_server_info names a folder of each test's own; a parsed file says the same as its text.
        is_parsed = "content" in answer.data and "text" in whole.data
        if tool != "get_server_info" and not is_parsed and answer.data != whole.data:
            assert answer.data.get("notes"), f"{tool} left something out and does not say so"


@pytest.mark.parametrize("max_tokens", BUDGETS)
def test_one_huge_param_does_not_break_the_budget(max_tokens, sqlite_store, ask_many):
    run_id = sqlite_store.seeded.runs["trial-04"]
    with raw_store.opened(sqlite_store.uri) as connection:
        connection.execute("INSERT INTO params(key, value, run_uuid) VALUES ('huge', ?, ?)", ("x" * 6_000, run_id))

    with ask_many(Settings(tracking_uri=sqlite_store.uri, max_tokens=max_tokens)) as ask:
        whole, table = ask("get_run", run_id=run_id), ask("query_runs", experiment_id="sweeps", params="huge", limit=20)

    for answer in (whole, table):
        assert not answer.is_error
        assert len(answer.text) <= max_tokens * 4
        assert "…[+" in answer.text, "what was cut says how much is missing"
    assert whole.data["notes"]
    assert whole.data["params"]["lr"] == "0.0003", "what is short is shown whole"


def test_quotes_and_line_breaks_count_as_what_they_take_in_the_answer(ask, empty_store):
    """Each takes two characters in JSON: a file of them alone must not exceed the budget."""
    from mlflow import MlflowClient

    client = MlflowClient(empty_store)
    run = client.create_run("0")
    client.log_text(run.info.run_id, ('"\\\n' * 20_000), "quotes.txt")
    client.log_text(run.info.run_id, "x" * 100_000, "one_line.txt")
    client.log_text(run.info.run_id, "漢" * 100_000, "wide.txt")
    for name in ("quotes.txt", "one_line.txt", "wide.txt"):
        for given in ({}, {"tail": 100}):
            answer = ask(
                Settings(tracking_uri=empty_store, max_tokens=500),
                "get_artifact_content",
                run_id=run.info.run_id,
                artifact_path=name,
                **given,
            )
            assert not answer.is_error, answer.text
            assert 200 < len(answer.text) <= 2_000, (name, given)
            assert answer.data.get("notes") or answer.data["lines"] == "last 100", (name, given)
