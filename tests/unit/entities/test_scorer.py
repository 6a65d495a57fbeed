"""Registered scorers, also broken ones."""

from __future__ import annotations

import json

import pytest
from mlflow.entities import ScorerVersion

from mlflow_mcp.entities.scorer import ScorerView


def view(content):
    text = content if isinstance(content, str) else json.dumps(content)
    return ScorerView.of(ScorerVersion("1", "s", 2, text, 1))


JUDGE = {"instructions_judge_pydantic_data": {"instructions": "Is it?", "model": "openai:/m"}}


@pytest.mark.parametrize(
    ("content", "kind", "judges_by"),
    [
        (JUDGE, "judge", "Is it?"),
        ({"memory_augmented_judge_data": {"base_judge": JUDGE}}, "judge aligned with feedback", "Is it?"),
        ({"builtin_scorer_class": "Safety"}, "MLflow's Safety", None),
        ({"third_party_scorer_data": {"module": "ragas", "class": "Faithfulness"}}, "ragas.Faithfulness", None),
        ({"ensemble_scorer_data": {"scorers": [JUDGE]}}, "ensemble", None),
        ({"call_source": "return 1"}, "code", "return 1"),
        ({}, "unknown", None),
        ("no JSON", "unknown", None),
        ([1], "unknown", None),
    ],
)
def test_what_a_scorer_is(content, kind, judges_by):
    found = view(content)

    assert (found.kind, found.judges_by, found.version) == (kind, judges_by, 2)
