"""best_runs: what speaks against the places of a ranking, and runs that are not children of the parent of most."""

from __future__ import annotations

import math

import pytest
from mlflow import MlflowClient

from mlflow_mcp.client.experiments import GREATER_TAG, PRIMARY_TAG
from tests.support import raw_store
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import filled

PARENT, NAN = "f" * 32, math.nan


def trials(*metrics, statuses=(), **fields):
    """Runs `trial 1`, `trial 2`, …"""
    return [
        RawRun(run_id(n), name=f"trial {n}", metrics=of_run, status=dict(statuses).get(n, "FINISHED"), **fields)
        for n, of_run in enumerate(metrics, 1)
    ]


@pytest.fixture
def notes(empty_store, ask):
    def told(runs, metric="val_acc", **arguments):
        uri = filled(empty_store, runs)
        return ask(uri, "best_runs", metric=metric, **arguments).data.get("notes", [])

    return told


def of_losses(*losses, acc=0.9):
    return [{"val_acc": acc - n / 100, "val_loss": loss} for n, loss in enumerate(losses)]


def test_a_winner_that_is_far_behind_by_another_metric_of_the_same_data_is_told(notes):
    told = notes(trials(*of_losses(0.46, 0.417, 0.42, 0.426)))

    assert told == ["Number 1 (trial 1) is last of these by 'val_loss': 0.46, the others 0.417 to 0.426."]


@pytest.mark.parametrize(
    "metrics",
    [
        of_losses(0.43, 0.417, 0.42, 0.426),
        of_losses(0.41, 0.46, 0.46, 0.46),
        [{**each, "train_loss": loss, "val_loss": 0.4} for each, loss in zip(of_losses(1, 1, 1), (0.9, 0.1, 0.2))],
        [{**each, "val_tokens": count} for each, count in zip(of_losses(1, 1, 1), (9, 1, 2))],
        of_losses(0.9, 0.1),
        of_losses(NAN, 0.1, 0.2, 0.3),
    ],
    ids=["little behind", "ahead", "of other data", "no better side", "too few others", "no number"],
)
def test_other_metrics_that_prove_nothing_are_not_told(metrics, notes):
    assert notes(trials(*metrics)) == []


def test_scores_that_a_winner_lacks_are_told_of_the_first_that_finished(notes):
    metrics = [{"val_acc": 0.9}, {"val_acc": 0.8}, *({"val_acc": 0.7 - n / 10, "test_acc": 0.6} for n in range(2))]

    told = notes(trials(*metrics, statuses={1: "FAILED"}))

    assert "Number 1 (trial 1) is FAILED, not FINISHED." in told[0]
    assert "Number 2 (trial 2) has no 'test_acc', which the others here have." in told
    assert not any("trial 3" in note for note in told)


def with_primary(uri, metric, greater=None):
    client = MlflowClient(uri)
    client.set_experiment_tag("0", PRIMARY_TAG, metric)
    if greater:
        client.set_experiment_tag("0", GREATER_TAG, greater)


@pytest.mark.parametrize(
    ("primary", "greater", "note"),
    [
        ("val_loss", "False", "is 'val_loss' (its tag): of these trial 2 has the lowest, 0.4."),
        ("val_loss", None, "is 'val_loss' (its tag): of these trial 2 has the lowest, 0.4."),
        ("rating", None, "is 'rating' (its tag)."),
        ("val_acc", None, None),
    ],
)
def test_another_primary_metric_of_the_experiment_is_told_with_the_best_by_it(primary, greater, note, empty_store, ask):
    uri = filled(empty_store, trials(*of_losses(0.41, 0.4, 0.405)))
    with_primary(uri, primary, greater)

    told = ask(uri, "best_runs", metric="val_acc").data.get("notes", [])

    assert told == ([f"The experiment's primary metric {note}"] if note else [])


def with_curve(uri, run, values, metric="val_acc"):
    with raw_store.opened(uri) as db:
        raw_store.add_points(db, run, metric, [(n, raw_store.STARTED + n, value) for n, value in enumerate(values)])
        last = values[-1]
        db.execute(
            "INSERT OR REPLACE INTO latest_metrics(run_uuid, key, value, is_nan, timestamp, step) VALUES (?, ?, ?, 0, ?, ?)",
            (run, metric, last, raw_store.STARTED + len(values), len(values) - 1),
        )


@pytest.mark.parametrize(
    ("values", "note"),
    [
        (
            [0.1 + n / 100 for n in range(20)] + [0.95],
            "Number 1 (trial 1): its last value is far from the 10 points before it, 0.2 to 0.29.",
        ),
        ([0.5] * 9 + [NAN, 0.9], "Number 1 (trial 1): the point before its last value is NaN."),
        ([0.1 + n / 100 for n in range(20)], None),
        ([0.1, 0.95], None),
    ],
    ids=["far off", "after NaN", "in line", "short"],
)
def test_a_value_that_does_not_fit_its_own_curve_is_told(values, note, empty_store, ask):
    uri = filled(empty_store, trials({}, {"val_acc": 0.01}))
    with_curve(uri, run_id(1), values)

    assert ask(uri, "best_runs", metric="val_acc").data.get("notes", []) == ([note] if note else [])


def family(*others):
    """Four children of one parent, and other runs with these parents."""
    of_one = trials(*({"val_acc": 0.5 + n / 10} for n in range(4)), tags={"mlflow.parentRunId": PARENT})
    return of_one + [
        RawRun(
            run_id(50 + n),
            name=f"other {n}",
            metrics={"val_acc": 0.95},
            tags={"mlflow.parentRunId": own} if own else {},
        )
        for n, own in enumerate(others)
    ]


FILTER = f"query=\"tags.mlflow.parentRunId = '{PARENT}'\" keeps to the children."


@pytest.mark.parametrize("others", [(None,), ("e" * 32,)], ids=["no parent", "another parent"])
def test_ranked_runs_of_another_parent_are_named_with_the_filter(others, notes):
    told = f"4 of 5 runs ranked here are children of run {PARENT}, not 'other 0': {FILTER}"

    assert told in notes(family(*others))


def test_the_filter_keeps_to_the_children(notes):
    assert notes(family(None), query=f"tags.mlflow.parentRunId = '{PARENT}'") == []


@pytest.mark.parametrize("others", [(), (None,) * 4, ("e" * 32,) * 4], ids=["one parent", "as many", "two parents"])
def test_families_of_which_none_is_most_are_not_told(others, notes):
    assert not any("children" in note for note in notes(family(*others), limit=20))


@pytest.mark.parametrize(
    ("tool", "arguments", "which"),
    [
        ("aggregate_runs", {"metrics": "val_acc"}, "counted"),
        ("query_runs", {"order_by": "metrics.val_acc DESC"}, "on this page"),
    ],
)
def test_statistics_and_orders_by_a_metric_name_the_runs_of_other_parents(tool, arguments, which, empty_store, ask):
    answer = ask(filled(empty_store, family(None)), tool, **arguments)

    assert f"4 of 5 runs {which} are children of run {PARENT}, not 'other 0': {FILTER}" in answer.data["notes"]


def test_what_moves_a_metric_names_the_runs_of_other_parents(empty_store, ask):
    runs = [
        RawRun(
            run_id(n),
            metrics={"acc": n / 50},
            params={"lr": str(n % 3)},
            tags={"mlflow.parentRunId": PARENT} if n else {},
        )
        for n in range(12)
    ]

    answer = ask(filled(empty_store, runs), "aggregate_runs", metrics="acc", group_by="each")

    assert any(note.startswith("11 of 12 runs counted are children of run") for note in answer.data["notes"])
