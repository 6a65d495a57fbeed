"""summarize_traces: figures that are those of the traces, wherever they were computed; failures, assessments and verdicts."""

from __future__ import annotations

import dataclasses
import re
import statistics
import subprocess

import pytest

from mlflow_mcp.cli.demo import agent
from mlflow_mcp.cli.demo.tracing import write
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.traces.summaries import question, sampled
from mlflow_mcp.tools.traces.summaries.computed import NOT_ASKED
from tests.support.asking import data_of, problem_of, rows_of, six_digits
from tests.support.servers import faulty_proxy, unknown_route
from tests.support.stores import copied
from tests.support.traces import SECRET, multiply

TICKETS = list(agent.recordings())
HERE = {"experiment_id": "support-agent"}


def groups_of(answer, by):
    return {row[by]: row for row in rows_of(data_of(answer)["groups"])}


@pytest.fixture(scope="module")
def uncounting(traces_server):
    """The server as it was before it computed figures of traces."""
    with faulty_proxy(traces_server.uri, unknown_route("traces/metrics")) as proxy:
        yield proxy.uri


@pytest.fixture(scope="module")
def many_traces(traces_file, tmp_path_factory):
    """Each ticket sixty times, and ten traces of a third version in the middle of them."""
    store = dataclasses.replace(traces_file, uri=copied(traces_file.uri, tmp_path_factory.mktemp("many") / "many.db"))
    multiply(store, 2_400)
    for number in range(10):
        write(
            store.uri,
            store.experiment_id,
            dataclasses.replace(TICKETS[20], key=f"v7 {number}", tags={"version": "v7"}),
        )
    return store


@pytest.fixture(scope="module")
def folder_of_traces(tmp_path_factory, forked_python):
    """Two traces that `mlflow.trace` left in a folder, one of which failed."""
    folder = tmp_path_factory.mktemp("folder") / "mlruns"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        traced = [forked_python, "-m", "tests.support.traces", str(folder), "0"]
        subprocess.run(traced, check=True, capture_output=True, timeout=100)
        yield str(folder)


# --- the whole


def test_the_whole_is_one_answer(both_traces, ask, snapshot):
    answer = ask(both_traces.uri, "summarize_traces", **HERE)

    assert len(answer.text) < 1_000
    snapshot("summarize_traces.whole", answer)


def test_figures_are_those_of_the_traces(traces_file, ask):
    data = data_of(ask(traces_file.uri, "summarize_traces", **HERE))
    seconds = sorted(each.duration / 1000 for each in TICKETS)
    tokens = [sum(sum(step.tokens) for step in each.steps if step.tokens) for each in TICKETS]
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")

    assert data["traces"] == len(TICKETS)
    assert data["states"] == {
        "ERROR": sum(agent.fails(n) for n in range(40)),
        "OK": 40 - sum(agent.fails(n) for n in range(40)),
    }
    assert data["error_rate"] == 0.2
    for name, exact in (("p50", cuts[49]), ("p95", cuts[94]), ("p99", cuts[98]), ("mean", statistics.mean(seconds))):
        assert data["latency"][name] == pytest.approx(exact, rel=1e-3), name
    assert data["tokens"]["total"] == sum(tokens)
    assert data["tokens"]["mean"] == pytest.approx(statistics.mean(tokens), abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("by", ["name", "status", "tags.version", "session", "user", "run", "day", "hour"])
def test_groups_read_from_traces_are_those_that_the_server_computes(by, traces_server, uncounting, ask):
    computed = data_of(ask(traces_server.uri, "summarize_traces", **HERE, group_by=by))
    read = data_of(ask(uncounting, "summarize_traces", **HERE, group_by=by))

    assert read == computed
    assert sum(row["traces"] for row in rows_of(read["groups"])) == 40


@pytest.mark.slow
def test_the_whole_read_from_traces_is_what_the_server_computes(traces_server, uncounting, ask):
    computed = data_of(ask(traces_server.uri, "summarize_traces", **HERE))
    read = data_of(ask(uncounting, "summarize_traces", **HERE))

    assert "failed_spans" in computed
    assert "Read trace by trace: failed spans are not counted here, group_by='span' does." in read["notes"]
    for told in ("failed_spans", "notes"):
        computed.pop(told, None)
        read.pop(told, None)
    assert read == computed


@pytest.mark.slow
@pytest.mark.parametrize("by", ["span", "tool", "span_type", "model"])
def test_spans_read_from_traces_are_those_that_the_server_computes(by, traces_server, uncounting, ask):
    computed = data_of(ask(traces_server.uri, "summarize_traces", **HERE, group_by=by))
    read = data_of(ask(uncounting, "summarize_traces", **HERE, group_by=by))

    for row, same in zip(rows_of(computed["groups"]), rows_of(read["groups"])):
        assert {name: same[name] for name in row} == row


@pytest.mark.slow
@pytest.mark.parametrize(
    "asked",
    [
        {"group_by": "failure"},
        {"group_by": "assessment"},
        {"query": "tags.version = 'v2'", "compare_to": "tags.version = 'v1'"},
    ],
    ids=["failure", "assessment", "compare_to"],
)
def test_a_server_that_computes_nothing_is_answered_from_traces(asked, traces_server, uncounting, ask):
    computed = data_of(ask(traces_server.uri, "summarize_traces", **HERE, **asked))
    read = data_of(ask(uncounting, "summarize_traces", **HERE, **asked))
    # Of failures only the server counts these, and only there are spans searched by status.
    for told in ("traces", "states", "error_rate", "hidden_failures", "failure_changes", "notes"):
        computed.pop(told, None)
        unasked = read.pop(told, None) or []

    assert read == computed
    assert (NOT_ASKED in unasked) == (asked.get("group_by") != "assessment")


@pytest.mark.slow
@pytest.mark.parametrize("by", [None, "status", "span", "failure", "assessment"])
def test_a_folder_of_runs_which_computes_nothing_is_read(by, folder_of_traces, ask):
    data = data_of(ask(folder_of_traces, "summarize_traces", group_by=by))

    if by == "failure":
        assert [(row["span"], row["message"]) for row in rows_of(data["failures"])] == [
            ("divide", "ZeroDivisionError: division by zero")
        ]
    else:
        assert data["traces"] == 2


def test_a_filter_that_only_the_search_knows_is_read_from_traces(traces_file, ask):
    slow = [each for each in TICKETS if each.duration > 2_000]
    data = data_of(ask(traces_file.uri, "summarize_traces", **HERE, query="execution_time_ms > 2000"))

    assert data["traces"] == len(slow)
    assert "partial" not in data


def test_a_trace_in_progress_is_in_no_error_rate(traces_file, ask, snapshot):
    snapshot("summarize_traces.odd", ask(traces_file.uri, "summarize_traces", experiment_id="odd-traces"))


def test_what_is_computed_within_a_window(traces_file, ask):
    data = data_of(ask(traces_file.uri, "summarize_traces", **HERE, when="2026-09-02"))

    assert data["traces"] == 12
    assert data["window"] == "2026-09-02T00:00:00Z..2026-09-03T00:00:00Z"


# --- groups


def test_groups_are_compared_with_a_verdict_that_knows_how_many_tests_there_are(both_traces, ask, snapshot):
    sides = {"query": "tags.version = 'v2'", "compare_to": "tags.version = 'v1'"}
    answer = ask(both_traces.uri, "summarize_traces", **HERE, **sides, group_by="name")

    snapshot("summarize_traces.compared_by_name", answer)
    whole = {
        row["figure"]: row
        for row in rows_of(ask(both_traces.uri, "summarize_traces", **HERE, **sides).data["comparison"])
    }
    row = groups_of(answer, "name")["handle_ticket"]
    assert (row["traces"], row["compare_to traces"]) == (whole["traces"]["these"], whole["traces"]["compare_to"])
    assert row["verdict"].partition(", p=")[0] == whole["error_rate"]["verdict"].partition(", p=")[0]


def test_each_group_is_tested_among_all_groups_that_both_sides_have(traces_copy, ask):
    """Of the verdicts of one table at most one in twenty may be wrong by chance; a side without the group gives none."""
    for number in range(12):
        for name, version, fails in (("route", "v7", True), ("route", "v8", False), ("rank", "v7", number < 5),
                                     ("rank", "v8", False), ("only v7", "v7", True)):  # fmt: skip
            key, state = f"{name} {version} {number}", "ERROR" if fails else "OK"
            recording = dataclasses.replace(TICKETS[20], key=key, name=name, state=state, tags={"version": version})
            write(traces_copy.uri, traces_copy.experiment_id, recording)
    sides = {"query": "tags.version = 'v7'", "compare_to": "tags.version = 'v8'"}
    answer = ask(traces_copy.uri, "summarize_traces", **HERE, **sides, group_by="name")

    rows = groups_of(answer, "name")
    assert rows["route"]["verdict"] == "higher: 12 of 12 against 0 of 12, p=<0.0001"
    assert rows["rank"]["verdict"] == "cannot tell: 5 of 12 against 0 of 12, p=0.037"  # alone it would be below 0.05
    assert (rows["only v7"]["compare_to traces"], rows["only v7"]["verdict"]) == (None, None)
    assert "at 0.05 over all 2 tests" in str(answer.data["notes"])


def test_groups_on_both_sides_of_a_comparison_get_no_verdict(traces_file, ask):
    sides = {"query": "tags.version = 'v1'", "compare_to": "status = 'ERROR'"}
    data = data_of(ask(traces_file.uri, "summarize_traces", **HERE, **sides, group_by="name"))

    assert all(row["verdict"] is None for row in rows_of(data["groups"]))
    assert any(note.startswith("No verdict: some traces are on both sides") for note in data["notes"])


@pytest.mark.parametrize("by", ["tags.version", "span", "span_type", "day"])
def test_groups_are_a_table(by, both_traces, ask, snapshot):
    snapshot(
        f"summarize_traces.by_{by.replace('.', '_')}", ask(both_traces.uri, "summarize_traces", **HERE, group_by=by)
    )


def test_the_groups_of_a_tag_are_exact(traces_file, ask):
    rows = groups_of(ask(traces_file.uri, "summarize_traces", **HERE, group_by="tags.version"), "tags.version")

    for version in ("v1", "v2"):
        these = [n for n in range(40) if agent.version_of(n) == version]
        assert rows[version]["traces"] == 20
        assert rows[version]["errors"] == sum(map(agent.fails, these))
        seconds = statistics.median(TICKETS[n].duration for n in these) / 1000
        assert rows[version]["p50"] == pytest.approx(seconds, rel=1e-3)


@pytest.mark.slow
def test_the_values_of_a_tag_on_many_traces_are_asked_of_the_server_and_the_rest_is_counted(many_traces, ask):
    data = data_of(ask(many_traces.uri, "summarize_traces", **HERE, group_by="tags.version"))
    rows = {row["tags.version"]: row for row in rows_of(data["groups"])}

    # v7 is of traces in the middle, which nobody looked at.
    assert {version: row["traces"] for version, row in rows.items()} == {"v1": 1_200, "v2": 1_200}
    assert data["traces"] == 2_410
    assert data["notes"] == ["10 traces with other values of tags.version or with none are in no row."]


def test_a_group_that_does_not_exist_names_the_nearest(traces_file, ask, snapshot_error):
    snapshot_error(ask(traces_file.uri, "summarize_traces", group_by="sesion"))
    snapshot_error(ask(traces_file.uri, "summarize_traces", group_by="tags.vers", **HERE))
    snapshot_error(ask(traces_file.uri, "summarize_traces", group_by="metadata.x", **HERE))


# --- failures


def test_failures_are_grouped_by_span_and_message(both_traces, ask, snapshot):
    snapshot("summarize_traces.failures", ask(both_traces.uri, "summarize_traces", **HERE, group_by="failure"))


def test_a_failed_try_that_was_repeated_is_not_the_failure_of_its_trace(traces_file, ask):
    """The ConnectionErrors of the tickets that were tried again."""
    rows = rows_of(data_of(ask(traces_file.uri, "summarize_traces", **HERE, group_by="failure"))["failures"])

    assert [(row["span"], row["traces"]) for row in rows] == [("search_orders", sum(map(agent.fails, range(40))))]
    assert "ConnectionError" not in str(rows)


@pytest.mark.slow
def test_only_so_many_failing_traces_are_read_and_the_heading_says_so(traces_file, ask, monkeypatch):
    monkeypatch.setattr(sampled, "MOST_TRACES", 3)
    data = data_of(ask(traces_file.uri, "summarize_traces", **HERE, group_by="failure"))

    assert next(iter(data)) == "partial"
    assert data["partial"].startswith("Only the spans of the newest 3 failing traces were read, back to 2026-09-03T")
    assert rows_of(data["failures"])[0]["traces"] == 3
    assert data["states"]["ERROR"] == 8, "counted over all"


@pytest.mark.slow
def test_what_goes_with_failing_is_told_with_its_counts(many_traces, ask):
    data = data_of(ask(many_traces.uri, "summarize_traces", **HERE, group_by="failure"))
    found = {row["traces_with"]: row for row in rows_of(data["goes_with"])}

    told = found["tags.`version` = 'v2'"]
    assert (told["failed"], told["of"], told["error_rate"]) == (360, 1_200, 0.3)
    assert told["error_rate_of_others"] == six_digits(f"{120 / 1_210:.4g}")
    assert told["p"] == "<0.0001"
    assert "tags.`version` = 'v1'" not in found


@pytest.mark.slow
def test_what_goes_with_failing_among_traces_that_are_read(many_traces, ask):
    query = "execution_time_ms > 1"
    data = data_of(ask(many_traces.uri, "summarize_traces", **HERE, group_by="failure", query=query))
    found = {row["traces_with"]: row for row in rows_of(data["goes_with"])}

    assert found["tags.`version` = 'v2'"]["of"] == 1_200
    assert any(note.startswith("goes_with is partial. Of the newest 2,000 matching traces") for note in data["notes"])


def test_nothing_failed(traces_file, ask):
    data = data_of(ask(traces_file.uri, "summarize_traces", **HERE, group_by="failure", query="status = 'OK'"))

    assert data["notes"][0] == (
        "No matching trace ended in ERROR; 4 of 32 traces that ended OK hold a failed span: hidden_failures."
    )
    assert "failures" not in data


# --- assessments


def test_judges_and_people_disagree(both_traces, ask, snapshot):
    data = data_of(ask(both_traces.uri, "summarize_traces", **HERE, group_by="assessment"))

    (row,) = rows_of(data["disagreements"])
    assert (row["judge"], row["person"]) == ("yes", "no")
    assert row["newest"] == [both_traces[f"ticket {n}"] for n in (21, 9, 1)]
    assert row["disagree"] == 3
    snapshot("summarize_traces.assessments", data, {both_traces[f"ticket {n}"]: f"<ticket {n}>" for n in (21, 9, 1)})


def test_counts_are_parted_by_who_gave_them_where_judges_and_people_did(both_traces, ask):
    data = data_of(ask(both_traces.uri, "summarize_traces", **HERE, group_by="assessment"))

    by = {(row["name"], row["value"]): (row["feedbacks"], row["by"]) for row in rows_of(data["assessments"])}
    assert by["correctness", "yes"] == (38, "person 12, judge 26")
    assert by["tone", 3] == (2, None)
    assert data["notes"] == ["Not counted in assessments: 1 overridden feedback."]


def test_expectations_are_no_assessments_of_what_happened(traces_file, ask):
    answer = ask(traces_file.uri, "summarize_traces", **HERE, group_by="assessment")

    assert "expected_state" not in str(data_of(answer)["assessments"])
    assert rows_of(data_of(answer)["expectations"]) == [
        {"name": "expected_state", "traces": 5, "values": '{"state": "shipped"} (5)'}
    ]


# --- comparing


def test_a_difference_of_few_traces_cannot_be_told(both_traces, ask, snapshot):
    answer = ask(
        both_traces.uri, "summarize_traces", **HERE, query="tags.version = 'v2'", compare_to="tags.version = 'v1'"
    )

    snapshot("summarize_traces.compared", answer)
    rows = {row["figure"]: row for row in rows_of(data_of(answer)["comparison"])}
    assert rows["error_rate"]["verdict"] == "cannot tell: 6 of 20 against 2 of 20, p=0.24"


@pytest.mark.slow
def test_a_difference_of_many_traces_is_told(many_traces, ask):
    rows = rows_of(data_of(
        ask(many_traces.uri, "summarize_traces", **HERE, query="tags.version = 'v2'", compare_to="tags.version = 'v1'")
    )["comparison"])  # fmt: skip
    verdicts = {row["figure"]: row["verdict"] for row in rows}

    assert verdicts["error_rate"] == "higher: 360 of 1,200 against 120 of 1,200, p=<0.0001"
    assert re.fullmatch(r"higher: [\d.]+ to [\d.]+ s against [\d.]+ to [\d.]+ s", verdicts["latency p50"])


def test_a_time_is_compared_with_the_time_before(traces_file, ask):
    data = data_of(
        ask(traces_file.uri, "summarize_traces", **HERE, when="2026-09-03..2026-09-04", compare_to="previous")
    )
    rows = {row["figure"]: row for row in rows_of(data["comparison"])}

    assert (rows["traces"]["these"], rows["traces"]["compare_to"]) == (16, 24)
    assert "compare_to is 2026-09-01T00:00:00Z..2026-09-03T00:00:00Z." in data["notes"]


def test_no_verdict_where_a_trace_is_on_both_sides(traces_file, ask):
    data = data_of(
        ask(traces_file.uri, "summarize_traces", **HERE, query="tags.version = 'v1'", compare_to="status = 'ERROR'")
    )

    assert "verdict" not in data["comparison"]["columns"]
    assert data["notes"] == ["No verdict: some traces are on both sides. Use filters that exclude each other."]


def test_nothing_is_compared_with_a_part_of_itself(traces_file, ask, snapshot_error):
    for arguments in (
        {"compare_to": "status = 'ERROR'"},
        {"compare_to": "previous"},
        {"compare_to": "2026-09-02", "when": "2026-09-01..2026-09-03"},
        {"compare_to": "yesterday", "when": "2026-09-01"},
        {"compare_to": "2026-09-02", "when": "2026-09-01", "group_by": "day"},
        {"compare_to": "2026-09-02", "when": "2026-09-01", "group_by": "span"},
        {"compare_to": "2026-09-02", "when": "2026-09-01", "group_by": "failure"},
        {"compare_to": "2026-09-02", "when": "2026-09-01", "group_by": "assessment"},
        {"compare_to": "2026-09-02", "when": "2026-09-01", "group_by": "status"},
    ):
        snapshot_error(ask(traces_file.uri, "summarize_traces", **arguments))


def test_a_side_without_traces_is_told(traces_file, ask):
    data = data_of(ask(traces_file.uri, "summarize_traces", when="2026-09-01", compare_to="previous"))

    assert any(note.startswith("No trace is in compare_to: timestamp_ms >= ") for note in data["notes"])


# --- limits, bad input, old servers


def test_traces_that_were_not_read_are_the_first_thing_told(traces_file, ask, monkeypatch):
    monkeypatch.setattr(question, "MOST_READ", 15)
    data = data_of(ask(traces_file.uri, "summarize_traces", **HERE, query="execution_time_ms > 1"))

    assert next(iter(data)) == "partial"
    assert data["partial"].startswith("Of the newest 15 matching traces, back to 2026-09-")
    assert data["traces"] == 15


def test_nothing_matches(traces_file, empty_store, ask, snapshot):
    snapshot("summarize_traces.nothing", ask(traces_file.uri, "summarize_traces", **HERE, query="status = 'NO'"))
    assert data_of(ask(empty_store, "summarize_traces")) == {
        "traces": 0,
        "notes": ["There are no traces in these experiments at all."],
    }
    for by in ("day", "span", "assessment", "failure", "session"):
        assert data_of(ask(empty_store, "summarize_traces", group_by=by)).get("traces") == 0, by


def test_a_filter_that_mlflow_rejects_is_explained(traces_file, ask, snapshot_error):
    snapshot_error(ask(traces_file.uri, "summarize_traces", query="oops"))
    snapshot_error(ask(traces_file.uri, "summarize_traces", query="status = 'OK' OR status = 'ERROR'"))


@pytest.mark.slow
def test_a_server_without_traces_is_told_the_version_that_has_them(traces_server, ask, snapshot_error):
    with faulty_proxy(traces_server.uri, unknown_route("traces")) as proxy:
        snapshot_error(ask(proxy.uri, "summarize_traces"))


def test_hours_that_are_too_many_are_refused(traces_copy, ask, snapshot_error):
    late = dataclasses.replace(TICKETS[0], key="late", time=TICKETS[0].time + 400 * agent.HOUR)
    write(traces_copy.uri, traces_copy.experiment_id, late)

    snapshot_error(ask(traces_copy.uri, "summarize_traces", **HERE, group_by="hour"))


def test_secrets_in_messages_are_hidden_before_their_numbers_are_folded(traces_copy, ask):
    message = f"AuthError: the key {SECRET} was refused"
    steps = [dataclasses.replace(step, error=message) for step in TICKETS[0].steps[:1]]
    failed = dataclasses.replace(TICKETS[0], key="leak", steps=steps, state="ERROR", tags={"api_key": SECRET})
    for number in range(2):
        write(traces_copy.uri, traces_copy.experiment_id, dataclasses.replace(failed, key=f"leak {number}"))
    calls = [{"group_by": "failure"}, {"group_by": "tags.api_key"}, {"query": f"tags.api_key = '{SECRET}'"}]

    for arguments in calls:
        answer = ask(traces_copy.uri, "summarize_traces", **HERE, **arguments)
        assert not answer.is_error, answer.text
        assert SECRET[8:20] not in answer.text, arguments
    shown = ask(
        Settings(tracking_uri=traces_copy.uri, mask_secrets=False), "summarize_traces", **HERE, group_by="tags.api_key"
    )
    assert SECRET in shown.text
    assert problem_of(ask(traces_copy.uri, "summarize_traces", group_by=SECRET)).count(SECRET) == 0
