"""export_runs: the file holds what the store holds, stands where it may, and is never half there."""

from __future__ import annotations

import json
import math
import random
import re
import resource
from pathlib import Path

import anyio
import pandas
import pyarrow.parquet
import pytest
from mcp import Client

from mlflow_mcp.settings import Settings
from tests.support import raw_store
from tests.support.asking import data_of, problem_of, server_of
from tests.support.curves import PAGES
from tests.support.raw_store import RawRun, run_id
from tests.support.servers import fail, faulty_proxy
from tests.support.stores import filled

INFINITY, NAN = math.inf, math.nan
FORMATS = ("csv", "json", "jsonl", "parquet")
FIXED = ["run_id", "run_name", "experiment_id", "experiment", "status", "start_time", "end_time"]


def within(uri, folder, **more):
    return Settings(tracking_uri=uri, download_dir=str(folder), **more)


def loaded(answer):
    """The data frame that the answer's own three lines make."""
    assert len(answer.data["load"].splitlines()) == 3
    names = {}
    exec(answer.data["load"], names)
    return names["df"]


def left_in(folder):
    """Every file and folder there, hidden ones too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# --- what is in the file


def test_an_export_has_the_same_answer_from_sqlite_and_http(both_stores, ask, snapshot, tmp_path):
    answer = ask(within(both_stores.uri, tmp_path / "out"), "export_runs", path="runs.csv", experiment_id="sweeps")

    snapshot("export_runs.sweep", answer, known={str(tmp_path / "out"): "<folder>"})
    assert Path(answer.data["path"]).stat().st_size == answer.data["bytes"]


ODD_TEXTS = [
    "plain",
    "comma, \"quotes\" and 'more'",
    "two\nlines\r\nand a third",
    "ünïcødé 实验 🚀",
    "x" * 6_000,
    "NaN",
    "None",
    "null",
    "NA",
    "007",
    "1e5",
    " spaces ",
    "=1+1",
    "\\",
]
ODD_VALUES = [NAN, INFINITY, -INFINITY, 1e300, -1e300, 1e-300, 5e-324, 0.1 + 0.2, 1 / 3, -0.0, 1.0, 2**53 + 1.0]


def odd_runs():
    generator = random.Random(3)
    for number in range(200):
        yield RawRun(
            run_id(number),
            name=f"run {number} 实验",
            status="FAILED" if number % 9 == 0 else "FINISHED",
            start_time=raw_store.STARTED + number * 61_000,
            metrics={"mmlu-pro/acc x": ODD_VALUES[number % 12] if number < 60 else generator.gauss(0, 1e3)}
            | ({"rare": float(number)} if number % 50 == 1 else {}),
            params={"note": ODD_TEXTS[number % len(ODD_TEXTS)]} | ({"rare": "1"} if number % 50 == 2 else {}),
            tags={"tag, one": ODD_TEXTS[-1 - number % len(ODD_TEXTS)], "mlflow.user": "ana"},
        )


@pytest.mark.parametrize("kind", FORMATS)
def test_the_file_read_back_by_its_own_three_lines_is_the_store(kind, empty_store, ask, tmp_path):
    answer = ask(within(filled(empty_store, odd_runs()), tmp_path / "out"), "export_runs", path=f"runs.{kind}")

    frame = loaded(answer).set_index("run_id")
    with raw_store.opened(empty_store) as db:
        assert len(frame) == answer.data["rows"] == 200
        for name in ("mmlu-pro/acc x", "rare"):
            column, values = frame[f"metrics.{name}"], raw_store.latest(db, name)
            assert column.dtype == "float64"
            assert column.isna().sum() == 200 - sum(not math.isnan(value) for value in values.values())
            assert {run: column[run] for run, value in values.items() if not math.isnan(value)} == {
                run: value for run, value in values.items() if not math.isnan(value)
            }
        for table, name in (("params", "note"), ("params", "rare"), ("tags", "tag, one")):
            values = raw_store.values_of(db, table, name)
            column = frame[f"{table}.{name}"]
            assert {run: column[run] for run in values} == values
            assert all(not isinstance(text, str) or not text for run, text in column.items() if run not in values)
        for run, name, status, start in db.execute("SELECT run_uuid, name, status, start_time FROM runs"):
            assert (frame["run_name"][run], frame["status"][run]) == (name, status)
            assert pandas.Timestamp(frame["start_time"][run]).timestamp() == start // 1000
    assert not any("mlflow." in name for name in frame.columns)


def test_metrics_are_numbers_and_all_else_is_text_in_parquet(empty_store, ask, tmp_path):
    answer = ask(within(filled(empty_store, odd_runs()), tmp_path / "out"), "export_runs", path="runs.parquet")

    schema = pyarrow.parquet.read_schema(answer.data["path"])
    assert {field.name: str(field.type) for field in schema} == (
        dict.fromkeys(FIXED, "string")
        | {"metrics.mmlu-pro/acc x": "double", "metrics.rare": "double"}
        | {"params.note": "string", "params.rare": "string", "tags.tag, one": "string"}
    )
    assert (answer.data["columns"], answer.data["metric_columns"]) == (12, 2)


def test_every_line_of_json_has_every_column(empty_store, ask, tmp_path):
    answer = ask(within(filled(empty_store, odd_runs()), tmp_path / "out"), "export_runs", path="runs.jsonl")

    lines = Path(answer.data["path"]).read_text(encoding="utf-8").split("\n")[:-1]
    rows = [json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON")) for line in lines]
    assert {tuple(row) for row in rows} == {tuple(rows[0])}
    assert len(rows) == 200


def test_more_runs_than_a_page_are_all_in_the_file_once(empty_store, ask, tmp_path):
    runs = [RawRun(run_id(number), metrics={"x": float(number)}) for number in range(2_300)]

    answer = ask(within(filled(empty_store, runs), tmp_path / "out"), "export_runs", path="runs.parquet")

    frame = pandas.read_parquet(answer.data["path"])
    assert sorted(frame["metrics.x"]) == [float(number) for number in range(2_300)]
    assert set(frame["run_id"]) == {run.id for run in runs}


@pytest.mark.parametrize("experiment_id", ["sweeps", ["sweeps", "llm-training"], None])
def test_experiments_and_filters_choose_the_runs(experiment_id, store, ask, tmp_path):
    answer = ask(
        within(store.uri, tmp_path / "out"),
        "export_runs",
        path="runs.csv",
        experiment_id=experiment_id,
        query="params.batch_size = '32'",
    )

    assert set(loaded(answer)["params.batch_size"]) == {"32"}
    assert answer.data["rows"] == 6


def test_secrets_are_masked_in_the_file_unless_the_operator_says_otherwise(store, ask, tmp_path):
    settings = {"experiment_id": store.seeded.experiments["ana/llama-3.1-8b"], "path": "runs.csv"}

    masked = ask(within(store.uri, tmp_path / "masked"), "export_runs", **settings)
    plain = ask(within(store.uri, tmp_path / "plain", mask_secrets=False), "export_runs", **settings)

    told = [Path(each.data["path"]).read_text(encoding="utf-8") for each in (masked, plain)]
    assert [store.seeded.secret in text for text in told] == [False, True]
    assert "[secret hidden]" in told[0]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("runs.csv", "csv"),
        ("runs", "csv"),
        ("runs.json", "json"),
        ("runs.NDJSON", "jsonl"),
        ("runs.pq", "parquet"),
        ("deeper/down/runs.csv", "csv"),
    ],
)
def test_the_ending_says_the_kind_of_file(path, kind, sqlite_store, ask, tmp_path):
    answer = ask(within(sqlite_store.uri, tmp_path / "out"), "export_runs", path=path, experiment_id="sweeps")

    assert answer.data["format"] == kind
    assert answer.data["path"] == str(tmp_path / "out" / path)
    assert len(loaded(answer)) == 13


@pytest.mark.parametrize("path", ["runs.txt", "runs.xlsx", "runs.2026", "runs.csv.gz"])
def test_an_ending_that_no_kind_has_names_those_there_are(path, store, ask, tmp_path, snapshot_error):
    answer = ask(within(store.uri, tmp_path / "out"), "export_runs", path=path)

    snapshot_error(answer)
    assert not (tmp_path / "out").exists()


def test_named_runs_are_written_and_no_others(store, ask, tmp_path):
    answer = ask(
        within(store.uri, tmp_path / "out"),
        "export_runs",
        path="runs.csv",
        run_ids=["trial-04", "trial-07", store.seeded.candidate],
    )

    names = sorted(loaded(answer)["run_name"])
    assert names[-2:] == ["trial-04", "trial-07"]
    assert all(name.startswith(f"eval-{store.seeded.candidate}") for name in names[:-2])
    assert answer.data["rows"] == len(names) > 3


def test_runs_are_named_or_searched_not_both(store, ask, tmp_path, snapshot_error):
    answer = ask(
        within(store.uri, tmp_path / "out"), "export_runs", path="a.csv", run_ids="trial-04", experiment_id="sweeps"
    )

    snapshot_error(answer)


# --- where it may be written


@pytest.fixture
def out(tmp_path):
    """The allowed folder, with a link in it that leads out, and a file."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    (folder / "old.csv").write_text("old")
    (folder / "dangling.csv").symlink_to(tmp_path / "elsewhere.csv")
    return folder


@pytest.mark.parametrize(
    "path", ["../runs.csv", "/tmp/runs.csv", "a/../../runs.csv", "link/runs.csv", "dangling.csv", "~/runs.csv", "/"]
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_path_that_leads_out_of_the_folder_is_refused(overwrite, path, store, ask, out, tmp_path, snapshot_error):
    before = left_in(tmp_path)

    answer = ask(within(store.uri, out), "export_runs", path=path, overwrite=overwrite)

    snapshot_error(answer)
    assert left_in(tmp_path) == before


@pytest.mark.parametrize("path", [".", "runs/", "a\0.csv", "~nobody-of-this-name/runs.csv", "x" * 300, "./"])
def test_a_path_without_a_file_name_is_refused(path, sqlite_store, ask, out):
    answer = ask(within(sqlite_store.uri, out), "export_runs", path=path)

    assert answer.is_error
    assert answer.text.startswith(f"'{path[:79]}")
    assert answer.text.endswith(
        f"' does not contain a file path. Give a file name, e.g. 'runs.csv'; it is written to {out}."
    )


def test_an_empty_path_is_refused(sqlite_store, ask, out):
    empty = ask(within(sqlite_store.uri, out), "export_runs", path="")
    blank = ask(within(sqlite_store.uri, out), "export_runs", path=" ")

    assert empty.is_error
    assert empty.text.startswith("'path' cannot be '':")
    assert blank.is_error
    assert blank.text.startswith("'' does not contain a file path.")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_is_not_replaced_by_a_file(overwrite, sqlite_store, ask, out, snapshot_error):
    (out / "folder").mkdir()

    answer = ask(within(sqlite_store.uri, out), "export_runs", path="folder", overwrite=overwrite)

    snapshot_error(answer)


def test_a_file_is_not_overwritten_unless_told(sqlite_store, ask, out, snapshot_error):
    refused = ask(within(sqlite_store.uri, out), "export_runs", path="old.csv", experiment_id="sweeps")

    snapshot_error(refused)
    assert (out / "old.csv").read_text() == "old"

    told = ask(within(sqlite_store.uri, out), "export_runs", path="old.csv", experiment_id="sweeps", overwrite=True)

    assert len(loaded(told)) == 13


def test_a_path_that_cannot_be_written_to_advises_the_operator(sqlite_store, ask, out, snapshot_error):
    """A file stands where the folder should be: so it is also for root, to whom no folder is read-only."""
    answer = ask(within(sqlite_store.uri, out), "export_runs", path="old.csv/runs.csv")

    snapshot_error(answer)


# --- never half there


@pytest.mark.parametrize(("kind", "overwrite"), [*((kind, False) for kind in FORMATS), ("csv", True)])
def test_when_a_page_fails_nothing_is_left_and_the_old_file_stays(overwrite, kind, scratch_server, ask, out):
    before = left_in(out)
    with faulty_proxy(scratch_server.uri, fail(500, "runs/search", *range(3, 50))) as proxy:
        answer = ask(
            within(proxy.uri, out),
            "export_runs",
            path="old.csv" if overwrite else f"new.{kind}",
            experiment_id=str(PAGES),
            overwrite=overwrite,
        )

    assert answer.is_error
    assert answer.text.startswith(f"The MLflow server at {proxy.uri} returned an internal error (500).")
    assert left_in(out) == before
    assert (out / "old.csv").read_text() == "old"


@pytest.mark.parametrize("kind", FORMATS)
def test_a_full_disk_is_told_and_leaves_nothing(kind, empty_store, ask, tmp_path):
    """A limit of the system on the size of files stands for the end of the disk."""
    with raw_store.opened(empty_store) as db:
        raw_store.add_runs(
            db, [RawRun(run_id(n), params={f"p{at}": f"{n * at}" * 40 for at in range(60)}) for n in range(60)]
        )
    settings = Settings(tracking_uri=empty_store, download_dir=str(tmp_path / "out"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))
    try:
        full = ask(settings, "export_runs", path=f"runs.{kind}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    left = list((tmp_path / "out").iterdir())
    again = ask(settings, "export_runs", path=f"runs.{kind}")

    assert re.fullmatch(
        r"\S+ could not be written \(File too large\); nothing is left of it\. Free space .*", problem_of(full)
    )
    assert left == []
    assert data_of(again)["rows"] == 60


def test_when_no_run_matches_nothing_is_written(store, ask, tmp_path, snapshot_error):
    answer = ask(within(store.uri, tmp_path / "out"), "export_runs", path="runs.csv", query="params.lr = '7'")

    snapshot_error(answer)
    assert left_in(tmp_path / "out") == []


def test_an_unknown_experiment_names_the_nearest_and_writes_nothing(store, ask, tmp_path, snapshot_error):
    answer = ask(within(store.uri, tmp_path / "out"), "export_runs", path="runs.csv", experiment_id="sweep")

    snapshot_error(answer)
    assert not (tmp_path / "out").exists()


def test_an_export_leaves_its_file_and_nothing_else(store, ask, tmp_path):
    ask(within(store.uri, tmp_path / "out"), "export_runs", path="a/runs.csv", experiment_id="sweeps")

    assert left_in(tmp_path / "out") == ["a", "a/runs.csv"]


def test_an_export_reports_its_progress(empty_store, tmp_path):
    uri = filled(empty_store, [RawRun(run_id(number)) for number in range(2_300)])
    told = []

    async def heard(done, total, message):
        told.append((done, total, message))

    async def work():
        async with Client(server_of(within(uri, tmp_path / "out"))) as client:
            await client.call_tool("export_runs", {"path": "runs.csv"}, progress_callback=heard)

    anyio.run(work)

    assert told[-1] == (2_300, None, "read 2,300 runs")
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
