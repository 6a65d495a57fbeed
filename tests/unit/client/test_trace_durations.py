"""Durations in filters of traces: MLflow hands a quoted text to the database, where every number is less than every text."""

from __future__ import annotations

import pytest

from mlflow_mcp.client.traces.filters import quoted_trace_query
from mlflow_mcp.errors import Problem


def test_a_quoted_duration_becomes_a_number():
    query = "execution_time_ms > '500' AND trace.execution_time <= \"9\" AND tags.execution_time = '7'"

    expected = "execution_time_ms > 500 AND trace.execution_time <= 9 AND tags.execution_time = '7'"
    assert quoted_trace_query(query) == expected


@pytest.mark.parametrize("condition", ["execution_time > '7d'", "trace.execution_time_ms < '2s'"])
def test_a_text_that_is_no_duration_is_refused(condition):
    with pytest.raises(Problem, match=r"is no duration that can be searched for\. .*execution_time_ms > 2000"):
        quoted_trace_query(f"status = 'OK' AND {condition}")
