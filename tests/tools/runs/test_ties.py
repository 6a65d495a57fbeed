"""best_runs: what tells runs apart that share the best value."""

from __future__ import annotations

import pytest

from tests.support.asking import data_of
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import copied, filled

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def notes(empty_template, tmp_path_factory, ask):
    """`notes(*metrics)`: the notes on runs a, b, … with these metrics, ranked by `val/acc`."""

    def ranked(*metrics):
        uri = copied(empty_template, tmp_path_factory.mktemp("ties") / "mlflow.db")
        filled(uri, [RawRun(run_id(at), name="abcdef"[at], metrics=each) for at, each in enumerate(metrics)])
        return data_of(ask(uri, "best_runs", metric="val/acc")).get("notes", [])

    return ranked


def test_other_metrics_of_unseen_data_tell_equals_apart(notes):
    told = notes(
        {"val/acc": 0.9, "val/err_px": 3.4, "train/loss": 0.1, "val/points": 7},
        {"val/acc": 0.9, "val/err_px": 3.1, "train/loss": 0.2, "val/points": 8},
        {"val/acc": 0.8, "val/err_px": 2.0, "train/loss": 0.3, "val/points": 9},
    )

    assert told[:2] == [
        "A tie: the first 2 have the same value (0.9).",
        "Other metrics tell these apart: val/err_px (lower is better by its name) b 3.1, a 3.4.",
    ]


def test_where_all_are_equal_the_other_metrics_are_told_too(notes):
    told = notes({"val/acc": 0.9, "train/loss": 0.2}, {"val/acc": 0.9, "train/loss": 0.1})

    assert told == ["Other metrics tell these apart: train/loss (lower is better by its name) b 0.1, a 0.2."]


def test_without_a_tie_or_a_difference_nothing_is_told(notes):
    assert not notes({"val/acc": 0.9, "loss": 0.2}, {"val/acc": 0.8, "loss": 0.1})
    assert not notes({"val/acc": 0.9, "loss": 0.2}, {"val/acc": 0.9, "loss": 0.2})
