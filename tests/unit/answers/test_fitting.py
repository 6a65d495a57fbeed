"""Cutting to the budget: what only looks like one of our tables is a stranger's data like any other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.budget import encoded
from mlflow_mcp.answers.fitting import fit
from mlflow_mcp.answers.masking import mask

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("x" * 900),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "columns", "rows"]), inner),
    max_leaves=12,
)


@given(columns=values, rows=values, budget=st.integers(400, 3_000))
def test_columns_and_rows_of_any_kind_are_cut_and_masked(columns, rows, budget):
    content = {"content": {"columns": columns, "rows": rows, "long": "y" * 900}}

    assert len(encoded(fit(Answer(), mask(content), budget))) <= budget


@pytest.mark.parametrize("rows", [[1, None], ["text"], [{"k": "v"}], [["x", "y", "z"]], [["x"]]])
def test_rows_that_are_no_cells_stay_whole(rows):
    content = {"content": {"columns": ["a", "b"], "rows": rows}}

    assert fit(Answer(), mask(content), 2_000) == content
