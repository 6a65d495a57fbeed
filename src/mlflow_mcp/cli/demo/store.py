"""The demo's store on this disk: made once, found again afterwards, and never made over anything that is not ours."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from mlflow_mcp.client.transport.translate import problem_of
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import listed

DATABASE, ARTIFACTS = "mlflow.db", "artifacts"
# Written before the first byte of the store and completed after its last: a folder without it is not ours.
MARKER = "seeded.json"


def store_in(folder: Path, on_making: Callable[[], None]) -> str:
    """The URI of the store in `folder`, an absolute path; `on_making` is called if it has to be made first.

    Raises Problem when the folder cannot be used.
    """
    uri = f"sqlite:///{(folder / DATABASE).as_posix()}"
    try:
        if not _is_complete(folder):
            on_making()
            _clear(folder)
            _make(folder, uri)
    except Problem:
        raise
    except OSError as error:
        raise Problem(
            f"The folder {folder} cannot be written: {error.strerror or error}.",
            "Name another one with --folder.",
        ) from error
    except Exception as error:
        raise problem_of(error, uri) from error
    return uri


def _is_complete(folder: Path) -> bool:
    """Whether the whole store is there. Raises Problem for a folder that holds other things than a store of ours."""
    if not folder.is_dir():
        return False
    marker = folder / MARKER
    if not marker.is_file():
        others = sorted(each.name for each in folder.iterdir())
        if others:
            raise Problem(
                f"The folder {folder} already holds other things ({listed(others, 3)}), so no store is made there.",
                "Name another one with --folder.",
            )
        return False
    try:
        marked = json.loads(marker.read_text(encoding="utf-8"))
        complete = marked["made_by"] == "mlflow-mcp demo" and marked["complete"]
    except (ValueError, TypeError, KeyError):
        raise Problem(
            f"The file {marker} is not one that this demo writes.",
            "Name another folder with --folder.",
        ) from None
    return bool(complete) and (folder / DATABASE).is_file()


def _clear(folder: Path) -> None:
    """Remove what a demo that was broken off has left: only the names that it writes, and only next to its marker."""
    if not (folder / MARKER).is_file():
        return
    for ending in ("", "-journal", "-wal", "-shm"):
        (folder / f"{DATABASE}{ending}").unlink(missing_ok=True)
    if (folder / ARTIFACTS).is_dir():
        shutil.rmtree(folder / ARTIFACTS)


def _make(folder: Path, uri: str) -> None:
    from mlflow_mcp.cli.demo.data import seed

    folder.mkdir(parents=True, exist_ok=True)
    _mark(folder, {"complete": False})
    _quiet()
    seeded = seed(uri, str(folder / ARTIFACTS))
    _mark(folder, {"complete": True, "seeded": asdict(seeded)})


def _mark(folder: Path, facts: dict[str, object]) -> None:
    new = folder / f"{MARKER}.new"
    new.write_text(json.dumps({"made_by": "mlflow-mcp demo", **facts}, indent=1), encoding="utf-8")
    new.replace(folder / MARKER)


def _quiet() -> None:
    """MLflow tells nobody that it is used, and of its progress in making tables only what goes wrong."""
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}
    os.environ.update(quiet | {"MLFLOW_LOGGING_LEVEL": "WARNING"})  # read when MLflow is imported
    logging.getLogger("alembic").setLevel(logging.WARNING)
