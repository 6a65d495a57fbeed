"""Matching lines counted by their wording."""

from __future__ import annotations

from collections import Counter

import pytest

from mlflow_mcp.tools.artifacts.grep import Finder
from mlflow_mcp.tools.artifacts.kinds_of_lines import MOST_COUNTED, kinds_table, wording
from mlflow_mcp.tools.artifacts.surroundings import Surroundings


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[E 2026-11-12T02:32:36.006647] timed out after 600.0s sample=7", "[E #] timed out after #s sample=#"),
        ("2026-11-12 02:32:36,006 HTTP/1.1 429", "# # HTTP/1.1 429"),
        ("POST status_code=500 latency_ms=667.9", "POST status_code=500 latency_ms=#"),
        ("run 71f3f3199ea5e1f0 failed", "run # failed"),
        ("no number", "no number"),
    ],
)
def test_numbers_times_and_ids_are_left_out_of_a_wording(line, told):
    assert wording(line) == told


def test_a_few_runs_have_a_column_each():
    table = kinds_table({"a": [Counter(x=3, y=1), Counter(x=1)], "b": [Counter(y=2)]}, 7)

    assert (table.columns, table.rows) == (["a", "b", "matches", "wording"], [[4, 0, 4, "x"], [1, 2, 3, "y"]])


@pytest.mark.parametrize(
    ("counts", "total"),
    [
        ([Counter(x=4)], 4),  # one wording: the total tells it
        ([Counter(x=2, y=2), None], 9),  # not all were counted
        ([Counter("abcd")], 4),  # no two lines are alike
    ],
)
def test_nothing_is_told_where_it_would_tell_nothing_or_not_all(counts, total):
    assert kinds_table({"a": counts}, total) is None


def test_more_wordings_than_are_shown_are_counted_together():
    rows = kinds_table({"a": [Counter({f"w{at}": 10 + at for at in range(9)})]}, 126).rows

    assert rows[-1] == [10 + 11 + 12, "3 other wordings"]
    assert sum(row[0] for row in rows) == 126


def searched(text, **options):
    finder = Finder("E", plain=True, ignore_case=False, most=1, last=False, context=0, seconds=60)
    return finder.search([text], Surroundings(None), **options)


def test_all_matching_lines_are_counted_and_none_of_too_many():
    few, many = (searched(b"E one 1\nE one 2\nE two\nx\n" * times, kinds=True) for times in (10, MOST_COUNTED))

    assert few.kinds == {"E one #": 20, "E two": 10}
    assert (many.kinds, many.count) == (None, 3 * MOST_COUNTED)
    assert searched(b"E\n").kinds is None


def test_a_wording_holds_no_secret():
    key = "hf_" + "abCD1234" * 5

    assert not any(part in str(searched(f"E HF_TOKEN={key}\n".encode(), kinds=True).kinds) for part in ("abCD", "CD#"))
