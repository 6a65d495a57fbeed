"""get_metric_history: exact figures where it says so, marked samples elsewhere, alike from a file and from any server."""

from __future__ import annotations

import math
from itertools import pairwise

import anyio
import pytest
from mcp import Client

from tests.support import raw_store
from tests.support.asking import data_of, rows_of, server_of, six_digits
from tests.support.curves import BACK, HUGE, HUGE_LENGTH, HUGE_SPIKE, LENGTH, LONG, ODD, SHORT, SPIKE, smooth
from tests.support.raw_store import STARTED, RawRun, run_id
from tests.support.servers import fail, faulty_proxy
from tests.support.stores import filled

BULK = "get-history-bulk-interval"


def raw_points(curves_file, run):
    with raw_store.opened(curves_file) as db:
        return raw_store.points(db, run, "loss")


# --- whole answers


def test_two_curves_have_the_same_answer_from_sqlite_and_http(both_stores, ask, snapshot):
    answer = ask(
        both_stores.uri,
        "get_metric_history",
        run_ids=[both_stores.seeded.training_spike, both_stores.seeded.training_diverged],
        metrics=["train/loss"],
        max_points=12,
    )

    snapshot("get_metric_history.training", answer)


def test_a_sample_of_a_long_curve_has_the_same_answer_from_sqlite_and_http(both_curves, ask, snapshot):
    answer = ask(both_curves, "get_metric_history", run_ids=[LONG], metrics=["loss"], max_points=8)

    snapshot("get_metric_history.sampled", answer)


# --- long curves


def test_a_long_curve_is_sampled_marked_so_and_small(curves_file, ask):
    answer = ask(curves_file, "get_metric_history", run_ids=[LONG], metrics=["loss"])

    (curve,) = answer.data["curves"]
    assert curve["sampled"] == "a sample of 2,500 points"
    assert "points" not in curve
    assert (curve["first"], curve["last"][0]) == ([0, 1.0], LENGTH - 1)
    assert curve["max"][1] < 2, "the spike is between the sampled points"
    assert len(curve["x"]) <= 100
    assert answer.data["notes"] == [
        "Sampled figures may miss a spike between the sampled points: exact=true reads all of them."
    ]
    assert len(answer.text) < 6_000


def test_exact_finds_the_spike_of_one_step_with_its_step(curves_file, ask):
    answer = ask(curves_file, "get_metric_history", run_ids=[LONG], metrics=["loss"], exact=True)

    (curve,) = answer.data["curves"]
    assert curve["points"] == LENGTH
    assert "sampled" not in curve
    assert curve["max"] == [SPIKE, 99.5]
    assert curve["spike"] == [SPIKE, 99.5, six_digits(smooth(SPIKE - 1)), six_digits(smooth(SPIKE + 1))]
    assert SPIKE in curve["largest_jump"][::2]
    assert 99.5 in curve["y"]
    assert "notes" not in answer.data
    assert len(answer.text) < 6_000


def test_exact_finds_the_spike_among_several_pages_of_points_behind_a_server(curves_server, ask_many):
    with ask_many(curves_server) as ask:
        sample = ask("get_metric_history", run_ids=[HUGE], metrics=["loss"])
        exact = ask("get_metric_history", run_ids=[HUGE], metrics=["loss"], exact=True)

    assert len(sample.text) < 6_000
    assert len(exact.text) < 6_000
    assert sample.data["curves"][0]["sampled"] == "a sample of 2,500 points"
    assert sample.data["curves"][0]["max"][1] < 2
    assert exact.data["curves"][0]["points"] == HUGE_LENGTH
    assert exact.data["curves"][0]["max"] == [HUGE_SPIKE, 99.5]


def test_exact_figures_are_those_of_all_raw_points(both_curves, curves_file, ask):
    (curve,) = ask(both_curves, "get_metric_history", run_ids=[LONG], metrics=["loss"], exact=True).data["curves"]

    points = raw_points(curves_file, LONG)
    low = min(points, key=lambda point: point[1])
    tail = [value for step, value in points if step >= (LENGTH - 1) * 0.9]
    jumps = [(abs(b[1] - a[1]), [a[0], six_digits(a[1]), b[0], six_digits(b[1])]) for a, b in pairwise(points)]
    assert curve["min"] == [low[0], six_digits(low[1])]
    assert curve["best_step"] == low[0]
    assert curve["last"] == [LENGTH - 1, six_digits(points[-1][1])]
    assert curve["mean_last_tenth"] == six_digits(math.fsum(tail) / len(tail))
    assert curve["largest_jump"] == max(jumps)[1]
    shown = dict(points)
    assert curve["y"] == [six_digits(shown[step]) for step in curve["x"]]


def test_steps_zoom_in_until_the_spike_is_seen_without_reading_all(both_curves, ask):
    answer = ask(
        both_curves,
        "get_metric_history",
        run_ids=[LONG],
        metrics=["loss"],
        start_step=12_000,
        end_step=13_000,
        max_points=9,
    )

    (curve,) = answer.data["curves"]
    assert (curve["points"], curve["max"]) == (1_001, [SPIKE, 99.5])
    assert (curve["first"][0], curve["last"][0]) == (12_000, 13_000)
    assert answer.data["notes"] == ["All figures are of the steps asked for."]


@pytest.mark.parametrize("exact", [False, True])
def test_one_end_of_the_steps_is_enough(exact, curves_file, ask):
    later = ask(curves_file, "get_metric_history", run_ids=[LONG], metrics=["loss"], start_step=24_990, exact=exact)
    earlier = ask(curves_file, "get_metric_history", run_ids=[LONG], metrics=["loss"], end_step=9, exact=exact)

    assert later.data["curves"][0]["x"] == list(range(24_990, 25_000))
    assert earlier.data["curves"][0]["x"] == list(range(10))


def test_a_short_curve_beside_a_long_one_stays_exact(both_curves, curves_file, ask):
    answer = ask(both_curves, "get_metric_history", run_ids=[LONG, SHORT], metrics=["loss"])

    long, short = answer.data["curves"]
    assert "sampled" in long
    assert (short["points"], short["first"], short["last"]) == (100, [0, 3.0], [297, 0.03])
    assert list(zip(short["x"], short["y"])) == [(step, six_digits(y)) for step, y in raw_points(curves_file, SHORT)]


def test_exact_reading_reports_its_progress(curves_server):
    told = []

    async def heard(done, total, message):
        told.append((done, total, message))

    async def work():
        async with Client(server_of(curves_server)) as client:
            arguments = {"run_ids": [SHORT, LONG], "metrics": ["loss"], "exact": True}
            await client.call_tool("get_metric_history", arguments, progress_callback=heard)

    anyio.run(work)

    assert told[-1][2] == "read 2 of 2 curves"
    assert told[-1][0] == told[-1][1]


# --- odd curves


@pytest.mark.parametrize("exact", [False, True])
def test_nan_and_infinities_are_counted_and_are_never_extremes(exact, both_curves, ask):
    (curve,) = ask(both_curves, "get_metric_history", run_ids=[ODD], metrics=["loss"], exact=exact).data["curves"]

    assert (curve["min"], curve["max"]) == ([8, -1e300], [3, 1e300])
    assert curve["nan"] == {"count": 3, "steps": "1-2, 7"}
    assert curve["infinite"] == {"count": 2, "steps": "4-5", "values": "Infinity, -Infinity"}
    assert curve["y"] == [1.0, "NaN", "NaN", 1e300, "Infinity", "-Infinity", 1e-300, "NaN", -1e300, 0.0]


@pytest.mark.parametrize("exact", [False, True])
def test_steps_below_zero_belong_to_the_curve(exact, curves_file, ask):
    (curve,) = ask(curves_file, "get_metric_history", run_ids=[BACK], metrics=["loss"], exact=exact).data["curves"]

    assert (curve["points"], curve["first"][0], curve["last"][0]) == (200, -100, 99)
    assert curve["min"] == [-100, six_digits(-100 / 7)]
    assert len(curve["x"]) <= 100


def test_the_steps_where_a_curve_is_nan_are_listed(store, ask):
    (curve,) = ask(
        store.uri, "get_metric_history", run_ids=store.seeded.training_diverged, metrics=["train/loss"]
    ).data["curves"]

    assert curve["nan"] == {"count": 15, "steps": "385-399"}
    assert curve["last"] == [399, "NaN"]
    assert "NaN" not in (curve["min"][1], curve["max"][1], curve["mean_last_tenth"])


def test_a_value_logged_again_at_its_step_is_the_last(store, ask):
    run = store.seeded.runs[f"eval-{store.seeded.reexported}-gpqa_diamond"]

    (curve,) = ask(store.uri, "get_metric_history", run_ids=run, metrics=["gpqa_diamond_score_macro"]).data["curves"]

    assert (curve["points"], curve["x"]) == (2, [0.0, 93_600.0])
    assert curve["by_time"] == "All points are at step 0: seconds since the first, 2026-10-06T08:00:01Z."
    assert curve["last"] == [93_600.0, 0.328283]
    assert curve["mean_last_tenth"] == 0.328283
    assert curve["first"][1] < curve["last"][1]
    assert "best_step" not in curve


@pytest.mark.parametrize("exact", [False, True])
def test_points_without_steps_are_ordered_and_bucketed_by_time(exact, both_homes, ask):
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    client = MlflowClient(both_homes.uri)
    run = client.create_run("0").info.run_id
    points = [Metric("loss", 1_200.0 - at, STARTED + at * 1_000, 0) for at in range(1_200)]
    for start in (800, 400, 0):  # not in the order of their times
        client.log_batch(run, points[start : start + 400])

    answer = ask(both_homes.uri, "get_metric_history", run_ids=[run], metrics=["loss"], max_points=60, exact=exact)

    (curve,) = answer.data["curves"]
    assert len(curve["x"]) > 50
    assert curve["x"] == sorted(curve["x"])
    assert [1_200 - x for x in curve["x"]] == curve["y"]
    assert (curve["first"], curve["last"]) == ([0.0, 1200], [1199.0, 1])
    assert curve["mean_last_tenth"] == 60.5
    assert curve["by_time"].startswith("All points are at step 0: seconds since the first, 2026-09-01T00:00:00Z")


@pytest.mark.parametrize("exact", [False, True])
def test_a_step_written_again_is_told_with_times_and_counts_once(exact, empty_store, ask):
    uri = filled(empty_store, [RawRun(run_id(1))])
    hour = 3_600_000
    with raw_store.opened(uri) as db:
        raw_store.add_points(db, run_id(1), "acc", [(step, STARTED + step, 0.1) for step in range(100)])
        raw_store.add_points(db, run_id(1), "acc", [(step, STARTED + hour + step, 0.9) for step in range(90, 100)])

    answer = ask(uri, "get_metric_history", run_ids=[run_id(1)], metrics=["acc"], exact=exact, max_points=300)

    (curve,) = answer.data["curves"]
    assert curve["points"] == 110
    assert curve["written_again"]["points"] == 10
    assert curve["written_again"]["examples"][0] == [90, 0.1, "2026-09-01T00:00:00Z", 0.9, "2026-09-01T01:00:00Z"]
    assert curve["mean_last_tenth"] == 0.9


def test_a_curve_of_one_nan_is_shown(store, ask):
    (curve,) = ask(store.uri, "get_metric_history", run_ids="trial-05", metrics=["accuracy"]).data["curves"]

    assert (curve["points"], curve["x"], curve["y"]) == (1, [0], ["NaN"])
    assert not {"min", "max", "best_step", "mean_last_tenth"} & set(curve)


# --- which curves, which axis


def test_several_runs_and_globs_make_a_curve_each(store, ask):
    seeded = store.seeded
    runs = [seeded.training_base, seeded.training_spike]

    answer = ask(store.uri, "get_metric_history", run_ids=runs, metrics=["train/*", "system/*"], max_points=5)

    assert [(curve["run"], curve["metric"]) for curve in answer.data["curves"]] == [
        (run, metric) for run in runs for metric in ("train/loss", "system/gpu_0_utilization_percentage")
    ]


def test_an_invocation_stands_for_all_its_runs(store, ask):
    answer = ask(store.uri, "get_metric_history", run_ids=store.seeded.candidate, metrics=["*"])

    assert len(answer.data["curves"]) == 7
    assert {curve["run"].rpartition("-")[2] for curve in answer.data["curves"]} == {
        "pro",
        "gpqa_diamond",
        "aime_2025",
        "ifeval",
    }


def test_time_is_seconds_since_the_first_point(store, ask):
    answer = ask(
        store.uri,
        "get_metric_history",
        run_ids=store.seeded.training_base,
        metrics=["val/loss"],
        axis="time",
        max_points=1_000,
    )

    (curve,) = answer.data["curves"]
    assert answer.data["axis"] == "seconds since the first point"
    assert curve["x"] == [at * 250.0 for at in range(40)]
    assert curve["last"][0] == 399, "figures keep their steps"


def test_each_of_several_curves_has_fewer_points(store, ask):
    runs = [store.seeded.training_base, store.seeded.training_spike]

    answer = ask(store.uri, "get_metric_history", run_ids=runs, metrics=["*"])

    assert 1 <= len(answer.data["curves"]) <= 12, "the odd ones"
    assert len(answer.data["curves"]) + len(rows_of(answer.data["others"])) == 14
    assert len(answer.text) < 16_000


@pytest.fixture
def sweep(empty_store):
    """The URI of a parent without a loss, whose 14 children have one: most are smooth, some are not."""
    steps = range(40)
    losses = {name: [1 / (step + 1) for step in steps] for name in (f"trial-{n:02}" for n in range(14))}
    losses["trial-03"][7:9] = [math.nan, math.nan]
    losses["trial-05"][20] = math.inf
    losses["trial-08"][30] = 48.6
    losses["trial-09"][25:] = [5.0] * 15
    losses["trial-11"] = losses["trial-11"][:12]
    parent = RawRun(run_id(99), name="sweep")
    children = [
        RawRun(run_id(n), name=name, start_time=STARTED + n, tags={"mlflow.parentRunId": run_id(99)})
        for n, name in enumerate(losses)
    ]
    uri = filled(empty_store, [parent, *children])
    with raw_store.opened(uri) as db:
        raw_store.add_points(db, run_id(99), "best", [(0, STARTED, 0.1)])
        for child, values in zip(children, losses.values()):
            points = [(step, STARTED + step * 1_000, value) for step, value in enumerate(values)]
            raw_store.add_points(db, child.id, "loss", points)
        again = [(step, STARTED + 100_000 + step, 1 / (step + 1)) for step in (30, 31)]
        raw_store.add_points(db, run_id(12), "loss", again)
    return uri


def test_of_many_curves_the_odd_ones_come_first_and_the_others_are_rows(sweep, ask):
    data = ask(sweep, "get_metric_history", run_ids=run_id(99), metrics="loss").data

    odd = {curve["run"]: curve for curve in data["curves"]}
    assert list(odd) == ["trial-03", "trial-05", "trial-08", "trial-09", "trial-12"]
    assert odd["trial-03"]["nan"] == {"count": 2, "steps": "7-8"}
    assert odd["trial-05"]["infinite"] == {"count": 1, "steps": "20", "values": "Infinity"}
    assert odd["trial-08"]["spike"][:2] == [30, 48.6]
    assert odd["trial-09"]["largest_jump"][2:] == [25, 5]
    assert odd["trial-12"]["written_again"]["points"] == 2
    assert not any("x" in curve for curve in data["curves"])
    others = rows_of(data["others"])
    assert [row["run"] for row in others] == [f"trial-{n:02}" for n in (0, 1, 2, 4, 6, 7, 10, 11, 13)]
    assert others[0] == {"metric": "loss", "first": 1, "max": 1, **others[0]}
    assert data["notes"] == [
        "Odd (NaN, infinite, spike, sudden jump, steps written again or missing): 5 of 14 curves, told first. "
        "max_points=… shows points, of 40 curves at most.",
        "loss of 13 runs ends at step 39; before it in: trial-11 (11).",
        "'sweep' has no such metric; shown instead: 14 child runs with it.",
    ]


def test_points_that_are_asked_for_are_shown_of_many_curves(sweep, ask):
    data = ask(sweep, "get_metric_history", run_ids=run_id(99), metrics="loss", max_points=5).data

    assert len(data["curves"]) == 14
    assert all(len(curve["x"]) <= 5 for curve in data["curves"])
    assert "others" not in data


def test_a_parent_that_has_the_metric_stands_for_itself(sweep, ask):
    (curve,) = ask(sweep, "get_metric_history", run_ids=run_id(99), metrics="best").data["curves"]

    assert curve["run"] == "sweep"


# --- servers without the route


@pytest.mark.parametrize(("exact", "status"), [(False, 404), (True, 404), (False, 405), (False, 501)])
def test_a_server_that_cannot_sample_gives_the_same_answers(exact, status, mlflow_server, ask):
    seeded = mlflow_server.seeded
    question = {
        "run_ids": [seeded.training_spike, seeded.training_diverged],
        "metrics": ["train/loss", "val/loss"],
        "exact": exact,
    }
    with faulty_proxy(mlflow_server.uri, fail(status, BULK)) as proxy:
        answer = ask(proxy.uri, "get_metric_history", **question)

        assert proxy.count(BULK) >= 1
    assert answer.data == ask(mlflow_server.uri, "get_metric_history", **question).data


def test_a_long_curve_of_a_server_that_cannot_sample_is_sampled_here(curves_server, ask):
    with faulty_proxy(curves_server, fail(404, BULK)) as proxy:
        answer = ask(proxy.uri, "get_metric_history", run_ids=[LONG], metrics=["loss"])

    (curve,) = answer.data["curves"]
    assert (curve["first"], curve["last"][0]) == ([0, 1.0], LENGTH - 1)
    assert curve["sampled"] == "a sample of 2,500 points"
    assert len(answer.text) < 6_000


@pytest.mark.parametrize("version", ["2.16.2", "3.1.4", "not told"])
def test_steps_of_an_old_server_are_read_from_the_whole_history(version, curves_server, ask):
    """MLflow 2.16 to 3.1 drop most points of a long stretch that begins after the first step, and say nothing."""
    question = {"run_ids": [LONG], "metrics": ["loss"], "start_step": 12_000, "end_step": 17_000}
    with faulty_proxy(curves_server, fail(200, "/version", body=version)) as proxy:
        sampled = ask(proxy.uri, "get_metric_history", **question)
        exact = ask(proxy.uri, "get_metric_history", **question, exact=True)

        assert proxy.count(BULK) == 0
    (curve,) = sampled.data["curves"]
    assert (curve["first"][0], curve["last"][0]) == (12_000, 17_000)
    assert exact.data == ask(curves_server, "get_metric_history", **question, exact=True).data


def test_a_failing_page_of_the_history_is_an_error(curves_server, ask, snapshot_error):
    with faulty_proxy(curves_server, fail(500, r"metrics/get-history\?", *range(2, 20))) as proxy:
        answer = ask(proxy.uri, "get_metric_history", run_ids=[LONG], metrics=["loss"], exact=True)

    snapshot_error(answer)


# --- errors


def test_a_metric_that_no_run_has_names_the_nearest(store, ask, snapshot_error):
    for exact in (False, True):
        answer = ask(
            store.uri, "get_metric_history", run_ids=store.seeded.training_base, metrics=["trian/loss"], exact=exact
        )

        snapshot_error(answer)


def test_a_glob_that_fits_nothing_lists_what_there_is(store, ask, snapshot_error):
    answer = ask(store.uri, "get_metric_history", run_ids=["trial-00", "trial-01"], metrics=["zzz*"])

    snapshot_error(answer)


def test_a_run_without_metrics_says_so(store, ask, snapshot_error):
    answer = ask(store.uri, "get_metric_history", run_ids=store.seeded.sweep_parent, metrics=["nowhere"])

    snapshot_error(answer)


def test_an_unknown_run_names_the_nearest(store, ask, snapshot_error):
    answer = ask(store.uri, "get_metric_history", run_ids="sft-8b-bass", metrics=["train/loss"])

    snapshot_error(answer)


def test_too_many_curves_are_refused(store, ask, snapshot_error):
    runs = [f"trial-{number:02}" for number in range(12)]

    answer = ask(store.uri, "get_metric_history", run_ids=[*runs, store.seeded.candidate, store.seeded.training_base,
                 store.seeded.training_spike, store.seeded.training_diverged], metrics=["*"], max_points=5)  # fmt: skip

    snapshot_error(answer)


@pytest.mark.parametrize("steps", [{"start_step": 1_000}, {"start_step": 500, "end_step": 600}, {"end_step": -1}])
@pytest.mark.parametrize("exact", [False, True])
def test_steps_without_points_say_so(exact, steps, store, ask):
    answer = ask(
        store.uri, "get_metric_history", run_ids=store.seeded.training_base, metrics=["lr"], exact=exact, **steps
    )

    (curve,) = answer.data["curves"]
    assert (curve["points"], curve["x"], curve["y"]) == (0, [], [])
    assert answer.data["notes"] == [
        "All figures are of the steps asked for.",
        "No points in these steps: 'sft-8b-base: lr'. Without start_step and end_step all are shown.",
    ]


def test_steps_that_run_backwards_are_refused(store, ask, snapshot_error):
    for tool in ("get_metric_history", "plot_metrics"):
        answer = ask(store.uri, tool, run_ids=store.seeded.training_base, metrics=["lr"], start_step=10, end_step=5)

        snapshot_error(answer)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("max_points", 1),
        ("max_points", 1_001),
        ("axis", "epoch"),
        ("metrics", []),
    ],
)
def test_arguments_out_of_bounds_are_refused(argument, value, store, ask, snapshot_error):
    question = {"run_ids": "trial-00", "metrics": ["loss"]} | {argument: value}

    answer = ask(store.uri, "get_metric_history", **question)

    snapshot_error(answer)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1, math.inf, 1], {"count": 1, "steps": "1", "values": "Infinity"}),
        ([1, -math.inf, -math.inf], {"count": 2, "steps": "1-2", "values": "-Infinity"}),
        ([math.inf, 1, -math.inf], {"count": 2, "steps": "0, 2", "values": "Infinity, -Infinity"}),
    ],
)
def test_infinities_have_their_signs(values, told, empty_store, ask):
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, [raw_store.RawRun(raw_store.run_id(1))])
        points = [(step, raw_store.STARTED + step, value) for step, value in enumerate(values)]
        raw_store.add_points(db, raw_store.run_id(1), "loss", points)

    (curve,) = data_of(ask(empty_store, "get_metric_history", run_ids=raw_store.run_id(1), metrics="loss"))["curves"]

    assert curve["infinite"] == told


def test_steps_that_were_written_again_are_told_as_ranges(empty_store, ask):
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, [raw_store.RawRun(raw_store.run_id(1))])
        steps = [*range(20), *range(12, 18), 3]
        points = [(step, raw_store.STARTED + at * 1000, step / 10) for at, step in enumerate(steps)]
        raw_store.add_points(db, raw_store.run_id(1), "loss", points)

    (curve,) = data_of(ask(empty_store, "get_metric_history", run_ids=raw_store.run_id(1), metrics="loss"))["curves"]

    again = curve["written_again"]
    assert (again["points"], again["steps"]) == (7, "3, 12-17")
