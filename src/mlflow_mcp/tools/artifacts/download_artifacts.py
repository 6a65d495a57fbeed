"""Artifacts as files on this machine."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import ArtifactSource, checked_path
from mlflow_mcp.client.artifacts.store import ArtifactEntry
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import plural, short, size
from mlflow_mcp.tools import output_files
from mlflow_mcp.tools.arguments import RunIds, one_or_many
from mlflow_mcp.tools.artifacts.download_file import FileDownload, Skipped, fetch
from mlflow_mcp.tools.artifacts.owners import owner_ids
from mlflow_mcp.tools.artifacts.paths import find_path, matches_glob

Paths = Annotated[
    list[str] | None,
    BeforeValidator(one_or_many),
    Field(description="Files, ends of paths, folders or globs ('**/*.log'). Default: everything."),
]
Overwrite = Annotated[bool, Field(description="Replace files that differ.")]
MOST_FILES = 2_000
# Left free on the disk.
_SPARE = 100_000_000
_LISTED = 100
_SKIPPED_SHOWN = 5


class Download(Answer):
    """Where the files are now. `state` is downloaded, resumed, present (the same content), differs (another content is
    there and was kept), or unfinished."""

    folder: str
    files: Table
    total: str


def download_artifacts(client: Client, run_ids: RunIds, paths: Paths = None, overwrite: Overwrite = False) -> Download:
    """Download files or whole trees of runs or models into the allowed folder, for what the user wants to open or process
    with other programs. A file that is there already is kept, a broken-off one is resumed. To read or search a file
    get_artifact_content and search_artifacts need no download."""
    root = output_files.root_of(client.settings)
    downloads, skipped, unread = _downloads(client, root, run_ids, paths)
    _check_space(root, sum(download.missing for download in downloads))
    progress = _Progress(client, downloads)
    rows: list[list[Any]] = []
    for download in downloads:
        try:
            state = fetch(client, download, overwrite, progress.report)
        except (Skipped, NotFound) as problem:  # the second: it was deleted meanwhile
            skipped.append(problem)
            continue
        progress.finish(download)
        rows.append([str(download.target.relative_to(root)), download.on_disk(state), state])
    if not rows and skipped:
        raise skipped[0]
    answer = Download(
        folder=str(root),
        files=Table.of(["path", "bytes", "state"], rows[:_LISTED], keep=("path", "bytes")),
        total=f"{plural(len(rows), 'file')}, {size(progress.total)}",
    )
    _note_rest(answer, [row[2] for row in rows], unread)
    if skipped:
        shown = " ".join(map(str, skipped[:_SKIPPED_SHOWN]))
        answer.note(f"{plural(len(skipped), 'file')} skipped: {shown}{' …' if len(skipped) > _SKIPPED_SHOWN else ''}")
    return answer


def _note_rest(answer: Download, states: list[str], unread: int) -> None:
    if len(states) > _LISTED:
        unlisted = ", ".join(f"{count:,} {state}" for state, count in Counter(states[_LISTED:]).items())
        answer.note(f"{plural(len(states) - _LISTED, 'more file')}: {unlisted}.")
    if differing := states.count("differs"):
        answer.note(
            f"{plural(differing, 'file')} here differ from the run's, changed here or there, and were kept: "
            "overwrite=true replaces them."
        )
    unfinished = states.count("unfinished")
    if unfinished:
        answer.note(f"Time limit reached: {plural(unfinished, 'file')} incomplete. Call again to resume.")
    if unread:
        were = "was" if unread == 1 else "were"
        answer.note(f"{plural(unread, 'folder')} {were} not looked into, the trees are too large: name them in paths.")


def _downloads(
    client: Client, root: Path, run_ids: list[str], paths: list[str] | None
) -> tuple[list[FileDownload], list[Problem], int]:
    """The files to fetch, those that cannot be, and how many folders were not looked into."""
    downloads: list[FileDownload] = []
    skipped: list[Problem] = []
    unread = 0
    for owner in owner_ids(client, run_ids):
        source = client.artifacts(owner)
        entries, unread_of_owner = source.tree()
        unread += unread_of_owner
        chosen = _chosen(source, [entry for entry in entries if not entry.is_dir], paths)
        for entry in chosen:
            try:
                downloads.append(FileDownload(source, entry, _target(root, owner, entry.path)))
            except (Problem, OSError) as problem:
                skipped.append(_skipped(entry.path, problem))
    if not downloads and skipped:
        raise skipped[0]
    if not downloads:
        raise NotFound("These runs have no artifacts.", "get_run shows what they logged.")
    if len(downloads) > MOST_FILES:
        raise Problem(
            f"These are {len(downloads):,} files; one call takes {MOST_FILES:,}.", "Name paths or fewer runs."
        )
    return downloads, skipped, unread


def _skipped(path: str, problem: Problem | OSError) -> Skipped:
    if isinstance(problem, Problem):
        return Skipped(problem.failed, problem.next_step)
    return Skipped(f"'{short(path, 120)}' cannot be the name of a file here ({problem.strerror}).")


def _chosen(source: ArtifactSource, entries: list[ArtifactEntry], paths: list[str] | None) -> list[ArtifactEntry]:
    """The files that names, folders and globs mean. Raises NotFound for one that means nothing."""
    if not paths:
        return entries
    chosen: dict[str, ArtifactEntry] = {}
    for path in paths:
        plain = checked_path(path.rstrip("/"))
        of_path = [
            entry
            for entry in entries
            if entry.path == plain or entry.path.startswith(f"{plain}/") or matches_glob(entry.path, path)
        ]
        if not of_path:
            only = find_path(source, plain)
            of_path = [entry for entry in entries if entry.path == only]
        chosen |= {entry.path: entry for entry in of_path}
    return list(chosen.values())


def _target(root: Path, owner: str, path: str) -> Path:
    """`<root>/<owner>/<path>`, inside the root whatever the artifact is called."""
    safe = re.sub(r"[^\w.@-]+", "_", owner.removeprefix("models:/"))
    folder = (root / safe).resolve()
    target = (folder / checked_path(path)).resolve()
    if folder == root or not target.is_relative_to(folder) or not folder.is_relative_to(root) or target == folder:
        raise Problem(
            f"'{path}' would be written outside {folder}.",
            "Its name, or a link in that folder, leads out of it; it is not downloaded.",
        )
    if target.is_dir():
        raise Problem(f"{target} is a folder, and '{path}' is a file.", "Move that folder away, or name other paths.")
    return target


def _check_space(root: Path, needed: int) -> None:
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed + _SPARE > free:
        raise Problem(
            f"{size(needed)} do not fit: {existing} has {size(free)} free, of which {size(_SPARE)} are left alone.",
            "Name fewer paths, or ask the administrator to set MLFLOW_MCP_DOWNLOAD_DIR to another disk.",
        )


class _Progress:
    """How much of all files has come, for the host and for the error when the time is up."""

    def __init__(self, client: Client, downloads: list[FileDownload]) -> None:
        self.total = sum(download.entry.size or 0 for download in downloads)
        self._steps = client.call.steps("downloaded", "byte", self.total)
        self._count, self._finished, self._bytes = len(downloads), 0, 0

    def report(self, of_this_file: int) -> None:
        self._reached(self._bytes + of_this_file, self._finished + 1)

    def finish(self, download: FileDownload) -> None:
        self._finished += 1
        self._bytes += download.entry.size or 0
        self._reached(self._bytes, self._finished)

    def _reached(self, count: int, file: int) -> None:
        self._steps.advance(max(0, count - self._steps.done), f", file {file} of {self._count}")
