"""Filters of runs, experiments and traces take dates, moments and lengths of time."""

from __future__ import annotations

import time

import pytest


def names(answer) -> set[str]:
    runs = answer.data["runs"]
    return {row[runs["columns"].index("run_id")] for row in runs["rows"]}


@pytest.mark.parametrize("comparison", [">= '2026-10-12' AND start_time < '2026-10-13'", "= '2026-10-12'"])
def test_the_runs_of_a_day_are_found(comparison, store, ask):
    found = ask(store.uri, "query_runs", query=f"start_time {comparison}", limit=50)

    assert names(found)
    shown = found.data["runs"]
    times = [row[shown["columns"].index("exported")] for row in shown["rows"]]
    assert {when[:10] for when in times} == {"2026-10-12"}


def test_up_to_a_day_holds_the_day(store, ask):
    until = ask(store.uri, "aggregate_runs", metrics=["*"], query="start_time <= '2026-10-12'").data["runs"]
    before = ask(store.uri, "aggregate_runs", metrics=["*"], query="start_time < '2026-10-12'").data["runs"]
    after = ask(store.uri, "aggregate_runs", metrics=["*"], query="start_time < '2026-10-13'").data["runs"]

    assert before < until == after


def test_a_page_of_the_last_days_is_followed_by_the_next(store, ask):
    first = ask(store.uri, "query_runs", query="start_time > '9000d'", limit=2)
    time.sleep(0.01)  # the length of time now begins at another millisecond
    second = ask(store.uri, "query_runs", query="start_time > '9000d'", limit=2, cursor=first.data["next_cursor"])

    assert len(names(first) | names(second)) == 4


def test_a_time_that_cannot_be_read_is_refused(store, ask, snapshot_error):
    snapshot_error(ask(store.uri, "query_runs", query="start_time > 'last monday'"))
    snapshot_error(ask(store.uri, "search_experiments", query="creation_time > 'soon'"), "experiments")
