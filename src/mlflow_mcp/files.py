"""Files that this server writes: only below one folder, never half, never over another unless told."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow_mcp.errors import Problem
from mlflow_mcp.settings import Settings


def root_of(settings: Settings) -> Path:
    """The folder that tools may write into."""
    return Path(settings.download_dir).expanduser().resolve()


def place_for(settings: Settings, wanted: str) -> Path:
    """The full path of a file to write. Raises Problem for one that leads out of the allowed folder, whatever it is called."""
    root = root_of(settings)
    if not wanted.strip() or "\0" in wanted or wanted.endswith(("/", "\\")):
        raise Problem(f"'{wanted}' names no file.", f"Give a file name, e.g. 'runs.csv'; it is written to {root}.")
    place = (root / Path(wanted).expanduser()).resolve()
    if not place.is_relative_to(root) or place == root:
        raise Problem(
            f"'{wanted}' leads outside the folder that may be written to, {root}.",
            "Give a path inside it, or let the operator set MLFLOW_MCP_DOWNLOAD_DIR.",
        )
    return place


def refuse_existing(place: Path) -> None:
    if place.is_dir():
        raise Problem(f"{place} is a folder.", "Give the name of a file.")
    if place.exists():
        raise Problem(f"{place} exists already.", "Choose another name, or pass overwrite=true.")


@contextmanager
def written_whole(place: Path) -> Iterator[Path]:
    """A temporary path beside `place`; it becomes `place` when the block ends well and is removed when it does not.

    Raises Problem when the folder cannot be written to.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{place.name[:40]}.", suffix=".part", dir=place.parent)
    except OSError as error:
        raise Problem(
            f"{place.parent} cannot be written to ({error.strerror}).",
            "Let the operator set MLFLOW_MCP_DOWNLOAD_DIR to a folder of yours.",
        ) from error
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o644)
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
