"""search_traces: inputs and outputs of calls that were tried again."""

from __future__ import annotations

import json

import pytest

from mlflow_mcp.cli.demo import agent
from mlflow_mcp.cli.demo.tracing import Recording, Step, write
from tests.support.asking import data_of, rows_of

CALL = {"slot": "9:20"}


@pytest.fixture
def retried(traces_copy):
    """A trace that calls `book` three times, of which the last succeeds, and `note` twelve times."""
    failed = [Step("book", "TOOL", at, at + 1, inputs=CALL, error="TimeoutError: locked") for at in (1, 2)]
    notes = [Step("note", "TOOL", 5 + number, 6 + number, inputs={"n": number}) for number in range(12)]
    steps = [Step("turn", "AGENT", 0, 30, None), *failed, Step("book", "TOOL", 3, 4, inputs=CALL, outputs={"id": 7})]
    for key, given in (("retried", [*steps, *notes]), ("no call", steps[:1])):
        recording = Recording(key, "turn", agent.FIRST, given, tags={"version": "v9"})
        write(traces_copy.uri, traces_copy.experiment_id, recording)
    return traces_copy.uri


def columns_of(uri, ask, fields):
    data = data_of(ask(uri, "search_traces", query="tags.version = 'v9'", fields=fields))
    return [data["traces"].get("common", {}) | row for row in rows_of(data["traces"])], data


def test_each_call_stands_with_its_inputs_outputs_and_failure(retried, ask):
    rows, data = columns_of(retried, ask, "book.inputs, book.outputs, tags.version")

    assert "notes" not in data
    [called] = [row["book: inputs, outputs"] for row in rows if row.get("book: inputs, outputs")]
    assert json.loads(called) == [
        {"inputs": CALL, "outputs": None, "status": "ERROR"},
        {"inputs": CALL, "outputs": None, "status": "ERROR"},
        {"inputs": CALL, "outputs": {"id": 7}},
    ]


def test_values_of_one_path_are_in_the_order_of_the_calls_with_nothing_for_those_without(retried, ask):
    rows, _ = columns_of(retried, ask, "book.outputs.id")

    assert [json.loads(row["book.outputs.id"]) for row in rows if row.get("book.outputs.id")] == [[None, None, 7]]


def test_a_path_that_one_of_the_calls_lacks_is_found_and_one_that_all_lack_is_told(retried, ask):
    _, data = columns_of(retried, ask, "book.outputs.id, book.outputs.idd, book.inputs.slot")

    assert data["notes"] == ["No trace here has 'book.outputs.idd'. Nearest: 'id'. There are: 'id'."]


def test_the_names_of_many_spans_are_not_cut_while_there_is_room(retried, ask):
    rows, _ = columns_of(retried, ask, "spans.name")

    lengths = {len(json.loads(row["spans.name"])) for row in rows if row["spans.name"].startswith("[")}
    assert lengths == {16}
