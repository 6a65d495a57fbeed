"""Verdicts on scores: from what error, when none is given, and how often one is wrong."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlflow_mcp.entities.recorded_scores import ScoreCount, StandardError
from mlflow_mcp.entities.samples import Proof, Samples
from mlflow_mcp.tools.runs.comparing.comparable import find_inequality
from mlflow_mcp.tools.runs.comparing.sides import Side
from mlflow_mcp.tools.runs.comparing.verdicts.gate import Tolerance
from mlflow_mcp.tools.runs.comparing.verdicts.judged import Score, judge
from tests.support.sides import run
from tests.support.simulations import standard_errors, trials

TASK, METRIC = "gpqa", "gpqa_accuracy"


def side(label, value=0.0, *, metric=METRIC, task=TASK, error=None, count=None, repeats=None, n=None, **fields):
    """A side with one score and what proves its error."""
    if repeats:
        value = sum(repeats) / len(repeats)
    return Side(
        label,
        label,
        label,
        {task: run({metric: value})},
        errors={"r": {metric: StandardError(value, error, "stats.stderr")} if error is not None else {}},
        counts={"r": {metric: ScoreCount(value, count)} if count else {}},
        samples={task: Samples(count=Proof(n, "metric num_entries") if n else None)},
        repeats={task: {metric: repeats}} if repeats else {},
        is_export=True,
        **fields,
    )


def judged(base, other, metric=METRIC, task=TASK):
    (found,) = judge([Score(task, [metric], True)], [base, other], base, find_inequality([base, other]), None)
    return found


def binomial_error(share, of, scale=1):
    return math.sqrt(share * (1 - share) / of) * scale


# --- what the error is taken from


@pytest.mark.parametrize(
    ("value", "fields", "counted"),
    [
        (0.35, {"error": binomial_error(0.35, 200)}, (70, 200)),  # sqrt(p(1-p)/n)
        (0.35, {"error": binomial_error(0.35, 199)}, (70, 200)),  # the same of n - 1, as some harnesses have it
        (35.0, {"error": binomial_error(0.35, 200, 100)}, (70, 200)),  # in percent
        (0.35, {"count": 200}, (70, 200)),
        (0.35, {"n": 200}, (70, 200)),
        (1.0, {"error": 0.0, "n": 50}, (50, 50)),  # all right: the recorded error of 0 is not believed
        (0.4722, {"n": 198 * 8}, (748, 1584)),  # rounded to four digits
        (0.4722, {"n": 198}, None),  # 93.5 of 198: no such share
        (0.35, {"error": 0.012}, None),  # not the error of a share of any count
        (0.35, {"error": 0.012, "n": 200}, None),  # the recorded error speaks against it
    ],
)
def test_a_share_of_a_proved_count_is_tested_as_counts(value, fields, counted):
    other = side("B", 30.0 if value > 1 else 0.3, error=0.01)

    estimate = judged(side("A", value, **fields), other).known[0].estimate

    assert (estimate and estimate.hits and (estimate.hits, estimate.of)) == counted


@pytest.mark.parametrize("metric", ["gpqa_f1", "gpqa_macro_accuracy", "gpqa_bleu", "gpqa_reward", "gpqa_loss"])
def test_what_is_no_share_of_samples_is_not_counted(metric):
    a, b = (side(label, 0.35, metric=metric, n=200) for label in "AB")

    found = judged(a, b, metric)

    assert (found.verdict, found.why) == ("CANNOT TELL", "no error recorded")


def test_the_count_of_a_task_proves_nothing_of_a_part_of_it():
    a, b = (side(label, 0.35, metric="gpqa_law_accuracy", n=200) for label in "AB")

    (found,) = judge([Score(TASK, ["gpqa_law_accuracy"], False)], [a, b], a, find_inequality([a, b]), None)

    assert found.why == "no error recorded"


def test_entries_that_stand_beside_a_score_count_it_with_its_repeats():
    metrics = {"x_pass_at_1_avg-of-4_acc": 33.2083, "x_pass_at_1_avg-of-4_num_entries": 600.0}
    a, b = (Side(label, label, label, {TASK: run(metrics)}, is_export=True) for label in "AB")

    (known, _) = judged(a, b, "x_pass_at_1_avg-of-4_acc").known

    assert (known.estimate.hits, known.estimate.of) == (797, 2400)
    assert known.evidence == "n=2400 by num_entries x 4 repeats"


def test_repeats_come_before_what_one_run_records():
    (known, _) = judged(side("A", repeats=[0.4, 0.5, 0.6], error=0.001), side("B", 0.5, error=0.01)).known

    assert (known.estimate.repeats, known.source) == (3, "3 repeats, sd 0.1")


# --- verdicts


@pytest.mark.parametrize(
    ("metric", "a", "b", "verdict"),
    [
        ("x_acc", 0.5, 0.6, "IMPROVED"),
        ("x_acc", 0.6, 0.5, "REGRESSED"),
        ("x_acc", 0.5, 0.51, "WITHIN NOISE"),
        ("x_loss", 0.5, 0.6, "REGRESSED"),
        ("x_index", 0.5, 0.6, "HIGHER"),
        ("x_index", 0.6, 0.5, "LOWER"),
        ("x_index", 0.5, 0.51, "WITHIN NOISE"),
        ("dan_attack_success_rate", 0.5, 0.6, "REGRESSED"),
    ],
)
def test_a_verdict_follows_the_direction_of_the_metric(metric, a, b, verdict):
    found = judged(side("A", a, metric=metric, error=0.0123), side("B", b, metric=metric, error=0.0123), metric)

    assert found.verdict == verdict
    assert found.why == ("whether higher is better is unknown" if verdict in ("HIGHER", "LOWER") else "")


def test_a_gate_needs_to_know_which_values_are_better():
    sides = [side(label, value, metric="x_index", error=0.0123) for label, value in (("A", 0.5), ("B", 0.6))]

    (found,) = judge([Score(TASK, ["x_index"], True)], sides, sides[0], find_inequality(sides), Tolerance.of("0.01"))

    assert (found.verdict, str(found.gate)) == ("HIGHER", "INDETERMINATE")


values = st.floats(0, 1).map(lambda value: round(value, 4))


@given(values, values, st.sampled_from([0.0101, 0.0503]))
def test_swapped_sides_have_the_opposite_verdict(a, b, error):
    one, two = side("A", a, error=error), side("B", b, error=error)

    opposite = {"IMPROVED": "REGRESSED", "REGRESSED": "IMPROVED"}
    verdict, swapped = judged(one, two).verdict, judged(two, one).verdict
    assert swapped == opposite.get(verdict, verdict)


def test_what_one_test_shows_alone_may_not_be_enough_among_many():
    scores = [Score(f"t{n}", ["acc"], True) for n in range(8)]
    sides = []
    for label, hits in (("A", 500), ("B", 550)):
        shares = {score.task: run({"acc": hits / 1000 if score.task == "t0" else 0.5}) for score in scores}
        samples = {score.task: Samples(count=Proof(1000, "num_entries")) for score in scores}
        sides.append(Side(label, label, label, shares, samples=samples, is_export=True))

    (alone,) = judge(scores[:1], sides, sides[0], find_inequality(sides), None)
    first, *_ = judge(scores, sides, sides[0], find_inequality(sides), None)

    assert alone.verdict == "IMPROVED"
    assert (first.verdict, first.why) == ("CANNOT TELL", "p=0.028 alone, not enough among 8 tests")


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        ({}, {"error": 0.01}, "no error recorded on A"),
        ({}, {}, "no error recorded"),
        ({"error": 0.0}, {"error": 0.01}, "recorded error 0 on A"),
        ({"repeats": [0.5, 0.5]}, {"repeats": [0.4, 0.4]}, "repeats without any difference: they show no error"),
        ({"error": 0.01, "n": 200}, {"error": 0.01, "n": 150}, "other questions: samples"),
    ],
)
def test_without_a_proved_error_or_equal_questions_there_is_no_verdict(a, b, why):
    found = judged(side("A", 0.51234, **a), side("B", 0.71234, **b))

    assert (found.verdict, found.why) == ("CANNOT TELL", why)


JUDGED = {"judge.model_id": "j1"}


@pytest.mark.parametrize(
    ("a", "b", "models", "why"),
    [
        ({"judge.model_id": "j1"}, {"judge.model_id": "j2"}, ("m", "m"), "another judge: judge.model_id"),
        ({"judge.temperature": "0"}, {"judge.temperature": "1"}, ("m", "m"), ""),  # no judge is named: none was asked
        ({"num_fewshot": "0"}, {"num_fewshot": "5"}, ("m", "n"), "another prompt: num_fewshot"),
        ({"num_fewshot": "0"}, {"num_fewshot": "5"}, (None, None), "another prompt: num_fewshot"),
        ({"num_fewshot": "0"}, {"num_fewshot": "5"}, ("m", "m"), ""),  # it is what is compared
        ({"temperature": "0"}, {"temperature": "1"}, ("m", "n"), ""),  # told, and forbids nothing
        ({"dataset_split": "dev"}, {"dataset_split": "test"}, ("m", "m"), "other questions: dataset_split"),
        ({"judge.model_id": "j1"}, {}, ("m", "m"), ""),  # what one side does not record is no difference
    ],
)
def test_another_judge_prompt_or_dataset_forbids_a_verdict_that_sampling_does_not(a, b, models, why):
    sides = [
        side(label, value, error=0.0101, settings={TASK: settings}, model=model)
        for label, value, settings, model in zip("AB", (0.5, 0.7), (a, b), models)
    ]

    assert judged(*sides).why == why


def test_a_share_against_percent_has_no_verdict():
    assert judged(side("A", 0.42, error=0.0101), side("B", 43.0, error=1.01)).why == "two scales: shares and percent"


# --- how often a verdict is wrong where there is no difference: families of eight tasks


TASKS, LEVEL = 8, 0.05


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.98])
def test_a_family_of_shares_has_a_false_verdict_at_most_as_often_as_its_level(share):
    families = trials(500)
    drawn = [stats.binom.rvs(100, share, size=(families, TASKS), random_state=seed) for seed in (1, 2)]
    wrong = sum(_is_wrong(list(zip(*(map(int, each[at]) for each in drawn)))) for at in range(families))

    assert wrong / families <= LEVEL + standard_errors(2, LEVEL, families)


def _is_wrong(counts):
    scores = [Score(f"t{n}", ["acc"], True) for n in range(len(counts))]
    sides = [
        Side(
            label,
            label,
            label,
            {score.task: run({"acc": hits[at] / 100}) for score, hits in zip(scores, counts)},
            samples={score.task: Samples(count=Proof(100, "num_entries")) for score in scores},
            is_export=True,
        )
        for at, label in enumerate("AB")
    ]
    found = judge(scores, sides, sides[0], find_inequality(sides), None)
    return any(each.verdict in ("IMPROVED", "REGRESSED") for each in found)


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 8])
@pytest.mark.parametrize("draw", ["gauss", "skewed"])
def test_a_family_of_repeats_has_a_false_verdict_at_most_as_often_as_its_level(n, draw):
    rng = random.Random(f"{n} {draw}")
    value = (lambda: 0.5 + rng.gauss(0, 0.01)) if draw == "gauss" else (lambda: 0.5 + rng.expovariate(100))
    verdicts: Counter[bool] = Counter()
    families = trials(160)
    for _ in range(families):
        scores = [Score(f"t{task}", ["acc"], True) for task in range(TASKS)]
        sides = []
        for label in "AB":
            repeats = {score.task: {"acc": [value() for _ in range(n)]} for score in scores}
            means = {task: run({"acc": sum(each["acc"]) / n}) for task, each in repeats.items()}
            sides.append(Side(label, label, label, means, repeats=repeats, is_export=True))
        found = judge(scores, sides, sides[0], find_inequality(sides), None)
        verdicts[any(each.verdict in ("IMPROVED", "REGRESSED") for each in found)] += 1

    assert verdicts[True] / families <= LEVEL + standard_errors(2, LEVEL, families)
