"""search_traces: those with the most tokens, which MLflow neither orders nor filters by."""

from __future__ import annotations

import pytest

from mlflow_mcp.cli.demo import agent
from tests.support.asking import data_of, rows_of
from tests.support.traces import multiply


def test_pages_in_the_order_of_tokens_hold_every_trace_once(both_traces, ask_many):
    found, cursor = [], None
    with ask_many(both_traces.uri) as ask:
        while True:
            answer = ask(
                "search_traces", experiment_id="support-agent", order_by="tokens DESC", limit=15, cursor=cursor
            )
            data = data_of(answer)
            assert "partial" not in data
            found += rows_of(data["traces"])
            if not (cursor := data.get("next_cursor")):
                break

    tokens = [row.get("tokens") for row in found]
    counted = [each for each in tokens if each is not None]
    assert counted == sorted(counted, reverse=True)
    assert tokens == counted + [None] * (len(tokens) - len(counted))
    assert len({row["trace_id"] for row in found}) == agent.COUNT


def test_the_fewest_tokens_first(traces_file, ask):
    answer = ask(traces_file.uri, "search_traces", experiment_id="support-agent", order_by="tokens", limit=5)
    tokens = [row["tokens"] for row in rows_of(data_of(answer)["traces"])]

    assert tokens == sorted(tokens)


@pytest.mark.slow
def test_of_more_traces_than_are_read_the_newest_are_ranked_and_that_is_said_first(traces_copy, ask):
    multiply(traces_copy, 1_200)
    data = data_of(
        ask(traces_copy.uri, "search_traces", experiment_id="support-agent", order_by="tokens DESC", limit=2)
    )

    assert data["partial"] == "Only the newest 1,000 matching traces are ranked by tokens: narrow `when` or query."
    assert next(iter(data)) == "partial"


@pytest.mark.parametrize("query", ["tokens > 3000", "trace.total_tokens > 3000 AND status = 'OK'", "cost > 0.1"])
def test_a_filter_by_tokens_is_answered_with_their_order(query, traces_file, ask, snapshot_error):
    snapshot_error(ask(traces_file.uri, "search_traces", query=query))
