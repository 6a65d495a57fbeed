"""plot_metrics: a picture that is one, its numbers in words, and nothing left behind in memory."""

from __future__ import annotations

import base64
import gc
import math
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from mlflow_mcp.settings import Settings
from tests.support import raw_store
from tests.support.raw_store import RawRun, run_id
from tests.support.servers import fail, faulty_proxy
from tests.support.stores import filled

INFINITY, NAN = math.inf, math.nan


def pixels(answer):
    """Width and height of the picture, and how many distinct colours it has, from its bytes alone."""
    (image,) = [block for block in answer.result.content if block.type == "image"]
    assert image.mime_type == "image/png"
    data = base64.b64decode(image.data)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    at, packed = 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert zlib.crc32(name + content) == checksum
        packed += content if name == b"IDAT" else b""
        at += 12 + length
    rows = zlib.decompress(packed)
    assert (depth, kind) == (8, 6)
    assert len(rows) == height * (1 + 4 * width)
    return width, height


# --- curves


def test_curves_come_as_a_picture_and_its_numbers_in_words(both_stores, ask, snapshot):
    seeded = both_stores.seeded
    runs = [seeded.training_base, seeded.training_spike, seeded.training_diverged]

    answer = ask(
        both_stores.uri, "plot_metrics", run_ids=runs, metrics=["train/loss", "val/loss"], smoothing=0.6, log_scale=True
    )

    width, height = pixels(answer)
    assert width > height > 400
    snapshot("plot_metrics.curves", answer.text)
    assert answer.data is None, "hosts show the model nothing else when there is structured content"
    assert [block.type for block in answer.result.content] == ["image", "text"]


def test_the_text_beside_a_plot_describes_all_points(sqlite_store, ask):
    run = sqlite_store.seeded.runs[sqlite_store.seeded.training_spike]

    answer = ask(sqlite_store.uri, "plot_metrics", run_ids=run, metrics=["grad_norm"])

    with raw_store.opened(sqlite_store.uri) as db:
        points = raw_store.points(db, run, "grad_norm")
    low, high = min(points, key=lambda point: point[1]), max(points, key=lambda point: point[1])
    assert answer.text == (
        f"sft-8b-bs512 grad_norm: first {points[0][1]:.6g}, last {points[-1][1]:.6g}, "
        f"min {low[1]:.6g} at step {low[0]}, max {high[1]:.6g} at step {high[0]}."
    )


@pytest.mark.parametrize("options", [{}, {"log_scale": True}, {"smoothing": 0.9}, {"axis": "time"}])
def test_nan_infinite_negative_and_extreme_values_do_not_break_the_picture(options, empty_store, ask):
    odd = [1.0, NAN, 1e300, INFINITY, -INFINITY, 1e-300, -5.0, 0.0, NAN, 2.0]
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, [RawRun(run_id(1), name="odd")])
        raw_store.add_points(db, run_id(1), "x", [(at, raw_store.STARTED + at, v) for at, v in enumerate(odd)])

    answer = ask(empty_store, "plot_metrics", run_ids=run_id(1), metrics=["x"], **options)

    assert pixels(answer)
    assert answer.text.startswith(
        "odd x: first 1, last 2, min -5 at step 6, max 1e+300 at step 2, 4 NaN or infinite points."
    )


@pytest.mark.parametrize("log_scale", [False, True])
def test_a_curve_without_finite_values_says_so(log_scale, empty_store, ask):
    uri = filled(empty_store, [RawRun(run_id(1), name="lost", metrics={"x": NAN})])

    answer = ask(uri, "plot_metrics", run_ids=run_id(1), metrics=["x"], log_scale=log_scale)

    assert pixels(answer)
    assert answer.text.startswith("lost x: no finite value.")


@pytest.mark.parametrize("name", ["$x^2$ run", "_hidden", "", "实验 🚀", "a\nb", "r" * 200, r"\frac{1}{2", "<b>&"])
def test_a_run_of_any_name_can_be_drawn(name, empty_store, ask):
    runs = [RawRun(run_id(n), name=name, metrics={"x": float(n)}) for n in (1, 2)]
    uri = filled(empty_store, runs)

    for kind in ("curves", "bars"):
        assert pixels(ask(uri, "plot_metrics", run_ids=[run_id(1), run_id(2)], metrics=["x"], kind=kind))


def test_many_runs_are_drawn_and_the_words_stay_few(store, ask):
    runs = [f"trial-{number:02}" for number in range(12) if number != 8]

    answer = ask(store.uri, "plot_metrics", run_ids=runs, metrics=["*"])

    assert pixels(answer)
    assert answer.text.endswith("2 more curves.")
    assert len(answer.text) < 3_000


def test_each_metric_has_a_panel_of_its_own(store, ask):
    one = ask(store.uri, "plot_metrics", run_ids=store.seeded.training_base, metrics=["train/loss"])
    four = ask(store.uri, "plot_metrics", run_ids=store.seeded.training_base, metrics=["*loss", "lr", "grad_norm"])

    assert pixels(four)[1] > 2 * pixels(one)[1]


def test_a_long_curve_is_drawn_from_a_sample_and_says_so(empty_store, ask):
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(db, [RawRun(run_id(1), name="long")])
        raw_store.add_points(db, run_id(1), "x", ((at, raw_store.STARTED + at, math.sin(at)) for at in range(5_000)))

    answer = ask(empty_store, "plot_metrics", run_ids=run_id(1), metrics=["x"])

    assert pixels(answer)
    assert answer.text.endswith("Long curves are drawn and described by a sample of 1,000 points.")


# --- bars


def test_points_without_steps_are_drawn_over_time(empty_store, ask):
    uri = filled(empty_store, [RawRun(run_id(1))])
    with raw_store.opened(uri) as db:
        raw_store.add_points(db, run_id(1), "acc", [(0, raw_store.STARTED + at * 1_000, at / 10) for at in range(10)])

    answer = ask(uri, "plot_metrics", run_ids=[run_id(1)], metrics=["acc"])

    assert answer.text.endswith("Drawn over time: all points of a curve are at one step.")


def test_bars_come_in_the_order_of_their_values_without_those_that_have_none(store, ask):
    answer = ask(
        store.uri, "plot_metrics", run_ids=["trial-00", "trial-05", "trial-06"], metrics=["accuracy"], kind="bars"
    )

    assert pixels(answer)
    assert answer.text == (
        "accuracy: trial-06: 0.848; trial-00: 0.817059. 1 run left out: NaN, infinite, or beyond 40 bars."
    )


def test_a_parent_without_the_metric_stands_for_its_children(store, ask):
    answer = ask(store.uri, "plot_metrics", run_ids=store.seeded.sweep_parent, metrics=["accuracy"], kind="bars")

    assert "shown instead: 11 child runs with it." in answer.text


def test_bars_of_runs_of_one_name_are_told_apart(empty_store, ask):
    runs = [RawRun(f"{n}" * 32, name="train", metrics={"x": float(n)}) for n in (1, 2)]

    answer = ask(filled(empty_store, runs), "plot_metrics", run_ids=["1" * 32, "2" * 32], metrics=["x"], kind="bars")

    assert answer.text == "x: train 2026-09-01 222222: 2; train 2026-09-01 111111: 1."


# --- errors


@pytest.mark.parametrize(
    "question",
    [
        {"run_ids": ["trial-00"], "metrics": ["*"], "kind": "bars"},
        {"run_ids": ["trial-05"], "metrics": ["accuracy"], "kind": "bars"},
        {"run_ids": ["71f3f3199ea5e1f0"], "metrics": ["*"]},
        {"run_ids": ["trial-00"], "metrics": ["f1"]},
        {"run_ids": ["trial-00"], "metrics": ["loss"], "start_step": 5},
        {"run_ids": ["trial-00"], "metrics": ["loss"], "smoothing": 1},
    ],
)
def test_a_plot_that_cannot_be_drawn_is_refused(question, store, ask, snapshot_error):
    answer = ask(store.uri, "plot_metrics", **question)

    snapshot_error(answer)
    assert [block.type for block in answer.result.content] == ["text"]


def test_points_that_cannot_be_read_are_an_error_and_no_empty_plot(mlflow_server, ask):
    with faulty_proxy(mlflow_server.uri, fail(500, "get-history")) as proxy:
        answer = ask(proxy.uri, "plot_metrics", run_ids="trial-00", metrics=["loss"])

    assert answer.is_error
    assert answer.text.startswith(f"The MLflow server at {proxy.uri} returned an internal error (500).")


# --- memory


@pytest.mark.slow
def test_no_figure_outlives_its_call(store, ask_many):
    from matplotlib.figure import Figure

    with ask_many(store.uri) as ask:
        for kind in ("curves", "bars", "curves"):
            ask("plot_metrics", run_ids=["trial-00", "trial-01"], metrics=["loss"], kind=kind)

    gc.collect()
    assert [each for each in gc.get_objects() if isinstance(each, Figure)] == []


@pytest.mark.slow
def test_pictures_drawn_at_the_same_time_are_those_drawn_alone(store, ask_many):
    runs = [store.seeded.training_base, store.seeded.training_spike]
    questions = [{"run_ids": runs, "metrics": [metric]} for metric in ("train/loss", "lr", "grad_norm")]
    with ask_many(store.uri) as ask, ThreadPoolExecutor(6) as threads:
        alone = [ask("plot_metrics", **question).result.content for question in questions]
        together = list(threads.map(lambda question: ask("plot_metrics", **question).result.content, questions * 2))

    assert together == alone * 2


def test_a_curve_at_the_ends_of_the_float_range_is_drawn_divided(empty_store, ask):
    from mlflow import MlflowClient

    client = MlflowClient(empty_store)
    run_id = client.create_run("0").info.run_id
    for step, value in enumerate((1e308, -1e308, 1.5e308, 0.0)):
        client.log_metric(run_id, "loss", value, step=step)

    answer = ask(empty_store, "plot_metrics", run_ids=run_id, metrics="loss")

    assert not answer.is_error, answer.text
    assert answer.result.content[0].type == "image"


# --- in a file as well


def within(uri, folder):
    return Settings(tracking_uri=uri, download_dir=str(folder))


@pytest.mark.parametrize("options", [{}, {"kind": "bars"}])
def test_the_picture_can_be_written_into_the_allowed_folder(options, store, ask, tmp_path):
    answer = ask(
        within(store.uri, tmp_path / "out"),
        "plot_metrics",
        run_ids=["trial-04", "trial-07"],
        metrics=["accuracy"],
        path="pictures/a.PNG",
        **options,
    )

    (image,) = [block for block in answer.result.content if block.type == "image"]
    place = tmp_path / "out" / "pictures" / "a.PNG"
    assert place.read_bytes() == base64.b64decode(image.data)
    assert f"Written to {place} (" in answer.text


@pytest.mark.parametrize("path", ["../a.png", "a.jpg", "a", "old.png"])
def test_a_picture_is_written_nowhere_else_and_over_nothing(path, store, ask, tmp_path, snapshot_error):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old.png").write_text("old")

    answer = ask(
        within(store.uri, tmp_path / "out"), "plot_metrics", run_ids="trial-04", metrics=["accuracy"], path=path
    )

    snapshot_error(answer)
    assert [(each.name, each.read_text()) for each in (tmp_path / "out").iterdir()] == [("old.png", "old")]


def test_a_picture_replaces_one_where_the_call_says_so(store, ask, tmp_path):
    for overwrite in (False, True):
        answer = ask(
            within(store.uri, tmp_path / "out"),
            "plot_metrics",
            run_ids="trial-04",
            metrics=["accuracy"],
            path="a.png",
            overwrite=overwrite,
        )

    assert "Written to" in answer.text
