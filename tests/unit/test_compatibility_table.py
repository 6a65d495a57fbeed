"""The table of scripts/compat: what counts as the same answer, and what gets a note."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

COMPAT = Path(__file__).parents[2] / "scripts" / "compat"


@pytest.fixture
def table(monkeypatch):
    monkeypatch.syspath_prepend(str(COMPAT))
    spec = importlib.util.spec_from_file_location("compat_table", COMPAT / "table.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "compat_table", module)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("calls", None)


def answered(data: object) -> dict:
    return {"is_error": False, "text": "", "pages": [data], "kinds": ["text"]}


def refused(sentence: str) -> dict:
    return {"is_error": True, "text": sentence, "pages": [None], "kinds": ["text"]}


def test_ids_addresses_versions_and_times_of_day_make_no_difference(table):
    run_id = "0123456789abcdef0123456789abcdef"
    answers = [
        answered({"run": run_id, "model": f"m-{run_id}", "at": "2026-11-21T10:00:00Z", "url": "http://127.0.0.1:1/x"})
    ]

    assert table.neutral(answers, {run_id: "trial", "http://127.0.0.1:1": "server"})[0]["pages"] == [
        {"run": "<trial>", "model": "m-<trial>", "at": "<time>", "url": "<server>/x"}
    ]
    logged = [answered({"start": "2026-09-21T14:13:20Z"})]
    assert table.neutral(logged, {}) == logged, "the times that were logged are compared"


def test_an_answer_that_differs_from_the_newest_names_what_differs(table):
    call = table.Call("get_run", {"run_id": "{a}"})

    assert table.judged(call, answered({"n": 1}), answered({"n": 1}), ()) == ""
    assert table.judged(call, answered({"n": 1}), answered({"n": 2}), ()) == "differs: `[0].n` 1 (newest: 2)"


def test_an_error_for_right_arguments_and_an_answer_for_wrong_ones_get_a_note(table):
    wrong = table.Call("get_run", {}, is_refused=True)
    down = refused("Down.")

    assert table.failures_of([down] * len(table.CALLS)) == {"Down."}
    assert table.judged(table.Call("get_run", {}), down, down, {"Down."}) == "Down."
    assert table.judged(wrong, down, refused("None such."), {"Down."}) == "Down."
    assert table.judged(wrong, refused("None."), refused("None such."), ()) == "None. (newest: None such.)"
    assert table.judged(wrong, answered(1), answered(1), ()) == "it is answered: [1]"
    assert table.judged(wrong, refused("None such."), refused("None such."), ()) == ""
