"""Stores on this machine: what is there, checked before MLflow looks, because MLflow creates what it does not find."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from mlflow_mcp.errors import Problem

# A name with a dot in it, such as mlflow.example.com/prefix, or this machine.
_HOST = re.compile(r"(?:localhost|[\w-]+(?:\.[\w-]+)+)(?:/.*)?")


def default_uri() -> str | None:
    """Where MLflow itself would look when no URI is set, if something is there: `mlruns` with data, or `mlflow.db`."""
    if _has_experiments(Path("mlruns")):
        return str(Path("mlruns").resolve())
    database = Path("mlflow.db")
    return f"sqlite:///{database.resolve()}" if database.is_file() else None


def check_local_store(uri: str) -> None:
    """Raise Problem when `uri` names a local database or folder that is not there or is not MLflow's."""
    if urlsplit(uri).scheme.partition("+")[0] == "sqlite":
        _check_database(uri)
    elif (folder := local_path(uri)) is not None:
        _check_folder(folder)


def local_path(uri: str) -> Path | None:
    """The folder or file that a plain path or a `file:` URI names; None for any other scheme."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(url2pathname(unquote(parts.path)))
    if "://" not in uri and len(parts.scheme) <= 1 and not uri.startswith("databricks"):
        return Path(uri).expanduser()
    return None


def _check_database(uri: str) -> None:
    name = uri.partition(":///")[2].partition("?")[0]
    path = Path(name)
    if not name or name == ":memory:":
        raise Problem(
            f"MLFLOW_TRACKING_URI={uri} does not contain a file path.",
            "Write sqlite:///relative.db or sqlite:////absolute.db.",
        )
    if not path.is_file():
        raise Problem(
            f"The database {path} does not exist{_seen_from(path)}.",
            "Correct MLFLOW_TRACKING_URI (sqlite:///relative.db, sqlite:////absolute.db).",
        )
    try:
        with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as database:
            tables = {row[0] for row in database.execute("select name from sqlite_master where type = 'table'")}
        database.close()
    except sqlite3.DatabaseError as error:
        raise Problem(f"{path} is not a readable sqlite database ({error}).", "Correct MLFLOW_TRACKING_URI.") from error
    if not {"experiments", "runs"} <= tables:
        raise Problem(f"The database {path} holds no MLflow data.", "Correct MLFLOW_TRACKING_URI.")


def _check_folder(folder: Path) -> None:
    if folder.is_file():
        raise Problem(
            f"{folder} is a file, not a folder.", f"If it is a database of MLflow's, set {_as_database(folder)}."
        )
    if not folder.is_dir():
        name = str(folder)
        meant = f" If a server is meant, set MLFLOW_TRACKING_URI=https://{name}." if _HOST.fullmatch(name) else ""
        raise Problem(
            f"The folder {folder} does not exist{_seen_from(folder)}.",
            meant.strip() or "Correct MLFLOW_TRACKING_URI.",
        )
    if not _has_experiments(folder):
        raise Problem(
            f"The folder {folder} holds no MLflow experiments.",
            "Set MLFLOW_TRACKING_URI to the folder that is called mlruns, or to sqlite:///….",
        )


def _has_experiments(folder: Path) -> bool:
    return folder.is_dir() and next(folder.glob("*/meta.yaml"), None) is not None


def _as_database(file: Path) -> str:
    return f"MLFLOW_TRACKING_URI=sqlite:///{file.resolve().as_posix()}"


def _seen_from(path: Path) -> str:
    return "" if path.is_absolute() else f" (looked for in {Path.cwd()}, where the server was started)"
