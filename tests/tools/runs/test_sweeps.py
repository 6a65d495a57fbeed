"""aggregate_runs(group_by=['each']): what was planted in a sweep is found, what was not is not claimed."""

from __future__ import annotations

import json
import math
import random
import time

import pytest

from tests.support import raw_store
from tests.support.asking import data_of, problem_of, rows_of
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import filled

INFINITY, NAN = math.inf, math.nan
MINUTE = 60_000


def sweep(rows, metric="val/accuracy", first=0, **more):
    """A run for each (params, value), a minute apart."""
    return [
        RawRun(
            run_id(first + at),
            name=f"trial {at}",
            start_time=raw_store.STARTED + at * MINUTE,
            metrics={} if value is None else {metric: value},
            params={name: str(text) for name, text in params.items()},
            **more,
        )
        for at, (params, value) in enumerate(rows)
    ]


def explained(ask, uri, metric="val/accuracy", **more):
    return data_of(ask(uri, "aggregate_runs", metrics=[metric], group_by=["each"], **more))


def by_param(data):
    return {row["param"]: row for row in rows_of(data["sweep"]["params"])}


def planted(count=60, seed=1):
    """lr: a peak at 0.001; optimizer: adamw is better; layers, dropout and ten more: nothing."""
    generator = random.Random(seed)
    for at in range(count):
        lr = 10 ** generator.choice([-5, -4, -3, -2, -1])
        optimizer = generator.choice(["sgd", "adamw", "lion"])
        params = {
            "lr": f"{lr:g}",
            "optimizer": optimizer,
            "layers": generator.choice([2, 4, 6, 10, 12]),
            "dropout": generator.random(),
            "seed": at,
            "output_dir": f"/data/runs/{at}",
            "model": "nova",
        } | {f"null_{n}": generator.choice("abcd") for n in range(6)}
        value = 0.8 - 0.03 * abs(math.log10(lr) + 3) + 0.05 * (optimizer == "adamw") + generator.gauss(0, 0.01)
        yield params, value


def test_a_sweep_has_the_same_explanation_from_sqlite_and_http(both_stores, ask, snapshot):
    answer = ask(both_stores.uri, "aggregate_runs", metrics="accuracy", group_by="each", experiment_id="sweeps")

    snapshot("aggregate_runs.each", answer)


def test_what_was_planted_is_found_and_the_rest_is_not_claimed(empty_store, ask):
    data = explained(ask, filled(empty_store, sweep(planted())))

    rows = by_param(data)
    assert list(rows)[:2] == ["lr", "optimizer"]
    assert all(row["p_holm"] < 0.01 for row in list(rows.values())[:2])
    assert all(row["p_holm"] > 0.05 for row in list(rows.values())[2:])
    assert data["sweep"]["verdict"] == (
        "val/accuracy goes with lr, optimizer (p_holm < 0.05); cannot tell for 8 others"
    )
    assert data["sweep"]["order"] == "highest first (name 'accuracy')"
    assert rows["lr"]["bend"] < -0.5
    assert rows["optimizer"]["eps2"] > 0.2
    assert rows["lr"]["best_at"] == "0.0001 to 0.001"
    assert rows["optimizer"]["best_at"].startswith("adamw")
    assert rows["optimizer"]["mean_there"] > rows["optimizer"]["mean_elsewhere"] + 0.03
    assert rows["layers"]["never_tried"] == "1 between 6 and 10"
    assert rows["lr"].get("never_tried") is None
    assert data["sweep"]["ignored"] == "paths: output_dir; seeds: seed"
    assert len(json.dumps(data)) < 3_000


@pytest.mark.slow
def test_the_false_alarm_rate_over_sweeps_of_nothing_is_at_most_its_level():
    """Of 300 sweeps in which no param matters at most 5%, and four standard errors, name one."""
    from mlflow_mcp.tools.runs.sweep.configurations import space_of
    from mlflow_mcp.tools.runs.sweep.effects import dimensions_of, effects_of
    from mlflow_mcp.tools.runs.sweep.trials import Trial

    generator, alarms = random.Random(2), 0
    for _ in range(300):
        trials = []
        for at in range(16):
            params = {"lr": generator.choice("1234"), "width": str(generator.random()), "kind": generator.choice("ab")}
            # Two runs of each configuration that lie close together: they are one observation, not two.
            middle = generator.gauss(0, 1)
            trials += [
                Trial(str(at), "", "FINISHED", at, middle + generator.gauss(0, 0.1), params | {"seed": str(n)})
                for n in range(2)
            ]
        alarms += any(effect.is_sure for effect in effects_of(dimensions_of(space_of(trials))))
    assert alarms / 300 < 0.05 + 4 * math.sqrt(0.05 * 0.95 / 300)


def test_params_that_change_together_are_told_as_one(empty_store, ask):
    generator = random.Random(4)
    rows = [
        (
            {"lr": lr, "warmup": {"0.1": 100, "0.2": 200, "0.3": 300}[lr], "depth": generator.choice([1, 2, 3])},
            float(lr),
        )
        for lr in ("0.1", "0.2", "0.3") * 8
    ]

    data = explained(ask, filled(empty_store, sweep(rows)))

    assert list(by_param(data)) == ["lr = warmup", "depth"]
    assert "Params joined by = always change together: these runs cannot tell which of them counts." in data["notes"]


def test_repeats_give_the_noise_and_count_once(empty_store, ask):
    rows = [
        ({"lr": lr, "seed": seed, "run_dir": f"/data/{lr}/{seed}"}, float(lr) + offset)
        for lr in ("0.1", "0.2", "0.3", "0.4")
        for seed, offset in ((1, -0.01), (2, 0.01), (3, 0.0))
    ]

    data = explained(ask, filled(empty_store, sweep(rows)))

    assert data["sweep"]["configurations"] == 4
    assert by_param(data)["lr"]["n"] == 4
    assert data["sweep"]["noise"] == "sd 0.01 within 12 runs of 4 configurations with equal params"


def test_equal_numbers_are_one_value_however_they_are_written(empty_store, ask):
    rows = [
        ({"lr": lr, "b": b}, value)
        for lr, b, value in (("1e-4", 1, 0.1), ("0.0001", 1, 0.3), ("0.1", 2, 0.4), ("1E-1", 3, 0.5))
    ]

    data = explained(ask, filled(empty_store, sweep(rows)))

    assert data["sweep"]["configurations"] == 3


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([0.5, 0.6, 0.7, 0.8, 0.8, 0.8, 0.7, 0.8, 0.79], "levelled off: best 0.8 after 6 of 9 runs, 0.8 after all"),
        (
            [0.5, 0.6, 0.52, 0.62, 0.8, 0.8, 0.7, 0.805, 0.79],
            "levelled off: best 0.8 after 6 of 9 runs, 0.805 after all, within noise",
        ),
        (
            [0.5, 0.6, 0.52, 0.62, 0.8, 0.8, 0.7, 0.95, 0.79],
            "still improving: best 0.8 after 6 of 9 runs, 0.95 after all, more than noise",
        ),
        ([0.5, 0.6, 0.7], "cannot tell: 3 runs, 9 are needed"),
    ],
)
def test_whether_the_best_value_still_gets_better(values, told, empty_store, ask):
    rows = [({"x": [1, 2, 1, 2][at] if at < 4 else at}, value) for at, value in enumerate(values)]

    assert explained(ask, filled(empty_store, sweep(rows)))["sweep"]["progress"] == told


def test_a_gain_without_repeats_is_not_judged(empty_store, ask):
    rows = [({"x": at}, at / 10) for at in range(9)]

    data = explained(ask, filled(empty_store, sweep(rows)))

    assert data["sweep"]["progress"].startswith("cannot tell without repeats: best 0.5 after 6 of 9 runs")
    assert data["sweep"]["noise"] == "not measured: no two runs have equal params"


def test_runs_of_one_start_time_are_in_no_order(empty_store, ask):
    runs = [RawRun(run_id(at), start_time=5, metrics={"loss": at / 9}, params={"x": str(at)}) for at in range(12)]

    data = explained(ask, filled(empty_store, runs), "loss")

    assert data["sweep"]["progress"] == "cannot tell: start times do not put the runs in order"


def test_without_a_direction_nothing_is_called_best(empty_store, ask):
    rows = [({"x": at % 4}, at / 10) for at in range(12)]

    data = explained(ask, filled(empty_store, sweep(rows, metric="zeta")), "zeta")

    assert "order" not in data["sweep"]
    assert "progress" not in data["sweep"]
    assert "best_at" not in data["sweep"]["params"]["columns"]
    assert any("which end is best" in note for note in data["notes"])


def test_the_tag_of_the_experiment_says_which_end_is_best(empty_store, ask):
    from mlflow_mcp.client.experiments import GREATER_TAG, PRIMARY_TAG

    uri = filled(empty_store, sweep([({"x": at % 4}, at / 10) for at in range(12)], metric="zeta"))
    with raw_store.opened(uri) as db:
        for key, value in ((PRIMARY_TAG, "zeta"), (GREATER_TAG, "False")):
            db.execute("INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, ?, 0)", (key, value))

    data = explained(ask, uri, "zeta")

    assert data["sweep"]["order"].startswith("lowest first (tag ")


def test_a_lower_loss_is_the_better_one(empty_store, ask):
    rows = [({"x": x, "y": at % 3}, x / 10) for at, x in enumerate([1, 2, 3, 4, 5, 6] * 2)]

    data = explained(ask, filled(empty_store, sweep(rows, metric="loss")), "loss")

    assert by_param(data)["x"]["best_at"] == "1 to 2 (smallest tried)"
    assert by_param(data)["x"]["rho"] == 1


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ([16, 32, 128, 256, 512], "1 between 32 and 128"),
        ([1, 2, 3, 4, 7, 8], "2 between 4 and 7"),
        ([1e-5, 3e-5, 1e-4, 1e-3, 3e-3], "1 between 0.0001 and 0.001"),
        ([1, 2, 4, 8], None),
        ([0.013, 0.221, 0.487, 0.871, 0.903], None),
        ([1, 2, 8], None),
        ([0, 1, 2, 4], "1 between 2 and 4"),
    ],
)
def test_gaps_are_named_where_a_grid_is_evident(values, missing, empty_store, ask):
    rows = [({"x": x, "y": n}, x + n) for n in range(2) for x in values]

    data = explained(ask, filled(empty_store, sweep(rows)))

    assert by_param(data)["x"].get("never_tried") == missing


def test_many_values_and_few_runs_are_not_tested(empty_store, ask):
    rows = [
        (
            {"prompt": f"Answer number {at}.", "lr": at % 3, "extra": 1} if at < 8 else {"lr": 1, "prompt": str(at)},
            at / 9,
        )
        for at in range(12)
    ]

    data = explained(ask, filled(empty_store, sweep(rows)))

    assert data["sweep"]["not_tested"] == "prompt (12 values)"
    assert by_param(data)["extra"]["tried"] == "1, (none)"


def test_nan_infinite_and_missing_values_are_told(empty_store, ask):
    rows = [({"x": at % 4}, {3: NAN, 5: INFINITY, 7: None}.get(at, at / 20)) for at in range(20)]

    data = explained(ask, filled(empty_store, sweep(rows)))

    assert by_param(data)["x"]["n"] == 4
    assert any(note.startswith("2 runs with NaN or infinite val/accuracy left out") for note in data["notes"])


def test_extreme_values_do_not_overflow(empty_store, ask):
    rows = [({"x": at % 4, "seed": at}, [1e300, -1e300, 1e-300, 1.6e308][at % 4] * (1 + at / 100)) for at in range(16)]

    data = explained(ask, filled(empty_store, sweep(rows, metric="loss")), "loss")

    assert data["sweep"]["configurations"] == 4


def test_of_a_launchers_config_only_the_runs_own_task_counts(empty_store, ask):
    def run(at, own):
        tags = {"invocation_id": f"{at:016x}", "job_id": f"{at:016x}.{at % 2}", "task_name": "gsm8k"}
        params = {
            f"config.evaluation.tasks.{at % 2}.temperature": str(own),
            f"config.evaluation.tasks.{1 - at % 2}.temperature": str(at),
        }
        return RawRun(run_id(at), metrics={"gsm8k_accuracy": own / 10}, params=params, tags=tags)

    data = explained(ask, filled(empty_store, [run(at, at % 5) for at in range(12)]), "gsm8k_accuracy")

    assert list(by_param(data)) == ["config.evaluation.tasks.<n>.temperature"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"metrics": ["accuracy"], "group_by": ["each", "optimizer"]},
        {"metrics": ["accuracy"], "group_by": ["each"], "quantiles": [0.5]},
        {"metrics": ["accuracy", "loss"], "group_by": ["each"]},
        {"metrics": ["acuracy"], "group_by": ["each"]},
        {"metrics": ["accuracy"], "group_by": ["each"], "query": "params.optimizer = 'none'"},
        {"metrics": ["accuracy"], "group_by": ["each"], "query": "attributes.run_name = 'trial-01'"},
    ],
)
def test_what_cannot_be_explained_is_refused(arguments, both_stores, ask, snapshot_error):
    answer = ask(both_stores.uri, "aggregate_runs", experiment_id="sweeps", **arguments)

    assert problem_of(answer)
    snapshot_error(answer)


def test_strangers_params_are_masked_and_short(empty_store, ask):
    rows = [({"api_key": "sk-" + "a1B2" * 8 + str(at % 3), "t": "x" * 5_000 + str(at % 3)}, at / 9) for at in range(12)]

    answer = ask(filled(empty_store, sweep(rows)), "aggregate_runs", metrics=["val/accuracy"], group_by=["each"])

    assert "a1B2a1B2" not in answer.text
    assert len(answer.text) < 2_000


def test_what_changes_with_a_secret_is_told_and_the_secret_is_not(empty_store, ask):
    rows = [
        (
            {
                "db_password": f"correct-horse-{at % 3}",
                "lr": at % 3,
                "width": at % 2,
                "api_key": f"hunter-{at % 2}-2",
            },
            at / 9,
        )
        for at in range(12)
    ]

    data = explained(ask, filled(empty_store, sweep(rows)))

    told = by_param(data)
    assert set(told) == {"lr = 1 more", "width = 1 more"}
    assert told["width = 1 more"]["tried"] == "0, 1"
    assert "horse" not in json.dumps(data)
    assert "hunter" not in json.dumps(data)


def test_a_secret_is_hidden_before_its_text_is_cut(empty_store, ask):
    secret = "ghp_" + "a1B2c3D4e5" * 3 + "F6g7h8"
    parent = RawRun(run_id(900), name="parent")
    rows = [({"note": f"{'x' * 15} {secret}" if at % 2 else "y", "lr": at % 3}, at / 9) for at in range(12)]
    uri = filled(empty_store, [parent, *sweep(rows, tags={"mlflow.parentRunId": run_id(900)})])

    for answer in (
        ask(uri, "aggregate_runs", metrics=["val/accuracy"], group_by=["each"]),
        ask(uri, "get_run", run_id=run_id(900)),
    ):
        assert "[secret hidden]"[:10] in answer.text
        assert "ghp_" not in answer.text


@pytest.mark.slow
def test_twenty_thousand_runs_take_seconds(empty_store, ask):
    generator = random.Random(8)
    rows = [
        ({f"p{n}": generator.randrange(5) for n in range(12)} | {"lr": 10 ** generator.uniform(-5, -1)}, None)
        for _ in range(20_000)
    ]
    rows = [(params, 0.5 - 0.02 * params["p3"] + generator.gauss(0, 0.1)) for params, _ in rows]
    uri = filled(empty_store, sweep(rows))
    began = time.monotonic()

    data = explained(ask, uri)

    assert next(iter(by_param(data))) == "p3"
    assert time.monotonic() - began < 45
