"""export_runs to .html and .md: what people read of a comparison, and nothing that a stranger put there to be run or loaded."""

from __future__ import annotations

import base64
import math
import re
from pathlib import Path

import pytest
from mlflow import MlflowClient

from mlflow_mcp.settings import Settings
from tests.recorded.store import catalogue, local_store
from tests.support import raw_store
from tests.support.asking import data_of
from tests.support.pages import page_of
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import filled

BASELINE, CANDIDATE = (catalogue()["invocations"][name]["id"] for name in ("baseline", "candidate"))


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    return local_store(tmp_path_factory.mktemp("exports"))


def within(uri, folder, **more):
    return Settings(tracking_uri=uri, download_dir=str(folder), **more)


def written(ask, settings, path, **arguments):
    """The answer and the text of the file."""
    data = data_of(ask(settings, "export_runs", path=path, **arguments))
    text = Path(data["path"]).read_text(encoding="utf-8")
    assert len(text.encode()) == data["bytes"]
    return data, text


def rows_under(page, columns):
    """The rows, as dicts, of the first table whose head begins so."""
    table = next(table for table in page.tables if table[0][: len(columns)] == columns)
    return [dict(zip(table[0], row)) for row in table[1:]]


# --- what it says


@pytest.mark.slow
def test_a_page_of_two_invocations_has_scores_with_errors_and_where_they_come_from(exports, ask, tmp_path):
    data, html = written(ask, within(exports, tmp_path), "a.html", run_ids=[BASELINE, CANDIDATE])
    page = page_of(html)

    sections = [
        "What is compared",
        "Verdicts",
        "How much was written",
        "Scores",
        "Errors, counts and costs",
        "What differs",
        "Where it comes from",
        "All params",
    ]
    assert data["sections"] == sections
    assert page.headings == [f"invocation {BASELINE} against invocation {CANDIDATE}", *sections]
    score = next(
        row
        for table in page.tables
        if table[0][:4] == ["task", "metric", "A", "B"] and "stderr A" in table[0]
        for row in [dict(zip(table[0], row)) for row in table[1:]]
        if row["task"] == "ifeval" and "loose" in row["metric"]
    )
    assert score == {
        "task": "ifeval",
        "metric": "ifeval_prompt_level_loose_acc",
        "A": "0.853974",
        "B": "0.83549",
        "B-A": "-0.0184843",
        "(B-A)/|A|": "-2.16%",
        "stderr A": "0.0152",
        "stderr B": "0.016",
    }
    verdicts = rows_under(page, ["task", "metric", "A", "B"])
    assert {row["verdict"] for row in verdicts} == {"WITHIN NOISE"}
    assert all(row["evidence"] for row in verdicts)
    runs = rows_under(page, ["side", "task", "run", "run id"])
    assert {run["run id"] for run in runs} <= {run["run_id"] for run in catalogue()["runs"]}
    assert data["runs"] == len(runs) == 10
    assert ["tags.checkpoint", "base", "step-4000"] in [row for table in page.tables for row in table]
    assert page.pictures == []


@pytest.mark.slow
def test_a_page_says_first_what_makes_the_sides_unequal(exports, ask, tmp_path):
    trial = catalogue()["invocations"]["trial"]["id"]

    data, html = written(ask, within(exports, tmp_path), "a.html", run_ids=[trial, CANDIDATE])

    assert data["sections"][:2] == ["What is compared", "What makes them unequal"]
    (first, *_) = rows_under(page_of(html), ["unequal", "A", "B"])
    assert (first["unequal"], first["A"]) == ("sample limit (do not compare)", "10")


@pytest.mark.slow
def test_the_markdown_of_two_invocations(exports, ask, snapshot, tmp_path):
    data, text = written(ask, within(exports, tmp_path), "a.md", run_ids=[BASELINE, CANDIDATE])

    snapshot("export_runs.report", re.sub(r"Written .* UTC", "Written <when> UTC", text), known={exports: "<store>"})
    assert data["format"] == "markdown"


def test_a_report_of_one_invocation_has_its_scores(exports, ask, tmp_path):
    _, html = written(ask, within(exports, tmp_path), "one.html", run_ids=CANDIDATE)

    page = page_of(html)
    scores = rows_under(page, ["task", "metric", "A"])
    assert {row["task"] for row in scores} == {"AIME_2025", "gpqa_diamond", "ifeval", "ns_mmlu_pro", "ns_omniscience"}
    assert any(row.get("stderr A") for row in scores)
    assert "What differs" not in page.headings


def test_curves_are_a_picture_and_a_table(store, ask, tmp_path):
    runs = [store.seeded.training_base, store.seeded.training_spike]
    data, html = written(ask, within(store.uri, tmp_path), "t.html", run_ids=runs)
    page = page_of(html)

    (picture,) = page.pictures
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    figures = rows_under(page, ["metric", "side", "run", "points"])
    with raw_store.opened(store.uri) as db:
        points = raw_store.points(db, store.seeded.runs[runs[1]], "train/loss")
    told = next(row for row in figures if (row["metric"], row["run"]) == ("train/loss", runs[1]))
    assert (told["points"], told["max"]) == (str(len(points)), f"{max(value for _, value in points):.6g}")
    assert "Curves" in data["sections"]

    data, text = written(ask, within(store.uri, tmp_path), "t.md", run_ids=runs)
    assert "| train/loss | B |" in text
    assert data["notes"] == ["The curves are in its table; pictures are in a .html."]


def test_metrics_without_steps_are_said_not_to_be_drawn(store, empty_store, ask, tmp_path):
    runs = [RawRun(run_id(n), metrics={"auc": n / 10, "f1": n / 5}) for n in (1, 2)]
    _, plain = written(ask, within(filled(empty_store, runs), tmp_path), "p.md", run_ids=[run_id(1), run_id(2)])
    _, exported = written(ask, within(store.uri, tmp_path), "e.md", run_ids=store.seeded.baseline)

    assert "No metric was logged over steps, so there is nothing to draw." in plain
    assert "drawn" not in exported


def test_beside_curves_metrics_without_steps_are_named(empty_store, ask, tmp_path):
    uri = filled(empty_store, [RawRun(run_id(1), metrics={"auc": 0.9})])
    client = MlflowClient(uri)
    for step in range(3):
        client.log_metric(run_id(1), "loss", 1.0 / (step + 1), step=step)

    _, text = written(ask, within(uri, tmp_path), "t.md", run_ids=run_id(1))

    assert "Not drawn, logged without steps: 'auc'." in text


def test_runs_of_a_server_are_linked(both_stores, ask, tmp_path):
    _, html = written(ask, within(both_stores.uri, tmp_path), "a.html", run_ids=["trial-04", "trial-07"])

    links = page_of(html).links
    assert len(links) == (2 if both_stores.uri.startswith("http") else 0)
    assert all(link.startswith(f"{both_stores.uri}/#/experiments/") for link in links)


def test_many_sides_have_values_and_no_deltas(store, ask, tmp_path):
    _, html = written(ask, within(store.uri, tmp_path), "a.html", experiment_id="sweeps", query="params.lr != ''")

    rows = rows_under(page_of(html), ["metric", "A", "B"])
    assert list(rows[0]) == ["metric", *"ABCDEFGHIJKL", "best"]


@pytest.mark.slow
def test_of_copies_of_one_job_none_is_better(exports, ask, tmp_path):
    copies = [run["run_id"] for run in catalogue()["runs"] if run["job_id"] == catalogue()["corrected"]["job_id"]]

    _, html = written(ask, within(exports, tmp_path), "a.html", run_ids=copies)

    page = page_of(html)
    assert "are copies of one job" in page.text
    assert "Verdicts" not in page.headings
    assert "best" not in rows_under(page, ["task", "metric", "A", "B"])[0]


@pytest.mark.slow
def test_of_different_tasks_none_is_better(exports, ask, tmp_path):
    newer = [run["run_id"] for run in catalogue()["runs"] if run["exported_by"] == "newer"]

    _, html = written(ask, within(exports, tmp_path), "a.html", run_ids=newer)

    page = page_of(html)
    assert "These evaluated different tasks (" in page.text
    assert list(rows_under(page, ["metric", "A", "B"])[0]) == ["metric", "A", "B"]


@pytest.mark.slow
def test_a_limit_of_samples_is_told_with_its_evidence(exports, ask, tmp_path):
    trial = catalogue()["invocations"]["trial"]["id"]

    _, text = written(ask, within(exports, tmp_path), "a.md", run_ids=trial)

    assert re.search(r"- A, task \w+: a trial run \(limit\w*=10 in [\w./]+\): not comparable with full runs\.", text)


def test_a_run_without_anything_says_so(empty_store, ask, tmp_path):
    _, html = written(ask, within(filled(empty_store, [RawRun(run_id(1))]), tmp_path), "a.html", run_ids=run_id(1))

    assert "No metric was logged." in page_of(html).text


@pytest.mark.parametrize(
    "arguments",
    [
        {"query": "params.lr = '7'"},
        {"query": "attributes.status = 'FINISHED'"},
        {"run_ids": [f"trial-{n:02}" for n in range(21)]},
        {"run_ids": ["trial-99"]},
    ],
)
def test_a_report_that_cannot_be_made_leaves_nothing(arguments, store, ask, tmp_path, snapshot_error):
    answer = ask(within(store.uri, tmp_path / "out"), "export_runs", path="a.html", **arguments)

    snapshot_error(answer)
    assert not (tmp_path / "out").exists()


# --- what strangers wrote

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</td></table></style><svg onload=alert(1)>",
    "javascript:alert(1)",
    "![x](https://evil.example/p.png) [y](https://evil.example)",
    "a | b\n# heading\n- item",
    "https://evil.example/link",
    "`code` *bold* __init__ ~~gone~~ $x$ &lt;",
    "\x00\x07\x1b[31m\ud800"[:4],
    "# first",
    "1. first",
]


def hostile_runs():
    for at, text in enumerate(HOSTILE):
        yield RawRun(
            run_id(at + 1),
            name=text,
            metrics={"loss": at / 10, "acc": math.nan if at % 2 else math.inf},
            params={"note": text, "link": text},
            tags={"who": text, "mlflow.source.git.commit": text, "mlflow.user": text},
        )


def test_no_text_of_a_stranger_is_markup(empty_store, ask, tmp_path):
    uri = filled(empty_store, hostile_runs())
    _, html = written(ask, within(uri, tmp_path), "a.html", query="metrics.loss >= 0")
    page = page_of(html)  # fails for whatever is loaded or run

    assert page.links == []
    assert "default-src 'none'" in html
    names = [row["name"] for row in rows_under(page, ["side", "name"])]
    assert {HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[3], HOSTILE[6]} <= set(names)


def test_no_text_of_a_stranger_is_markdown(empty_store, ask, tmp_path):
    uri = filled(empty_store, hostile_runs())
    _, text = written(ask, within(uri, tmp_path), "a.md", query="metrics.loss >= 0")

    assert not re.search(r"(?<!\\)[`*\[\]~$]", text)
    assert not re.search(r"<(?!br)", text)
    tables = [block for block in text.strip().split("\n\n") if block.startswith("| ")]
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.split("\n")}) == 1
    assert r"a \| b # heading - item" in text


@pytest.mark.parametrize("ending", ["html", "md"])
def test_secrets_are_masked_in_a_report_unless_the_operator_says_otherwise(ending, empty_store, ask, tmp_path):
    secret = "sk-" + "a1B2c3D4" * 5
    runs = [
        RawRun(
            run_id(at),
            name=f"with {secret}" if at == 1 else "two",
            metrics={"loss": at / 2},
            params={"db_password": f"correct-horse-{at}", "url": f"https://ana:hunter2{at}@x.example/{'y' * 600}"},
            tags={"token": f"{secret}{at}"},
        )
        for at in (1, 2)
    ]
    uri = filled(empty_store, runs)

    _, masked = written(ask, within(uri, tmp_path / "m"), f"a.{ending}", run_ids=[run_id(1), run_id(2)])
    _, plain = written(
        ask, within(uri, tmp_path / "p", mask_secrets=False), f"a.{ending}", run_ids=[run_id(1), run_id(2)]
    )

    for piece in ("a1B2c3D4", "correct-horse", "hunter2"):
        assert piece not in masked
        assert piece in plain


def test_long_texts_and_tables_are_cut_and_it_is_said(empty_store, ask, tmp_path):
    runs = [
        RawRun(run_id(1), metrics={"loss": 1.0}, params={"text": "x" * 5_000} | {f"p{n:03}": "1" for n in range(400)})
    ]
    _, html = written(ask, within(filled(empty_store, runs), tmp_path), "a.html", run_ids=run_id(1))

    assert "Only the first 300 of 401 rows are shown." in html
    assert "x" * 700 not in html
