"""Groups and pooled runs that differ in more than what they are compared by, and runs that share their seeds."""

from __future__ import annotations

import statistics

import pytest

from mlflow_mcp.entities.varying import told_values
from mlflow_mcp.statistics.differences import PairedDifference
from tests.support.asking import data_of, rows_of
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import copied, filled

SEEDS = [11, 22, 33, 44, 55]
# The seed moves a run by more than the loss does: only in pairs the difference is seen.
BY_SEED = [0.0, 0.03, -0.02, 0.05, -0.04]
GAIN = [0.011, 0.009, 0.010, 0.012, 0.008]


def runs(odd_crop: bool, own_seeds: bool = False, sweep: bool = False):
    for at, (seed, base, gain) in enumerate(zip(SEEDS, BY_SEED, GAIN)):
        for loss in ("dice", "focal"):
            number = 10 * at + (loss == "focal")
            is_odd = odd_crop and loss == "focal" and at == 1
            params = {
                "loss": loss,
                "seed": str(seed + (own_seeds and loss == "focal")),
                "crop": "640" if is_odd else "512",
            }
            if sweep:
                params["optim"] = ("sgd", "adam", "lamb")[(at * (1 + (loss == "focal"))) % 3]
            yield RawRun(
                run_id(number),
                name=f"{loss}-{at}",
                tags={"mlflow.runName": f"{loss}-{at}"},
                params=params,
                metrics={"val/acc": 0.8 + base + (gain if loss == "focal" else 0)},
            )


@pytest.fixture(scope="module")
def asked(empty_template, tmp_path_factory, ask):
    """`asked(tool, odd_crop=True, …)(arguments)` on a store of the runs above."""
    made = {}

    def on(**kind):
        key = tuple(sorted(kind.items()))
        if key not in made:
            uri = copied(empty_template, tmp_path_factory.mktemp("groups") / "mlflow.db")
            made[key] = filled(uri, runs(**kind))
        return lambda tool, **arguments: data_of(ask(made[key], tool, **arguments))

    return on


def pooled(loss):
    return "+".join(f"{loss}-{at}" for at in range(5))


BOTH = {"run_ids": [pooled("dice"), pooled("focal")]}
BY_LOSS = {"metrics": ["val/acc"], "group_by": ["params.loss"]}


@pytest.mark.slow
def test_a_param_that_varies_within_a_group_is_named_with_the_odd_run(asked):
    notes = asked(odd_crop=True)("aggregate_runs", **BY_LOSS)["notes"]

    assert notes[0] == (
        "The groups differ in more than their keys. params.crop: focal 512 x4, 640 x1 (focal-1) | dice 512 x5."
    )


@pytest.mark.slow
def test_groups_that_are_alike_but_for_their_key_and_seeds_say_nothing(asked):
    for own_seeds in (False, True):
        assert "notes" not in asked(odd_crop=False, own_seeds=own_seeds)("aggregate_runs", **BY_LOSS)


@pytest.mark.slow
def test_of_a_sweep_the_params_are_named_and_not_each_run(asked):
    (note,) = asked(odd_crop=False, sweep=True)("aggregate_runs", **BY_LOSS)["notes"]

    assert note == "Not in equal shares in all groups, too: 'params.optim'."


@pytest.mark.slow
def test_pooled_runs_name_the_odd_one_and_mixed_values(asked):
    data = asked(odd_crop=True)("compare_runs", **BOTH)
    (unequal,) = rows_of(data["unequal"])
    crop = next(row for row in rows_of(data["differences"]) if row["name"] == "params.crop")

    assert (unequal["unequal"], unequal["B"]) == ("within B: params.crop", "512 x4, 640 x1 (focal-1)")
    assert (crop["A"], crop["B"]) == ("512", "mixed: 512 x4, 640 x1 (focal-1)")


@pytest.mark.slow
def test_runs_of_the_same_seeds_are_paired(asked):
    (row,) = rows_of(asked(odd_crop=False)("compare_runs", **BOTH)["verdicts"])

    assert row["verdict"] == "IMPROVED"
    assert row["evidence"] == "paired by params.seed: 5 pairs, sd 0.0016, B higher in 5"
    assert row["stderr"] == pytest.approx(statistics.stdev(GAIN) / 5**0.5, rel=0.01)


@pytest.mark.slow
def test_runs_of_other_seeds_are_not_paired(asked):
    (row,) = rows_of(asked(odd_crop=False, own_seeds=True)("compare_runs", **BOTH)["verdicts"])

    assert row["verdict"] == "WITHIN NOISE"
    assert "paired" not in row["evidence"]


def test_a_paired_difference_is_that_of_students_t():
    found = PairedDifference(GAIN)

    assert found.delta == pytest.approx(0.01)
    # t = 0.01 / (0.00158114 / sqrt(5)) = 14.142 with 4 degrees of freedom; scipy.stats.ttest_1samp: p = 0.000145
    assert found.p == pytest.approx(0.000145, rel=0.01)
    assert found.limits(0.025) == pytest.approx((0.008037, 0.011963), rel=0.001)
    assert PairedDifference([0.01, 0.01, 0.01]).cannot_be_tested


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ("aaaab", "a x4, b x1 (4)"),
        ("aabb", "a x2, b x2"),
        ("ba", "b (0), a (1)"),
        ("aaaaabcdefg", "a x5, b x1 (5), c x1 (6), d x1 (7), 3 more values"),
    ],
)
def test_odd_values_are_told_with_their_runs(values, told):
    assert told_values([(str(at), value) for at, value in enumerate(values)]) == told
