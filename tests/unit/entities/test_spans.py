"""Span trees of whatever clients write, and their outlines."""

from __future__ import annotations

import time

import pytest

from mlflow_mcp.entities.spans import SpanNode, SpanTree
from mlflow_mcp.tools.traces.outline import DEEPEST, MOST_ROWS, outline

MS = 1_000_000


def node(id, parent=None, name=None, start=0, end=10, status="OK", type="CHAIN", message=""):
    return SpanNode(id, parent, name or id, type, start * MS, None if end is None else end * MS, status, message, None)


def tree(*nodes):
    return SpanTree.of_nodes(nodes)


def names(rows):
    return [f"{'  ' * row.depth}{row.name}{f' x{len(row.nodes)}' if row.is_folded else ''}" for row in rows]


def test_children_stand_below_their_parents_in_the_order_of_their_starts():
    made = tree(node("b", "root", start=5), node("root"), node("a", "root", start=1), node("c", "a", start=2))

    assert names(outline(made)) == ["root", "  a", "    c", "  b"]


def test_spans_of_missing_parents_are_roots():
    made = tree(node("root"), node("lost", "gone", start=3))

    assert (len(made.roots), made.orphans, made.cycles) == (2, 1, 0)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_circle_of_parents_is_cut_where_it_began(length):
    circle = [node(f"c{n}", f"c{(n - 1) % length}", start=n) for n in range(length)]
    made = tree(node("root"), *circle, node("below", f"c{length - 1}", start=9))

    assert made.cycles == 1
    assert [each.id for each in made.roots] == ["c0", "root"] or [each.id for each in made.roots] == ["root", "c0"]
    assert sum(len(row.nodes) for row in outline(made)) == length + 2


def test_an_id_that_is_used_twice_keeps_both_spans():
    made = tree(node("root"), node("same", "root", start=1), node("same", "root", start=2), node("x", "same", start=3))

    assert sum(len(row.nodes) for row in outline(made)) == 4


def test_equal_siblings_fold_and_so_do_their_children():
    steps = [node(f"step_{n}", "root", start=n) for n in range(50)]
    calls = [node(f"llm{n}", f"step_{n}", name="llm", start=n) for n in range(50)]
    made = tree(node("root", end=2_000), *steps, *calls, node("final", "root", start=500, end=900))

    assert names(outline(made)) == ["root", "  step_* x50", "    llm x50", "  final"]


def test_the_branch_that_fails_and_the_slowest_span_are_never_folded():
    steps = [node(f"step_{n}", "root", start=n * 20, end=n * 20 + 10) for n in range(50)]
    calls = [
        node(f"llm{n}", f"step_{n}", name="llm", start=n * 20, end=n * 20 + (19 if n == 30 else 5),
             status="ERROR" if n == 7 else "OK")
        for n in range(50)
    ]  # fmt: skip
    made = tree(node("root", end=1_000), *steps, *calls)
    rows = outline(made)

    assert names(rows) == ["root", "  step_* x48", "    llm x48", "  step_7", "    llm", "  step_30", "    llm"]
    assert made.slowest.id == "llm30"


def test_failures_of_one_kind_are_shown_once_and_counted():
    failed = [node(f"call {n}", "root", start=n, status="ERROR", message=f"no answer from host {n}") for n in range(40)]
    rows = outline(tree(node("root", end=100, status="ERROR"), *failed, node("slow", "root", end=90)))

    assert names(rows) == ["root", "  call 0", "  slow", "  call * x39"]


def test_hundreds_of_different_siblings_are_cut_to_the_longest_and_the_rest_is_counted():
    words = [f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)}" for n in range(5_000)]
    many = [node(word, "root", start=n, end=n + n % 700) for n, word in enumerate(words)]
    rows = outline(tree(node("root", end=10_000), *many))

    assert len(rows) <= MOST_ROWS + 5
    assert sum(row.hidden + len(row.nodes) for row in rows) == 5_001


def test_what_fails_far_below_is_shown_with_how_far():
    chain = [node("n0", end=1_000)] + [node(f"n{n}", f"n{n - 1}", start=n, end=1_000 - n) for n in range(1, 400)]
    chain[-1].status = "ERROR"
    rows = outline(tree(*chain))

    assert rows[-1].nodes[0].id == "n399"
    assert any(row.skipped > 300 for row in rows)
    assert max(row.depth for row in rows) <= DEEPEST + 3


@pytest.mark.slow
def test_thirty_two_thousand_spans_are_outlined_in_seconds():
    nodes = [node("0", end=10**6)] + [
        node(str(n), str((n - 1) // 4), name=f"{'abcdefgh'[n % 8]}_{n}", start=n, end=n + 5) for n in range(1, 32_000)
    ]
    began = time.process_time()
    rows = outline(tree(*nodes))

    assert len(rows) <= MOST_ROWS + 20
    assert time.process_time() - began < 5


def test_time_of_its_own_does_not_count_what_children_did_side_by_side():
    made = tree(node("root", end=100), node("a", "root", start=10, end=60), node("b", "root", start=20, end=50))

    assert made.roots[0].own_time == pytest.approx(0.05)


def test_a_span_that_has_not_ended_has_no_duration():
    made = tree(node("root", end=None), node("a", "root", start=1, end=5))

    assert made.roots[0].duration is None
    assert made.roots[0].own_time == 0


def test_attributes_and_the_exception_of_a_span_as_it_is_stored():
    stored = {
        "attributes": {"mlflow.llm.model": '"nova-30b"', "broken": '"'},
        "events": [{"name": "started", "attributes": None}, {"attributes": {"exception.message": "no answer"}}],
    }
    made = node("a")
    made.stored = stored

    assert [made.attribute(name) for name in ("mlflow.llm.model", "broken", "other")] == ["nova-30b", '"', None]
    assert made.exception == "no answer"
    assert node("b").exception is None
