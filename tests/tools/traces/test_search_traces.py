"""search_traces: rows that choose their columns, MLflow's filters, time windows, columns by path, pages."""

from __future__ import annotations

import time

import pytest

from mlflow_mcp.cli.demo import agent
from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.servers import faulty_proxy, unknown_route
from tests.support.traces import SECRET


def ids_of(answer):
    return [row["trace_id"] for row in rows_of(data_of(answer)["traces"])]


def test_twenty_traces_are_a_table_of_less_than_6000_characters(both_traces, ask, snapshot):
    answer = ask(both_traces.uri, "search_traces", experiment_id="support-agent")

    assert len(answer.text) < 6_000
    assert data_of(answer)["total"] == agent.COUNT
    data = data_of(answer)
    assert data.pop("next_cursor")
    snapshot("search_traces.newest", data)


def test_the_filter_words_of_mlflow_are_passed_on(traces_file, ask_many):
    failed = [traces_file[f"ticket {n}"] for n in reversed(range(agent.COUNT)) if agent.fails(n)]
    with ask_many(traces_file.uri) as ask:
        found = {
            query: ids_of(ask("search_traces", experiment_id="support-agent", query=query, limit=50))
            for query in (
                "status = 'ERROR'",
                "state = 'ERROR' and timestamp > 0",
                "span.status = 'ERROR' AND span.name = 'search_orders' AND status = 'ERROR'",
                "execution_time_ms > 30000",
            )
        }
        human = ids_of(ask("search_traces", query="feedback.correctness = 'no' AND tags.version = 'v2'", limit=50))
        session = ids_of(ask("search_traces", query="metadata.mlflow.trace.session = 'chat-01'"))
        text = ids_of(ask("search_traces", query="text LIKE '%10449%'"))

    assert set(map(tuple, found.values())) == {tuple(failed)}
    assert traces_file["ticket 21"] in human
    assert session == [traces_file[f"ticket {n}"] for n in (7, 6, 5, 4)]
    assert text == [traces_file["ticket 7"]]


def test_traces_of_a_run_by_its_name_and_of_a_session(both_traces, ask_many):
    with ask_many(both_traces.uri) as ask:
        of_run = data_of(ask("search_traces", run_id="agent-v1", limit=50))
        of_session = ask("search_traces", session="chat-01")

    assert of_run["total"] == 12
    assert ids_of(of_session) == [both_traces[f"ticket {n}"] for n in (7, 6, 5, 4)]


def test_traces_of_a_logged_model(traces_copy, ask):
    from mlflow_mcp.cli.demo.tracing import Recording, Step, write

    recording = Recording("of a model", "answer", agent.FIRST, [Step("answer", "CHAIN", 0, 5, None)], model_id="m-1")
    made = write(traces_copy.uri, traces_copy.experiment_id, recording)

    assert ids_of(ask(traces_copy.uri, "search_traces", run_id="m-1")) == [made]


@pytest.mark.parametrize(
    ("when", "tickets"),
    [
        ("2026-09-02", range(12, 24)),
        ("2026-09-02..2026-09-03", range(12, 36)),
        ("2026-09-03T20:00..", range(34, 40)),
        ("..2026-09-01T04:00", range(2)),
        ("24h", []),
    ],
)
def test_a_time_window_is_what_it_says(when, tickets, traces_file, ask):
    data = data_of(ask(traces_file.uri, "search_traces", experiment_id="support-agent", when=when, limit=50))

    assert [row[0] for row in data["traces"]["rows"]] == [traces_file[f"ticket {n}"] for n in reversed(tickets)]
    assert data["total"] == len(tickets)
    assert ".." in data["window"]


def test_a_window_of_hours_keeps_its_traces_from_page_to_page(traces_copy, ask_many):
    """It ends when the first page was asked for, and so its cursor is good though time goes on."""
    from mlflow_mcp.cli.demo.tracing import Recording, Step, write

    now = int(time.time() * 1000)
    made = [
        write(
            traces_copy.uri,
            traces_copy.experiment_id,
            Recording(f"new {n}", "new", now - n * 60_000, [Step("new", "CHAIN", 0, 5, None)]),
        )
        for n in range(4)
    ]
    with ask_many(traces_copy.uri) as ask:
        first = data_of(ask("search_traces", when="2h", limit=3))
        second = data_of(ask("search_traces", when="2h", limit=3, cursor=first["next_cursor"]))

    assert first["total"] == 4
    assert [row[0] for row in first["traces"]["rows"] + second["traces"]["rows"]] == made
    assert "next_cursor" not in second


def test_pages_hold_every_trace_once(both_traces, ask_many):
    found, cursor = [], None
    with ask_many(both_traces.uri) as ask:
        while True:
            data = data_of(ask("search_traces", experiment_id="support-agent", limit=7, cursor=cursor))
            found += [row[0] for row in data["traces"]["rows"]]
            if not (cursor := data.get("next_cursor")):
                break

    assert found == [both_traces[f"ticket {n}"] for n in reversed(range(agent.COUNT))]


def test_a_page_that_does_not_fit_goes_on_where_it_was_cut(traces_file, ask_many):
    settings = Settings(tracking_uri=traces_file.uri, max_tokens=600)
    found, cursor = [], None
    with ask_many(settings) as ask:
        while len(found) < 100:
            data = data_of(ask("search_traces", experiment_id="support-agent", limit=20, cursor=cursor))
            found += [row["trace_id"] for row in rows_of(data["traces"])]
            if not (cursor := data.get("next_cursor")):
                break

    assert found == [traces_file[f"ticket {n}"] for n in reversed(range(agent.COUNT))]


def test_columns_by_path_into_info_and_spans(both_traces, ask, snapshot):
    answer = ask(
        both_traces.uri,
        "search_traces",
        experiment_id="support-agent",
        query="status = 'ERROR'",
        fields="info.trace_metadata.mlflow.trace.user, data.spans.*.name, search_orders.inputs.order, spans.status_message",
        limit=2,
    )

    data = data_of(answer)
    del data["next_cursor"]
    snapshot("search_traces.fields", data)


def test_a_path_that_is_nowhere_is_answered_with_what_there_is(traces_file, ask):
    data = data_of(
        ask(traces_file.uri, "search_traces", session="chat-01", fields=["serch_orders.inputs", "plan.inputs.message"])
    )

    assert data["notes"] == [
        "No trace here has 'serch_orders.inputs'. There are: 'tags.version', 'answer', 'handle_ticket', 'info', 'plan', 'search_orders', 'spans'.",
        "No trace here has 'plan.inputs.message'. Nearest: 'messages'. There are: 'messages'.",
    ]


def test_spans_are_not_transferred_unless_a_path_leads_there(traces_server, ask):
    """A proxy that has no route to a trace's spans: rows do not need it."""
    with faulty_proxy(traces_server.uri, unknown_route("traces/get|traces/batchGet|get-trace-artifact")) as proxy:
        data = data_of(ask(proxy.uri, "search_traces", session="chat-01", fields="info.state, tags.version"))

    assert len(data["traces"]["rows"]) == 4
    assert "notes" not in data


def test_tags_and_metadata_are_columns_as_filters_call_them(traces_file, ask):
    data = data_of(
        ask(
            traces_file.uri,
            "search_traces",
            session="chat-01",
            fields="tags.version, metadata.mlflow.trace.user, request_metadata.mlflow.trace.session, tags.verison",
        )
    )

    columns = data["traces"]["common"] | dict.fromkeys(data["traces"]["columns"])
    rows = [data["traces"]["common"] | row for row in rows_of(data["traces"])]
    assert {"tags.version", "metadata.mlflow.trace.user"} <= set(columns)
    assert {row["tags.version"] for row in rows} <= {"v1", "v2"}
    assert all(row["request_metadata.mlflow.trace.session"] == "chat-01" for row in rows)
    assert all(row["metadata.mlflow.trace.user"] for row in rows)
    [note] = data["notes"]
    assert note.startswith("No trace here has 'tags.verison'. Nearest: 'version'")


def test_the_longest_first(traces_file, ask):
    answer = ask(
        traces_file.uri, "search_traces", experiment_id="support-agent", order_by="duration DESC, time", limit=50
    )
    durations = [row["duration"] for row in rows_of(data_of(answer)["traces"])]

    assert durations == sorted(durations, reverse=True)


def test_nothing_found_says_what_was_searched_and_what_there_is(both_traces, ask, snapshot):
    answer = ask(both_traces.uri, "search_traces", experiment_id="support-agent", query="name = 'handle_tickets'")

    snapshot("search_traces.nothing", answer)


def test_an_unknown_session_or_model_is_told_with_what_there_is(both_traces, ask, snapshot):
    snapshot("search_traces.nothing/session", ask(both_traces.uri, "search_traces", session="chat-99"))
    snapshot("search_traces.nothing/model", ask(both_traces.uri, "search_traces", run_id="m-" + "0" * 32))


def test_traces_of_a_model_by_the_beginning_of_its_id(both_model_stores, ask_many, snapshot_error):
    model = both_model_stores.models["large"]
    with ask_many(both_model_stores.uri) as ask:
        of_prefix = data_of(ask("search_traces", run_id=model[:12]))
        whole = data_of(ask("search_traces", run_id=model))
        unknown = ask("search_traces", run_id="m-00000000")

    assert of_prefix == whole
    assert whole["total"] == 3
    snapshot_error(unknown)


def test_secrets_are_hidden_before_previews_are_cut(traces_copy, ask):
    from mlflow_mcp.cli.demo.tracing import Recording, Step, write

    key = SECRET
    for length in (40, 55, 62):
        text = "x " * (length // 2) + key
        request = f'{{"question": "{text}"}}'
        recording = Recording(f"secret {length}", "s", agent.FIRST, [Step("s", "CHAIN", 0, 5, None)], request=request)
        write(traces_copy.uri, traces_copy.odd_experiment_id, recording)

    answer = ask(traces_copy.uri, "search_traces", query="name = 's'")

    assert len(data_of(answer)["traces"]["rows"]) == 3
    assert key[:9] not in answer.text


@pytest.mark.parametrize(
    "arguments",
    [
        {"query": "status = 'ERROR' OR name = 'x'"},
        {"query": "span.nme = 'x'"},
        {"when": "yesterday"},
        {"when": "2026-11-20T10:00"},
        {"when": "2026-11-20..2026-11-10"},
        {"order_by": "tokns DESC"},
        {"order_by": "tokens DESC, time"},
        {"experiment_id": "support-agnt"},
        {"run_id": "agent-v3"},
    ],
    ids=str,
)
def test_what_cannot_be_searched_is_answered_with_how_to(arguments, traces_file, ask, snapshot_error):
    snapshot_error(ask(traces_file.uri, "search_traces", **arguments))


def test_a_cursor_of_another_search_is_refused(traces_file, ask_many):
    with ask_many(traces_file.uri) as ask:
        cursor = data_of(ask("search_traces", limit=2))["next_cursor"]
        answer = ask("search_traces", limit=2, session="chat-01", cursor=cursor)

    assert problem_of(answer).startswith("This cursor belongs to other arguments.")


def test_a_server_without_traces_is_not_one_that_has_none(traces_server, ask, snapshot_error):
    with faulty_proxy(traces_server.uri, unknown_route("traces")) as proxy:
        answer = ask(proxy.uri, "search_traces")

    snapshot_error(answer)


def test_a_server_that_cannot_count_is_asked_for_rows_all_the_same(traces_server, ask):
    with faulty_proxy(traces_server.uri, unknown_route("traces/metrics")) as proxy:
        data = data_of(ask(proxy.uri, "search_traces", limit=5))

    assert len(data["traces"]["rows"]) == 5
    assert "total" not in data
