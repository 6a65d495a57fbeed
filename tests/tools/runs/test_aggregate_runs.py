"""best_runs and aggregate_runs: never a wrong winner, and figures equal to those of the raw rows of the store."""

from __future__ import annotations

import json
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

from mlflow_mcp.answers.budget import content_of
from mlflow_mcp.client import Client as MlflowMcpClient
from mlflow_mcp.client.call import Call
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.runs.aggregate_runs import aggregate_runs
from tests.support import raw_store
from tests.support.asking import rows_of, server_of, six_digits
from tests.support.curves import PAGES
from tests.support.raw_store import RawRun, run_id
from tests.support.servers import fail, faulty_proxy, forked_mlflow_server
from tests.support.stores import artifacts_of, copied, copied_to_be_served, filled

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


@pytest.mark.slow
def test_runs_in_older_experiments_than_one_request_takes_are_found(empty_template, session_folder, tmp_path, ask):
    uri = copied(empty_template, tmp_path / "one.db")
    with raw_store.opened(uri) as db:
        raw_store.add_experiments(db, {number: f"experiment {number}" for number in range(1, 1_101)})
        raw_store.add_runs(db, [RawRun(run_id(n), 1 + n % 5, metrics={"x": float(n)}) for n in range(700)])
    copied_to_be_served(uri, artifacts_of(empty_template), tmp_path)
    with forked_mlflow_server(session_folder, tmp_path) as served:
        answers = [ask(each, "aggregate_runs", metrics=["x"], group_by="experiment").data for each in (uri, served)]

    assert answers[0] == answers[1]
    assert (answers[0]["runs"], answers[0]["groups"]) == (700, 5)


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
    assert answer.data["notes"][0] == "4 groups (28 runs) without these metrics not shown."


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

    assert told[-1] == (1_300.0, 1_300.0, "read 1,300 of 1,300 runs")
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def test_a_failing_page_never_gives_statistics_of_the_other_pages(scratch_server, ask):
    with faulty_proxy(scratch_server.uri, fail(500, "runs/search", *range(3, 50))) as proxy:
        answer = ask(proxy.uri, "aggregate_runs", metrics=["x"], experiment_id=str(PAGES))

    assert answer.is_error
    assert answer.text.startswith(f"The MLflow server at {proxy.uri} returned an internal error (500).")


# --- a metric that few of many runs have


def seldom(number):
    """One of 1,300 runs, of which a thirteenth has `rare` and another thirteenth has `other` as well as `rare`."""
    metrics = {"often": 1.0} | ({"rare": NAN if number % 5 == 0 else number / 9} if number % 13 < 2 else {})
    return RawRun(
        run_id(number),
        start_time=raw_store.STARTED + number * 60_000,
        metrics=metrics | ({"other": 123_456_789.0 + number} if number % 13 == 1 else {}),
        tags={"team": "abc"[number % 3]},
    )


@pytest.fixture(scope="module")
def seldom_store(tmp_path_factory, empty_template):
    """1,300 runs in a sqlite file. Tests only read from it."""
    uri = copied(empty_template, tmp_path_factory.mktemp("seldom") / "mlflow.db")
    return filled(uri, map(seldom, range(1_300)))


@pytest.fixture(scope="module")
def seldom_server(seldom_store, empty_template, session_folder, tmp_path_factory):
    """The same runs behind a real server."""
    folder = tmp_path_factory.mktemp("seldom_server")
    copied_to_be_served(seldom_store, artifacts_of(empty_template), folder)
    with forked_mlflow_server(session_folder, folder) as uri:
        yield uri


@pytest.mark.slow
@pytest.mark.parametrize("metrics", [["rare"], ["rare", "other"], ["metrics.rare"], ["rare", "often"], ["*"]])
def test_figures_over_all_runs_are_the_same_from_a_database_and_a_server(metrics, seldom_store, seldom_server, ask):
    answer = ask(seldom_server, "aggregate_runs", metrics=metrics)

    assert answer.data == ask(seldom_store, "aggregate_runs", metrics=metrics).data
    assert (answer.data["runs"], answer.data["exact"]) == (1_300, True)


@pytest.mark.slow
def test_groups_of_few_runs_have_their_figures_and_say_what_was_not_counted(seldom_store, seldom_server, ask):
    arguments = {"metrics": ["rare", "other"], "group_by": ["team"], "query": "metrics.often > 0"}
    few, whole = (ask(uri, "aggregate_runs", **arguments).data for uri in (seldom_server, seldom_store))

    def figures(answer):
        return sorted(
            [row["team"], row["metric"], row["n"], row["mean"], row.get("nan")] for row in rows_of(answer["table"])
        )

    assert figures(few) == figures(whole)
    assert (few["runs"], few["groups"]) == (1_300, 3)
    assert "missing" in rows_of(whole["table"])[0]
    assert "missing" not in rows_of(few["table"])[0]
    assert few["notes"] == [
        "Only runs with these metrics were read: groups without them and runs of a group without one are not counted."
    ]


@pytest.mark.slow
def test_a_metric_and_a_key_that_few_runs_have_are_refused_by_their_nearest_names(seldom_server, ask, snapshot_error):
    snapshot_error(ask(seldom_server, "aggregate_runs", metrics=["rare", "oter"]))
    snapshot_error(ask(seldom_server, "aggregate_runs", metrics=["rare"], group_by=["tags.tam"]))


@pytest.mark.slow
def test_few_runs_cost_few_requests(seldom_server, ask_many):
    with faulty_proxy(seldom_server) as proxy, ask_many(proxy.uri) as ask:
        ask("aggregate_runs", metrics=["rare"])

    sizes = [json.loads(seen.body)["max_results"] for seen in proxy.requests if seen.path.endswith("runs/search")]
    assert sum(size for size in sizes if size > 1) == 3 * 500, "the first runs, those that have it, those of one value"


def test_whole_numbers_are_whole(seldom_store, ask):
    (row,) = rows_of(ask(seldom_store, "aggregate_runs", metrics=["other"]).data["table"])

    assert (row["min"], row["max"]) == (123_456_790, 123_458_077)


# --- the time is up


def ending_after(uri, runs):
    """A client whose call has no time left once so many runs are read."""

    def report(done, total, message):
        if done >= runs:
            client.call.started -= 60

    client = MlflowMcpClient(Connection(Settings(tracking_uri=uri)), Call(timeout=60, report=report))
    return client


@pytest.mark.slow
def test_what_the_time_did_not_suffice_for_is_told_first(empty_template, session_folder, tmp_path):
    uri = copied(empty_template, tmp_path / "one.db")
    filled(uri, [RawRun(run_id(n), metrics={"x": float(n)}, params={"lr": str(n % 5)}) for n in range(3_100)])
    copied_to_be_served(uri, artifacts_of(empty_template), tmp_path)
    with forked_mlflow_server(session_folder, tmp_path) as served:
        answer = content_of(aggregate_runs(ending_after(served, 1_000), ["x"]))
        swept = content_of(aggregate_runs(ending_after(served, 1_000), ["x"], ["each"]))

    assert next(iter(swept)) == next(iter(answer)) == "partial"
    assert (swept["partial"], swept["exact"]) == (answer["partial"], False)
    assert swept["sweep"]["noise"].endswith("within 2500 runs of 5 configurations with equal params")
    assert answer["partial"] == "statistics over 2,500 of 3,100 matching runs: time was up"
    assert (answer["runs"], answer["exact"], rows_of(answer["table"])[0]["n"]) == (2_500, False, 2_500)
    assert answer["notes"] == ["For figures over all runs narrow the query or raise MLFLOW_MCP_TIMEOUT."]


@pytest.mark.slow
def test_a_metric_that_was_not_read_in_time_is_named_and_left_out(seldom_server):
    answer = content_of(aggregate_runs(ending_after(seldom_server, 501), ["rare", "other"]))

    assert next(iter(answer)) == "partial"
    assert answer["partial"] == "time was up: 'other' left out"
    assert [row["metric"] for row in rows_of(answer["table"])] == ["rare"], "not what the runs with `rare` have of it"
    assert answer["exact"] is False


@pytest.mark.slow
def test_a_metric_that_was_read_in_part_is_told_with_its_share(empty_template, session_folder, tmp_path):
    uri = copied(empty_template, tmp_path / "one.db")
    rare = [{"x": float(n), "y": 1.0} if n > 1_200 else {} for n in range(4_200)]
    starts = [raw_store.STARTED - (60_000 * n if n > 1_200 else 0) for n in range(4_200)]
    filled(uri, [RawRun(run_id(n), metrics=each, start_time=starts[n]) for n, each in enumerate(rare)])
    copied_to_be_served(uri, artifacts_of(empty_template), tmp_path)
    with forked_mlflow_server(session_folder, tmp_path) as served:
        answer = content_of(aggregate_runs(ending_after(served, 1_500), ["metrics.x", "y", "z"]))

    assert answer["partial"] == "time was up: 'x' from 2,500 of at most 3,193 runs that have it; 'y', 'z' left out"
    assert [(row["metric"], row["n"]) for row in rows_of(answer["table"])] == [("x", 2_500)]


def test_a_filter_that_mlflow_refuses_is_answered_with_an_example(store, ask):
    answer = ask(store.uri, "aggregate_runs", metrics=["val/loss"], query="metrics.acc >> 3")

    assert answer.is_error
    assert "tags.model LIKE '%llama%'" in answer.text


def test_runs_of_one_job_of_a_scheduler_are_no_copies(empty_store, ask):
    runs = [RawRun(run_id(at), metrics={"acc": 0.1 * at}, tags={"job_id": "4711"}) for at in range(3)]

    answer = ask(filled(empty_store, runs), "aggregate_runs", metrics="acc")

    assert rows_of(answer.data["table"])[0]["n"] == 3
    assert "notes" not in answer.data


def test_more_runs_than_files_are_read_of_are_not_judged_by_samples(empty_store, ask):
    runs = [RawRun(run_id(at), metrics={"acc": 0.1}) for at in range(201)]

    answer = ask(filled(empty_store, runs), "aggregate_runs", metrics="acc", min_samples=10)

    assert answer.is_error
    assert answer.text.startswith("min_samples needs the files of 201 runs; at most 200 are read.")


def test_runs_that_did_not_finish_and_runs_without_the_metric_are_told(empty_store, ask_many):
    runs = [
        RawRun(run_id(1), name="good", metrics={"acc": 0.8, "test": 0.7}),
        RawRun(run_id(2), name="spike", metrics={"acc": 0.99}, status="FAILED"),
        RawRun(run_id(3), name="other", metrics={"acc": 0.7}, tags={"mlflow.runName": "other"}),
    ]
    uri = filled(empty_store, runs)
    with ask_many(uri) as ask:
        notes = ask("aggregate_runs", metrics=["acc", "test"]).data["notes"]
        by_status = ask("aggregate_runs", metrics=["acc"], group_by=["status"])
        finished = ask("aggregate_runs", metrics=["acc"], query="attributes.status = 'FINISHED'")

    assert notes == [
        "Counted like the others: 1 FAILED. The best acc is that of 'spike' 0.99 (FAILED), of finished runs that of 'good' 0.8. "
        "query=\"attributes.status = 'FINISHED'\" leaves them out.",
        "Without 'test': 'other', 'spike' (FAILED).",
    ]
    assert by_status.data["notes"] == ["Of one run each, so without a spread: 'FAILED'."]
    assert "notes" not in finished.data


def test_many_runs_without_the_metric_are_only_counted(empty_store, ask):
    runs = [RawRun(run_id(at), metrics={"acc": 0.8} | ({"test": 0.5} if at < 3 else {})) for at in range(20)]

    answer = ask(filled(empty_store, runs), "aggregate_runs", metrics=["test"])

    assert rows_of(answer.data["table"])[0]["missing"] == 17
    assert "Without" not in answer.text
