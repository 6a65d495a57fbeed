"""compare_runs of tasks with several scores, of which none is proved to be the headline or some have no error, and of answers that
were cut off."""

from __future__ import annotations

import re

import pytest

from tests.support.asking import rows_of
from tests.support.evaluated import INVOCATION, evaluated, results, statistics
from tests.support.stores import filled

OTHER = "b2" * 8
FACTS = {
    "is_correct": ((0.095, 0.00446), (0.092, 0.00439)),
    "is_incorrect": ((0.775, 0.00635), (0.278, 0.00681)),
    "is_not_attempted": ((0.13, 0.00512), (0.63, 0.00734)),
    "accuracy_given_attempted": ((0.109, None), (0.249, None)),
    "f1": ((0.102, None), (0.134, None)),
}
IMAGES = {"final_score": ((812, None), (786, None)), "final_score_norm": ((81.2, None), (78.6, None))}
PARAMS = "config.evaluation.nemo_evaluator_config."


def responses(count, cut_off, longest=8192, **evaluation):
    told = {"finish_reason": {"stop": count - cut_off, "length": cut_off}, "max_completion_tokens": longest}
    content = statistics(count, **evaluation)
    return {**content, "response_stats": {**content["response_stats"], **told}}


@pytest.fixture
def compared(empty_store, tmp_path, ask):
    """The comparison of two runs of a task: `scores` by metric as (value, error) of both sides."""

    stores = []

    def compare(scores, task="facts", sent=((2500, 0), (2500, 0)), prompt="", params=(), **arguments):
        runs = []
        for at, invocation in enumerate((INVOCATION, OTHER)):
            of_side = {name: both[at] for name, both in scores.items()}
            recorded = {
                name: {"value": value, "stats": {"stderr": error} if error else {}}
                for name, (value, error) in of_side.items()
            }
            own = {f"{PARAMS}target.api_endpoint.adapter_config.custom_system_prompt": prompt} if at and prompt else {}
            served = {
                "config.deployment.served_model_name": f"acme/nova:{at}",
                f"{PARAMS}config.params.parallelism": "1",
            }
            runs.append(
                evaluated(
                    tmp_path,
                    at + 1,
                    task,
                    invocation=invocation,
                    params={**served, **dict(params), **own},
                    metrics={f"{task}_{name}": float(value) for name, (value, _) in of_side.items()},
                    files={
                        "artifacts/results.yml": results(recorded, task),
                        "artifacts/eval_factory_metrics.json": responses(*sent[at]),
                    },
                )
            )
        if not stores:
            stores.append(filled(empty_store, runs))
        return ask(stores[0], "compare_runs", run_ids=[INVOCATION, OTHER], **arguments).data

    return compare


def verdicts(data):
    common = data["verdicts"].get("common", {})
    rows = [{**common, **row} for row in rows_of(data["verdicts"])]
    also = {name: row for row in rows for name in row.get("also") or {}}
    return {**also, **{row["metric"]: row for row in rows}}


def notes(data, word):
    return [note for note in data.get("notes", []) if word in note]


def test_each_of_few_scores_is_judged_and_none_is_recommended(compared):
    data = compared(FACTS)

    found = verdicts(data)
    assert found["facts_is_correct"]["verdict"] == "WITHIN NOISE"
    assert found["facts_is_not_attempted"]["verdict"] == "HIGHER"
    assert not notes(data, "No verdict")
    [note] = notes(data, "no error recorded")
    assert "'facts_accuracy_given_attempted', 'facts_f1'" in note


def test_of_many_scores_all_are_named_and_asking_for_them_gives_what_the_note_says(compared):
    scores = {**FACTS, **{f"part_{letter}_acc": ((0.5, 0.01), (0.5, 0.01)) for letter in "abc"}}

    data = compared(scores)

    [note] = notes(data, "No verdict")
    assert "8 scores" in note
    assert "metrics=[" not in note
    named = re.findall(r"'(facts_\w+)'", note)
    asked = compared(scores, metrics=named)
    assert set(named) == set(verdicts(asked))
    assert all(row["verdict"] != "CANNOT TELL" or row["evidence"] for row in verdicts(asked).values())


def test_a_score_that_is_asked_for_is_told_beside_those_that_have_an_error(compared):
    found = verdicts(compared(FACTS, metrics=["facts_is_correct", "facts_f1"]))

    assert found["facts_f1"]["verdict"] == "CANNOT TELL"
    assert found["facts_f1"]["evidence"] == "no error recorded"


def test_points_are_of_a_scale_that_is_known(compared):
    data = compared(IMAGES, task="images", tolerance="1pp")

    assert data["gate"].startswith("FAIL at tolerance 1pp")
    assert "'images_final_score_norm' -2.6 points (error unknown): over the limit" in data["gate"]
    assert "'images_final_score' -26 (error unknown) [its scale is not known]" in data["gate"]


def test_a_loss_far_over_the_limit_is_told_first_whatever_else_differs(compared):
    scores = {"acc": ((0.55, 0.02), (0.54, 0.02)), "language_consistency": ((0.962, None), (0.413, None))}

    data = compared(scores, prompt="Be brief.", tolerance="1pp", metrics=["facts_*"])

    found = verdicts(data)
    assert found["facts_language_consistency"]["gate"] == "FAIL on the observed value only"
    assert found["facts_acc"]["verdict"] == "WITHIN NOISE"
    assert "another prompt" in found["facts_language_consistency"]["evidence"]
    assert "no error recorded" in found["facts_language_consistency"]["evidence"]
    assert "1 fail: 'facts_language_consistency' -54.9 points" in data["gate"]


def test_a_difference_under_another_prompt_is_no_verdict_on_the_model(compared):
    found = verdicts(compared({"acc": ((0.5, 0.01), (0.7, 0.01))}, prompt="Be brief."))["facts_acc"]

    assert found["verdict"] == "CANNOT TELL"
    assert found["evidence"].startswith("another prompt: adapter_config.custom_system_prompt")


def test_that_a_side_is_not_known_to_be_better_is_told_beside_the_missing_error(compared):
    found = verdicts(compared({"colour": ((0.5, None), (0.7, None))}))["facts_colour"]

    assert found["evidence"] == "no error recorded; whether higher is better is unknown"


@pytest.mark.parametrize(
    ("sent", "label"),
    [(((2164, 57), (2177, 431)), "B"), (((2177, 431), (2164, 57)), "A"), (((2164, 57), (2177, 90)), None)],
)
def test_scores_are_said_to_be_low_for_answers_that_were_cut_off(sent, label, compared):
    told = (
        f"facts: 19.8 % of {label}'s responses were cut off (431/2177) against 2.6 % (57/2164): "
        f"{label}'s scores may be low for that reason."
    )

    assert notes(compared(FACTS, sent=sent), "cut off") == ([told] if label else [])


@pytest.mark.parametrize(
    ("longest", "removed", "told"),
    [
        (16384, {}, "max_new_tokens is 8192, but the longest response had 16384 tokens"),
        (
            16384,
            {f"{PARAMS}target.api_endpoint.adapter_config.params_to_remove.0": "max_new_tokens"},
            "max_new_tokens is 8192 (adapter_config.params_to_remove names it), but the longest response had 16384 tokens",
        ),
        (8192, {}, None),
    ],
)
def test_a_limit_of_lengths_that_was_exceeded_is_told(longest, removed, told, compared):
    params = {f"{PARAMS}config.params.max_new_tokens": "8192", **removed}

    found = notes(compared(FACTS, sent=((2500, 0, longest), (2500, 90, longest)), params=params), "in force")

    assert found == ([f"{told} (A, B: 'facts'): which limit was in force is not recorded."] if told else [])


@pytest.mark.parametrize(
    ("cut_off", "metric", "is_told"),
    [
        ((40, 40), "accuracy", False),
        ((40, 50), "accuracy", False),
        ((40, 90), "accuracy", True),
        ((40, 40), "tokens", True),
    ],
)
def test_an_exceeded_limit_is_told_where_the_sides_differ_in_it_or_lengths_are_asked_for(
    cut_off, metric, is_told, compared
):
    params = {f"{PARAMS}config.params.max_new_tokens": "8192"}
    sent = [(2500, count, 16384) for count in cut_off]
    scores = {metric: ((0.5, 0.01), (0.6, 0.01))}

    assert (
        bool(notes(compared(scores, sent=sent, params=params, metrics=["facts_*", f"facts_{metric}"]), "in force"))
        == is_told
    )


def test_an_exceeded_limit_is_told_where_the_sides_have_other_limits(empty_store, tmp_path, ask):
    runs = [
        evaluated(
            tmp_path,
            at,
            invocation=invocation,
            metrics={"ifeval_acc": 0.5},
            files={
                "artifacts/results.yml": results({"acc": {"value": 0.5}}, max_new_tokens=8192 * at),
                "artifacts/eval_factory_metrics.json": responses(541, 9, 16384),
            },
        )
        for at, invocation in ((1, INVOCATION), (2, OTHER))
    ]
    data = ask(filled(empty_store, runs), "compare_runs", run_ids=[INVOCATION, OTHER]).data

    assert [note.partition(" (")[0] for note in notes(data, "in force")] == [
        "max_new_tokens is 8192, but the longest response had 16384 tokens"
    ]
