"""The recorded store of real launcher exports: unpacked, opened as a local sqlite store, or served by MLflow.

README.md beside this file says what is in it; `catalogue()` has the ids and the truth about each run.
"""

import json
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import mlflow

from tests.support.servers import running_mlflow_server

HERE = Path(__file__).parent
ARCHIVE = HERE / "launcher_exports.tar.gz"
# Every column that says where files are. The server wrote `mlflow-artifacts:/…`, which only a server can resolve.
ARTIFACT_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("trace_tags", "value"),
)


@cache
def catalogue() -> dict[str, Any]:
    """catalogue.json: experiments, invocations with their jobs, runs with their traits, and known scores and counts."""
    loaded: dict[str, Any] = json.loads((HERE / "catalogue.json").read_text())
    return loaded


def run_with(trait: str, **fields: Any) -> dict[str, Any]:
    """The catalogue's one run that has the trait and these fields, such as `experiment`, `job_id` or `status`."""
    (found,) = runs_with(trait, **fields)
    return found


def runs_with(trait: str, **fields: Any) -> list[dict[str, Any]]:
    return [
        run
        for run in catalogue()["runs"]
        if trait in run["traits"] and all(run[name] == value for name, value in fields.items())
    ]


def unpack(folder: Path) -> Path:
    """`folder` with mlflow.db and artifacts/, as a server keeps them. A folder that has them is left as it is."""
    if not (folder / "mlflow.db").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(ARCHIVE) as archive:
            # The record is ours, so Python before 3.10.12 and 3.11.4, which has no filters, may unpack it too.
            archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        if f"mlflow=={mlflow.__version__}" not in catalogue()["packages"]["current"]:
            uri = f"sqlite:///{folder / 'mlflow.db'}"
            subprocess.run([sys.executable, "-m", "mlflow", "db", "upgrade", uri], check=True, capture_output=True)
    return folder


def local_store(folder: Path) -> str:
    """The tracking URI of the store as a local sqlite database whose files are read from `folder`."""
    database = unpack(folder) / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in ARTIFACT_COLUMNS:
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, 19) WHERE {column} LIKE 'mlflow-artifacts:/%'",
                (f"{(folder / 'artifacts').resolve().as_uri()}/",),
            )
    return f"sqlite:///{database}"


@contextmanager
def served_store(folder: Path) -> Iterator[str]:
    """The tracking URI of the store behind a real `mlflow server`. `folder` must not be one of `local_store`."""
    with running_mlflow_server(unpack(folder)) as uri:
        yield uri
