"""The differences of two documents are all of them, exact, and found in time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlflow_mcp.tools.artifacts.diff import NOTHING, differences, equal_values


def changes(before, after):
    return [(change.path, change.kind, change.before, change.after) for change in differences(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 2}, [("a", "changed", 1, 2)]),
        ({"a": {"b": 1}}, {"a": {}}, [("a.b", "removed", 1, NOTHING)]),
        ({}, {"a": None}, [("a", "added", NOTHING, None)]),
        ({"a": None}, {}, [("a", "removed", None, NOTHING)]),
        ({"a": None}, {"a": 0}, [("a", "changed", None, 0)]),
        ({"a": 1}, {"a": "1"}, [("a", "changed", 1, "1")]),
        ({"a": 1}, {"a": 1.0}, [("a", "changed", 1, 1.0)]),
        ({"a": 1}, {"a": True}, [("a", "changed", 1, True)]),
        ({"a": 0.1 + 0.2}, {"a": 0.3}, [("a", "changed", 0.1 + 0.2, 0.3)]),
        ({"a": []}, {"a": {}}, [("a", "changed", [], {})]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ([1, 2, 3], [3, 1, 2], []),
        ([1, 1, 2], [1, 2, 2], [("[1]", "changed", 1, 2)]),
        ([1, 2], [1, 2, 3], [("[2]", "added", NOTHING, 3)]),
        ([1, 2, 3], [1, 3], [("[1]", "removed", 2, NOTHING)]),
        ([[1, 2], [3]], [[3], [2, 1]], []),
        (
            {"tasks": [{"name": "a", "n": 1}, {"name": "b", "n": 1}]},
            {"tasks": [{"name": "b", "n": 2}, {"name": "c", "n": 1}, {"name": "a", "n": 1}]},
            [("tasks[1].n", "changed", 1, 2), ("tasks[1]", "added", NOTHING, {"name": "c", "n": 1})],
        ),
        ([{"x": 1}, {"x": 2}], [{"x": 1}, {"x": 3}], [("[1].x", "changed", 2, 3)]),
        (1, 2, [("(all of it)", "changed", 1, 2)]),
    ],
)
def test_the_changes_between_two_documents(before, after, expected):
    assert changes(before, after) == expected


documents = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc.", max_size=3), inner, max_size=4),
    max_leaves=15,
)


def shuffled(value, rng):
    if isinstance(value, dict):
        return {key: shuffled(value[key], rng) for key in rng.sample(list(value), len(value))}
    if isinstance(value, list):
        return [shuffled(entry, rng) for entry in rng.sample(value, len(value))]
    return value


@given(documents, st.randoms(use_true_random=False))
def test_order_makes_no_difference(document, rng):
    assert changes(document, shuffled(document, rng)) == []


@given(documents, documents)
def test_there_is_a_difference_exactly_when_there_is_one_the_other_way(before, after):
    assert bool(changes(before, after)) == bool(changes(after, before))


@given(documents, documents)
def test_what_is_added_one_way_is_removed_the_other(before, after):
    if isinstance(before, dict) and isinstance(after, dict):
        added = [key for key in after if key not in before]
        found = changes(before, after)

        assert [path for path, kind, *_ in found if kind == "added" and path in added] == added


def test_thousands_of_entries_that_all_changed_are_compared():
    before = [{"id": n, "text": f"x{n}"} for n in range(5_000)]
    after = [{"id": n, "text": f"y{n}"} for n in random.Random(1).sample(range(5_000), 5_000)]

    assert len(changes(before, after)) == 5_000


@pytest.mark.parametrize(
    ("before", "after", "equal"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}, {"a": 1}),
        ({"a": {"x": 1, "y": [1, 2]}, "b": {}}, {"b": {}, "a": {"y": [2, 1], "x": 1}}, {"a.x": 1, "a.y[0]": 1, "a.y[1]": 2, "b": {}}),
        ({"a": [1, 2, 3]}, {"a": [1, 3]}, {"a[0]": 1, "a[2]": 3}),
        ({"a": {"x": 1, "y": 2}}, {}, {}),
        ({"ab": 1, "a": 2}, {"ab": 1}, {"ab": 1}),
        ([{"name": "x", "v": 1, "w": 2}], [{"name": "x", "v": 1, "w": 3}], {"[0].name": "x", "[0].v": 1}),
    ],
)  # fmt: skip
def test_what_is_equal_is_what_no_change_touches(before, after, equal):
    assert equal_values(before, list(differences(before, after))) == equal
