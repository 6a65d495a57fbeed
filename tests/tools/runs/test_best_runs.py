"""best_runs: the winner is the best finite value of the store, and what makes it doubtful is said."""

from __future__ import annotations

import math

import pytest

from tests.support import raw_store
from tests.support.asking import rows_of, six_digits
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import filled

INFINITY, NAN = math.inf, math.nan


def test_the_best_of_a_sweep_have_the_same_answer_from_sqlite_and_http(both_stores, ask, snapshot):
    answer = ask(both_stores.uri, "best_runs", metric="accuracy", experiment_id="sweeps", limit=3)

    snapshot("best_runs.sweep", answer)


def test_the_best_evaluations_have_the_same_answer_from_sqlite_and_http(both_stores, ask, snapshot):
    answer = ask(both_stores.uri, "best_runs", metric="mmlu-pro_pass_at_1_symbolic_correct", limit=2)

    snapshot("best_runs.evaluations", answer)


def test_the_winner_is_the_greatest_finite_value_of_the_store(sqlite_store, ask):
    answer = ask(sqlite_store.uri, "best_runs", metric="accuracy", limit=100)

    with raw_store.opened(sqlite_store.uri) as db:
        wanted = sorted((v for v in raw_store.latest(db, "accuracy").values() if math.isfinite(v)), reverse=True)
    assert [row["metrics.accuracy"] for row in rows_of(answer.data["runs"])] == [six_digits(v) for v in wanted]
    assert rows_of(answer.data["runs"])[0]["name"] == sqlite_store.seeded.sweep_best


@pytest.mark.parametrize(("mode", "wanted"), [("max", [1e300, 0.5, 1e-300, -2.0]), ("min", [-2.0, 1e-300, 0.5, 1e300])])
def test_nan_infinite_missing_and_other_named_values_never_win(mode, wanted, empty_store, ask):
    values = [0.5, NAN, INFINITY, -INFINITY, 1e300, 1e-300, -2.0]
    runs = [RawRun(run_id(at), metrics={"acc": value}) for at, value in enumerate(values)]
    others = [RawRun("b" * 32, metrics={"acc_top5": 7.0}), RawRun("c" * 32, metrics={"val/acc": 7.0}), RawRun("d" * 32)]

    answer = ask(filled(empty_store, runs + others), "best_runs", metric="acc", mode=mode, limit=100)

    assert [row["metrics.acc"] for row in rows_of(answer.data["runs"])] == wanted


@pytest.mark.parametrize(
    "metric",
    ["mmlu-pro_x", "val/acc", "val acc", "val.acc", "a-b/c d.e", "2fast", "AND", "metrics.x", "case", "in", "from"],
)
def test_a_metric_of_any_name_can_be_ranked(metric, empty_store, ask):
    runs = [RawRun(run_id(at), metrics={metric: value, "acc": -value}) for at, value in enumerate([0.1, 0.3, 0.2])]

    answer = ask(filled(empty_store, runs), "best_runs", metric=metric, mode="max", limit=2)

    assert [row["run_id"] for row in rows_of(answer.data["runs"])] == [run_id(1), run_id(2)]


@pytest.mark.parametrize("metric", [" lead acc", "trail acc ", "a  acc"])
def test_the_spaces_of_a_name_belong_to_it(metric, empty_store, ask):
    values = [0.1, 0.3, 0.2]
    runs = [RawRun(run_id(at), metrics={metric: v, metric.strip() + "x": -v}) for at, v in enumerate(values)]

    answer = ask(filled(empty_store, runs), "best_runs", metric=metric, limit=1)

    assert rows_of(answer.data["runs"])[0]["run_id"] == run_id(1)


@pytest.mark.parametrize(
    ("metric", "order", "first"),
    [
        ("val/loss", "lowest first (name 'loss')", 1),
        ("accuracy", "highest first (name 'accuracy')", 2),
        ("tokens_per_second", "highest first (name 'tokens per second')", 2),
    ],
)
def test_the_name_of_a_metric_says_which_end_comes_first(metric, order, first, empty_store, ask):
    runs = [RawRun(run_id(at), metrics={metric: value}) for at, value in enumerate([0.2, 0.1, 0.3])]

    answer = ask(filled(empty_store, runs), "best_runs", metric=metric)

    assert answer.data["order"] == order
    assert rows_of(answer.data["runs"])[0]["run_id"] == run_id(first)
    assert "notes" not in answer.data


@pytest.mark.parametrize("metric", ["avg_completion_tokens", "no_answer", "custom"])
def test_a_name_that_says_nothing_needs_a_mode(metric, empty_store, ask, snapshot_error):
    uri = filled(empty_store, [RawRun(run_id(1), metrics={metric: 0.5})])

    snapshot_error(ask(uri, "best_runs", metric=metric))
    assert ask(uri, "best_runs", metric=metric, mode="min").data["order"] == "lowest first (mode='min')"


@pytest.mark.parametrize(("greater", "first"), [("True", "highest"), ("False", "lowest")])
def test_the_tags_of_an_experiment_say_which_end_comes_first(greater, first, both_homes, ask):
    from mlflow import MlflowClient

    client = MlflowClient(both_homes.uri)
    experiment = client.create_experiment(f"tagged {greater}")
    client.set_experiment_tag(experiment, "mlflow.experiment.primaryMetric.name", "custom")
    client.set_experiment_tag(experiment, "mlflow.experiment.primaryMetric.greaterIsBetter", greater)
    for value in (0.1, 0.2):
        client.log_metric(client.create_run(experiment).info.run_id, "custom", value)

    answer = ask(both_homes.uri, "best_runs", metric="custom", experiment_id=experiment, limit=1)

    tag = "tag mlflow.experiment.primaryMetric.greaterIsBetter"
    assert answer.data["order"] == f"{first} first ({tag})"
    assert rows_of(answer.data["runs"])[0]["metrics.custom"] == {"highest": 0.2, "lowest": 0.1}[first]


def test_tags_of_two_experiments_that_disagree_decide_nothing(empty_store, ask):
    from mlflow import MlflowClient

    client = MlflowClient(empty_store)
    experiments = [client.create_experiment(greater) for greater in ("True", "False")]
    for experiment, greater in zip(experiments, ("True", "False")):
        client.set_experiment_tag(experiment, "mlflow.experiment.primaryMetric.name", "custom")
        client.set_experiment_tag(experiment, "mlflow.experiment.primaryMetric.greaterIsBetter", greater)
        client.log_metric(client.create_run(experiment).info.run_id, "custom", 1.0)

    assert ask(empty_store, "best_runs", metric="custom").is_error
    assert "lowest" in ask(empty_store, "best_runs", metric="custom", experiment_id=experiments[1]).data["order"]


def test_a_mode_that_contradicts_name_and_tag_is_kept_and_pointed_out(empty_store, ask):
    from mlflow import MlflowClient

    client = MlflowClient(empty_store)
    client.set_experiment_tag("0", "mlflow.experiment.primaryMetric.name", "val/loss")
    client.set_experiment_tag("0", "mlflow.experiment.primaryMetric.greaterIsBetter", "False")
    uri = filled(empty_store, [RawRun(run_id(at), metrics={"val/loss": at}) for at in (1, 2)])

    answer = ask(uri, "best_runs", metric="val/loss", mode="max", limit=1)

    assert rows_of(answer.data["runs"])[0]["metrics.val/loss"] == 2
    assert answer.data["notes"] == [
        "The ranking is highest first, but the experiment's tag mlflow.experiment.primaryMetric.greaterIsBetter "
        "says that lower is better.",
        "The ranking is highest first, but the metric's name ('loss') says that lower is better.",
    ]


@pytest.mark.parametrize(
    ("equal", "limit", "note"),
    [
        (8, 2, "6 more runs have the same value as these (0.5); among equals the newest come first."),
        (3, 2, "1 more run has the same value as these (0.5); among equals the newest come first."),
        (60, 2, "At least 20 more runs have the same value as these (0.5); among equals the newest come first."),
        (8, 8, None),
    ],
)
def test_ties_at_the_cut_are_told(equal, limit, note, empty_store, ask):
    worse = [RawRun(run_id(100), metrics={"acc": 0.4})]
    uri = filled(empty_store, [RawRun(run_id(at), metrics={"acc": 0.5}) for at in range(equal)] + worse)

    answer = ask(uri, "best_runs", metric="acc", limit=limit)

    assert answer.data.get("notes") == ([note] if note else None)


def test_a_curve_is_ranked_by_its_latest_value(empty_store, ask):
    uri = filled(empty_store, [RawRun(run_id(at)) for at in (1, 2)])
    with raw_store.opened(uri) as db:
        raw_store.add_points(db, run_id(1), "acc", [(0, 1, 0.9), (1, 2, 0.1)])
        raw_store.add_points(db, run_id(2), "acc", [(0, 1, 0.1), (1, 2, 0.2)])

    answer = ask(uri, "best_runs", metric="acc", limit=1)

    assert rows_of(answer.data["runs"])[0]["run_id"] == run_id(2)


def test_runs_of_equal_value_share_the_ranking_newest_first(empty_store, ask):
    day = 86_400_000
    runs = [RawRun(run_id(at), start_time=raw_store.STARTED + at * day, metrics={"acc": 0.5}) for at in range(4)]

    answer = ask(filled(empty_store, runs), "best_runs", metric="acc", limit=3)

    assert [row["run_id"] for row in rows_of(answer.data["runs"])] == [run_id(3), run_id(2), run_id(1)]


def test_the_best_are_found_among_more_than_a_thousand_experiments(empty_store, ask):
    """They do not go into one request to MLflow: the rankings of two are merged."""
    values = {number: ((number * 7919) % 2_503) / 2_503 for number in range(1, 2_101)}
    with raw_store.opened(empty_store) as db:
        raw_store.add_experiments(db, {number: f"experiment {number}" for number in values})
        raw_store.add_runs(db, [RawRun(run_id(n), n, metrics={"acc": value}) for n, value in values.items()])

    for mode, reverse in (("max", True), ("min", False)):
        answer = ask(empty_store, "best_runs", metric="acc", mode=mode, limit=50)

        told = [(row["run_id"], row["metrics.acc"]) for row in rows_of(answer.data["runs"])]
        wanted = sorted(values.items(), key=lambda item: item[1], reverse=reverse)[:50]
        assert told == [(run_id(number), six_digits(value)) for number, value in wanted]


def test_a_ranking_keeps_to_its_filter_and_experiment(store, ask):
    answer = ask(
        store.uri, "best_runs", metric="loss", mode="min", experiment_id="sweeps", query="params.optimizer = 'sgd'"
    )

    assert answer.data["runs"]["common"]["params.optimizer"] == "sgd"
    assert rows_of(answer.data["runs"])[0]["name"] == "trial-07"


@pytest.mark.parametrize(
    ("metric", "place"),
    [("mmlu-pro_pass_at_1_symbolic_correct", "its params"), ("gpqa_diamond_score_macro", "results.yml")],
)
def test_a_winner_of_few_samples_is_pointed_out(metric, place, store, ask):
    """A param tells the ten samples of one canary, and nothing but results.yml those of the other."""
    answer = ask(store.uri, "best_runs", metric=metric)

    row = rows_of(answer.data["runs"])[0]
    assert answer.data["notes"][0] == (
        f"Number 1 (eval-{row['invocation_id']}-{row['task']}) is a trial run (limit_samples=10 in {place}): "
        "not comparable with full runs."
    )


def test_min_samples_leaves_out_canaries_and_says_how_many(store, ask):
    answer = ask(store.uri, "best_runs", metric="mmlu-pro_pass_at_1_symbolic_correct", min_samples=51, limit=20)

    invocations = [row["invocation_id"] for row in rows_of(answer.data["runs"])]
    assert invocations[0] == store.seeded.baseline
    assert store.seeded.canary not in invocations
    assert answer.data["notes"] == [
        "1 further copy of these jobs left out; get_invocation lists them.",
        "1 run with fewer than 51 samples left out above these.",
        f"Kept, though nothing counts or limits their samples: 'eval-{store.seeded.whole}'.",
    ]


def test_when_all_had_too_few_samples_it_says_so(empty_store, ask, snapshot_error):
    uri = filled(empty_store, [RawRun(run_id(1), metrics={"acc": 0.5}, params={"limit_samples": "10"})])

    answer = ask(uri, "best_runs", metric="acc", min_samples=100)

    snapshot_error(answer)


def test_a_winner_that_did_not_finish_is_pointed_out(store, ask):
    answer = ask(store.uri, "best_runs", metric="accuracy", mode="min", limit=1)

    assert answer.data["notes"] == [
        "Number 1 (trial-11) is KILLED, not FINISHED.",
        "The ranking is lowest first, but the metric's name ('accuracy') says that higher is better.",
    ]


def test_how_far_a_winner_came_that_did_not_finish_is_told_first(empty_store, ask):
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, [RawRun(run_id(1), name="spike", status="FAILED"), RawRun(run_id(2), name="whole")])
        raw_store.add_points(db, run_id(1), "acc", [(11, raw_store.STARTED, 0.99)])
        raw_store.add_points(db, run_id(2), "acc", [(59, raw_store.STARTED, 0.9)])

    answer = ask(empty_store, "best_runs", metric="acc")

    assert answer.data["notes"] == [
        "Number 1 (spike) is FAILED, not FINISHED: its value is of step 11, those of finished runs go to step 59."
    ]


@pytest.mark.parametrize(
    ("metric", "values", "is_told"),
    [
        ("accuracy", [91.9, 0.913, 0.5], True),
        ("accuracy", [91.9, 90.3, 50.0], False),
        ("accuracy", [0.9, 0.913, 1.2], False),
        ("loss", [9.9, 0.913, 0.5], False),
    ],
)
def test_values_of_two_scales_are_pointed_out(metric, values, is_told, empty_store, ask_many):
    runs = [RawRun(run_id(at), name=f"r{at}", metrics={metric: value}) for at, value in enumerate(values)]
    uri = filled(empty_store, runs)
    with ask_many(uri) as ask:
        ranked, described = ask("best_runs", metric=metric, limit=1), ask("describe_experiment", experiment_id="0")
        counted = ask("aggregate_runs", metrics=[metric])

    told = f"'{metric}' may be of two scales, shares and percent: "
    ending = "91.9, while 2 other values are at most 1. Check before comparing them."
    for answer, name in ((ranked, "'r0' "), (described, "'r0' "), (counted, "")):
        said = [*(answer.data.get("notes") or []), answer.data.get("partial")]
        assert (f"{told}{name}{ending}" in said) == is_told
    assert (next(iter(ranked.data)) == "partial") == is_told


def test_a_metric_that_nobody_logged_names_the_nearest(store, ask, snapshot_error):
    answer = ask(store.uri, "best_runs", metric="acuracy")

    snapshot_error(answer)


def test_a_metric_that_is_nowhere_finite_says_so(empty_store, ask, snapshot_error):
    values = [NAN, INFINITY, -INFINITY]
    uri = filled(empty_store, [RawRun(run_id(at), metrics={"acc": value}) for at, value in enumerate(values)])

    answer = ask(uri, "best_runs", metric="acc")

    snapshot_error(answer)


def test_a_filter_that_no_run_passes_is_named(store, ask, snapshot_error):
    answer = ask(store.uri, "best_runs", metric="accuracy", query="params.lr = '7'")

    snapshot_error(answer)


def test_a_store_without_runs_says_so(empty_store, ask, snapshot_error):
    answer = ask(empty_store, "best_runs", metric="accuracy")

    snapshot_error(answer)


def test_an_unknown_experiment_names_the_nearest(store, ask, snapshot_error):
    for tool, arguments in (("best_runs", {"metric": "loss"}), ("aggregate_runs", {"metrics": ["loss"]})):
        answer = ask(store.uri, tool, experiment_id="sweep", **arguments)

        snapshot_error(answer)


def test_an_unknown_mode_is_refused(store, ask, snapshot_error):
    answer = ask(store.uri, "best_runs", metric="accuracy", mode="best")

    snapshot_error(answer)


def test_a_tie_of_the_best_is_told(empty_store, ask):
    values = (0.9, 0.9, 0.8)
    runs = [RawRun(run_id(at), metrics={"acc": value}) for at, value in enumerate(values)]

    answer = ask(filled(empty_store, runs), "best_runs", metric="acc")

    assert "A tie: the first 2 have the same value (0.9)." in answer.data["notes"]
