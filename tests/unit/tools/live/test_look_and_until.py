"""Which metrics are read and paired, and what can be waited for."""

from __future__ import annotations

import math

import pytest

from mlflow_mcp.client.metrics import History, Point
from mlflow_mcp.errors import Problem
from mlflow_mcp.tools.live.judging.look import Look, judged_mode, pairs, speed_mode, worth_reading
from mlflow_mcp.tools.live.judging.series import Series
from mlflow_mcp.tools.live.until import Condition


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["loss", "eval_loss"], [("loss", "eval_loss")]),
        (["train/loss", "val/loss", "val/acc"], [("train/loss", "val/loss")]),
        (["train_loss_step", "train_loss_epoch", "val_loss"], [("train_loss_epoch", "val_loss")]),
        (["trainLoss", "valLoss"], [("trainLoss", "valLoss")]),
        (["train_acc", "val_loss"], []),
        (["loss", "test_loss", "val_loss"], [("loss", "test_loss"), ("loss", "val_loss")]),
    ],
)
def test_training_and_validation_metrics_of_one_quantity_are_paired(names, expected):
    assert pairs(names) == expected


def test_what_is_no_number_is_read_first_and_what_has_no_side_only_when_it_is_the_newest():
    latest = {f"layer_{at}/weight_std": Point(10, 1_000, 1.0) for at in range(100)}
    latest |= {f"task_{at}/loss": Point(10, 1_000, 1.0) for at in range(20)}
    latest |= {"task_19/loss": Point(10, 1_000, math.nan), "lr": Point(11, 2_000, 0.1), "epoch": Point(11, 1_000, 0.5)}
    latest |= {"grad_norm": Point(10, 1_000, 1.0), "system/gpu_0_power_watts": Point(11, 9_000, 1.0)}

    found = worth_reading(latest, 5)

    assert found[0] == "task_19/loss"
    assert found[-2:] == ["lr", "epoch"]
    assert len(found) == 5
    assert "grad_norm" in worth_reading(latest, 30)


@pytest.mark.parametrize(
    ("name", "judged", "speed"),
    [
        ("train/loss", "min", None), ("bits_per_byte", "min", None), ("val/acc", "max", None), ("lr", None, None),
        ("tokens_per_second", None, "max"), ("step_time", None, "min"), ("throughput", None, "max"), ("it/s", None, "max"),
        ("eval_runtime", None, "min"), ("system/gpu_0_power", None, None),
    ],
)  # fmt: skip
def test_how_fast_a_training_goes_is_no_measure_of_what_it_learns(name, judged, speed):
    assert (judged_mode(name), speed_mode(name)) == (judged, speed)


def look(status="RUNNING", points=(), name="val/loss"):
    history = [Point(step, 1_000 * step, value) for step, value in points]
    series = {name: Series.of(name, History(history, True))} if history else {}
    latest = {name: history[-1]} if history else {}
    return Look("id", "run", status, 10_000_000, 0, None, {}, latest, series)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("end", "end"), (" END ", "end"), ("step >= 5000", "step >= 5000"), ("step>=5e3", "step >= 5000"),
        ("val/loss<0.3", "val/loss < 0.3"), ("metrics.`val/loss` <= -1.5", "val/loss <= -1.5"), ("a b > 1", "a b > 1"),
    ],
)  # fmt: skip
def test_conditions_are_read(text, shown):
    assert str(Condition.of(text)) == shown


@pytest.mark.parametrize(
    "text", ["", "finished", "val/loss", "val/loss < x", "loss = 3", "< 3", "loss < nan", "end > 3 4"]
)
def test_what_is_no_condition_says_what_is_one(text):
    with pytest.raises(Problem, match=r"Write 'end', 'step >= 5000' or 'val/loss < 0\.3'\."):
        Condition.of(text)


def test_a_condition_is_met_by_the_latest_value_and_never_by_nan():
    below = Condition.of("val/loss < 0.3")

    assert below.met(look(points=[(1, 0.5), (2, 0.29)])) == "val/loss = 0.29 at step 2"
    assert below.met(look(points=[(1, 0.2), (2, 0.5)])) is None
    assert below.met(look(points=[(1, 0.5), (2, math.nan)])) is None
    assert Condition.of("val/loss > 0.3").met(look(points=[(1, math.inf)])) is None
    assert below.met(look()) is None


def test_a_value_that_held_for_a_moment_since_the_wait_began_meets_the_condition():
    points = [(1, 0.5), (2, 0.25), (3, 0.4)]

    assert Condition.of("val/loss < 0.3").met(look(points=points), since=1_500) == "val/loss = 0.25 at step 2, 0.4 now"
    assert Condition.of("val/loss < 0.3").met(look(points=points), since=2_500) is None


def test_the_step_is_the_highest_of_the_newest_points_and_the_end_is_mlflows():
    assert Condition.of("step >= 3").met(look(points=[(1, 0.5), (3, 0.4)])) == "step 3"
    assert Condition.of("step > 3").met(look(points=[(1, 0.5), (3, 0.4)])) is None
    assert Condition.of("end").met(look("KILLED")) == "the run ended KILLED"
    assert Condition.of("end").met(look()) is None
