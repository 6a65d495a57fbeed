"""search_experiments."""

from __future__ import annotations


def test_experiments_are_listed_last_changed_first(sqlite_template, ask, snapshot):
    snapshot("search_experiments", ask(sqlite_template.uri, "search_experiments"))


def test_a_part_of_the_name_in_any_case_is_enough(both_stores, ask):
    answer = ask(both_stores.uri, "search_experiments", name="LLaMA")

    assert [row[1] for row in answer.data["experiments"]["rows"]] == ["ana/llama-3.1-8b"]


def test_a_name_with_quotes_and_wildcards_is_data(store, ask):
    for name in ("it's", 'a "b"', "x' OR name LIKE '%"):
        answer = ask(store.uri, "search_experiments", name=name)

        assert not answer.is_error, answer.text
        assert answer.data["experiments"]["rows"] == []


def test_an_empty_result_says_how_many_there_are(store, ask):
    answer = ask(store.uri, "search_experiments", name="sweps")

    assert answer.data["notes"] == ["None of the 6 active experiments matches. Nearest: 'sweeps'."]


def test_a_filter_and_an_order_are_mlflows(both_stores, ask):
    answer = ask(both_stores.uri, "search_experiments", query="name LIKE '%/%'", order_by="name")

    assert [row[1] for row in answer.data["experiments"]["rows"]] == ["ana/llama-3.1-8b", "ben/qwen2.5-7b"]


def test_a_broken_filter_is_answered_with_what_mlflow_says(both_stores, ask):
    answer = ask(both_stores.uri, "search_experiments", query="colour = 'red'")

    assert answer.is_error
    assert answer.text.startswith("MLflow does not accept this: ")
    assert answer.text.endswith(" Correct it and call again.")


def test_deleted_experiments_are_not_listed(sqlite_store, ask):
    from mlflow import MlflowClient

    MlflowClient(sqlite_store.uri).delete_experiment(sqlite_store.seeded.experiments["evals"])

    assert "evals" not in ask(sqlite_store.uri, "search_experiments").text
