"""Which columns are recognised as id, question, answer and score, in the shapes that harnesses write."""

from __future__ import annotations

import pytest

from mlflow_mcp.client.artifacts.store import ArtifactEntry
from mlflow_mcp.tools.runs.samplewise.read.columns import Columns
from mlflow_mcp.tools.runs.samplewise.read.files import sample_files
from mlflow_mcp.tools.runs.samplewise.read.values import digest, score_of


def recognised(row):
    found = Columns.of([row] * 3)
    return (
        [".".join(path) for path in found.ids[:1]],
        ".".join(found.input or ()),
        ".".join(found.expected or ()),
        sorted(found.scores),
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        # lm-evaluation-harness: `metrics` lists the scores; lists of scores are none.
        ({"doc_id": 0, "doc": {"question": "Q", "subject": "law"}, "target": "A", "filter": "none", "metrics": ["acc", "parts"],
          "acc": 1.0, "parts": [1, 0], "other": 0.5},
         (["doc_id"], "doc.question", "target", ["acc"])),
        # the launcher 0.4
        ({"problem_idx": 0, "repeat": 1, "reward": 0.0, "prompt": "P", "expected_answer": "6", "tokens": 305, "latency_ms": 9.1},
         (["problem_idx"], "prompt", "expected_answer", ["reward"])),
        # nemo-skills, as its public code writes it
        ({"problem": "P", "expected_answer": "6", "predicted_answer": "7", "symbolic_correct": False, "num_generated_tokens": 9},
         ([], "problem", "expected_answer", ["symbolic_correct"])),
        # Inspect's nested scores of letters
        ({"id": 3, "input": "I", "target": "T", "scores": {"match": {"value": "C", "answer": "x"}}},
         (["id"], "input", "target", ["match"])),
        # a table of MLflow
        ({"inputs": "I", "outputs": "O", "same/score": 1.0, "same/justification": "because"},
         ([], "inputs", "", ["same/score"])),
        # ids of calls and runs name no question; costs and counts are no scores
        ({"trace_id": "tr-1", "request_id": "r", "question": "Q", "correct": True, "latency": 1.5, "n_tokens": 4},
         ([], "question", "", ["correct"])),
        # no score at all
        ({"id": 1, "prompt": "P", "response": "R"}, (["id"], "prompt", "", [])),
    ],
)  # fmt: skip
def test_columns_are_told_by_names_and_values(row, expected):
    assert recognised(row) == expected


@pytest.mark.parametrize(
    ("value", "score"),
    [
        (True, 1), (0, 0), (0.25, 0.25), ("C", 1), ("I", 0), ("yes", 1), ("No", 0), ("Judgement: Yes", 1), ("0.5", 0.5),
        ({"value": "C"}, 1), ({"score": 0.5}, 0.5), (float("nan"), None), ("NaN", None), ("maybe", None), (None, None),
        ([1], None), (float("inf"), None), ("1e999", None),
    ],
)  # fmt: skip
def test_scores_are_read_in_all_their_spellings(value, score):
    assert score_of(value) == score


def test_questions_are_equal_but_for_white_space():
    assert digest("What is  2?\n") == digest("What is 2?")
    assert digest([{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]) == digest("Q")
    assert digest("a") != digest("b")
    assert digest("  ") is None


def order(*paths, wanted=None):
    entries = [ArtifactEntry(path, False, 10) for path in paths]
    return [[file.path for file in files] for _, files in sample_files(entries, wanted)]


def test_files_are_tried_in_the_order_of_what_their_names_promise():
    assert order(
        "config.yml", "x/results.yml", "x/eval_factory_metrics.json", "logs/a.jsonl", "data.parquet", "notes.csv",
        "eval_results_table.json", "x/results.jsonl", "m/samples_ifeval_2026-03-01T08-02-00.jsonl",
    ) == [
        ["m/samples_ifeval_2026-03-01T08-02-00.jsonl"], ["x/results.jsonl"], ["eval_results_table.json"], ["notes.csv"],
        ["data.parquet"],
    ]  # fmt: skip


def test_subtasks_and_repeats_are_one_evaluation_and_old_times_are_left_out():
    assert order(
        "m/samples_mmlu_law_2026-03-01T08-02-00.jsonl",
        "m/samples_mmlu_art_2026-03-01T08-02-00.jsonl",
        "m/samples_mmlu_art_2026-02-01T08-02-00.jsonl",
    ) == [["m/samples_mmlu_art_2026-03-01T08-02-00.jsonl", "m/samples_mmlu_law_2026-03-01T08-02-00.jsonl"]]
    assert order("e/output-rs1.jsonl", "e/output-rs0.jsonl") == [["e/output-rs0.jsonl", "e/output-rs1.jsonl"]]


def test_the_other_sides_file_name_means_the_same_task():
    here = "m/samples_ifeval_2026-03-03T10-15-00.jsonl"

    assert order(here, "x/results.jsonl", wanted="other/samples_ifeval_2026-01-01T00-00-00.jsonl") == [[here]]
    assert order(here, "x/results.jsonl", wanted="ifeval") == [[here]]
    assert order(here, "x/results.jsonl", wanted="results.jsonl") == [["x/results.jsonl"]]
