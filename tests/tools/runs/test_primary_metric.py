"""compare_runs where the experiment's tags name its primary metric and which of its values are better."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient

from mlflow_mcp.client.experiments import GREATER_TAG, PRIMARY_TAG
from tests.support.asking import rows_of
from tests.support.evaluated import INVOCATION, evaluated, results
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import filled

OTHER = "b2" * 8
RESULTS = "artifacts/results.yml"
# Of seven scores none is proved to be the headline.
NAMES = [f"{letter}_rating" for letter in "abcdefg"]


@pytest.fixture
def compared(empty_store, tmp_path, ask):
    """The answer for two evaluations of seven scores, 0.5 and 0.9 of 500, in an experiment with these tags."""

    def answered(metric, greater, **arguments):
        runs = [
            evaluated(
                tmp_path,
                number,
                invocation=invocation,
                metrics={f"ifeval_{name}": value for name in NAMES},
                files={RESULTS: results({name: {"value": value, "stats": {"stderr": 0.01}} for name in NAMES})},
            )
            for number, (invocation, value) in enumerate(((INVOCATION, 0.5), (OTHER, 0.9)), 1)
        ]
        uri = filled(empty_store, runs)
        tagged(uri, metric, greater)
        return ask(uri, "compare_runs", run_ids=[INVOCATION, OTHER], **arguments).data

    return answered


def tagged(uri, metric, greater):
    client = MlflowClient(uri)
    client.set_experiment_tag("0", PRIMARY_TAG, metric)
    if greater is not None:
        client.set_experiment_tag("0", GREATER_TAG, greater)


@pytest.mark.parametrize(("greater", "verdict"), [("False", "REGRESSED"), ("True", "IMPROVED"), (None, "HIGHER")])
def test_the_primary_metric_of_an_experiment_is_judged_in_its_direction(compared, greater, verdict):
    data = compared("ifeval_c_rating", greater)

    (row,) = rows_of(data["verdicts"])
    assert (row["metric"], row["verdict"]) == ("ifeval_c_rating", verdict)
    assert any(note.startswith("ifeval_c_rating: ") for note in data["notes"]) == (greater is not None)


def test_the_gate_follows_the_tags(compared):
    data = compared("ifeval_c_rating", "False", tolerance="0.01")

    assert data["gate"].startswith("FAIL at tolerance 0.01")


def test_a_primary_metric_that_the_runs_lack_changes_nothing(compared):
    data = compared("ifeval_other", "False")

    assert "verdicts" not in data
    assert any(note.startswith("No verdict on 'ifeval'") for note in data["notes"])


def test_a_tag_against_the_name_of_a_metric_is_followed_and_told(empty_store, ask):
    runs = [RawRun(run_id(number), metrics={"acc": number / 10, "f1": number / 5}) for number in (1, 2)]
    uri = filled(empty_store, runs)
    tagged(uri, "acc", "False")

    data = ask(uri, "compare_runs", run_ids=[run_id(1), run_id(2)]).data

    assert {row["metric"]: row["best"] for row in rows_of(data["metrics"])} == {"acc": "A", "f1": "B"}
    assert (
        "acc: lower is better by the experiment's tag mlflow.experiment.primaryMetric.greaterIsBetter, though its name says "
        "that higher is better." in data["notes"]
    )


def test_the_part_of_a_total_that_is_the_primary_metric_is_shown(empty_store, tmp_path, ask):
    names = ["acc", *(f"{part}_acc" for part in ("law", "maths", "music", "sport", "trade"))]
    runs = [
        evaluated(tmp_path, number, invocation=invocation, metrics={f"ifeval_{name}": number / 10 for name in names})
        for number, invocation in ((1, INVOCATION), (2, OTHER))
    ]
    uri = filled(empty_store, runs)
    tagged(uri, "ifeval_law_acc", "True")

    data = ask(uri, "compare_runs", run_ids=[INVOCATION, OTHER]).data

    assert [row["metric"] for row in rows_of(data["verdicts"])] == ["ifeval_law_acc"]
    assert any("4 parts of ifeval_acc not shown" in note for note in data["notes"])
