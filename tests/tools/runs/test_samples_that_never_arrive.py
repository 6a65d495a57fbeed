"""compare_runs names compare_samples, and compare_samples an export, only where samples can be."""

from __future__ import annotations

import pytest

from tests.support.asking import problem_of
from tests.support.evaluated import INVOCATION, evaluated, results
from tests.support.stores import filled

OTHER = "b2" * 8
RESULTS = {"artifacts/results.yml": results({"acc": {"value": 0.5, "stats": {"stderr": 0.05, "count": 100}}})}
ALL_FILES = {**RESULTS, "artifacts/report.html": "<p>", "artifacts/config.yml": "a: 1"}


@pytest.fixture
def store(empty_store, tmp_path):
    def made(harness, files=(RESULTS, RESULTS)):
        runs = [
            evaluated(tmp_path, at, harness=harness, invocation=whole, metrics={"ifeval_acc": 0.5}, files=of_run)
            for at, (whole, of_run) in enumerate(zip((INVOCATION, OTHER), files), 1)
        ]
        return filled(empty_store, runs)

    return made


@pytest.mark.parametrize(("harness", "is_named"), [("lm-evaluation-harness", True), ("simple_evals", False)])
def test_compare_runs_names_compare_samples_only_where_samples_may_be(harness, is_named, store, ask):
    notes = " ".join(ask(store(harness), "compare_runs", run_ids=[INVOCATION, OTHER]).data["notes"])

    assert "verdicts: 95% intervals" in notes
    assert ("Where single samples were exported, compare_samples pairs the questions" in notes) == is_named


def test_no_export_is_advised_for_a_harness_that_writes_only_totals(store, ask):
    sentence = problem_of(
        ask(store("simple_evals", (ALL_FILES, RESULTS)), "compare_samples", run_ids=[INVOCATION, OTHER])
    )

    assert "simple_evals itself writes only totals" in sentence
    assert "no export has scores of single samples" in sentence
    assert "only_required" not in sentence


def test_an_export_of_all_files_is_not_advised_where_another_one_brought_no_samples(store, ask):
    sentence = problem_of(ask(store("ifbench", (ALL_FILES, RESULTS)), "compare_samples", run_ids=[INVOCATION, OTHER]))

    assert "A has more than the default export ('config.yml', 'report.html')" in sentence
    assert "of ifbench an export of all files is not likely to bring any" in sentence
    assert "only_required" not in sentence


def test_an_export_of_all_files_is_advised_where_nothing_speaks_against_it(store, ask):
    sentence = problem_of(ask(store("lm-evaluation-harness"), "compare_samples", run_ids=[INVOCATION, OTHER]))

    assert "only_required=false" in sentence
    assert "lm-evaluation-harness writes samples_*.jsonl" in sentence
