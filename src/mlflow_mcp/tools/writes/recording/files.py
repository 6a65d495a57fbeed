"""Files that a run is given: only out of the one folder that tools may write into."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import checked_path
from mlflow_mcp.client.artifacts.store import ArtifactEntry
from mlflow_mcp.errors import Problem
from mlflow_mcp.settings import Settings
from mlflow_mcp.text import short, size
from mlflow_mcp.tools.output_files import reason_of, root_of

# Bytes of all files of a call: it has less than a minute.
LARGEST = 100_000_000
# Of a file that is there already: what is larger is compared by its size alone.
LARGEST_COMPARED = 10_000_000


@dataclass(frozen=True)
class InputFile:
    """A file of this machine, and the path that it gets among the run's artifacts."""

    place: Path
    path: str
    size: int


def input_files(settings: Settings, names: Sequence[str]) -> list[InputFile]:
    """The files, each once. Raises Problem for what is not there, leads out of the allowed folder, or is too much."""
    files = list({file.path: file for file in (_input_file(settings, name) for name in names)}.values())
    total = sum(file.size for file in files)
    if total > LARGEST:
        raise Problem(
            f"The files have {total:,} bytes together; {LARGEST:,} is the most for a call. Nothing was written.",
            "Leave the largest out, or give them to several calls with the same key.",
        )
    return files


def _input_file(settings: Settings, name: str) -> InputFile:
    root = root_of(settings)
    shown = short(name, 120)
    try:
        written = Path(os.path.normpath(root / Path(name).expanduser()))
        place = written.resolve()
        is_file, is_folder = place.is_file(), place.is_dir()
    except (OSError, RuntimeError, ValueError):  # a name too long, a home folder of nobody, a zero byte
        raise Problem(f"'{shown}' is no path of a file.", f"Files are taken from {root}.") from None
    if not place.is_relative_to(root):
        raise Problem(
            f"'{shown}' leads outside the folder that files are taken from, {root}.",
            "Copy it into that folder, or ask the administrator to set MLFLOW_MCP_DOWNLOAD_DIR.",
        )
    if is_folder:
        raise Problem(f"'{shown}' is a folder in {root}.", "Name the files in it.")
    if not is_file:
        raise Problem(
            f"There is no file '{shown}' in {root}, the folder that files are taken from.", "Write it there first."
        )
    try:
        with place.open("rb"):
            length = place.stat().st_size
    except OSError as error:
        raise Problem(f"'{shown}' cannot be read ({reason_of(error)}).", "Nothing was written.") from error
    inside = written if written.is_relative_to(root) else place
    return InputFile(place, checked_path(inside.relative_to(root).as_posix()), length)


def check_unchanged(file: InputFile) -> None:
    """Raise Problem for a file that is another by now, or leads elsewhere."""
    try:
        same = file.place.resolve() == file.place and file.place.stat().st_size == file.size
    except OSError:
        same = False
    if not same:
        raise Problem(
            f"The file '{short(file.path, 120)}' changed during this call.", "Call again when it is finished."
        )


def entry_of(client: Client, run_id: str, path: str) -> ArtifactEntry | None:
    """What the run has at this path."""
    entries = client.artifacts(run_id).entries(path.rpartition("/")[0])
    return next((entry for entry in entries if entry.path == path), None)


def is_written(client: Client, run_id: str, file: InputFile) -> bool:
    entry = entry_of(client, run_id, file.path)
    return entry is not None and not entry.is_dir and entry.size in (None, file.size)


def difference(client: Client, run_id: str, file: InputFile, entry: ArtifactEntry) -> str:
    """How the artifact differs from the file, in few words; "" for the same."""
    if entry.is_dir:
        return "a folder"
    if entry.size is not None and entry.size != file.size:
        return size(entry.size)
    if file.size > LARGEST_COMPARED:
        return ""
    with file.place.open("rb") as content:
        blocks = client.artifacts(run_id).stream(file.path)
        try:
            same = all(content.read(len(block)) == block for block in blocks) and not content.read(1)
        finally:
            blocks.close()
    return "" if same else f"{size(entry.size)}, other content"
