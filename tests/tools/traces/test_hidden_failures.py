"""summarize_traces on failures that the state of a trace hides, and on judges and people who assess different things."""

from __future__ import annotations

import pytest

from mlflow_mcp.tools.traces.summaries import computed
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.claims import make_claims

pytestmark = pytest.mark.slow
V1, V2 = "tags.version = 'v1'", "tags.version = 'v2'"
SLOW = "TimeoutError: no answer in <n> s"
LOST = "ValueError: unknown currency 'CHF '"


@pytest.fixture(scope="module")
def claims(empty_template, tmp_path_factory):
    return make_claims(empty_template, tmp_path_factory.mktemp("claims"))


@pytest.fixture(scope="module")
def failures(claims, ask):
    return data_of(ask(claims, "summarize_traces", query=V2, group_by="failure"))


@pytest.fixture(scope="module")
def changes(claims, ask):
    return data_of(ask(claims, "summarize_traces", query=V2, compare_to=V1))


@pytest.fixture(scope="module")
def assessed(claims, ask):
    return data_of(ask(claims, "summarize_traces", query=V2, group_by="assessment"))


def test_failures_inside_of_ok_traces_stand_beside_the_others(failures):
    assert [(row["span"], row["message"], row["traces"]) for row in rows_of(failures["failures"])] == [
        ("payout", LOST, 8)
    ]
    assert [(row["span"], row["message"], row["traces"]) for row in rows_of(failures["hidden_failures"])] == [
        ("lookup", SLOW, 4),
        ("payout", LOST, 2),
    ]
    assert failures["notes"][0] == "6 of 12 traces that ended OK hold a failed span: hidden_failures."


def test_a_retry_another_call_and_a_loss_are_told_apart(failures):
    lookup, payout = rows_of(failures["hidden_failures"])

    assert [lookup[name] for name in ("retried_ok", "other_call_ok", "no_later_ok")] == [3, 1, 0]
    assert [payout[name] for name in ("retried_ok", "other_call_ok", "no_later_ok")] == [0, 0, 2]
    assert len(payout["no_later_ok_in"]) == 2
    assert lookup["no_later_ok_in"] is None


def test_no_error_is_not_no_failure(claims, ask):
    query = f"{V2} AND status = 'OK' AND span.status = 'ERROR'"
    data = data_of(ask(claims, "summarize_traces", query=query, group_by="failure"))

    assert data["notes"][0] == (
        "No matching trace ended in ERROR; 6 traces that ended OK hold a failed span: hidden_failures."
    )
    assert [row["traces"] for row in rows_of(data["hidden_failures"])] == [4, 2]


def test_where_no_span_failed_it_is_said(claims, ask):
    data = data_of(ask(claims, "summarize_traces", query="name = 'slow'", group_by="failure"))

    assert data["notes"] == ["No matching trace ended in ERROR, and no span failed in those that ended OK."]


def test_the_plain_summary_counts_the_traces_that_hide_failures(claims, ask):
    hiding = data_of(ask(claims, "summarize_traces", query=V2))["notes"][0]
    honest = data_of(ask(claims, "summarize_traces", query="name = 'slow'"))

    assert hiding.startswith("6 of 12 traces that ended OK hold a failed span: group_by='failure'")
    assert "failed span" not in str(honest)


@pytest.mark.parametrize("by", ["tool", "span"])
def test_groups_of_spans_tell_in_how_many_traces_they_failed_and_what_came_after(claims, ask, by):
    groups = {
        row[by]: row for row in rows_of(data_of(ask(claims, "summarize_traces", query=V2, group_by=by))["groups"])
    }
    told = ("errors", "failed_in", "retried_ok", "other_call_ok", "no_later_ok")

    assert [groups["lookup"][name] for name in told] == [7, 4, 3, 1, 0]
    assert [groups["payout"][name] for name in told] == [10, 10, 0, 0, 10]


def test_versions_are_compared_by_what_fails(changes):
    rows = rows_of(changes["failure_changes"])

    assert [(row["message"], row["these"], row["compare_to"]) for row in rows] == [
        (LOST, 10, 0),
        ("KeyError: no claim C-<n>", 0, 3),
        (SLOW, 4, 1),
    ]
    assert [row["these ended OK"] for row in rows] == [2, 0, 4]
    assert rows[0]["verdict"].startswith("only in these; higher: 10 of 20 against 0 of 20, p=")
    assert rows[1]["verdict"].startswith("only in compare_to; cannot tell: 0 of 20 against 3 of 20, p=")
    assert rows[2]["verdict"].startswith("cannot tell: 4 of 20 against 1 of 20")


def test_sides_that_share_traces_get_no_verdict_on_failures(claims, ask):
    data = data_of(ask(claims, "summarize_traces", query=V2, compare_to="name = 'agent'"))

    assert "verdict" not in data["failure_changes"]["columns"]


def test_failures_are_compared_without_a_group(claims, ask):
    problem = problem_of(ask(claims, "summarize_traces", query=V2, compare_to=V1, group_by="failure"))

    assert problem.endswith("compare_to without group_by compares the failures too.")


def test_nothing_goes_with_failing_is_said_in_plain_words(failures):
    assert not any("beyond chance" in note for note in failures["notes"])


def test_judges_and_people_are_set_side_by_side_under_different_names(assessed):
    rows = rows_of(assessed["judges_and_people"])

    assert [(row["judged"], row["by_people"], row["judge"], row["person"], row["traces"]) for row in rows] == [
        ("correctness", "helpful", "yes", True, 5),
        ("correctness", "helpful", "yes", False, 1),
    ]
    assert [row["reasons"] for row in rows] == [None, "No sum was given."]
    assert assessed["notes"][0].startswith(
        "'correctness' by judges is on 12 traces, 'helpful' by people on 10, both on 6. Different names"
    )


def test_a_measure_has_a_range_and_a_mean(assessed):
    (grounded,) = [row for row in rows_of(assessed["assessments"]) if row["name"] == "grounded"]

    assert (grounded["value"], grounded["feedbacks"]) == ("0.58 to 0.69", 12)
    assert 0.58 < grounded["mean"] < 0.69


def test_expectations_are_listed(assessed):
    assert rows_of(assessed["expectations"]) == [{"name": "expected_sum", "traces": 2, "values": "399 (2)"}]


def test_so_many_traces_are_not_searched_for_failed_spans(claims, ask, monkeypatch):
    """The server would compare each of them with each failed span: of 40,000 traces that took 45 seconds."""
    monkeypatch.setattr(computed, "_MOST_PAIRS", 100)
    failures = data_of(ask(claims, "summarize_traces", query=V2, group_by="failure"))
    plain = data_of(ask(claims, "summarize_traces", query=V2))
    changes = data_of(ask(claims, "summarize_traces", query=V2, compare_to=V1))
    tools = data_of(ask(claims, "summarize_traces", query=V2, group_by="tool"))

    assert "hidden_failures" not in failures
    assert computed.TOO_MANY in failures["notes"]
    assert computed.TOO_MANY in changes["notes"]
    assert "that ended OK hold" not in str(plain)
    assert "failed_in" not in tools["groups"]["columns"]
