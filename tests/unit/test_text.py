"""Names in sentences: the nearest of many, and how long one may be."""

from __future__ import annotations

import random
import time

import pytest

from mlflow_mcp.text import clipped, nearest, quoted


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("acuracy", ["accuracy", "loss"], ["accuracy"]),
        ("Loss", ["val/loss", "train/loss", "los"], ["los", "train/loss", "val/loss"]),
        ("nothing like it", ["a", "b"], []),
        ("", ["a"], ["a"]),
    ],
)
def test_the_nearest_names_are_close_spellings_and_those_that_contain_it(name, known, found):
    assert sorted(nearest(name, known)) == sorted(found)


def test_the_nearest_of_many_names_is_found():
    known = [f"group_{number}/metric_{number * 7919 % 10_007}" for number in range(20_000)]

    assert nearest("group_77/metric_9344x", [*known, "group_77/metric_9344"], 1) == ["group_77/metric_9344"]


def test_looking_for_the_nearest_of_thousands_of_long_names_takes_a_moment():
    letters = random.Random(1)
    beginning = "".join(letters.choice("abcdefgh/") for _ in range(170))
    known = [f"{beginning}{number:010}" for number in range(3_000)]
    started = time.process_time()

    found = nearest(f"{beginning}000000017x", known)

    assert time.process_time() - started < 1  # it took 4.5 s
    assert len(found) == 3


def test_a_quoted_name_is_clipped():
    assert quoted(["short", "x" * 100_000]) == f"'short', '{'x' * 249}…'"
    assert clipped("x" * 250) == "x" * 250
