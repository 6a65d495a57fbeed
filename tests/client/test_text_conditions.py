"""Numbers and lists of values for params and tags, which MLflow's filters do not know."""

from __future__ import annotations

import pytest

from tests.support.asking import problem_of, rows_of
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import filled

BATCHES = {"tiny": "8", "small": "16", "large": "128", "huge": "1e3", "words": "auto"}


@pytest.fixture
def uri(empty_store):
    runs = [
        RawRun(run_id(at), tags={"mlflow.runName": name, "task name": name}, params={"batch size": batch, "lr": "3e-4"})
        for at, (name, batch) in enumerate(BATCHES.items())
    ]
    return filled(empty_store, [*runs, RawRun(run_id(9), name="without")])


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("params.batch size <= '16'", {"tiny", "small"}),
        ("params.`batch size` < 16", {"tiny"}),
        ("params.batch size > 16", {"large", "huge"}),
        ("params.batch size >= 16 AND params.batch size < 1000", {"small", "large"}),
        ("params.batch size = 1000", {"huge"}),
        ("params.batch size = '1000'", set()),
        ("params.batch size != 1000", {"tiny", "small", "large"}),
        ("params.batch size IN ('8', \"auto\")", {"tiny", "words"}),
        ("params.batch size IN ('8')", {"tiny"}),
        ("params.batch size NOT IN ('8', 'auto')", {"small", "large", "huge"}),
        ("tags.task name IN ('tiny', 'no such', 'large') AND params.lr = 0.0003", {"tiny", "large"}),
        ("params.batch size IN ('32')", set()),
        ("params.batch size > 5000", set()),
        ("params.nothing > 5", set()),
        ("params.lr <= 1", set(BATCHES)),
        ("params.batch size LIKE '1%' AND attributes.status = 'FINISHED'", {"small", "large", "huge"}),
        ("tags.`task name` = 'a > 5 IN (1)'", set()),
    ],
)
def test_a_condition_that_mlflow_does_not_know_finds_the_same_runs(query, names, uri, ask):
    answer = ask(uri, "query_runs", query=query, tags=["task name"], metrics=[])

    table = answer.data["runs"]
    assert {row["tags.task name"] for row in rows_of(table)} == names if names else table["rows"] == []


def test_it_serves_rankings_and_statistics_too(empty_store, ask_many):
    runs = [RawRun(run_id(at), params={"k": str(at)}, metrics={"acc": at / 10}) for at in range(5)]
    uri = filled(empty_store, runs)
    with ask_many(uri) as ask:
        best = ask("best_runs", metric="acc", query="params.k <= 2", limit=1)
        counted = ask("aggregate_runs", metrics=["acc"], query="params.k IN ('1', '3')")

    assert rows_of(best.data["runs"])[0]["metrics.acc"] == 0.2
    assert counted.data["runs"] == 2


def test_a_param_of_many_values_is_refused_with_some_of_them(empty_store, ask):
    runs = [RawRun(run_id(at), params={"lr": f"{at / 1000}"}) for at in range(1, 40)]

    refused = problem_of(ask(filled(empty_store, runs), "query_runs", query="params.lr < 0.01"))

    assert refused.startswith(
        "MLflow compares params as text, with =, != and LIKE, and 'lr' has more than 20 values, '0.001', '0.002'"
    )
