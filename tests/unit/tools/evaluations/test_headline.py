"""Which score of a task is called its headline: only one that something proves."""

from __future__ import annotations

import pytest

from mlflow_mcp.tools.evaluations.headline import headline_of

SUBJECTS = ("biology", "economics", "law", "math", "other")


@pytest.mark.parametrize(
    ("metrics", "primary", "headline"),
    [
        ({"gpqa_score_micro": 0.5}, None, "gpqa_score_micro"),
        ({"gpqa_score_micro": 0.5, "gpqa_score_micro_avg_of_8": 0.5}, None, "gpqa_score_micro"),
        ({"gpqa_score_micro": 0.5, "gpqa_score_micro_stderr": 0.1, "num_entries": 198.0}, None, "gpqa_score_micro"),
        ({"ifeval_inst_level_strict_acc": 0.8, "ifeval_prompt_level_strict_acc": 0.7}, None, None),
        ({"ifeval_inst_acc": 0.8, "ifeval_prompt_acc": 0.7}, "ifeval_prompt_acc", "ifeval_prompt_acc"),
        ({"arc_acc": 0.8, "arc_norm_acc": 0.7}, None, None),
        ({"arc_acc": 0.8}, "other_acc", "arc_acc"),
        (
            {f"mmlu_{name}exact_match": 0.1 for name in ("", *(f"{each}_" for each in SUBJECTS))},
            None,
            "mmlu_exact_match",
        ),
        ({f"mmlu_{each}_exact_match": 0.1 for each in SUBJECTS}, None, None),
        ({"x_tokens": 5.0}, None, None),
        ({}, None, None),
    ],
)
def test_a_headline_needs_proof(metrics, primary, headline):
    assert headline_of(metrics, primary) == headline
