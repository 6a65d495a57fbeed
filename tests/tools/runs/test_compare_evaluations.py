"""compare_runs of evaluations: standard errors, folded parts, contradicting copies, harnesses and sample counts."""

from __future__ import annotations

import pytest

from tests.support.asking import rows_of
from tests.support.evaluated import INVOCATION, evaluated, results, statistics
from tests.support.raw_store import run_id
from tests.support.stores import filled

RESULTS = "artifacts/results.yml"
STATISTICS = "artifacts/eval_factory_metrics.json"
OTHER = "b2" * 8


@pytest.fixture
def compared(empty_store, tmp_path, ask):
    """The answer for two invocations. A run is (number, side, fields)."""

    def answered(*runs, metrics=None):
        of_sides = {"A": INVOCATION, "B": OTHER}
        raw = [evaluated(tmp_path, number, invocation=of_sides[side], **fields) for number, side, fields in runs]
        chosen = {} if metrics is None else {"metrics": metrics}
        return ask(filled(empty_store, raw), "compare_runs", run_ids=[INVOCATION, OTHER], **chosen)

    return answered


def all_rows(answer):
    """The rows of all metrics, those with a verdict and the others."""
    return [row for name in ("verdicts", "metrics") if name in answer.data for row in rows_of(answer.data[name])]


def scored(value, stats, **fields):
    files = {RESULTS: results({"acc": {"value": value, "stats": stats}}), **fields.pop("files", {})}
    return {"metrics": {"ifeval_acc": value}, "files": files, **fields}


def test_standard_errors_stand_beside_scores_without_a_verdict(compared):
    """Of many scores of which none is proved to be the headline, none has a verdict."""
    names = [f"{letter}_acc" for letter in "abcdefg"]
    files = {
        side: {RESULTS: results({name: {"value": 0.5, "stats": stats} for name in names})}
        for side, stats in (("A", {"stderr": 0.0123456}), ("B", {"stddev": 0.5, "count": 99}))
    }
    metrics = {f"ifeval_{name}": 0.5 for name in names}

    answer = compared(*((n, side, {"metrics": metrics, "files": files[side]}) for n, side in ((1, "A"), (2, "B"))))

    common = answer.data["metrics"]["common"]
    assert (common["stderr A"], common["stderr B"]) == (0.0123, 0.0503)
    assert (
        "stderr: as each side's results.yml has it for this value; some are stats.stddev / sqrt(stats.count)."
        in answer.data["notes"]
    )


def test_a_standard_error_of_another_value_is_not_used(compared):
    """The files of a run can be of another export than its metrics."""
    stale = {**scored(0.4, {"stderr": 0.01}), "metrics": {"ifeval_acc": 0.5}}

    answer = compared((1, "A", stale), (2, "B", scored(0.6, {"stderr": 0.02})))

    (row,) = all_rows(answer)
    assert (row["verdict"], row["evidence"]) == ("CANNOT TELL", "no error recorded on A")


def test_the_parts_of_a_total_are_counted_and_shown_when_asked_for(compared):
    parts = ("law", "art", "math", "music")
    metrics = {
        side: {"mmlu_acc": 0.5} | {f"mmlu_{part}_acc": value for part in parts}
        for side, value in (("A", 0.5), ("B", 0.6))
    }
    runs = [(number, side, {"task": "mmlu", "metrics": metrics[side]}) for number, side in ((1, "A"), (2, "B"))]

    answer = compared(*runs)

    assert [row["metric"] for row in all_rows(answer)] == ["mmlu_acc"]
    told = "mmlu: 4 parts of mmlu_acc not shown (B is higher in 4, lower in 0); metrics=['mmlu_*acc'] shows them."
    assert told in answer.data["notes"]


def test_folded_parts_are_shown_by_the_metrics_that_the_note_names(compared):
    metrics = {"mmlu_acc": 0.5} | {f"mmlu_{part}_acc": 0.5 for part in ("law", "art", "math", "music")}
    runs = [(number, side, {"task": "mmlu", "metrics": metrics}) for number, side in ((1, "A"), (2, "B"))]

    assert len(all_rows(compared(*runs, metrics=["mmlu_*acc"]))) == 5


def test_equal_costs_are_counted_and_equal_scores_pointed_out(compared):
    metrics = {"ifeval_loose": 0.5, "ifeval_strict": 0.25, "ifeval_avg_tokens": 100}

    answer = compared((1, "A", {"metrics": metrics}), (2, "B", {"metrics": metrics}))

    (row,) = all_rows(answer)
    assert (row["metric"], row["also"]) == ("ifeval_loose", {"ifeval_strict": [0.25, 0.25]})
    assert "Not shown: 1 equal count, cost or error." in answer.data["notes"]
    equal = "All scores of 'ifeval' are equal to the last digit on the sides that have them"
    assert f"{equal}: a response cache may have been replayed, though none is recorded." in answer.data["notes"]


def test_a_value_that_other_copies_contradict_is_told(compared):
    answer = compared(
        (1, "A", {"metrics": {"ifeval_acc": 0.5}}),
        (11, "A", {"metrics": {"ifeval_acc": 0.7}, "start_time": 1_800_000_000_000}),
        (2, "B", {"metrics": {"ifeval_acc": 0.6}}),
    )

    (told,) = [note for note in answer.data["notes"] if "copies differ" in note]
    assert told.startswith("A, task ifeval: values of the latest finished export (2027-")
    assert told.endswith(f"other copies differ: {run_id(1)} (ifeval_acc 0.5).")


def test_a_task_of_two_harnesses_is_paired_by_them(compared):
    one, two = (
        {"task": "humaneval", "harness": name, "metrics": {"humaneval_pass_at_1": value}}
        for name, value in (("bigcode", 0.1), ("simple", 0.2))
    )

    answer = compared((1, "A", one), (2, "A", two), (3, "B", two), (4, "B", one))

    deltas = {row["task"]: row["B-A"] for row in all_rows(answer)}
    assert deltas == {"humaneval (bigcode)": 0, "humaneval (simple)": 0}


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        (
            scored(0.5, {"count": 540}),
            scored(0.5, {"count": 541}),
            [["samples", 540, 541]],
        ),
        (
            scored(0.5, {}, files={STATISTICS: statistics(540)}),
            scored(0.5, {}, files={STATISTICS: statistics(541)}),
            [["responses, retries included", 540, 541]],
        ),
        (scored(0.5, {"count": 541}), scored(0.5, {"count": 541}), []),
    ],
    ids=["counts", "responses", "equal"],
)
def test_unequal_counts_of_samples_are_told(a, b, told, compared):
    answer = compared((1, "A", a), (2, "B", b))

    assert answer.data.get("unequal", {"rows": []})["rows"] == told
