"""The verdict over pairs with known truth: its false alarms, its power, and what it says."""

from __future__ import annotations

import random

import pytest

from mlflow_mcp.tools.runs.samplewise.joining import Pair
from mlflow_mcp.tools.runs.samplewise.judging import judge
from mlflow_mcp.tools.runs.samplewise.read.lines import Line
from mlflow_mcp.tools.runs.samplewise.read.samples import Sample
from tests.support.simulations import standard_errors, trials

# The level 0.05 and three standard errors of what so many simulations find.
SIMULATIONS = trials(1_500)
LEVEL = 0.05 + standard_errors(3, 0.05, SIMULATIONS)


def sample(score, **groups):
    return Sample(0, Line(1, None), None, {}, None, None, None, None, score, groups)


def pair(a, b, **groups):
    ones, others = (side if isinstance(side, list) else [side] for side in (a, b))
    return Pair([sample(score, **groups) for score in ones], [sample(score, **groups) for score in others])


def answered(draw, chance, repeats):
    return [float(draw.random() < chance) for _ in range(repeats)]


def word(pairs, mode="max"):
    judged = judge(pairs, mode)
    return judged.verdict((judged.p, 1)).partition(":")[
        0
    ]  # as a family of one: what could have shown takes long to find


@pytest.mark.slow
@pytest.mark.parametrize("repeats", [1, 4])
def test_models_that_do_not_differ_are_told_apart_no_more_often_than_the_level_says(repeats):
    draw, wrong = random.Random(1), 0
    for _ in range(SIMULATIONS):
        easy = draw.uniform(0.05, 0.95)
        chances = [min(1, max(0, draw.gauss(easy, 0.25))) for _ in range(draw.choice([8, 30, 90]))]
        pairs = [pair(answered(draw, chance, repeats), answered(draw, chance, repeats)) for chance in chances]
        wrong += word(pairs) in ("IMPROVED", "REGRESSED")
    assert wrong / SIMULATIONS <= LEVEL


@pytest.mark.slow
def test_graded_scores_keep_the_level_too():
    draw, wrong = random.Random(2), 0
    for _ in range(SIMULATIONS):
        kind = draw.choice(["ratings", "skewed"])
        count = draw.choice([8, 12, 25, 60])
        score = (lambda: float(draw.randint(1, 5))) if kind == "ratings" else (lambda: round(draw.expovariate(1), 1))
        wrong += word([pair(score(), score()) for _ in range(count)]) in ("IMPROVED", "REGRESSED")
    assert wrong / SIMULATIONS <= LEVEL


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "found"), [(0.10, 0.9), (0.05, 0.4)])
def test_a_loss_is_found_as_often_as_the_docs_say(loss, found):
    """400 questions, three of four right, one in ten changing by chance alone."""
    draw, hits, models = random.Random(3), 0, trials(200)
    for _ in range(models):
        pairs = []
        for _ in range(400):
            a = float(draw.random() < 0.75)
            flips = draw.random() < (0.05 + (loss / 0.75 if a else 0))
            pairs.append(pair(a, 1 - a if flips else a))
        hits += word(pairs) == "REGRESSED"
    assert hits / models >= found


def test_swapped_sides_have_the_opposite_verdict():
    pairs = [pair(1.0, 0.0)] * 12 + [pair(0.0, 1.0)] * 2 + [pair(1.0, 1.0)] * 40
    swapped = [Pair(each.b, each.a) for each in pairs]
    one, other = judge(pairs, "max"), judge(swapped, "max")

    assert (one.verdict().split(":")[0], other.verdict().split(":")[0]) == ("REGRESSED", "IMPROVED")
    assert one.p == other.p
    assert one.interval == pytest.approx([-end for end in reversed(other.interval)])
    assert (len(one.lost), len(one.won)) == (len(other.won), len(other.lost))


def test_where_less_is_better_more_is_a_loss():
    pairs = [pair(0.1, 0.4)] * 8 + [pair(0.2, 0.2)] * 4

    assert word(pairs, "min") == "REGRESSED"
    assert len(judge(pairs, "min").lost) == 8
    assert word(pairs, "max") == "IMPROVED"


def test_a_toxic_answer_counts_as_wrong():
    judged = judge([pair(0.0, 1.0)] * 9 + [pair(0.0, 0.0)] * 3, "min")

    assert (len(judged.lost), judged.unchanged) == (9, (3, 0))
    assert judged.verdict().startswith("REGRESSED")


def test_repeats_are_one_pair_and_flip_by_the_majority():
    judged = judge(
        [pair([1, 1, 1, 0], [1, 0, 0, 0]), pair([1, 1, 1, 0], [1, 1, 0, 1]), pair([1, 0], [1, 1])] * 3, "max"
    )

    assert len(judged.pairs) == 9
    assert (len(judged.lost), len(judged.won), judged.unchanged) == (3, 3, (3, 0))
    assert judged.test == "exact sign-flip test"


def test_no_difference_says_what_would_have_shown():
    same = judge([pair(1.0, 1.0)] * 100, "max")
    noisy = judge([pair(1.0, 0.0)] * 30 + [pair(0.0, 1.0)] * 24 + [pair(1.0, 1.0)] * 346, "max")

    assert same.verdict() == (
        "WITHIN NOISE: every score of 100 pairs is the same on both sides; only one of about 0.078 or more would mostly (80%) show"
    )
    assert noisy.verdict() == (
        "WITHIN NOISE: no difference is proved, p=0.5; only one of about 0.061 or more would mostly (80%) show"
    )


def test_a_family_of_tasks_asks_for_more():
    judged = judge([pair(1.0, 0.0)] * 9 + [pair(0.0, 1.0)] + [pair(1.0, 1.0)] * 90, "max")

    assert judged.verdict().startswith("REGRESSED: B against A, p=0.021")
    assert judged.verdict((0.086, 4)) == (
        "WITHIN NOISE: no difference is proved, p=0.021, 0.086 after Holm's correction over 4 tasks"
    )


def test_few_means_that_differ_do_not_say_what_would_have_shown():
    few = judge([pair([1, 0], [1, 1])] * 4 + [pair([1, 1], [1, 0])] * 4 + [pair([1, 1], [1, 1])] * 30, "max")
    many = judge([pair([1, 0], [1, 1])] * 12 + [pair([1, 1], [1, 0])] * 12 + [pair([1, 1], [1, 1])] * 30, "max")

    assert few.verdict() == "WITHIN NOISE: no difference is proved, p=1"
    assert many.verdict().endswith("; only one of about 0.13 or more would mostly (80%) show")


def test_rows_without_a_score_that_could_outweigh_the_change_forbid_a_verdict():
    pairs = [pair(1.0, 0.0)] * 12 + [pair(0.0, 1.0)] + [pair(1.0, 1.0)] * 40

    assert judge(pairs, "max", unscored=11).verdict().startswith("REGRESSED")
    assert judge(pairs, "max", unscored=12).verdict() == (
        "CANNOT TELL: 12 rows without a score could outweigh the net change of 11 pairs"
    )
