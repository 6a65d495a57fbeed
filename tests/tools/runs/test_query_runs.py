"""query_runs, search_runs_by_tags and get_run."""

from __future__ import annotations

import pytest

from tests.support import raw_store
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import filled


def execute(store, statement, *values):
    with raw_store.opened(store.uri) as connection:
        connection.execute(statement, values)


# --- query_runs


def test_a_table_of_training_runs(both_stores, ask, snapshot):
    snapshot("query_runs.training", ask(both_stores.uri, "query_runs", experiment_id="llm-training"))


def test_a_table_of_evaluations_of_many_kinds(both_stores, ask, snapshot):
    snapshot("query_runs.evals", ask(both_stores.uri, "query_runs", experiment_id="evals", limit=6))


def test_a_sweep_ordered_by_a_metric(both_stores, ask, snapshot):
    answer = ask(both_stores.uri, "query_runs", experiment_id="sweeps", order_by="metrics.accuracy DESC", limit=20)

    snapshot("query_runs.sweep", answer)


def test_columns_are_what_the_caller_names(store, ask):
    answer = ask(
        store.uri,
        "query_runs",
        experiment_id="llm-training",
        metrics=["val/*", "lr"],
        params=["batch_size"],
        tags=[],
    )

    columns = [*answer.data["runs"]["columns"], *answer.data["runs"]["common"]]
    assert [name for name in columns if name.startswith(("metrics.", "params.", "tags."))] == [
        "metrics.val/loss",
        "metrics.lr",
        "params.batch_size",
    ]


@pytest.mark.parametrize(
    ("values", "limit", "is_told"),
    [
        (["9", "10", "100"], 50, True),
        (["1", "2", "3"], 50, False),
        (["1", "2", "3"], 2, True),
        (["a", "9", "10"], 50, False),
    ],
)
def test_an_order_by_a_param_of_numbers_says_that_it_is_one_of_text(values, limit, is_told, empty_store, ask):
    uri = filled(empty_store, [RawRun(run_id(at), params={"num epochs": value}) for at, value in enumerate(values)])

    answer = ask(uri, "query_runs", order_by=["params.num epochs DESC"], limit=limit)

    sentence = (
        "The order by param 'num epochs' is that of text, in which 100 comes before 9: MLflow keeps params as text."
    )
    assert (sentence in answer.data.get("notes", ())) == is_told


def test_tags_of_mlflow_are_columns_where_they_are_named(empty_store, ask):
    runs = [RawRun(run_id(at), tags={"mlflow.source.git.branch": f"b{at}", "team": "a"}) for at in (1, 2)]
    uri = filled(empty_store, runs)

    named = ask(uri, "query_runs", tags=["mlflow.source.git.*"])
    every = ask(uri, "query_runs", tags=["*"])

    assert "tags.mlflow.source.git.branch" in named.data["runs"]["columns"]
    assert "mlflow" not in every.text


def test_a_column_that_no_run_has_names_the_nearest(store, ask):
    answer = ask(store.uri, "query_runs", experiment_id="sweeps", metrics=["acuracy"])

    assert answer.data["notes"] == ["None of these runs has metric 'acuracy'. Nearest: 'accuracy'."]


@pytest.mark.parametrize(
    ("arguments", "searched", "note"),
    [
        (
            {"query": "tags.modell LIKE '%qwen%'"},
            "active runs in all 6 experiments where tags.modell LIKE '%qwen%'",
            "None of the newest 41 runs has tag 'modell'. Nearest: 'model'.",
        ),
        (
            {"experiment_id": "sweeps", "query": "params.optimizer = 'lion'"},
            "active runs in 'sweeps' where params.optimizer = 'lion'",
            "Param 'optimizer' has in the newest 13 runs the values 'sgd', 'adamw'.",
        ),
        (
            {"experiment_id": "Default"},
            "active runs in 'Default'",
            "There are no active runs here at all.",
        ),
    ],
)
def test_an_empty_result_says_what_was_searched_and_what_there_is(arguments, searched, note, store, ask):
    answer = ask(store.uri, "query_runs", **arguments)

    assert not answer.is_error
    assert answer.data["runs"]["rows"] == []
    assert answer.data["searched"] == searched
    assert answer.data["notes"] == [note]


def test_an_unknown_experiment_names_the_nearest(store, ask, snapshot_error):
    answer = ask(store.uri, "query_runs", experiment_id="eval")

    snapshot_error(answer)


def test_one_wrong_experiment_in_a_list_is_an_error_too(store, ask, snapshot_error):
    answer = ask(store.uri, "query_runs", experiment_id=["evals", "swoops"])

    snapshot_error(answer)


def test_an_experiment_may_be_named_by_id_name_number_or_url(store, ask):
    wanted = ask(store.uri, "query_runs", experiment_id="sweeps").data
    id_ = store.seeded.experiments["sweeps"]

    for given in (id_, int(id_), [id_], f"https://mlflow.example/#/experiments/{id_}", " sweeps "):
        assert ask(store.uri, "query_runs", experiment_id=given).data == wanted, given


def test_an_experiment_that_was_just_made_is_found(sqlite_store, ask_many):
    from mlflow import MlflowClient

    client = MlflowClient(sqlite_store.uri)
    with ask_many(sqlite_store.uri) as ask:
        ask("query_runs")
        made = client.create_experiment("brand new")
        client.create_run(made, run_name="first of its kind")
        by_name = ask("query_runs", experiment_id="brand new")
        everywhere = ask("query_runs", query="attributes.run_name = 'first of its kind'")

    assert len(by_name.data["runs"]["rows"]) == 1
    assert len(everywhere.data["runs"]["rows"]) == 1


def test_deleted_runs_are_shown_only_when_asked_for(sqlite_store, ask_many):
    run_id = sqlite_store.seeded.runs["trial-04"]
    execute(sqlite_store, "UPDATE runs SET lifecycle_stage = 'deleted' WHERE run_uuid = ?", run_id)
    with ask_many(sqlite_store.uri) as ask:
        active = ask("query_runs", experiment_id="sweeps", limit=100)
        deleted = ask("query_runs", experiment_id="sweeps", deleted=True)
        one = ask("get_run", run_id=run_id)

    assert run_id not in str(active.data)
    assert [row[0] for row in deleted.data["runs"]["rows"]] == [run_id]
    assert one.data["deleted"] is True


def test_infinities_and_nan_are_words(sqlite_store, ask):
    for name, value in (("trial-04", 1.7976931348623157e308), ("trial-06", -1.7976931348623157e308)):
        execute(
            sqlite_store,
            "UPDATE latest_metrics SET value = ? WHERE key = 'accuracy' AND run_uuid = ?",
            value,
            sqlite_store.seeded.runs[name],
        )

    answer = ask(sqlite_store.uri, "query_runs", experiment_id="sweeps", metrics="accuracy", limit=20)

    at = answer.data["runs"]["columns"].index("metrics.accuracy")
    shown = {row[1]: row[at] for row in answer.data["runs"]["rows"]}
    assert (shown["trial-04"], shown["trial-06"], shown["trial-05"]) == ("Infinity", "-Infinity", "NaN")


# --- search_runs_by_tags


# --- get_run


def test_a_filter_on_a_metric_with_a_slash_finds_what_it_means(store, ask):
    answer = ask(store.uri, "query_runs", query="metrics.mmlu-pro_stem/math_symbolic_correct > 0.6")

    assert not answer.is_error, answer.text
    assert len(answer.data["runs"]["rows"]) == 4
