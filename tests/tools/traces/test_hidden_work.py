"""get_trace and search_traces: spans that go on after their parent has ended, and columns of spans."""

from __future__ import annotations

import pytest

from tests.support.asking import data_of, rows_of
from tests.support.claims import FETCHES, make_claims

RETRIED = "tags.version = 'v1' AND status = 'OK' AND span.status = 'ERROR'"


@pytest.fixture(scope="module")
def claims(empty_template, tmp_path_factory):
    return make_claims(empty_template, tmp_path_factory.mktemp("claims"))


@pytest.fixture(scope="module")
def spans(claims, ask):
    """The rows of the slow trace by the names of their spans."""
    found = rows_of(data_of(ask(claims, "search_traces", query="name = 'slow'"))["traces"])
    shown = data_of(ask(claims, "get_trace", trace_id=found[0]["trace_id"]))["spans"]
    return {row["span"].strip(): row for row in rows_of(shown)}


@pytest.mark.slow
def test_the_share_of_a_span_is_that_of_the_work_it_began(spans):
    assert (spans["audit"]["duration"], spans["audit"]["%"]) == (0.01, 60.1)


@pytest.mark.slow
def test_children_that_outlast_their_parent_are_said(spans):
    assert spans["audit"]["note"] == "spans below it go on for 6 s after its end"
    assert "after its end" not in str(spans["slow"]["note"])


@pytest.mark.slow
def test_a_root_whose_grandchildren_ran_was_not_idle(spans):
    assert spans["slow"]["note"] is None


@pytest.mark.slow
def test_siblings_at_the_same_time_are_no_more_than_the_time_they_took(spans):
    check = spans["check x3"]

    assert (check["duration"], check["%"]) == (6, 20)
    assert "some at the same time" in check["note"]
    assert "some at the same time" not in str(spans[f"fetch x{FETCHES}"]["note"])


@pytest.mark.slow
@pytest.mark.parametrize("path", ["lookup.status", "spans.lookup.status", "data.spans.lookup.status"])
def test_spans_of_one_name_are_a_column_however_they_are_written(claims, ask, path):
    row = rows_of(data_of(ask(claims, "search_traces", query=RETRIED, fields=path))["traces"])[0]

    assert row[path] == '["ERROR", "ERROR", "OK"]'


@pytest.mark.slow
def test_outputs_of_spans_of_one_name_are_a_column(claims, ask):
    row = rows_of(data_of(ask(claims, "search_traces", query=RETRIED, fields="spans.payout.outputs.sum"))["traces"])[0]

    assert row["spans.payout.outputs.sum"] == 103.5


@pytest.mark.slow
def test_names_and_states_of_spans_stand_together(claims, ask):
    fields = "spans.status, spans.name, spans.status_message"
    row = rows_of(data_of(ask(claims, "search_traces", query=RETRIED, fields=fields))["traces"])[0]

    assert row["spans.name: status, status_message"] == (
        '["agent: OK", "lookup: ERROR, TimeoutError: no answer in 2 s", '
        '"lookup: ERROR, TimeoutError: no answer in 2 s", "lookup: OK", "payout: OK"]'
    )
    assert "spans.status" not in row


@pytest.mark.slow
@pytest.mark.parametrize(("path", "there"), [("spans.lokup.status", "'lookup'"), ("spans.lookup.state", "'status'")])
def test_unknown_paths_are_told_what_there_is(claims, ask, path, there):
    notes = data_of(ask(claims, "search_traces", query=RETRIED, fields=path))["notes"]

    assert notes[0].startswith(f"No trace here has '{path}'.")
    assert there in notes[0]
