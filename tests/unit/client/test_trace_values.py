"""Filters of traces that MLflow refuses, though there is another way."""

from __future__ import annotations

import pytest

from mlflow_mcp.client.traces.filters import quoted_trace_query
from mlflow_mcp.errors import Problem


@pytest.mark.parametrize(
    ("condition", "written"),
    [
        ("feedback.safe_advice = false", "feedback.safe_advice = 'false'"),
        ("tags.release != 3.1", "tags.release != '3.1'"),
        ("metadata.`a b` = x", "metadata.`a b` = 'x'"),
        ("status=ERROR", "status = 'ERROR'"),
        ("span.name = book_slot", "span.name = 'book_slot'"),
    ],
)
@pytest.mark.parametrize("query", ["{}", "name = 'x' AND {}", "{} and name = 'x'"])
def test_a_value_without_quotes_is_answered_with_the_quoted_one(condition, written, query):
    with pytest.raises(Problem) as raised:
        quoted_trace_query(query.format(condition))

    assert f"Write {written}: " in str(raised.value)


@pytest.mark.parametrize(
    "query",
    [
        "feedback.tone > 3",
        "execution_time_ms = 500",
        "feedback.safe = 'it = no'",
        "tags.a = \"x\" AND text LIKE '%tags.b = c%'",
        "tags.tokens = '5' AND metadata.cost > '1'",
        "text LIKE '%tokens > 5%'",
        "feedback.x IS NULL",
    ],
)
def test_other_filters_are_left_to_mlflow(query):
    quoted_trace_query(query)


@pytest.mark.parametrize("query", ["tokens > 5", "status = 'OK' AND attributes.total_tokens >= 5", "input_tokens<5"])
def test_tokens_are_answered_with_their_order(query):
    with pytest.raises(Problem, match=r"cannot filter traces by .*tokens\. .*order_by='tokens DESC'"):
        quoted_trace_query(query)
