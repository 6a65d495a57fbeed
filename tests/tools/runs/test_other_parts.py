"""compare_runs of scores that average other scores on one side than on the other."""

from __future__ import annotations

import pytest

from tests.support.asking import rows_of
from tests.support.evaluated import INVOCATION, evaluated, results, statistics
from tests.support.stores import filled

OTHER = "b2" * 8
TASK, TOTAL = "mgsm", "mgsm_score_micro"
ELEVEN = ("bn", "de", "en", "es", "fr", "ja", "ru", "sw", "te", "th", "zh")
FIVE = ("de", "en", "fr", "sw", "th")


@pytest.fixture
def compared(empty_store, tmp_path, ask):
    """The comparison of two runs, each given as its total and the scores of its languages; 250 questions a language."""

    def compare(*sides, **arguments):
        runs = []
        for at, (total, languages) in enumerate(sides):
            count = 250 * len(languages or FIVE)
            recorded = {"score_micro": {"value": total, "stats": {"stderr": 0.01}}}
            runs.append(
                evaluated(
                    tmp_path,
                    at + 1,
                    TASK,
                    invocation=(INVOCATION, OTHER)[at],
                    metrics={TOTAL: total, **{f"mgsm_{name}_score_micro": value for name, value in languages.items()}},
                    files={
                        "artifacts/results.yml": results(recorded, TASK),
                        "artifacts/eval_factory_metrics.json": statistics(count),
                    },
                )
            )
        return ask(filled(empty_store, runs), "compare_runs", run_ids=[INVOCATION, OTHER], **arguments).data

    return compare


def test_a_total_of_other_parts_gets_no_verdict_and_the_parts_that_both_have_are_compared(compared):
    data = compared((0.8, dict.fromkeys(ELEVEN, 0.8)), (0.6, dict.fromkeys(FIVE, 0.6)))

    (verdict,) = rows_of(data["verdicts"])
    assert (verdict["metric"], verdict["verdict"]) == (TOTAL, "CANNOT TELL")
    assert verdict["evidence"].startswith("averages other parts: A has 6 more ('mgsm_bn_score_micro', ")
    assert rows_of(data["unequal"])[0]["A"] == 2750
    assert any("the 5 that all sides have average A 0.8, B 0.6, each counted once" in note for note in data["notes"])


def test_a_gate_on_a_total_of_other_parts_cannot_tell(compared):
    data = compared((0.8, dict.fromkeys(ELEVEN, 0.8)), (0.6, dict.fromkeys(FIVE, 0.6)), tolerance="1pp")

    assert "averages other parts" in data["gate"]
    assert not data["gate"].startswith("FAIL")


def test_both_sides_may_have_parts_of_their_own(compared):
    a, b = (dict.fromkeys(names, 0.7) for names in (("de", "en", "fr", "sw"), ("de", "en", "fr", "th")))
    data = compared((0.8, a), (0.6, b))

    total = next(row for row in rows_of(data["verdicts"]) if row["metric"] == TOTAL)
    assert "A has 1 more ('mgsm_sw_score_micro'), B has 1 more ('mgsm_th_score_micro')" in total["evidence"]


@pytest.mark.parametrize("languages", [dict.fromkeys(ELEVEN, 0.6), {}])
def test_a_total_of_the_same_parts_or_of_unknown_ones_gets_its_verdict(languages, compared):
    data = compared((0.8, dict.fromkeys(ELEVEN, 0.8)), (0.6, languages))

    assert [row["verdict"] for row in rows_of(data["verdicts"])] == ["REGRESSED"]
