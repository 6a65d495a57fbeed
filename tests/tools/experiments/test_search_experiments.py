"""search_experiments."""

from __future__ import annotations

import pytest

from tests.support import raw_store
from tests.support.asking import rows_of


def test_experiments_are_listed_newest_first(sqlite_template, ask, snapshot):
    snapshot("search_experiments", ask(sqlite_template.uri, "search_experiments"))


def test_a_part_of_the_name_in_any_case_is_enough(both_stores, ask):
    answer = ask(both_stores.uri, "search_experiments", name="LLaMA")

    assert [row[1] for row in answer.data["experiments"]["rows"]] == ["ana/llama-3.1-8b"]


ODD_NAMES = [
    'it\'s "x"',
    "100%",
    "100 of 100",
    "a_b",
    "a-b",
    "back\\slash",
    "back/slash",
    "[ab]c",
    "ac",
    "GRÖSSE",
    "GRASSE",
]


FOUND_BY = {
    'it\'s "x"': ['it\'s "x"'],
    "'s": ['it\'s "x"'],
    '"x': ['it\'s "x"'],
    "100%": ["100%"],
    "%": ["100%"],
    "A_B": ["a_b"],
    "a-b": ["a-b"],
    "k\\s": ["back\\slash"],
    "[ab]c": ["[ab]c"],
    "grösse": ["GRÖSSE"],
    "x' OR name LIKE '%": [],
}


def test_every_character_of_a_name_stands_for_itself(empty_store, ask_many):
    with raw_store.opened(empty_store) as db:
        raw_store.add_experiments(db, dict(enumerate(ODD_NAMES, start=1)))

    with ask_many(empty_store) as ask:
        answers = {name: ask("search_experiments", name=name) for name in FOUND_BY}

    for name, answer in answers.items():
        assert not answer.is_error, answer.text
        assert [row[1] for row in answer.data["experiments"]["rows"]] == FOUND_BY[name], name


def test_a_name_with_quotes_and_wildcards_is_data_to_a_server_too(mlflow_server, ask):
    for name in ('it\'s "x"', "x' OR name LIKE '%", "%"):
        answer = ask(mlflow_server.uri, "search_experiments", name=name)

        assert not answer.is_error, answer.text
        assert answer.data["experiments"]["rows"] == []


@pytest.mark.parametrize("limit", [7, 24])
def test_pages_of_names_that_only_this_side_can_tell_apart_are_complete(limit, empty_store, ask_many):
    """1,200 names fit `part_of_name` for MLflow, whose `_` is any character; each fiftieth holds it as it is."""
    names = {n: f"part_of_name {n}" if n % 50 == 0 else f"part-of-name {n}" for n in range(1, 1_201)}
    with raw_store.opened(empty_store) as db:
        raw_store.add_experiments(db, names)

    shown, pages, cursor = [], 0, None
    with ask_many(empty_store) as ask:
        while cursor or not pages:
            data = ask("search_experiments", name="part_of", order_by="name", limit=limit, cursor=cursor or "").data
            shown += [row[1] for row in data["experiments"]["rows"]]
            pages, cursor = pages + 1, data.get("next_cursor")

    assert shown == sorted(name for name in names.values() if name.startswith("part_of"))
    assert pages == -(-24 // limit)


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


def test_new_runs_are_no_change_of_an_experiment_and_a_rename_is(empty_store, ask):
    from mlflow import MlflowClient

    client = MlflowClient(empty_store)
    used, renamed = client.create_experiment("used"), client.create_experiment("before")
    client.create_run(used)
    client.set_experiment_tag(used, "team", "nlp")
    with raw_store.opened(empty_store) as db:  # a rename within the same millisecond would not be seen
        db.execute(
            "UPDATE experiments SET creation_time = creation_time - 60000, last_update_time = last_update_time - 60000"
        )
    client.rename_experiment(renamed, "after")

    rows = {row["name"]: row for row in rows_of(ask(empty_store, "search_experiments").data["experiments"])}

    assert rows["used"]["renamed_or_restored"] is None
    assert rows["after"]["renamed_or_restored"]
