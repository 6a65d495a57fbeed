"""Which rows are joined: whatever their order, the same from both sides, and never two different questions."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from mlflow_mcp.tools.runs.samplewise.joining import join
from mlflow_mcp.tools.runs.samplewise.read.lines import Line
from mlflow_mcp.tools.runs.samplewise.read.samples import Sample
from mlflow_mcp.tools.runs.samplewise.read.values import digest


def sample(number=0, question=None, repeat=None, score=1.0, target=None, **ids):
    text = {name: str(value) for name, value in ids.items()}
    return Sample(0, Line(number, None), None, text, repeat, None, digest(question), digest(target), score, {})


questions = st.lists(st.integers(0, 12), max_size=20)


@given(questions, questions, st.randoms())
def test_only_equal_questions_are_joined_whatever_the_order(of_a, of_b, draw):
    a = [sample(n, f"q{each}") for n, each in enumerate(of_a)]
    b = [sample(n, f"q{each}") for n, each in enumerate(of_b)]
    one, other = join(a, b), join(b, a)

    for pair in one.pairs:
        assert len({each.input for each in (*pair.a, *pair.b)}) == 1
    assert len(one.pairs) == len(other.pairs)
    assert (one.only_a, one.only_b, one.left_out) == (other.only_b, other.only_a, other.left_out)
    shuffled = draw.sample(b, len(b))
    assert len(join(a, shuffled).pairs) == len(one.pairs)


@given(st.integers(2, 30), st.integers(0, 30))
def test_ids_are_believed_only_where_they_stand_for_the_same_questions(count, shift):
    a = [sample(n, f"q{n}", id=n) for n in range(count)]
    b = [sample(n, f"q{n + shift}", id=n) for n in range(count)]
    joined = join(a, b)

    assert all(pair.a[0].input == pair.b[0].input for pair in joined.pairs)
    assert len(joined.pairs) == max(0, count - shift)
    assert joined.by.startswith("id") == (shift == 0)


def test_the_first_id_that_names_questions_is_taken():
    a = [sample(n, f"q{n}", category_id=n % 3, doc_id=n) for n in range(12)]
    b = [sample(n, f"q{n}", category_id=n % 3, doc_id=n) for n in random.Random(1).sample(range(12), 12)]

    assert join(a, b).by == "doc_id, the questions being the same"
    assert not join(a, b).has_repeats


def test_equal_groups_under_an_id_are_no_repeats_where_nothing_shows_the_question():
    a = [sample(n, None, category_id=n % 3) for n in range(12)]
    b = [sample(n, None, category_id=n % 3) for n in range(12)]

    joined = join(a, b)
    assert not joined.pairs


def test_repeats_may_be_more_on_one_side():
    a = [sample(n, f"q{n}", repeat=str(r), id=n, score=float(r == 0)) for n in range(6) for r in range(4)]
    b = [sample(n, f"q{n}", id=n) for n in range(6)]
    joined = join(a, b)

    assert len(joined.pairs) == 6
    assert joined.repeats == (4, 1)
    assert {pair.scores for pair in joined.pairs} == {(0.25, 1.0)}


def test_other_prompts_are_joined_by_id_only_where_all_expected_answers_agree():
    a = [sample(n, f"q{n}", id=n, target=n) for n in range(8)]
    agreeing = [sample(n, f"think: q{n}", id=n, target=n) for n in range(8)]
    one_off = [sample(n, f"think: q{n}", id=n, target=n if n != 3 else "x") for n in range(8)]
    constant = [[sample(n, f"{side}{n}", id=n, target="yes") for n in range(8)] for side in "ab"]

    assert len(join(a, agreeing).pairs) == 8
    assert len(join(a, [a[0], *agreeing[1:]]).pairs) == 8, "one prompt that is the same does not speak for the others"
    assert not join(a, one_off).pairs
    assert not join(*constant).pairs, "one answer to all questions tells nothing"
