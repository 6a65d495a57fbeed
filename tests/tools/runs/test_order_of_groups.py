"""aggregate_runs: in which order groups stand, and which have a single run."""

from __future__ import annotations

import pytest

from tests.support.asking import rows_of
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import filled


def runs_of(*groups):
    """A run for each (value of param p, metrics)."""
    return [
        RawRun(run_id(n), metrics=metrics, params={} if value is None else {"p": value})
        for n, (value, metrics) in enumerate(groups, 1)
    ]


def keys_of(answer):
    return [row["params.p"] for row in rows_of(answer.data["table"])]


@pytest.mark.parametrize(
    ("values", "metric", "order"),
    [
        ([("0.001", 0.1), ("5e-05", 0.2), ("0.01", 0.3), (None, 0.9)], "acc", ["5e-05", "0.001", "0.01", None]),
        ([("sgd", 0.1), ("lion", 0.3), ("adam", 0.2), (None, 0.15)], "acc", ["lion", "adam", None, "sgd"]),
        ([("sgd", 0.1), ("lion", 0.3), ("adam", 0.2)], "loss", ["sgd", "adam", "lion"]),
        ([("10", 0.1), ("ten", 0.3)], "acc", ["ten", "10"]),
    ],
    ids=["numbers", "higher is better", "lower is better", "not all numbers"],
)
def test_groups_stand_by_their_numbers_else_the_best_mean_first(values, metric, order, empty_store, ask):
    runs = runs_of(*((value, {metric: figure}) for value, figure in values))

    answer = ask(filled(empty_store, runs), "aggregate_runs", metrics=metric, group_by="params.p")

    assert keys_of(answer) == order


def test_a_group_of_one_run_is_told_where_others_have_more(empty_store, ask):
    runs = runs_of(("a", {"acc": 0.1}), ("a", {"acc": 0.2}), ("b", {"acc": 0.3}))

    answer = ask(filled(empty_store, runs), "aggregate_runs", metrics="acc", group_by="params.p")

    assert answer.data["notes"] == ["Of one run each, so without a spread: 'b'."]


def test_groups_that_all_have_one_run_need_no_note(empty_store, ask):
    runs = runs_of(("a", {"acc": 0.1}), ("b", {"acc": 0.3}))

    assert "notes" not in ask(filled(empty_store, runs), "aggregate_runs", metrics="acc", group_by="params.p").data
