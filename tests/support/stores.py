"""Tracking stores to test against, made once for a session, whichever of its workers needs them first, and copied."""

from __future__ import annotations

import dataclasses
import functools
import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from tests.support import raw_store
from tests.support.raw_store import RawRun

if TYPE_CHECKING:
    from mlflow_mcp.cli.demo.data import Seeded


# Where a store says in which folder files are.
PLACES = [
    ("runs", "artifact_uri"), ("experiments", "artifact_location"), ("logged_models", "artifact_location"),
    ("model_versions", "source"), ("model_versions", "storage_location"), ("trace_tags", "value"),
]  # fmt: skip
FIRST, MINUTE = 1_790_000_000_000, 60_000  # 2026-09-21


@dataclass(frozen=True)
class Store:
    """A tracking store that holds the demo's data: its URI, and the ids that seeding made."""

    uri: str
    seeded: Seeded


def remember_newest_schema() -> None:
    """MLflow reads its 67 migrations whenever it opens a database, to know which is the newest: more than half of the time
    that opening takes, for an answer that cannot change while tests run. Asked once by each worker."""
    from mlflow.store.db import utils

    utils._get_latest_schema_revision = functools.cache(utils._get_latest_schema_revision)


def make_empty(folder: Path) -> str:
    """The URI of a sqlite store in this folder, with MLflow's Default experiment and nothing in it."""
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

            folder.mkdir()
            SqlAlchemyStore(uri, (folder / "artifacts").as_uri())
            date_experiments(uri)
    return uri


def make_seeded(folder: Path, empty: str) -> Store:
    """The demo's data in a copy of an empty store, in `folder`."""
    from mlflow_mcp.cli.demo.data import Seeded, seed

    uri = f"sqlite:///{folder / 'mlflow.db'}"
    ids = folder / "seeded.json"
    with FileLock(f"{folder}.lock"):
        if not ids.exists():
            folder.mkdir()
            copied(empty, folder / "mlflow.db")
            seeded = seed(uri, str(folder / "artifacts"), log_megabytes=1)
            date_experiments(uri)
            date_models(uri)
            ids.write_text(json.dumps(dataclasses.asdict(seeded)))
    return Store(uri, Seeded(**json.loads(ids.read_text())))


def copied_to_be_served(uri: str, artifacts: Path, folder: Path) -> None:
    """A copy of the store in `folder` for a server that passes on what lies in `artifacts`."""
    with raw_store.opened(copied(uri, folder / "mlflow.db")) as db:
        for table, column in PLACES:
            db.execute(
                f"UPDATE {table} SET {column} = replace({column}, ?, 'mlflow-artifacts:')", (artifacts.as_uri(),)
            )


def artifacts_of(uri: str) -> Path:
    """Where the template of this URI keeps the files of its runs."""
    return Path(uri.removeprefix("sqlite:///")).parent / "artifacts"


def date_experiments(uri: str) -> None:
    """Give the experiments fixed times, a day apart. MLflow's API cannot, and whether two were made in the same
    second would decide which columns an answer has."""
    day, first = 86_400_000, 1_788_220_800_000  # 2026-09-01
    with raw_store.opened(uri) as db:
        db.execute(
            "UPDATE experiments SET creation_time = :first + experiment_id * :day,"
            " last_update_time = :first + experiment_id * :day + 3600000",
            {"first": first, "day": day},
        )


def date_runs(uri: str) -> None:
    date(uri, {"runs": ("start_time", "end_time")})


def date_models(uri: str) -> None:
    """Fixed times, a minute apart: whether two were made in the same second would decide which columns an answer has."""
    columns = {
        "logged_models": ("creation_timestamp_ms", "last_updated_timestamp_ms"),
        "model_versions": ("creation_time", "last_updated_time"),
        "registered_models": ("creation_time", "last_updated_time"),
    }
    date(uri, columns)


def date(uri: str, columns: Mapping[str, tuple[str, str]]) -> None:
    with raw_store.opened(uri) as db:
        for table, (first, second) in columns.items():
            rows = [row for (row,) in db.execute(f"SELECT rowid FROM {table} ORDER BY {first}, rowid").fetchall()]
            for at, row in enumerate(rows):
                times = (FIRST + at * MINUTE, FIRST + at * MINUTE + 1, row)
                db.execute(f"UPDATE {table} SET {first} = ?, {second} = ? WHERE rowid = ?", times)


def copied(uri: str, target: Path) -> str:
    """The URI of a copy of a sqlite store."""
    # Sqlite's own backup: the store may still be open, with pages that are not in its main file yet.
    with (
        closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
    return f"sqlite:///{target}"


def filled(uri: str, runs: Iterable[RawRun]) -> str:
    """The same URI, with these runs in the store."""
    with raw_store.opened(uri) as db:
        raw_store.add_runs(db, runs)
    return uri


def labels_of(seeded: Seeded) -> dict[str, str]:
    """What a snapshot writes instead of the ids that seeding made."""
    long_ids = {id_: f"<experiment:{name}>" for name, id_ in seeded.experiments.items() if len(id_) > 6}
    models = {id_: f"<model:{name}>" for name, id_ in seeded.models.items()}
    return long_ids | models | {id_: f"<run:{name}>" for name, id_ in seeded.runs.items()}
