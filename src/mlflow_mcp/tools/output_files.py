"""Files that this server writes: only below one folder, never half, never over another unless a call says so."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow_mcp.errors import Problem
from mlflow_mcp.settings import Settings
from mlflow_mcp.text import short


def root_of(settings: Settings) -> Path:
    """The folder that tools may write into."""
    return Path(settings.download_dir).expanduser().resolve()


def place_for(settings: Settings, name: str) -> Path:
    """The full path of a file to write. Raises Problem for one that leads out of the allowed folder, whatever it is called."""
    root = root_of(settings)
    no_file = Problem(
        f"'{short(name, 80)}' does not contain a file path.",
        f"Give a file name, e.g. 'runs.csv'; it is written to {root}.",
    )
    if not name.strip() or "\0" in name or name.endswith(("/", "\\")):
        raise no_file
    try:
        place = (root / Path(name).expanduser()).resolve()
        is_folder = place.is_dir()
    except (OSError, RuntimeError):  # a name too long, a home folder of nobody
        raise no_file from None
    if place == root:
        raise no_file
    if not place.is_relative_to(root):
        raise Problem(
            f"'{name}' leads outside the folder that may be written to, {root}.",
            "Give a path inside it, or ask the administrator to set MLFLOW_MCP_DOWNLOAD_DIR.",
        )
    if is_folder:
        raise Problem(f"{place} is a folder.", "Give the name of a file.")
    return place


def refuse_existing(place: Path) -> None:
    if place.exists():
        raise Problem(f"{place} exists already.", "Choose another name, or pass overwrite=true.")


def make_folder(settings: Settings, folder: Path) -> None:
    """Make a folder that files will be written into. Raises Problem when it cannot be written to.

    If that makes the allowed folder itself, within somebody's git work tree, git is told to ignore what it holds.
    """
    reason = ""
    root = root_of(settings)
    try:
        is_new = not root.exists()
        folder.mkdir(parents=True, exist_ok=True)
        if is_new and any((parent / ".git").exists() for parent in root.parents):
            (root / ".gitignore").write_text("*\n", encoding="utf-8")
        if not os.access(folder, os.W_OK):
            reason = "no permission"
    except OSError as error:
        reason = error.strerror or "it cannot be made"
    if reason:
        raise Problem(
            f"{folder} cannot be written to ({reason}).",
            "Ask the administrator to set MLFLOW_MCP_DOWNLOAD_DIR to a writable folder.",
        )


def reason_of(error: OSError) -> str:
    """Why a file could not be written, in the system's words."""
    return error.strerror or "no such file can be written"


@contextmanager
def written_whole(settings: Settings, place: Path) -> Iterator[Path]:
    """A temporary path beside `place`; it becomes `place` when the block ends well and is removed when it does not.

    Raises Problem when the folder cannot be written to, or the disk is full.
    """
    make_folder(settings, place.parent)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{place.name[:40]}.", suffix=".part", dir=place.parent)
        os.close(handle)
        part = Path(name)
        try:
            yield part
            part.chmod(0o644)
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:  # requests have errors of their own by now
        raise Problem(
            f"{place} could not be written ({reason_of(error)}); nothing is left of it.",
            "Free space there, or ask the administrator to set MLFLOW_MCP_DOWNLOAD_DIR to another disk.",
        ) from error
