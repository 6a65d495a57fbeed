"""Names in sentences: the nearest of many, and how long one may be; stretches of time."""

from __future__ import annotations

import random
import time

import pytest

from mlflow_mcp.text import clipped, lasting, nearest, quoted


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


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.42, "0.42 s"), (9.96, "10 s"), (40, "40 s"), (59.7, "1 min"), (61, "1 min 1 s"), (600, "10 min"), (3_599.6, "1 h"),
        (10_920, "3 h 2 min"), (40_000, "11 h"), (86_400, "1 day"), (100_000, "1 day 3 h"), (1_036_800, "12 days"),
    ],
)  # fmt: skip
def test_a_stretch_of_time_is_told_in_its_two_largest_units(seconds, words):
    assert lasting(seconds) == words
