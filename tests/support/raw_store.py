"""The sqlite store without MLflow: rows written by SQL where its API is slow or has no way to say it, and values read
back to check figures against.

    with raw_store.opened(uri) as db:
        raw_store.add_runs(db, [raw_store.RawRun("a" * 32, metrics={"loss": math.nan})])
        raw_store.latest(db, "loss")
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

LARGEST = 1.7976931348623157e308  # what MLflow writes for an infinity
STARTED = 1_788_220_800_000  # 2026-09-01


@dataclass(frozen=True)
class RawRun:
    """A run as its rows. `experiment_id` 0 is MLflow's Default."""

    id: str
    experiment_id: int = 0
    name: str = "run"
    status: str = "FINISHED"
    start_time: int = STARTED
    artifact_uri: str = "file:///nowhere"
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def run_id(number: int) -> str:
    return f"{number:032x}"


@contextmanager
def opened(uri: str) -> Iterator[sqlite3.Connection]:
    """The store's file, what was changed committed at the end."""
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as connection, connection:
        yield connection


def add_experiments(db: sqlite3.Connection, names: Mapping[int, str]) -> None:
    db.executemany(
        "INSERT INTO experiments(experiment_id, name, artifact_location, lifecycle_stage, creation_time,"
        " last_update_time) VALUES (?, ?, 'file:///nowhere', 'active', ?, ?)",
        [(number, name, STARTED + number, STARTED + number) for number, name in names.items()],
    )
    if "workspace" in columns_of(db, "experiments"):  # newer schemas; nothing else tells which workspace it is
        db.execute("UPDATE experiments SET workspace = 'default' WHERE workspace IS NULL")


def columns_of(db: sqlite3.Connection, table: str) -> set[str]:
    return {name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")}


def add_runs(db: sqlite3.Connection, runs: Iterable[RawRun]) -> None:
    runs = list(runs)
    db.executemany(
        "INSERT INTO runs(run_uuid, name, start_time, end_time, artifact_uri, experiment_id, lifecycle_stage, status,"
        " source_type, user_id) VALUES (?, ?, ?, ?, ?, ?, 'active', ?, 'LOCAL', 'ana')",
        [(r.id, r.name, r.start_time, r.start_time + 1_000, r.artifact_uri, r.experiment_id, r.status) for r in runs],
    )
    for run in runs:
        for name, value in run.metrics.items():
            add_points(db, run.id, name, [(0, run.start_time, value)])
    for table in ("params", "tags"):
        rows = [(run.id, *pair) for run in runs for pair in getattr(run, table).items()]
        db.executemany(f"INSERT INTO {table}(run_uuid, key, value) VALUES (?, ?, ?)", rows)


def add_points(db: sqlite3.Connection, run: str, metric: str, points: Iterable[tuple[int, int, float]]) -> None:
    """Points of (step, timestamp, value); the last one is the run's value."""
    rows = [(run, metric, *stored(value), timestamp, step) for step, timestamp, value in points]
    columns = "(run_uuid, key, value, is_nan, timestamp, step) VALUES (?, ?, ?, ?, ?, ?)"
    db.executemany(f"INSERT INTO metrics{columns}", rows)
    db.execute(f"INSERT OR REPLACE INTO latest_metrics{columns}", rows[-1])


def stored(value: float) -> tuple[float, bool]:
    """The value and is_nan as MLflow writes them."""
    if math.isnan(value):
        return 0.0, True
    return (math.copysign(LARGEST, value) if math.isinf(value) else value), False


def latest(db: sqlite3.Connection, metric: str) -> dict[str, float]:
    """Each run's value by run id: NaN where the row says so, infinities as infinities."""
    query = "SELECT run_uuid, value, is_nan FROM latest_metrics WHERE key = ?"
    return {run: meant(value, is_nan) for run, value, is_nan in db.execute(query, (metric,))}


def points(db: sqlite3.Connection, run: str, metric: str) -> list[tuple[int, float]]:
    """All (step, value) of a curve in the order of their steps."""
    query = "SELECT step, value, is_nan FROM metrics WHERE run_uuid = ? AND key = ? ORDER BY step, timestamp, value"
    return [(step, meant(value, is_nan)) for step, value, is_nan in db.execute(query, (run, metric))]


def meant(value: float, is_nan: int) -> float:
    if is_nan:
        return math.nan
    return math.copysign(math.inf, value) if abs(value) == LARGEST else value


def values_of(db: sqlite3.Connection, table: str, name: str) -> dict[str, str]:
    """The value of a param or tag by run id."""
    return dict(db.execute(f"SELECT run_uuid, value FROM {table} WHERE key = ?", (name,)))
