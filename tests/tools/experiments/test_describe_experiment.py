"""describe_experiment: one page of runs, summed up truly."""

from __future__ import annotations

import json
import math
import re
import statistics

from mlflow import MlflowClient

from mlflow_mcp.cli.demo import agent
from mlflow_mcp.cli.demo.tracing import Recording, Step, write
from tests.support import raw_store
from tests.support.asking import data_of, rows_of, six_digits
from tests.support.raw_store import RawRun, run_id
from tests.support.servers import faulty_proxy

INFINITY, NAN = math.inf, math.nan


def test_an_experiment_of_evaluations_has_the_same_description_from_sqlite_and_http(both_stores, ask, snapshot):
    snapshot(
        "describe_experiment.evaluations", ask(both_stores.uri, "describe_experiment", experiment_id="ana/llama-3.1-8b")
    )


def test_a_sweep_has_the_same_description_from_sqlite_and_http(both_stores, ask, snapshot):
    snapshot("describe_experiment.sweep", ask(both_stores.uri, "describe_experiment", experiment_id="sweeps"))


def test_training_runs_have_the_same_description_from_sqlite_and_http(both_stores, ask, snapshot):
    snapshot("describe_experiment.training", ask(both_stores.uri, "describe_experiment", experiment_id="llm-training"))


def test_counts_and_ranges_are_those_of_the_raw_rows(sqlite_store, ask):
    answer = ask(sqlite_store.uri, "describe_experiment", experiment_id="evals")

    with raw_store.opened(sqlite_store.uri) as db:
        in_it = {run for (run,) in db.execute("SELECT run_uuid FROM runs WHERE experiment_id = 1")}
        told = {row["metric"]: row for row in rows_of(answer.data["metrics"])}
        assert not any("*" in name for name in told)
        names = {name for name, run in db.execute("SELECT key, run_uuid FROM latest_metrics") if run in in_it}
        assert told.keys() == names
        for name in names:
            values = [value for run, value in raw_store.latest(db, name).items() if run in in_it]
            row = told[name]
            assert (row["runs"], row["min"], row["max"]) == (
                len(values),
                six_digits(min(values)),
                six_digits(max(values)),
            )
        for kind in ("param", "tag"):
            for row in rows_of(answer.data[f"{kind}s"]):
                values = [v for run, v in raw_store.values_of(db, f"{kind}s", row[kind]).items() if run in in_it]
                assert (row["runs"], row["distinct"]) == (len(values), len(set(values)))
                if row["distinct"] <= 6:
                    shown = [re.sub(r"…\[\+\d+ chars\]$", "", value) for value in row["values"]]
                    assert all(
                        str(whole).startswith(cut)
                        for whole, cut in zip(sorted(set(values)), sorted(shown), strict=True)
                    )
                    first = [value for value in statistics.multimode(values) if str(value).startswith(shown[0])]
                    assert first, "the most frequent one comes first"
    assert answer.data["runs_read"] == sum(answer.data["by_status"].values()) == len(in_it)


def test_nan_and_infinite_values_are_counted_and_are_no_range(empty_store, ask):
    values = [0.5, NAN, 1e300, INFINITY, -INFINITY, 1e-300]
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, [RawRun(run_id(at), metrics={"x": value}) for at, value in enumerate(values)])
        raw_store.add_runs(db, [RawRun("a" * 32, metrics={"y": NAN})])

    answer = ask(empty_store, "describe_experiment", experiment_id="Default")

    assert rows_of(answer.data["metrics"]) == [
        {"metric": "x", "runs": 6, "min": 1e-300, "max": 1e300, "nan_or_infinite": 3},
        {"metric": "y", "runs": 1, "min": None, "max": None, "nan_or_infinite": 1},
    ]


def test_only_the_newest_page_of_runs_is_described_and_that_is_told_first(empty_store, ask):
    with raw_store.opened(empty_store) as db:
        runs = [
            RawRun(run_id(n), start_time=raw_store.STARTED + n * 1_000, metrics={"x": float(n)}) for n in range(1_010)
        ]
        raw_store.add_runs(db, runs)

    answer = ask(empty_store, "describe_experiment", experiment_id="0")

    assert next(iter(answer.data)) == "partial"
    assert answer.data["partial"] == "counts, ranges and values of the newest 1,000 of 1,010 runs"
    assert answer.data["runs_read"] == 1_000
    assert rows_of(answer.data["metrics"]) == [{"metric": "x", "runs": 1_000, "min": 10.0, "max": 1_009.0}]
    assert answer.data["notes"] == ["aggregate_runs computes over all runs."]


def test_the_share_that_is_described_is_told_of_a_file_and_of_a_server(both_curves, ask):
    answer = ask(both_curves, "describe_experiment", experiment_id="pages")

    assert answer.data["partial"] == "counts, ranges and values of the newest 1,000 of 2,300 runs"


def test_whole_numbers_are_whole(empty_store, ask):
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, [RawRun(run_id(1), metrics={"total_tokens": 123_456_789.0})])

    answer = ask(empty_store, "describe_experiment", experiment_id="0")

    assert answer.data["metrics"]["rows"] == [["total_tokens", 1, 123_456_789, 123_456_789]]


def test_many_names_are_counted_and_those_that_differ_come_first(empty_store, ask):
    with raw_store.opened(empty_store) as db:
        for number in range(3):
            params = {f"same{n:02}": "x" for n in range(40)} | {"zz-differs": str(number)}
            metrics = {f"m{n:02}": 1.0 for n in range(50)}
            raw_store.add_runs(db, [RawRun(run_id(number), params=params, metrics=metrics)])

    answer = ask(empty_store, "describe_experiment", experiment_id="Default")

    assert answer.data["params"]["rows"][0][0] == "zz-differs"
    assert answer.data["notes"] == [
        "20 more metrics, e.g. 'm30', 'm31', 'm32', 'm33', 'm34' and 15 more.",
        "21 more params (21 of them with one value), e.g. 'same19', 'same20', 'same21' and 18 more.",
    ]
    assert len(json.dumps(answer.data)) < 4_000


def test_an_experiment_is_found_by_id_as_by_name(store, ask):
    by_id = ask(store.uri, "describe_experiment", experiment_id=store.seeded.experiments["sweeps"])

    assert by_id.data == ask(store.uri, "describe_experiment", experiment_id="sweeps").data


def test_an_experiment_needs_one_page_of_runs(mlflow_server, ask_many):
    with faulty_proxy(mlflow_server.uri) as proxy, ask_many(proxy.uri) as ask:
        ask("describe_experiment", experiment_id="evals")
        proxy.requests.clear()
        ask("describe_experiment", experiment_id="evals")

    # The first asks whether the name still means the same experiment.
    of_files = [request.path for request in proxy.requests if "artifact" in request.path]
    rest = [request.path.partition("?")[0] for request in proxy.requests if request.path not in of_files]
    assert rest[0] == "/api/2.0/mlflow/experiments/search"
    assert sorted(rest[1:]) == ["/api/2.0/mlflow/experiments/get", "/api/2.0/mlflow/runs/search"]
    assert len(of_files) <= 10, "files are read only of invocations whose params name no model"


def test_an_empty_experiment_says_so(empty_store, ask):
    answer = ask(empty_store, "describe_experiment", experiment_id="Default")

    assert answer.data["runs_read"] == 0
    assert answer.data["notes"] == ["This experiment has no active runs."]


def test_an_experiment_of_traces_alone_says_how_many_and_what_shows_them(empty_store, ask):
    write(empty_store, "0", Recording("only", "turn", agent.FIRST, [Step("turn", "AGENT", 0, 5, None)]))
    answer = ask(empty_store, "describe_experiment", experiment_id="Default")

    assert answer.data["notes"] == [
        "This experiment has no active runs.",
        "It has 1 trace: summarize_traces and search_traces show them.",
    ]


def test_an_unknown_experiment_names_the_nearest(store, ask, snapshot_error):
    answer = ask(store.uri, "describe_experiment", experiment_id="llama-3.1-8b")

    snapshot_error(answer)


def test_a_missing_experiment_id_is_named(store, ask, snapshot_error):
    answer = ask(store.uri, "describe_experiment")

    snapshot_error(answer)


def test_metrics_of_one_benchmark_are_a_family_and_their_total_is_none_of_them(empty_store, ask):
    subjects = ("biology", "economics", "law", "math", "other", "physics")
    metrics = {f"mmlu_{name}_acc": 0.1 * at for at, name in enumerate(subjects)} | {"mmlu_acc": 0.7, "loss": 1.0}
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, [RawRun(run_id(1), metrics=metrics)])

    answer = ask(empty_store, "describe_experiment", experiment_id="0")

    rows = {row["metric"]: row for row in rows_of(answer.data["metrics"])}
    assert rows.keys() == {"mmlu_*_acc", "mmlu_acc", "loss"}
    assert (rows["mmlu_*_acc"]["runs"], rows["mmlu_*_acc"]["max"]) == (1, 0.5)
    assert answer.data["notes"] == [f"'mmlu_*_acc' is 6 metrics, * is {', '.join(subjects)}."]


def test_paths_and_times_are_counted_and_not_shown(empty_store, ask):
    runs = [
        RawRun(run_id(at), params={"out": f"/data/runs/{at}", "at": f"17725329{at:02}.0", "lr": str(at % 2)})
        for at in range(4)
    ]
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, runs)

    answer = ask(empty_store, "describe_experiment", experiment_id="0")

    assert [row[0] for row in answer.data["params"]["rows"]] == ["lr"]
    assert answer.data["notes"] == ["2 more params (0 of them with one value), e.g. 'at', 'out'."]


def test_what_people_wrote_about_the_experiment_is_shown(empty_store, ask):
    client = MlflowClient(empty_store)
    client.set_experiment_tag("0", "mlflow.note.content", "Final numbers are val_acc.")

    assert (
        data_of(ask(empty_store, "describe_experiment", experiment_id="0"))["description"]
        == "Final numbers are val_acc."
    )


def test_the_primary_metric_of_its_tags_is_named(empty_store, ask):
    from mlflow import MlflowClient

    client = MlflowClient(empty_store)
    client.set_experiment_tag("0", "mlflow.experiment.primaryMetric.name", "val_loss")
    client.set_experiment_tag("0", "mlflow.experiment.primaryMetric.greaterIsBetter", "False")

    assert ask(empty_store, "describe_experiment", experiment_id="0").data["primary_metric"] == "val_loss, lowest first"
