"""search_runs_by_tags: runs that carry all the given tags."""

from __future__ import annotations

import pytest


def test_all_tags_must_hold(both_stores, ask):
    answer = ask(
        both_stores.uri,
        "search_runs_by_tags",
        tags={"invocation_id": both_stores.seeded.candidate, "task_name": "gpqa_diamond"},
    )

    assert [row[0] for row in answer.data["runs"]["rows"]] == [
        both_stores.seeded.runs["eval-71f3f3199ea5e1f0-gpqa_diamond"]
    ]


def test_an_invocation_tag_without_runs_here_advises_get_invocation(store, ask):
    answer = ask(
        store.uri, "search_runs_by_tags", experiment_id="evals", tags={"invocation_id": store.seeded.candidate}
    )

    assert answer.data["runs"]["rows"] == []
    assert answer.data["notes"][0] == (
        "get_invocation finds an invocation in all experiments, by prefix and by param too."
    )


def test_no_tags_is_refused(store, ask, snapshot_error):
    answer = ask(store.uri, "search_runs_by_tags", tags={})

    snapshot_error(answer)


@pytest.mark.parametrize("argument", ["order_by", "metrics", "params"])
def test_an_argument_that_only_query_runs_takes_is_refused_with_its_name(argument, store, ask, snapshot_error):
    answer = ask(store.uri, "search_runs_by_tags", tags={"team": "nlp"}, **{argument: ["loss"]})

    snapshot_error(answer)
