"""aggregate_runs: outliers, unfinished runs that lead, repeats of one run, params that follow from another."""

from __future__ import annotations

from itertools import product

import pytest

from mlflow_mcp.tools.runs.aggregates.doubtful import Valued, leader_by_median, outliers, repeats, told_repeats
from tests.support.asking import data_of, rows_of
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import copied, filled

MODELS = {"patch": 7.1, "tft": 7.7, "nbeats": 8.8, "lstm": 9.6}
CONTEXTS = {"48": 0.4, "168": 0.0, "336": 0.3}


def sweep():
    """All models with all contexts, twice; dropout follows from the model. One run diverged, and the best one failed."""
    for at, (model, context, lr) in enumerate(product(MODELS, CONTEXTS, ("0.001", "0.002"))):
        value = MODELS[model] + CONTEXTS[context] + (0.013 if lr == "0.002" else 0) + at / 1_000
        params = {
            "model": model,
            "context": context,
            "lr": lr,
            "dropout": "0.3" if model in ("patch", "tft") else "0.1",
        }
        metrics, status = {"val/smape": value}, "FINISHED"
        if (model, context, lr) == ("patch", "336", "0.002"):
            metrics = {"val/smape": 143.7, "train/loss": float("nan")}
        if (model, context, lr) == ("patch", "168", "0.002"):
            metrics, status = {"val/smape": 6.55}, "FAILED"
        tags = {"mlflow.runName": f"hp-{at:02}", "part": "sweep"}
        yield RawRun(run_id(at), name=f"hp-{at:02}", status=status, params=params, metrics=metrics, tags=tags)


def seeds():
    for at, (name, seed, value) in enumerate(
        [("s11", 11, 7.081), ("s42", 42, 7.212), ("again", 42, 7.212), ("s99", 99, 7.4)]
    ):
        tags = {"mlflow.runName": name, "part": "seeds"}
        yield RawRun(run_id(100 + at), name=name, params={"seed": str(seed)}, metrics={"val/smape": value}, tags=tags)


@pytest.fixture(scope="module")
def aggregate(empty_template, tmp_path_factory, ask):
    uri = filled(copied(empty_template, tmp_path_factory.mktemp("doubts") / "mlflow.db"), [*sweep(), *seeds()])

    def on(part, **arguments):
        return data_of(ask(uri, "aggregate_runs", metrics=["val/smape"], query=f"tags.part = '{part}'", **arguments))

    return on


OUTLIER = (
    "Far from all others, and counted: val/smape of 'hp-05' 143.7 (FINISHED, NaN train/loss); the median is 8.821, half of the "
    "runs lie within 0.96 of it."
)
FAILED = (
    "Counted like the others: 1 FAILED. The best val/smape is that of 'hp-03' 6.55 (FAILED), of finished runs that of 'hp-02' "
    "7.102. query=\"attributes.status = 'FINISHED'\" leaves them out."
)


@pytest.mark.slow
def test_what_leads_without_having_finished_and_what_diverged_is_said_first(aggregate):
    answer = aggregate("sweep", group_by=["context"])

    assert answer["notes"] == [FAILED, f"{OUTLIER} The mean of '336' is 25.66, 8.792 without."]


@pytest.mark.slow
def test_a_sweep_names_them_too_and_what_it_cannot_tell_apart(aggregate):
    answer = aggregate("sweep", group_by=["each"])

    assert answer["notes"][:4] == [
        FAILED,
        f"{OUTLIER} The mean is 14.21, 8.576 without.",
        "dropout follows from model (0.1: lstm, nbeats; 0.3: patch, tft): these runs cannot tell which of them counts.",
        "context 168 is best within each model (lstm, nbeats, patch, tft), by medians of 24 configurations.",
    ]
    assert "follow from another" in answer["sweep"]["verdict"]
    by_param = {row["param"]: row for row in rows_of(answer["sweep"]["params"])}
    assert by_param["context"]["means_in_order"] == "48: 8.716 (8); 168: 8.247 (8); 336: 25.66 (8)"


@pytest.mark.slow
def test_a_rerun_with_the_same_seed_and_value_is_no_further_sample(aggregate):
    answer = aggregate("seeds")

    assert rows_of(answer["table"])[0]["n"] == 4
    assert answer["notes"] == [
        "'s42', 'again' have equal params, the same seed 42 and an equal val/smape, 7.212: likely repeats of one run, not "
        "independent ones. Counted once: n 3, mean 7.231, std 0.160346."
    ]


def valued(*values, group=()):
    return [Valued(run_id(at), f"r{at}", "FINISHED", value, group) for at, value in enumerate(values)]


@pytest.mark.parametrize(
    "values",
    [
        (1.0, 1.1, 1.2, 50.0),  # too few
        (1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 50.0, 60.0, 70.0),  # many
        tuple(2.0**at for at in range(12)),  # how it is spread
        (*(1.0 for _ in range(9)), 1.1),  # no distance is usual
    ],
)
def test_what_is_spread_so_has_no_outliers(values):
    assert outliers(valued(*values)) == []


def test_groups_of_another_scale_are_no_outliers():
    assert outliers([*valued(*(at / 100 for at in range(40))), *valued(50.0, 51.0, group=("percent",))]) == []


def test_equal_values_of_other_params_or_of_whole_numbers_are_no_repeats():
    assert repeats(valued(1.0, 1.0, 0.5, 0.5)) == []
    runs = valued(0.123, 0.123)
    assert list(told_repeats("acc", runs, runs, {run_id(0): {"seed": "1"}, run_id(1): {"seed": "2"}})) == []
    assert list(told_repeats("acc", runs, runs, {run_id(0): {"lr": "1"}, run_id(1): {"lr": "1"}})) == [], "no seed"


def test_no_other_leader_is_named_without_a_direction_or_a_difference():
    runs = [*valued(1.0, 1.0, 9.0, group=("a",)), *valued(2.0, 2.0, 2.0, group=("b",))]

    assert leader_by_median("x", runs, None) == ""
    assert (
        leader_by_median("x", runs, "max")
        == "x: the best mean is that of 'a', the best median that of 'b' (2 against 1)."
    )
    assert leader_by_median("x", valued(1.0, 2.0), "min") == ""
