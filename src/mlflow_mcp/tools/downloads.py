"""Artifacts as files on this machine."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp import files
from mlflow_mcp.artifact_source import ArtifactSource, Entry, checked_path
from mlflow_mcp.errors import NotFound, Problem, listed
from mlflow_mcp.lookup import find_path, fits
from mlflow_mcp.output import Answer, Table, plural, size
from mlflow_mcp.params import RunIds, one_or_many
from mlflow_mcp.tools.artifact_search import owners_of
from mlflow_mcp.tracking import Tracking

Paths = Annotated[
    list[str] | None,
    BeforeValidator(one_or_many),
    Field(description="Files, ends of paths, folders or globs ('**/*.log'). Default: everything."),
]
MOST_FILES = 2_000
# Left free on the disk.
_SPARE = 100_000_000


class Download(Answer):
    """Where the files are now. `state` is downloaded, resumed, or present (of the same size already)."""

    folder: str
    files: Table
    total: str


def download_artifacts(tracking: Tracking, run_ids: RunIds, paths: Paths = None) -> Download:
    """Download files or whole trees of runs or models into the allowed folder, for what the user wants to open or process
    with other programs. A file that is there already with its full size is kept, a broken-off one is resumed. To read or
    search a file get_artifact_content and search_artifacts need no download."""
    root = files.root_of(tracking.settings)
    wanted: list[tuple[ArtifactSource, Entry, Path]] = []
    for owner, _ in owners_of(tracking, run_ids):
        source = ArtifactSource(tracking, owner)
        for entry in _chosen(source, paths):
            wanted.append((source, entry, _place(root, owner, entry.path)))
    if not wanted:
        raise NotFound("These runs have no artifacts.", "get_run shows what they logged.")
    if len(wanted) > MOST_FILES:
        raise Problem(f"These are {len(wanted):,} files; one call takes {MOST_FILES:,}.", "Name paths or fewer runs.")
    _check_space(root, sum(entry.size or 0 for _, entry, place in wanted if not place.exists()))
    rows: list[list[Any]] = []
    done = 0
    total = sum(entry.size or 0 for _, entry, _ in wanted)
    for source, entry, place in wanted:
        state = _download(tracking, source, entry, place)
        done += entry.size or 0
        tracking.call.progress(done, total, f"{plural(len(rows) + 1, 'file')} of {len(wanted)} downloaded")
        rows.append([str(place.relative_to(root)), place.stat().st_size, state])
    table = Table.of(["path", "bytes", "state"], rows, keep=("path", "bytes"))
    return Download(folder=str(root), files=table, total=f"{plural(len(rows), 'file')}, {size(total)}")


def _chosen(source: ArtifactSource, paths: list[str] | None) -> list[Entry]:
    """The files that names, folders and globs mean. Raises NotFound for one that means nothing."""
    entries = [entry for entry in source.tree()[0] if not entry.is_dir]
    if not paths:
        return entries
    chosen: dict[str, Entry] = {}
    for path in paths:
        plain = checked_path(path.rstrip("/"))
        of_path = [e for e in entries if e.path == plain or e.path.startswith(f"{plain}/") or fits(e.path, path)]
        if not of_path:
            found = find_path(source, plain)
            of_path = [entry for entry in entries if entry.path == found]
        chosen |= {entry.path: entry for entry in of_path}
    return list(chosen.values())


def _place(root: Path, owner: str, path: str) -> Path:
    """`<root>/<owner>/<path>`, inside the root whatever the artifact is called."""
    safe = re.sub(r"[^\w.@-]+", "_", owner.removeprefix("models:/"))
    place = (root / safe / checked_path(path)).resolve()
    if not place.is_relative_to(root):
        raise Problem(
            f"'{path}' would be written outside {root}.",
            "Its name leads out of the allowed folder; it is not downloaded.",
        )
    return place


def _check_space(root: Path, needed: int) -> None:
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed + _SPARE > free:
        raise Problem(
            f"{size(needed)} do not fit: {existing} has {size(free)} free.",
            "Name fewer paths, or let the operator set MLFLOW_MCP_DOWNLOAD_DIR to another disk.",
        )


def _download(tracking: Tracking, source: ArtifactSource, entry: Entry, place: Path) -> str:
    """Fetch one file. What is missing is appended to `<name>.part`, which takes its name when it is whole."""
    if place.is_file() and entry.size is not None and place.stat().st_size == entry.size:
        return "present"
    part = place.with_name(f"{place.name}.part")
    files.make_folder(part.parent)
    have = part.stat().st_size if part.exists() else 0
    if entry.size is not None and have > entry.size:
        have = 0  # left by a file that was longer
    with part.open("ab" if have else "wb") as file, closing(source.stream(entry.path, have)) as stream:
        for block in stream:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    got = part.stat().st_size
    if entry.size is not None and got != entry.size:
        raise Problem(
            f"'{entry.path}' broke off after {size(got)} of {size(entry.size)}.",
            f"Call again: it is resumed. {listed([part.name])} holds what came.",
        )
    part.replace(place)
    return "resumed" if have else "downloaded"
