"""get_trace: outlines, one span, sessions, and traces that are not whole."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from mlflow_mcp.cli.demo.tracing import Recording, Step, write
from mlflow_mcp.settings import Settings
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.servers import fail, faulty_proxy, unknown_route
from tests.support.traces import LATER, SECRET, large_recording


@pytest.mark.parametrize("key", ["ticket 7", "ticket 4", "ticket 1", "running", "no spans", "odd"])
def test_the_outline_of_a_trace(key, both_traces, ask, snapshot):
    """A failure, a retry, a corrected assessment; and traces that are not whole."""
    answer = ask(both_traces.uri, "get_trace", trace_id=both_traces[key])

    snapshot(f"get_trace.{key.replace(' ', '_')}", answer)


def test_a_trace_by_the_beginning_of_its_id_and_by_its_url(traces_file, ask_many):
    whole = traces_file["ticket 7"]
    urls = [
        f"https://mlflow.example.com/#/experiments/1/traces?selectedEvaluationId={whole}&o=1",
        f"https://mlflow.example.com/#/experiments/1/traces/{whole}",
    ]
    with ask_many(traces_file.uri) as ask:
        found = [data_of(ask("get_trace", trace_id=text))["trace_id"] for text in (whole[:12], whole[3:], *urls)]

    assert set(found) == {whole}


def test_a_session_is_shown_as_its_conversation(both_traces, ask, snapshot):
    snapshot("get_trace.session", ask(both_traces.uri, "get_trace", trace_id="chat-01"))


@pytest.mark.parametrize(
    "span", ["search_orders", "handle_ticket/search_orders", "/handle_ticket/search_orders", "SEARCH_ORDERS"]
)
def test_one_span_by_name_or_path(span, both_traces, ask, snapshot):
    answer = ask(both_traces.uri, "get_trace", trace_id=both_traces["ticket 4"], span=span)

    snapshot("get_trace.span", answer)


def test_the_id_beside_a_name_that_is_used_twice_leads_to_that_span(traces_file, ask_many):
    with ask_many(traces_file.uri) as ask:
        rows = rows_of(data_of(ask("get_trace", trace_id=traces_file["ticket 4"]))["spans"])
        (succeeded,) = [row["id"] for row in rows if row["span"].strip() == "search_orders" and row["status"] == "OK"]
        span = data_of(ask("get_trace", trace_id=traces_file["ticket 4"], span=succeeded))["span"]

    assert (span["id"], span["status"]) == (succeeded, "OK")


def test_a_part_of_a_span(traces_file, ask):
    answer = ask(
        traces_file.uri,
        "get_trace",
        trace_id=traces_file["ticket 4"],
        span="answer",
        select="inputs.messages[?role=='user'].content | [0]",
    )

    assert data_of(answer)["span"]["content"] == "Where is my order 10428?"


def test_a_megabyte_of_text_is_cut_with_its_path_and_read_in_pages(traces_file, ask_many):
    with ask_many(traces_file.uri) as ask:
        span = ask("get_trace", trace_id=traces_file["odd"], span="odd")
        assert len(span.text) < 8_000
        assert data_of(span)["notes"] == [
            "Texts over 6,000 characters are cut: outputs.text (1,050,000 characters). select with such a path reads one in pages."
        ]
        text, cursor = "", None
        for _ in range(3):
            page = data_of(
                ask("get_trace", trace_id=traces_file["odd"], span="odd", select="outputs.text", cursor=cursor)
            )
            text += page["span"]["content"]
            cursor = page["next_cursor"]

    assert text == ("long " * 210_000)[: len(text)]
    assert page["span"]["characters"] == f"{len(text) * 2 // 3:,} to {len(text):,} of 1,050,000"


def test_the_last_page_of_a_text_has_no_cursor(traces_copy, ask_many):
    steps = [Step("a", "CHAIN", 0, 5, None, outputs={"text": "y" * 20_000})]
    made = write(traces_copy.uri, traces_copy.experiment_id, Recording("pages", "a", LATER, steps))
    with ask_many(traces_copy.uri) as ask:
        first = data_of(ask("get_trace", trace_id=made, span="a", select="outputs.text"))
        last = data_of(ask("get_trace", trace_id=made, span="a", select="outputs.text", cursor=first["next_cursor"]))

    assert len(first["span"]["content"] + last["span"]["content"]) == 20_000
    assert "next_cursor" not in last


def test_a_span_of_many_parts_is_outlined(traces_copy, ask):
    steps = [Step("a", "CHAIN", 0, 5, None, outputs={"rows": [{"number": n} for n in range(5_000)]})]
    made = write(traces_copy.uri, traces_copy.experiment_id, Recording("parts", "a", LATER, steps))

    answer = ask(traces_copy.uri, "get_trace", trace_id=made, span="a")

    assert len(answer.text) < 3_000
    assert data_of(answer)["span"]["outline"] == [
        "@: object of 1 key",
        "outputs: object of 1 key",
        "outputs.rows: array of 5000",
        "outputs.rows[0]: object of 1 key",
        "outputs.rows[0].number: 0",
    ]


def test_secrets_in_spans_are_hidden_also_where_a_part_is_selected(traces_file, ask_many):
    with ask_many(traces_file.uri) as ask:
        answers = [
            ask("get_trace", trace_id=traces_file["odd"], span=span, **part)
            for span in ("orphan", "keyed")
            for part in ({}, {"select": "inputs"}, {"select": "inputs.*"}, {"select": "values(inputs)"})
        ]
        answers += [
            ask("get_trace", trace_id=traces_file["odd"], span="keyed", select="inputs.api_key"),
            ask("get_trace", trace_id=traces_file["odd"], span="keyed", select="join(' ', values(inputs))"),
        ]

    for answer in answers:
        assert SECRET not in answer.text, answer.call
        assert SECRET[8:] not in answer.text, answer.call
    open_settings = Settings(tracking_uri=traces_file.uri, mask_secrets=False)
    with ask_many(open_settings) as ask:
        assert SECRET in ask("get_trace", trace_id=traces_file["odd"], span="keyed").text


@pytest.mark.parametrize(
    "arguments",
    [
        {"trace_id": "tr-" + "0" * 32},
        {"trace_id": "chat-0"},
        {"trace_id": "ticket 4", "span": "serch_orders"},
        {"trace_id": "ticket 4", "span": "plan/answer"},
        {"trace_id": "ticket 4", "span": "answer", "select": "outputs.choice"},
        {"trace_id": "ticket 4", "span": "answer", "select": "outputs["},
        {"trace_id": "ticket 4", "select": "outputs"},
        {"trace_id": "no spans", "span": "x"},
        {"trace_id": "chat-01", "span": "answer"},
        {"trace_id": "tr-zzz"},
    ],
    ids=str,
)
def test_what_is_not_there_is_answered_with_what_is(arguments, traces_file, ask, snapshot_error):
    given = arguments | {"trace_id": traces_file.ids.get(arguments["trace_id"], arguments["trace_id"])}

    snapshot_error(ask(traces_file.uri, "get_trace", **given), arguments)


def test_a_beginning_of_several_ids_names_them(traces_copy, ask):
    first: dict[str, Recording] = {}
    for number in range(5_000):
        other = Recording(f"{number}", "a", LATER, [])
        one = first.setdefault(other.trace_id[:7], other)
        if one is not other:
            break
    for recording in (one, other):
        write(traces_copy.uri, traces_copy.experiment_id, recording)

    answer = ask(traces_copy.uri, "get_trace", trace_id=one.trace_id[:7])

    assert answer.is_error
    assert f"'{one.trace_id[:7]}' begins the ids of several traces: " in answer.text
    assert one.trace_id in answer.text
    assert other.trace_id in answer.text


# --- size


@pytest.fixture(scope="module")
def large_traces(traces_file, tmp_path_factory):
    """Traces of 400 spans with 2 MB and of 5,000 spans."""
    from tests.support.stores import copied

    uri = copied(traces_file.uri, tmp_path_factory.mktemp("large") / "mlflow.db")
    ids = {
        count: write(uri, traces_file.odd_experiment_id, large_recording(f"{count} spans", count, characters))
        for count, characters in ((400, 2_000_000), (5_000, 500_000))
    }
    return uri, ids


@pytest.mark.slow
@pytest.mark.parametrize("count", [400, 5_000])
def test_a_large_trace_is_a_short_outline_with_its_failure_and_its_slowest_span(count, large_traces, ask, snapshot):
    uri, ids = large_traces
    answer = ask(uri, "get_trace", trace_id=ids[count])

    assert len(answer.text) < 16_000
    snapshot(f"get_trace.{count}_spans", answer)


@pytest.mark.slow
def test_one_span_of_a_large_trace_is_found_without_sending_the_rest(large_traces, ask):
    uri, ids = large_traces
    answer = ask(uri, "get_trace", trace_id=ids[5_000], span="step_4321")

    assert data_of(answer)["span"]["content"]["inputs"] == {"n": 4321}
    assert len(answer.text) < 2_000


# --- what is not whole


def test_a_server_that_cannot_give_spans_is_told_apart_from_a_trace_without_any(traces_server, ask):
    """Its routes to the spans are missing; the trace itself is there."""
    with faulty_proxy(traces_server.uri, unknown_route("traces/get|traces/batchGet|get-trace-artifact")) as proxy:
        data = data_of(ask(proxy.uri, "get_trace", trace_id=traces_server["ticket 7"]))

    assert data["state"] == "ERROR"
    assert data["partial"].startswith("Its spans cannot be read.")


@pytest.mark.parametrize("status", [404, 500])
def test_a_trace_of_a_server_before_the_newer_route_is_shown(status, traces_server, ask_many):
    """MLflow 2.14 to 3.1 have the trace at …/traces/<id>/info only, and answer 404 or 500 to what newer clients ask."""
    newer = fail(status, r"/mlflow/traces/(?!search)[^/?]+(\?|$)", body="<!doctype html><h1>error</h1>")
    with ask_many(traces_server.uri) as ask:
        whole = data_of(ask("get_trace", trace_id=traces_server["ticket 7"]))
    with faulty_proxy(traces_server.uri, newer) as proxy, ask_many(proxy.uri) as ask:
        found = data_of(ask("get_trace", trace_id=traces_server["ticket 7"]))
        unknown = ask("get_trace", trace_id=f"tr-{'0' * 32}")

    assert (found["state"], found["spans"]) == (whole["state"], whole["spans"])
    assert problem_of(unknown).startswith("No trace and no session has the id")


@pytest.mark.parametrize("content", ["spans", "{", '{"spans": 7}', ""], ids=["whole", "broken", "odd", "empty"])
def test_spans_that_an_older_client_uploaded_are_read_from_their_file(content, traces_copy, tmp_path, ask):
    """Where the server does not keep spans MLflow's clients put them into traces.json, in the trace's artifacts."""
    from mlflow import MlflowClient

    from tests.support import raw_store

    trace_id = traces_copy["ticket 7"]
    whole = MlflowClient(traces_copy.uri).get_trace(trace_id, display=False).data.to_dict()
    folder = tmp_path / trace_id / "artifacts"
    folder.mkdir(parents=True)
    (folder / "traces.json").write_text(json.dumps(whole) if content == "spans" else content)
    with raw_store.opened(traces_copy.uri) as db:
        db.execute("DELETE FROM trace_tags WHERE key = 'mlflow.trace.spansLocation' AND request_id = ?", (trace_id,))
        db.execute(
            "UPDATE trace_tags SET value = ? WHERE key = 'mlflow.artifactLocation' AND request_id = ?",
            (folder.as_uri(), trace_id),
        )

    data = data_of(ask(traces_copy.uri, "get_trace", trace_id=trace_id))

    if content == "spans":
        assert [row["span"].strip() for row in rows_of(data["spans"])] == ["handle_ticket", "plan", "search_orders"]
    else:
        assert data["partial"] == "Its spans cannot be read. What is stored of them is broken."


def test_spans_are_read_by_the_api_where_the_route_of_the_ui_is_missing(traces_server, ask_many):
    keys = ("ticket 4", "odd")
    with ask_many(traces_server.uri) as ask:
        whole = [data_of(ask("get_trace", trace_id=traces_server[key])) for key in keys]
    with faulty_proxy(traces_server.uri, unknown_route("get-trace-artifact")) as proxy, ask_many(proxy.uri) as ask:
        found = [data_of(ask("get_trace", trace_id=traces_server[key])) for key in keys]

    assert found == whole


def test_a_chain_deeper_than_python_can_recurse_is_outlined(traces_copy, ask):
    count = 3_000
    steps = [Step("level 0", "CHAIN", 0, count * 2, None)]
    steps += [
        Step("deep", "CHAIN", n, count * 2 - n, parent=n - 1, error="ValueError: too deep" if n == count - 1 else None)
        for n in range(1, count)
    ]
    made = write(traces_copy.uri, traces_copy.experiment_id, Recording("deep", "level 0", LATER, steps))

    answer = ask(traces_copy.uri, "get_trace", trace_id=made)
    notes = [row["note"] for row in rows_of(data_of(answer)["spans"]) if row["note"]]

    assert len(answer.text) < 8_000
    assert any("ValueError: too deep" in note for note in notes)
    assert any("levels further down" in note for note in notes)


@pytest.mark.slow
def test_traces_made_by_mlflow_trace_itself(traces_copy, ask_many, forked_python):
    """In a process of its own, as an application makes them."""
    made = [forked_python, "-m", "tests.support.traces", traces_copy.uri, traces_copy.odd_experiment_id]
    subprocess.run(made, check=True, cwd=Path(__file__).parents[3], capture_output=True, timeout=100)

    with ask_many(traces_copy.uri) as ask:
        rows = rows_of(data_of(ask("search_traces", session="live", when="1h"))["traces"])
        failed, succeeded = rows
        data = data_of(ask("get_trace", trace_id=failed["trace_id"]))
    spans = rows_of(data["spans"])

    assert [row["state"] for row in rows] == ["ERROR", "OK"]
    assert succeeded["tokens"] == 15
    assert [(span["span"], span["type"], span["status"]) for span in spans] == [
        ("agent_answers", "AGENT", "ERROR"),
        ("  llm", "CHAT_MODEL", "OK"),
        ("  divide", "TOOL", "ERROR"),
    ]
    assert "ZeroDivisionError" in spans[-1]["note"]
    assert time.time() - 3_600 < LATER or data["time"]
