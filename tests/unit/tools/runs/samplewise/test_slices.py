"""Where a change sits: which columns make slices, their order, and what is said of chance."""

from __future__ import annotations

from mlflow_mcp.tools.runs.samplewise.joining import Pair
from mlflow_mcp.tools.runs.samplewise.read.lines import Line
from mlflow_mcp.tools.runs.samplewise.read.samples import Sample
from mlflow_mcp.tools.runs.samplewise.slices import group_columns, slice_rows


def pair(a, b, own=None, **groups):
    def sample(score, more):
        return Sample(0, Line(1, None), None, {}, None, None, None, None, score, {**groups, **more})

    return Pair([sample(a, own[0] if own else {})], [sample(b, own[1] if own else {})])


def test_the_slice_where_it_broke_comes_first():
    law = [pair(1.0, 0.0, subject="law")] * 9 + [pair(1.0, 1.0, subject="law")] * 3
    math = [pair(1.0, 0.0, subject="math")] + [pair(0.0, 1.0, subject="math")] + [pair(1.0, 1.0, subject="math")] * 20
    rows, told = slice_rows([*law, *math], "max")

    assert rows == [["subject=law", 12, 9, 0, 1.0, 0.25, "0.0078"], ["subject=math", 22, 1, 1, 21 / 22, 21 / 22, "1"]]
    assert told == "slices: p after Holm's correction over 2 groups; 1 of them changed beyond chance."


def test_groups_without_any_change_are_not_listed():
    rows, _ = slice_rows([pair(1.0, 0.0, level=1)] * 3 + [pair(1.0, 1.0, level=2)] * 3, "max")

    assert [row[0] for row in rows] == ["level=1"]
    assert slice_rows([pair(1.0, 1.0, level=n % 2) for n in range(8)], "max") == ([], "")


def test_what_differs_between_the_answers_is_no_slice():
    pairs = [
        pair(1.0, 0.0, own=({"finish_reason": "stop"}, {"finish_reason": "length" if n % 2 else "stop"}), topic=n % 2)
        for n in range(10)
    ]

    assert group_columns(pairs) == ["topic"]


def test_too_many_and_too_few_groups_are_no_slices():
    pairs = [pair(1.0, 0.0, source="one", number=n, pairs_of_two=n // 2) for n in range(140)]

    assert group_columns(pairs) == []
