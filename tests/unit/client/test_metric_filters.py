"""Filters that the server's figures know, and those they do not."""

from __future__ import annotations

import pytest

from mlflow_mcp.client.traces.filters import quoted_trace_query
from mlflow_mcp.client.traces.metric_filters import Scope, metadata_is, scope_of, tag_is
from mlflow_mcp.client.traces.window import Window


def of(query, window=None):
    return scope_of(["1"], quoted_trace_query(query), window or Window())


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ("", ()),
        ("status = 'ERROR'", ("trace.status = 'ERROR'",)),
        (
            "attributes.status = 'OK' and trace.name=\"it's\"",
            ("trace.status = 'OK'", 'trace.tag.`mlflow.traceName` = "it\'s"'),
        ),
        ("tags.version = 'v1' AND tag.`a b` = 'x AND y'", (tag_is("version", "v1"), tag_is("a b", "x AND y"))),
        ("run_id = 'abc'", (metadata_is("mlflow.sourceRun", "abc"),)),
        ("metadata.mlflow.trace.session = 's'", (metadata_is("mlflow.trace.session", "s"),)),
        ("request_metadata.k = 's'", (metadata_is("k", "s"),)),
    ],
)
def test_what_is_compared_with_equals_is_passed_on(query, filters):
    assert of(query) == Scope(("1",), filters, Window())


@pytest.mark.parametrize(
    "query",
    [
        "status != 'OK'",
        "tags.version LIKE 'v%'",
        "execution_time_ms > 5000",
        "span.name = 'search'",
        "feedback.ok = 'no'",
        "text LIKE '%refund%'",
        "status = 'OK' AND timestamp_ms = 7",
        "tags.version IS NULL",
    ],
)
def test_anything_else_is_not_guessed(query):
    assert of(query) is None


def test_times_in_a_filter_narrow_the_window():
    assert of("timestamp_ms > 5 AND timestamp_ms <= 9", Window(3, 20)).window == Window(6, 10)
    assert of("timestamp_ms >= 1 AND trace.timestamp_ms < 30", Window(3, 20)).window == Window(3, 20)
    assert of("timestamp_ms >= 7").window == Window(7, None)
