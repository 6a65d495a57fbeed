"""summarize_traces: what a mean of tokens hides."""

from __future__ import annotations

import pytest

from mlflow_mcp.cli.demo import agent
from mlflow_mcp.cli.demo.tracing import Recording, Step, write
from tests.support.asking import data_of, rows_of


@pytest.fixture
def two_versions(traces_copy):
    """Of v8 five traces of 100 tokens, of v9 four of 90, one of 9,000 and one without any."""

    def written(key: str, version: str, tokens: int | None) -> str:
        step = Step("answer", "LLM", 0, 5, None, tokens=tokens and (tokens - 10, 10))
        recording = Recording(key, "answer", agent.FIRST, [step], tags={"version": version})
        return write(traces_copy.uri, traces_copy.experiment_id, recording)

    for number in range(5):
        written(f"old {number}", "v8", 100)
        written(f"new {number}", "v9", 90 if number else None)
    return traces_copy.uri, written("runaway", "v9", 9_000)


# The first filter is one that the server computes figures of; with the second the traces are read.
@pytest.mark.parametrize("more", ["", " AND execution_time_ms > 0"])
def test_one_trace_with_most_of_the_tokens_is_named_and_the_median_shown(two_versions, more, ask):
    uri, runaway = two_versions
    data = data_of(
        ask(
            uri,
            "summarize_traces",
            query=f"tags.version = 'v9'{more}",
            compare_to=f"tags.version = 'v8'{more}",
        )
    )

    rows = {row["figure"]: (row["these"], row["compare_to"]) for row in rows_of(data["comparison"])}
    assert rows["tokens per trace mean"] == (1_872, 100)
    assert rows["tokens per trace p50"] == (90, 100)
    assert [note for note in data["notes"] if "okens" in note] == [
        "Tokens: 5 of 6 traces in these have any logged; mean and p50 are of those.",
        f"One trace in these has 96% of the tokens, {runaway}: 9,000 of 9,360; the others have 90 on average.",
    ]


def test_the_tokens_of_one_set_are_told_with_their_denominator(two_versions, ask):
    uri, runaway = two_versions
    data = data_of(ask(uri, "summarize_traces", query="tags.version = 'v9'"))

    assert {name: data["tokens"][name] for name in ("mean", "p50", "max")} == {"mean": 1_872, "p50": 90, "max": 9_000}
    assert "Tokens: 5 of 6 traces have any logged; mean and p50 are of those." in data["notes"]
    assert any(runaway in note for note in data["notes"])


def test_even_tokens_of_all_traces_need_no_note(two_versions, ask):
    data = data_of(ask(two_versions[0], "summarize_traces", query="tags.version = 'v8'"))

    assert not any("okens" in note for note in data.get("notes", []))
