"""search_runs_by_tags: runs that carry all the given tags."""

from __future__ import annotations


def test_all_tags_must_hold(both_stores, ask):
    answer = ask(
        both_stores.uri,
        "search_runs_by_tags",
        tags={"invocation_id": both_stores.seeded.candidate, "task_name": "gpqa_diamond"},
    )

    assert [row[0] for row in answer.data["runs"]["rows"]] == [
        both_stores.seeded.runs["eval-71f3f3199ea5e1f0-gpqa_diamond"]
    ]


def test_a_tag_value_in_another_experiment_is_told_to_get_invocation(store, ask):
    answer = ask(
        store.uri, "search_runs_by_tags", experiment_id="evals", tags={"invocation_id": store.seeded.candidate}
    )

    assert answer.data["runs"]["rows"] == []
    assert answer.data["notes"][0] == (
        "get_invocation finds an invocation in all experiments, by prefix and by param too."
    )


def test_no_tags_is_refused(store, ask):
    answer = ask(store.uri, "search_runs_by_tags", tags={})

    assert answer.is_error
    assert answer.text == (
        "'tags' cannot be {}: Dictionary should have at least 1 item after validation, not 0. "
        "Call again with another value."
    )
