"""best_runs and aggregate_runs: never a wrong winner, and figures equal to those of the raw rows of the store."""

from __future__ import annotations

import math
import random
import statistics
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import anyio
import numpy
import pytest
from mcp import Client

from tests.support import raw_store
from tests.support.asking import rows_of, server_of, six_digits
from tests.support.curves import PAGES
from tests.support.raw_store import RawRun, run_id
from tests.support.servers import fail, faulty_proxy
from tests.support.stores import copied, filled

INFINITY, NAN = math.inf, math.nan


# --- best_runs


# --- aggregate_runs


def test_the_statistics_of_a_sweep_have_the_same_answer_from_sqlite_and_http(both_stores, ask, snapshot):
    answer = ask(
        both_stores.uri,
        "aggregate_runs",
        metrics=["accuracy", "loss"],
        group_by=["optimizer"],
        experiment_id="sweeps",
        quantiles=[0.05, 0.95],
    )

    snapshot("aggregate_runs.sweep", answer)


def noisy(count, seed=7):
    """Runs in three experiments, most in one, whose `score` has all that makes statistics go wrong."""
    generator = random.Random(seed)
    runs = []
    for number in range(count):
        odd = {3: NAN, 5: INFINITY, 6: -INFINITY}.get(number % 41)
        metrics = {"score": generator.gauss(0.5, 0.2) if odd is None else odd, "val/loss": generator.expovariate(1.0)}
        if number % 17 == 4:
            del metrics["score"]
        runs.append(
            RawRun(
                run_id(number),
                experiment_id=0 if number % 10 else 1 + number % 3,
                status="FAILED" if number % 7 == 0 else "FINISHED",
                start_time=raw_store.STARTED + number * 120_000,
                metrics=metrics,
                params={"lr": f"{number % 4}e-4", "learning rate": str(number % 2)},
                tags={"model": f"m{number % 3}", "mlflow.user": "ana" if number % 2 else "ben"}
                | ({"late/tag": "yes"} if number % 5 == 0 else {}),
            )
        )
    return runs


@pytest.fixture(scope="module")
def noisy_store(tmp_path_factory, empty_template):
    """1,300 runs, which no page of MLflow holds, and of which most are in one experiment. Tests only read from it."""
    uri = copied(empty_template, tmp_path_factory.mktemp("noisy") / "mlflow.db")
    with raw_store.opened(uri) as db:
        raw_store.add_experiments(db, {number: f"team {number}" for number in (1, 2, 3)})
        raw_store.add_runs(db, noisy(1_300))
    return uri


def check_figures(row, values, runs):
    """A row of figures against independent arithmetic over the raw values of its runs."""
    finite = [value for value in values if math.isfinite(value)]
    assert row["n"] == len(finite)
    assert row.get("nan") == (sum(map(math.isnan, values)) or None)
    assert row.get("infinite") == (sum(map(math.isinf, values)) or None)
    assert row.get("missing") == (runs - len(values) or None)
    assert (row["min"], row["max"]) == (six_digits(min(finite)), six_digits(max(finite)))
    assert row["mean"] == six_digits(sum(map(Fraction, finite)) / len(finite))
    assert row["median"] == six_digits(statistics.median(finite))
    assert row["std"] == pytest.approx(numpy.std(finite, ddof=1), rel=5.1e-6)
    assert row["stderr"] == pytest.approx(numpy.std(finite, ddof=1) / math.sqrt(len(finite)), rel=5.1e-6)
    for share in (0.01, 0.25, 0.9):
        assert row[f"p{share * 100:g}"] == pytest.approx(numpy.quantile(finite, share), rel=5.1e-6)


def test_statistics_over_several_pages_are_those_of_the_raw_rows(noisy_store, ask):
    answer = ask(noisy_store, "aggregate_runs", metrics=["score"], quantiles=[0.01, 0.25, 0.9])

    with raw_store.opened(noisy_store) as db:
        values = list(raw_store.latest(db, "score").values())
    (row,) = rows_of(answer.data["table"])
    assert (answer.data["runs"], answer.data["exact"]) == (1_300, True)
    check_figures(row, values, 1_300)


@pytest.mark.parametrize(
    ("keys", "meant"),
    [
        (["tags.model"], lambda run: (run.tags["model"],)),
        (["params.lr"], lambda run: (run.params["lr"],)),
        (["params.learning rate"], lambda run: (run.params["learning rate"],)),
        (["model"], lambda run: (run.tags["model"],)),
        (["tags.late/tag"], lambda run: (run.tags.get("late/tag"),)),
        (["status"], lambda run: (run.status,)),
        (["attributes.status"], lambda run: (run.status,)),
        (["user"], lambda run: (run.tags["mlflow.user"],)),
        (["experiment_id"], lambda run: (str(run.experiment_id),)),
        (["experiment"], lambda run: (f"team {run.experiment_id}" if run.experiment_id else "Default",)),
        (["model", "params.lr", "status"], lambda run: (run.tags["model"], run.params["lr"], run.status)),
    ],
)
def test_groups_have_the_figures_of_their_runs(keys, meant, noisy_store, ask):
    answer = ask(noisy_store, "aggregate_runs", metrics=["score"], group_by=keys, quantiles=[0.01, 0.25, 0.9])

    groups = defaultdict(list)
    for run in noisy(1_300):
        groups[meant(run)].append(run)
    told = {tuple(row[key] for key in keys): row for row in rows_of(answer.data["table"])}
    assert told.keys() == groups.keys()
    assert answer.data["groups"] == len(groups)
    for group, runs in groups.items():
        check_figures(told[group], [run.metrics["score"] for run in runs if "score" in run.metrics], len(runs))


def test_groups_by_day_are_those_of_the_start_times(noisy_store, ask):
    answer = ask(noisy_store, "aggregate_runs", metrics=["val/loss"], group_by="start_date")

    assert {row["start_date"]: row["n"] for row in rows_of(answer.data["table"])} == {
        "2026-09-01": 720,
        "2026-09-02": 580,
    }


def test_several_metrics_and_globs_are_rows_of_their_own(noisy_store, ask):
    answer = ask(noisy_store, "aggregate_runs", metrics=["sc*", "val/*"])

    assert [row["metric"] for row in rows_of(answer.data["table"])] == ["score", "val/loss"]


def test_a_filter_holds_for_the_figures(noisy_store, ask):
    answer = ask(
        noisy_store, "aggregate_runs", metrics=["score"], query="params.learning rate = '1' AND metrics.score > 1"
    )

    finite = [run.metrics["score"] for run in noisy(1_300) if int(run.id, 16) % 2 and run.metrics.get("score", 0) > 1]
    (row,) = rows_of(answer.data["table"])
    assert row["n"] + row["infinite"] == answer.data["runs"] == len(finite)


@pytest.mark.slow
def test_more_than_a_thousand_experiments_are_all_counted(empty_store, ask):
    with raw_store.opened(empty_store) as db:
        raw_store.add_experiments(db, {number: f"experiment {number}" for number in range(1, 4_201)})
        raw_store.add_runs(db, [RawRun(run_id(n), n, metrics={"x": float(n)}) for n in range(1, 4_201)])

    answer = ask(empty_store, "aggregate_runs", metrics=["x"])

    (row,) = rows_of(answer.data["table"])
    assert (row["n"], row["mean"], row["min"], row["max"]) == (4_200, 2100.5, 1.0, 4200.0)


def test_values_near_both_ends_of_the_doubles_have_exact_figures(empty_store, ask):
    values = [1e300, -1e300, 1e-300, 3e-300]
    uri = filled(empty_store, [RawRun(run_id(at), metrics={"x": value}) for at, value in enumerate(values)])

    (row,) = rows_of(ask(uri, "aggregate_runs", metrics=["x"]).data["table"])

    assert (row["n"], row["mean"], row["median"]) == (4, 1e-300, 2e-300)
    assert row["std"] == six_digits(math.sqrt(2 / 3) * 1e300)
    assert (row["min"], row["max"]) == (-1e300, 1e300)


def test_a_single_value_has_no_spread(empty_store, ask):
    uri = filled(empty_store, [RawRun(run_id(1), metrics={"x": 0.25})])

    assert ask(uri, "aggregate_runs", metrics=["x"]).data["table"] == {
        "columns": ["metric", "n", "mean", "min", "median", "max"],
        "rows": [["x", 1, 0.25, 0.25, 0.25, 0.25]],
    }


def test_a_metric_that_is_nowhere_finite_has_counts_and_no_figures(empty_store, ask):
    values = [NAN, NAN, INFINITY]
    uri = filled(empty_store, [RawRun(run_id(at), metrics={"x": value}) for at, value in enumerate(values)])

    assert ask(uri, "aggregate_runs", metrics=["x"]).data["table"] == {
        "columns": ["metric", "n", "nan", "infinite"],
        "rows": [["x", 0, 2, 1]],
    }


def test_groups_without_the_metric_are_counted_in_a_sentence(store, ask):
    answer = ask(store.uri, "aggregate_runs", metrics=["accuracy"], group_by=["experiment"])

    assert [row["experiment"] for row in rows_of(answer.data["table"])] == ["sweeps"]
    assert answer.data["notes"] == ["4 groups (28 runs) without these metrics not shown."]


def test_a_metric_that_no_run_has_names_the_nearest(store, ask, snapshot_error):
    answer = ask(store.uri, "aggregate_runs", metrics=["loss", "acuracy"], experiment_id="sweeps")

    snapshot_error(answer)


@pytest.mark.parametrize(
    "key",
    [
        "optimiser",
        "tags.optimizer",
        "params.optimiser",
        "params.status",
        "zzz",
    ],
)
def test_a_group_key_that_no_run_has_names_the_nearest(key, store, ask, snapshot_error):
    """Also one of another kind, which would put all runs into one group."""
    answer = ask(store.uri, "aggregate_runs", metrics=["loss"], group_by=[key], experiment_id="sweeps")

    snapshot_error(answer)


def test_a_filter_without_matching_runs_is_an_error(store, ask, snapshot_error):
    answer = ask(store.uri, "aggregate_runs", metrics=["loss"], query="params.lr = '7'")

    snapshot_error(answer)


def test_a_quantile_beyond_one_is_refused(store, ask, snapshot_error):
    answer = ask(store.uri, "aggregate_runs", metrics=["loss"], quantiles=[95])

    snapshot_error(answer)


def test_no_metrics_are_refused(store, ask):
    answer = ask(store.uri, "aggregate_runs", metrics=[])

    assert answer.is_error
    assert answer.text.startswith("'metrics' cannot be []:")


def test_a_page_that_fails_once_is_requested_again(mlflow_server, ask):
    with faulty_proxy(mlflow_server.uri, fail(500, "runs/search", 1)) as proxy:
        answer = ask(proxy.uri, "aggregate_runs", metrics=["loss"])

    assert answer.data == ask(mlflow_server.uri, "aggregate_runs", metrics=["loss"]).data


def test_calls_at_the_same_time_get_the_same_answers(mlflow_server, ask_many):
    questions = [
        ("aggregate_runs", {"metrics": ["*acc*"], "group_by": ["experiment", "tags.task_name"]}),
        ("aggregate_runs", {"metrics": ["loss"], "group_by": ["params.lr"], "quantiles": [0.1]}),
        ("best_runs", {"metric": "accuracy"}),
    ]
    with ask_many(mlflow_server.uri) as ask, ThreadPoolExecutor(6) as threads:
        alone = [ask(tool, **arguments).data for tool, arguments in questions]
        together = list(threads.map(lambda question: ask(question[0], **question[1]).data, questions * 2))

    assert together == alone * 2


def test_reading_many_pages_reports_its_progress(noisy_store):
    told = []

    async def heard(done, total, message):
        told.append((done, total, message))

    async def work():
        async with Client(server_of(noisy_store)) as client:
            await client.call_tool("aggregate_runs", {"metrics": ["score"]}, progress_callback=heard)

    anyio.run(work)

    assert told[-1] == (1_300.0, None, "1,300 runs read")
    assert len(told) >= 3
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def test_a_failing_page_never_gives_statistics_of_the_other_pages(scratch_server, ask):
    with faulty_proxy(scratch_server.uri, fail(500, "runs/search", *range(3, 50))) as proxy:
        answer = ask(proxy.uri, "aggregate_runs", metrics=["x"], experiment_id=str(PAGES))

    assert answer.is_error
    assert answer.text.startswith(f"The MLflow server at {proxy.uri} returned an internal error (500).")
