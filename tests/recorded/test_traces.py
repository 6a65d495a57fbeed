"""The traces that the newest launcher exports: one for each sample, with times of the export."""

from __future__ import annotations

import pytest

from tests.support.asking import data_of, rows_of

pytestmark = pytest.mark.slow


def test_the_samples_of_a_run_are_found_and_their_times_are_not_taken_for_the_evaluations(recorded, ask):
    data = data_of(
        ask(recorded, "search_traces", experiment_id="nemo-evaluator", limit=50,
            fields="spans.attributes.nel.reward, llm.attributes.nel.latency_ms")
    )  # fmt: skip
    rows = rows_of(data["traces"])

    assert data["total"] == len(rows) == 46
    assert {row["spans.attributes.nel.reward"] for row in rows} == {0, 1}
    assert any(row["llm.attributes.nel.latency_ms"] for row in rows)
    assert "time and duration are the export's" in data["notes"][0]


def test_the_trajectory_of_a_sample_is_an_outline(recorded, ask):
    found = rows_of(data_of(ask(recorded, "search_traces", query="name = 'sample_5' AND span.type = 'TOOL'"))["traces"])
    data = data_of(ask(recorded, "get_trace", trace_id=found[0]["trace_id"]))

    assert [row["span"] for row in rows_of(data["spans"])] == [
        "sample_5",
        "  user",
        "  assistant",
        "  bash",
        "  assistant",
    ]
    assert "time and duration are the export's" in data["notes"][0]


def test_figures_of_samples_say_that_latency_and_state_are_the_exports(recorded, ask):
    data = data_of(ask(recorded, "summarize_traces", experiment_id="nemo-evaluator"))

    assert data["traces"] == 46
    assert any("time and duration are the export's" in note for note in data["notes"])
