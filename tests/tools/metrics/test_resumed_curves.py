"""get_metric_history: runs that were resumed, and validation metrics that are past their best."""

from __future__ import annotations

import pytest

from mlflow_mcp.client.metrics import Point
from mlflow_mcp.tools.metrics.attempts import attempts, overtaken, resumed_by
from tests.support.asking import data_of
from tests.support.stores import copied

START = 1_780_000_000_000
HOUR = 3_600_000


@pytest.fixture(scope="module")
def resumed(empty_template, tmp_path_factory):
    """A run of 20 steps that broke off at step 11 and went on from step 7 an hour later; its validation loss is best at 10."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag

    uri = copied(empty_template, tmp_path_factory.mktemp("resumed") / "mlflow.db")
    client = MlflowClient(uri)
    run = client.create_run("0", run_name="sft").info.run_id
    steps = [(step, START + step * 1_000, 0.0) for step in range(12)]
    steps += [(step, START + HOUR + step * 1_000, 0.01) for step in range(7, 20)]
    points = [Metric("train/loss", 2 - step / 20 + shift, time, step) for step, time, shift in steps]
    points += [Metric("val/loss", 1 + abs(step - 10) / 10, time, step) for step, time, _ in steps if step % 2 == 0]
    points += [Metric("val/acc", step / 20, time, step) for step, time, _ in steps[12:]]
    client.log_batch(run, points, [Param("resume_from", "checkpoint-7"), Param("resume_optimizer", "False")])
    norms = [Metric("grad_norm", 1 + step % 3 / 10, time, step) for step, time, _ in steps]
    norms[8:12] = [Metric("grad_norm", 3.0**at, START + (7 + at) * 1_000, 7 + at) for at in range(1, 5)]
    client.log_batch(run, norms, tags=[RunTag("restart.reason", "loss scaler underflow")])
    client.set_terminated(run)
    return uri


@pytest.fixture(scope="module")
def history(resumed, ask):
    return data_of(ask(resumed, "get_metric_history", run_ids=["sft"], metrics=["*"]))


@pytest.fixture(scope="module")
def curves(history):
    return {curve["metric"]: curve for curve in history["curves"]}


@pytest.mark.slow
def test_what_a_run_went_on_from_is_named(history):
    assert history["notes"] == [
        "sft has the param resume_from=checkpoint-7, the tag restart.reason=loss scaler underflow."
    ]


@pytest.mark.slow
def test_each_attempt_has_its_steps_and_times(curves):
    assert curves["train/loss"]["attempts"] == [
        ["steps 0-11", "2026-05-28T20:26:40Z", "2026-05-28T20:26:51Z"],
        ["steps 7-19", "2026-05-28T21:26:47Z", "2026-05-28T21:26:59Z"],
    ]
    assert "attempts" not in curves["val/acc"]


@pytest.mark.slow
def test_all_points_of_few_are_shown_attempt_by_attempt(curves):
    curve = curves["train/loss"]

    assert curve["x"] == [*range(12), *range(7, 20)]
    assert len(curve["x"]) == curve["points"]
    assert curve["y"][7:9] == [1.65, 1.6]


@pytest.mark.slow
@pytest.mark.parametrize("exact", [False, True])
def test_a_time_axis_goes_forward_over_all_attempts(resumed, ask, exact):
    asked = {"run_ids": ["sft"], "metrics": ["train/loss"], "axis": "time", "exact": exact}
    curve = data_of(ask(resumed, "get_metric_history", **asked))["curves"][0]

    assert curve["x"] == [*map(float, range(12)), *(3_600.0 + step for step in range(7, 20))]


@pytest.mark.slow
def test_jumps_are_within_one_attempt_and_an_explosion_before_the_break_is_named(curves):
    curve = curves["grad_norm"]

    assert curve["largest_jump"] == [10, 27, 11, 81]
    assert curve["sudden"] == [[7, 1.1, 11, 81]]
    assert "sudden" not in curves["train/loss"]


@pytest.mark.slow
def test_check_run_says_why_it_was_resumed_and_what_blew_up_before(resumed, ask):
    evidence = data_of(ask(resumed, "check_run", run_ids=["sft"]))["runs"][0]["evidence"]

    assert evidence[1:] == [
        "resumed: its steps went back from 11 to 7 at 2026-05-28T21:26:47Z; param resume_from=checkpoint-7; "
        "tag restart.reason=loss scaler underflow",
        "right before it grad_norm went from 1.1 (step 7) to 81 (step 11)",
    ]


@pytest.mark.slow
def test_a_validation_metric_past_its_best_says_by_how_much(curves):
    assert curves["val/loss"]["past_best"] == (
        "best 1 at step 10, last 1.8 at step 18: worse by 0.8, each of the 4 later points worse than the one before"
    )
    assert "past_best" not in curves["val/acc"], "its last value is its best"
    assert "past_best" not in curves["train/loss"]


def points(*steps):
    return [Point(step, time, 1.0) for time, step in enumerate(steps)]


def test_steps_that_often_go_back_are_of_several_writers():
    assert attempts(points(0, 1, 0, 1, 0, 1, 0, 1, 0, 1)) == []
    assert attempts(points(0, 1, 2)) == []
    assert [len(part) for part in attempts(points(0, 1, 2, 1, 2, 3))] == [3, 3]


def test_what_a_later_attempt_went_over_is_overtaken():
    first, second = attempts(points(0, 10, 20, 15, 25))

    assert overtaken([first, second]) == {first[2]}


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"resume_from_checkpoint": "ckpt-8", "lr": "1"}, ["param resume_from_checkpoint=ckpt-8"]),
        ({"trainer.resumeFrom": "a"}, ["param trainer.resumeFrom=a"]),
        ({"resume": "False", "resume_from": "None"}, []),
        ({"presumed": "yes"}, []),
        ({"resume": "x" * 200}, ["param resume"]),
        ({f"resume.{at}": "x" for at in range(5)}, []),
    ],
)
def test_params_that_speak_of_a_resume(params, told):
    assert resumed_by(params, {"mlflow.resume": "no word of the user's"}) == told
    assert resumed_by({}, params) == [each.replace("param", "tag") for each in told]
