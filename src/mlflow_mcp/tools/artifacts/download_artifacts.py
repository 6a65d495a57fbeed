"""Artifacts as files on this machine."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import ArtifactSource, checked_path
from mlflow_mcp.client.artifacts.store import ArtifactEntry
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import plural, size
from mlflow_mcp.tools import output_files
from mlflow_mcp.tools.arguments import RunIds, one_or_many
from mlflow_mcp.tools.artifacts.owners import owners_of
from mlflow_mcp.tools.artifacts.paths import find_path, matches_glob

Paths = Annotated[
    list[str] | None,
    BeforeValidator(one_or_many),
    Field(description="Files, ends of paths, folders or globs ('**/*.log'). Default: everything."),
]
MOST_FILES = 2_000
# Left free on the disk.
_SPARE = 100_000_000
_TELL_EVERY = 4_000_000
_LISTED = 100


class Download(Answer):
    """Where the files are now. `state` is downloaded, resumed, present (of the same size already), or unfinished."""

    folder: str
    files: Table
    total: str


@dataclass(frozen=True)
class Wanted:
    """A file to fetch, and where to. What has come of it so far stands in `part`, beside its place."""

    source: ArtifactSource
    entry: ArtifactEntry
    place: Path

    @property
    def part(self) -> Path:
        # Not `<name>.part`: an artifact may be called so.
        mark = hashlib.sha256(self.place.name.encode()).hexdigest()[:8]
        return self.place.with_name(f".{self.place.name[:60]}.{mark}.part")

    @property
    def is_present(self) -> bool:
        return self.place.is_file() and self.entry.size is not None and self.place.stat().st_size == self.entry.size

    @property
    def had(self) -> int:
        """Bytes that an earlier call left; what is longer than the file belongs to an older one."""
        had = self.part.stat().st_size if self.part.is_file() else 0
        return 0 if self.entry.size is not None and had > self.entry.size else had


def download_artifacts(client: Client, run_ids: RunIds, paths: Paths = None) -> Download:
    """Download files or whole trees of runs or models into the allowed folder, for what the user wants to open or process
    with other programs. A file that is there already with its full size is kept, a broken-off one is resumed. To read or
    search a file get_artifact_content and search_artifacts need no download."""
    root = output_files.root_of(client.settings)
    wanted, unread = _wanted(client, root, run_ids, paths)
    total = sum(each.entry.size or 0 for each in wanted)
    _check_space(root, sum((each.entry.size or 0) - each.had for each in wanted if not each.is_present))
    rows: list[list[Any]] = []
    done = 0
    for each in wanted:
        tell = partial(_tell, client, done, total, len(rows), len(wanted))
        state = _download(client, each, tell)
        done += each.entry.size or 0
        here = each.part if state == "unfinished" else each.place
        rows.append([str(each.place.relative_to(root)), here.stat().st_size if here.exists() else 0, state])
    answer = Download(
        folder=str(root),
        files=Table.of(["path", "bytes", "state"], rows[:_LISTED], keep=("path", "bytes")),
        total=f"{plural(len(rows), 'file')}, {size(total)}",
    )
    if len(rows) > _LISTED:
        more = Counter(row[2] for row in rows[_LISTED:])
        told = ", ".join(f"{count:,} {state}" for state, count in more.items())
        answer.note(f"{plural(len(rows) - _LISTED, 'more file')}: {told}.")
    unfinished = sum(row[2] == "unfinished" for row in rows)
    if unfinished:
        answer.note(
            f"The time was up before {plural(unfinished, 'file')} came whole: call again, it goes on from there."
        )
    if unread:
        answer.note(f"{plural(unread, 'folder')} were not looked into, the trees are too large: name them in paths.")
    return answer


def _wanted(client: Client, root: Path, run_ids: list[str], paths: list[str] | None) -> tuple[list[Wanted], int]:
    wanted: list[Wanted] = []
    unread = 0
    for owner, _ in owners_of(client, run_ids):
        source = client.artifacts(owner)
        entries, left = source.tree()
        unread += left
        chosen = _chosen(source, [entry for entry in entries if not entry.is_dir], paths)
        wanted += [Wanted(source, entry, _place(root, owner, entry.path)) for entry in chosen]
    if not wanted:
        raise NotFound("These runs have no artifacts.", "get_run shows what they logged.")
    if len(wanted) > MOST_FILES:
        raise Problem(f"These are {len(wanted):,} files; one call takes {MOST_FILES:,}.", "Name paths or fewer runs.")
    return wanted, unread


def _chosen(source: ArtifactSource, entries: list[ArtifactEntry], paths: list[str] | None) -> list[ArtifactEntry]:
    """The files that names, folders and globs mean. Raises NotFound for one that means nothing."""
    if not paths:
        return entries
    chosen: dict[str, ArtifactEntry] = {}
    for path in paths:
        plain = checked_path(path.rstrip("/"))
        of_path = [
            e for e in entries if e.path == plain or e.path.startswith(f"{plain}/") or matches_glob(e.path, path)
        ]
        if not of_path:
            found = find_path(source, plain)
            of_path = [entry for entry in entries if entry.path == found]
        chosen |= {entry.path: entry for entry in of_path}
    return list(chosen.values())


def _place(root: Path, owner: str, path: str) -> Path:
    """`<root>/<owner>/<path>`, inside the root whatever the artifact is called."""
    safe = re.sub(r"[^\w.@-]+", "_", owner.removeprefix("models:/"))
    folder = (root / safe).resolve()
    place = (folder / checked_path(path)).resolve()
    if folder == root or not place.is_relative_to(folder) or not folder.is_relative_to(root) or place == folder:
        raise Problem(
            f"'{path}' would be written outside {folder}.",
            "Its name, or a link in that folder, leads out of it; it is not downloaded.",
        )
    if place.is_dir():
        raise Problem(f"{place} is a folder, and '{path}' is a file.", "Move that folder away, or name other paths.")
    return place


def _check_space(root: Path, needed: int) -> None:
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed + _SPARE > free:
        raise Problem(
            f"{size(needed)} do not fit: {existing} has {size(free)} free, of which {size(_SPARE)} are left alone.",
            "Name fewer paths, or let the operator set MLFLOW_MCP_DOWNLOAD_DIR to another disk.",
        )


def _tell(client: Client, done: int, total: int, number: int, of: int, got: int) -> None:
    client.call.progress(done + got, total, f"{size(done + got)} of {size(total)}, file {number + 1} of {of}")


def _download(client: Client, wanted: Wanted, tell: Callable[[int], None]) -> str:
    """Fetch one file, or as much of it as time allows: what comes is appended to its part, which takes its name when it
    is whole."""
    if wanted.is_present:
        return "present"
    had, expected = wanted.had, wanted.entry.size
    if client.call.is_late:
        return "unfinished"
    output_files.make_folder(wanted.part.parent)
    got = told = had
    with (
        wanted.part.open("ab" if had else "wb") as file,
        closing(wanted.source.stream(wanted.entry.path, had)) as blocks,
    ):
        for block in blocks:
            got += file.write(block)
            if got - told >= _TELL_EVERY:
                tell(got)
                told = got
                if client.call.is_late and got != expected:
                    return "unfinished"
        file.flush()
        os.fsync(file.fileno())
    if expected is not None and got != expected:
        if got > expected:
            wanted.part.unlink()
        raise Problem(
            f"'{wanted.entry.path}' came with {size(got)} instead of {size(expected)}.",
            "It was cut off or is being written: call again, and what has come is kept.",
        )
    wanted.part.replace(wanted.place)
    tell(got)
    return "resumed" if had else "downloaded"
