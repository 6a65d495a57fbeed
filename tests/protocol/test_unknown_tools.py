"""A call of a tool that is not offered."""

from __future__ import annotations

import pytest

from tests.support.asking import problem_of


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("query_run", "There is no tool 'query_run'. Nearest: 'query_runs'."),
        ("delete", "delete is not offered here: it changes MLflow. The operator allows it with MLFLOW_MCP_ALLOW_WRITE=delete; MLFLOW_MCP_READ_ONLY forbids it."),
        ("get_prompt", "get_prompt is not offered here. The operator chooses tools with MLFLOW_MCP_TOOLSETS ('genai' has it)."),
    ],
)  # fmt: skip
def test_what_to_do_instead_is_said(name, sentence, store, ask):
    assert problem_of(ask(store.uri, name)) == sentence


def test_a_name_of_any_length_has_a_short_answer(store, ask):
    assert len(problem_of(ask(store.uri, "x" * 900_000))) < 400
