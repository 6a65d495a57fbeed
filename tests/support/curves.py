"""Curves that are long or odd, and an experiment of several pages of runs, written as rows into a sqlite store."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path

from filelock import FileLock

from tests.support import raw_store
from tests.support.raw_store import RawRun, run_id
from tests.support.stores import copied

INFINITY, NAN = math.inf, math.nan
LENGTH, SPIKE = 25_000, 12_346
HUGE_LENGTH, HUGE_SPIKE = 60_000, 43_457
LONG, HUGE, SHORT, BACK, ODD = (run_id(number) for number in range(5))
CURVES, PAGES = 1, 2
"""The experiments: of the curves, and of the runs."""
PAGED = [RawRun(run_id(1_000 + number), PAGES, metrics={"x": float(number)}) for number in range(2_300)]


def make(folder: Path, empty: str) -> str:
    """The URI of such a store in `folder`, made by whichever worker comes first."""
    database = folder / "mlflow.db"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            folder.mkdir()
            write(copied(empty, database))
    return f"sqlite:///{database}"


def write(uri: str) -> None:
    with raw_store.opened(uri) as db:
        raw_store.add_experiments(db, {CURVES: "curves", PAGES: "pages"})
        raw_store.add_runs(db, PAGED)
        write_curves(db)


def write_curves(db: sqlite3.Connection) -> None:
    """Two long curves with a spike of one step, a short one beside them, one with steps below zero, and one of odd values."""
    names = {LONG: "long", HUGE: "huge", SHORT: "short", BACK: "back", ODD: "odd"}
    raw_store.add_runs(db, [RawRun(id, CURVES, name=name) for id, name in names.items()])
    start = raw_store.STARTED
    for run, length, spike in ((LONG, LENGTH, SPIKE), (HUGE, HUGE_LENGTH, HUGE_SPIKE)):
        values = (99.5 if step == spike else smooth(step) for step in range(length))
        raw_store.add_points(db, run, "loss", ((step, start + step * 100, value) for step, value in enumerate(values)))
    raw_store.add_points(db, SHORT, "loss", ((step, start + step * 100, 3.0 - step / 100) for step in range(0, 300, 3)))
    raw_store.add_points(db, BACK, "loss", ((step, start + 5_000 + step, step / 7) for step in range(-100, 100)))
    odd = [1.0, NAN, NAN, 1e300, INFINITY, -INFINITY, 1e-300, NAN, -1e300, 0.0]
    raw_store.add_points(db, ODD, "loss", ((step, start + step, value) for step, value in enumerate(odd)))


def smooth(step: int) -> float:
    return math.exp(-step / 10_000) + (step * 7919 % 101) / 1000
