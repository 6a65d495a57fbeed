"""Several answers to one question: what they show of these questions, and what of others like them."""

from __future__ import annotations

import random

import pytest

from mlflow_mcp.entities.recorded_scores import StandardError
from mlflow_mcp.entities.samples import Proof, Samples
from mlflow_mcp.tools.runs.comparing.comparable import find_inequality
from mlflow_mcp.tools.runs.comparing.sides import Side
from mlflow_mcp.tools.runs.comparing.verdicts.judged import Score, judge
from tests.support.sides import run
from tests.support.simulations import standard_errors, trials

TASK, METRIC = "aime", "aime_accuracy"


def side(label, value, *, questions=30, repeats=16, error=None, counted=None, responses=None):
    """A side whose score is a mean over all answers."""
    error = error or (value * (1 - value) / (questions * repeats)) ** 0.5
    return Side(
        label,
        label,
        label,
        {TASK: run({METRIC: value})},
        errors={"r": {METRIC: StandardError(value, error, "stats.stderr")}},
        samples={
            TASK: Samples(
                count=Proof(counted or questions, "count"),
                repeats=Proof(repeats, "n_samples"),
                responses=Proof(responses, "response_stats.count") if responses else None,
            )
        },
        is_export=True,
    )


def judged(a, b):
    (found,) = judge([Score(TASK, [METRIC], True)], [a, b], a, find_inequality([a, b]), None)
    return found


def test_what_only_repeats_show_is_told_of_these_questions_alone():
    found = judged(side("A", 192 / 480), side("B", 264 / 480))

    low, high = found.by_question.limits(0.025)
    assert found.verdict == "IMPROVED (these questions only)"
    assert found.difference.limits(0.025)[0] > 0
    assert low < 0 < high


def test_what_the_questions_alone_show_is_told_of_all():
    found = judged(side("A", 96 / 480), side("B", 384 / 480))

    assert (found.verdict, found.by_question.limits(0.025)[0] > 0) == ("IMPROVED", True)


def test_the_widest_error_is_that_of_one_answer_a_question():
    found = judged(side("A", 240 / 480), side("B", 240 / 480))

    assert found.by_question.stderr == pytest.approx((2 * 0.25 / 30) ** 0.5)
    assert found.verdict == "WITHIN NOISE"


@pytest.mark.parametrize("questions_of_error", [30, 120], ids=["of questions", "between the two"])
def test_an_error_that_minds_that_answers_are_alike_is_left_as_it_is(questions_of_error):
    value = 0.4
    error = (value * (1 - value) / questions_of_error) ** 0.5

    assert judged(side("A", value, error=error), side("B", value, error=error)).by_question is None


@pytest.mark.parametrize(("responses", "are_answers"), [(480, True), (485, True), (480 * 16, False), (None, False)])
def test_a_count_that_is_the_errors_own_is_of_answers_where_there_were_no_more_responses(responses, are_answers):
    sides = [side(label, 0.4, counted=480, responses=responses) for label in "AB"]

    assert (judged(*sides).by_question is not None) == are_answers


def test_without_repeats_there_is_one_interval():
    assert judged(side("A", 0.4, repeats=1), side("B", 0.5, repeats=1)).by_question is None


@pytest.mark.slow
@pytest.mark.parametrize("alike", [0.2, 0.9])
def test_a_verdict_beyond_the_questions_is_wrong_at_most_as_often_as_its_level(alike):
    """Two models of one ability, each asked other questions, whose difficulties differ by so much."""
    rng = random.Random(f"repeats {alike}")
    shape = (1 - alike) / alike / 2  # of a beta distribution around 0.5, in which answers are alike to this degree
    plain = beyond = 0
    rounds = trials(600)
    for _ in range(rounds):
        sides = []
        for label in "AB":
            chances = [rng.betavariate(shape, shape) for _ in range(30)]
            hits = sum(rng.random() < chance for chance in chances for _ in range(16))
            sides.append(side(label, min(max(hits, 1), 479) / 480))
        verdict = judged(*sides).verdict
        plain += verdict.startswith(("IMPROVED", "REGRESSED"))
        beyond += verdict in ("IMPROVED", "REGRESSED")

    assert beyond / rounds <= 0.05 + standard_errors(2, 0.05, rounds)
    assert plain / rounds > 0.2  # what counting answers one by one would have called better or worse
