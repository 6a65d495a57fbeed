"""Artifacts: what files a run left, and what is in them."""

from __future__ import annotations

import posixpath
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from mlflow_mcp import content, resolve
from mlflow_mcp.artifact_source import ArtifactSource, Entry, IsFolder, checked_path
from mlflow_mcp.errors import NotFound, hint
from mlflow_mcp.lookup import find_path
from mlflow_mcp.output import Page, Table, plural, size
from mlflow_mcp.pages import decode_cursor, encode_cursor
from mlflow_mcp.params import ArtifactPath, Cursor, Folder, Glob, Limit, RunId
from mlflow_mcp.tracking import Tracking

Recursive = Annotated[bool, Field(description="The whole tree instead of one folder.")]
StartLine = Annotated[int | None, Field(ge=1, description="First line to show, from 1.")]
MaxLines = Annotated[int | None, Field(ge=1, le=10_000, description="Lines at most.")]
Tail = Annotated[int | None, Field(ge=1, le=10_000, description="Show the last so many lines instead.")]


class ArtifactTable(Page):
    """Files and folders, one a row; a folder's path ends with '/' and has no size. Sizes are bytes."""

    run_id: str
    artifacts: Table
    total: Annotated[str, Field(description="How much there is in all, shown here or not.")]


def list_artifacts(
    tracking: Tracking,
    run_id: RunId,
    path: Folder = None,
    pattern: Glob = None,
    recursive: Recursive = False,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> ArtifactTable:
    """List the files a run left (configs, results, logs, models, plots) with their sizes: one folder, or the whole tree
    with recursive=true or a glob such as '**/*.log'. get_artifact_content reads one; it also finds a file by the end of
    its path, so listing first is rarely needed."""
    full_id = resolve.run_id_of(tracking, run_id)
    source = ArtifactSource(tracking, full_id)
    folder = checked_path(path or "")
    whole = recursive or pattern is not None
    entries, unread = source.tree(folder, None if whole else 1)
    if folder and not entries:
        _explain_no_folder(source, folder)
    shown = [entry for entry in entries if pattern is None or _fits(entry, pattern)]
    if pattern is not None:
        shown = [entry for entry in shown if not entry.is_dir]
    bound_to = f"{full_id}|{folder}|{pattern}|{whole}"
    start = decode_cursor(cursor, bound_to) if cursor else 0
    page = shown[start : start + limit]
    answer = ArtifactTable(
        run_id=full_id,
        artifacts=Table.of(
            ["path", "bytes"],
            [[f"{e.path}/" if e.is_dir else e.path, e.size] for e in page],
            keep=("path", "bytes"),
        ),
        total=_total(shown),
    )
    answer.continue_with(
        lambda count: encode_cursor(start + count, bound_to), len(page), more=start + len(page) < len(shown)
    )
    if not entries:
        answer.note("This run has no artifacts.")
    elif not shown:
        names = [posixpath.basename(entry.path) for entry in entries if not entry.is_dir]
        answer.note(f"None of its {plural(len(names), 'file')} fits '{pattern}'. {hint(pattern or '', names)}".strip())
    if unread:
        answer.note(f"{plural(unread, 'folder')} more were not looked into; list them by `path`.")
    return answer


def _fits(entry: Entry, pattern: str) -> bool:
    """Glob over the whole path; `**/` also stands for no folder, and a pattern without '/' is tried on the name alone."""
    path = entry.path
    if fnmatchcase(path, pattern) or fnmatchcase(f"/{path}", pattern.replace("**/", "*/")):
        return True
    return "/" not in pattern and fnmatchcase(posixpath.basename(path), pattern)


def _total(entries: list[Entry]) -> str:
    files = [entry for entry in entries if not entry.is_dir]
    folders = len(entries) - len(files)
    told = f"{plural(len(files), 'file')}, {size(sum(entry.size or 0 for entry in files))}"
    return told + (f", {plural(folders, 'folder')}" if folders else "")


def _explain_no_folder(source: ArtifactSource, folder: str) -> None:
    """Raise the sentence for a folder that holds nothing: stores do not tell a missing one from a file."""
    entries, _ = source.tree()
    paths = {entry.path: entry for entry in entries}
    if folder in paths and not paths[folder].is_dir:
        raise IsFolder(
            f"'{folder}' is a file of {size(paths[folder].size)}.",
            f"get_artifact_content(run_id, '{folder}') reads it.",
        )
    folders = [entry.path for entry in entries if entry.is_dir]
    ends = [path for path in folders if path.endswith("/" + folder)]
    close = f"Nearest: '{ends[0]}'." if ends else hint(folder, folders)
    raise NotFound(f"The run has no folder '{folder}'.", f"{close} list_artifacts(run_id) shows the root.".strip())


def get_artifact_content(
    tracking: Tracking,
    run_id: RunId,
    artifact_path: ArtifactPath,
    start_line: StartLine = None,
    max_lines: MaxLines = None,
    tail: Tail = None,
) -> content.ArtifactContent:
    """Read a file of a run: config, results, metrics JSON, log. The path may be loose: 'config.yml', 'results.yml' or
    'artifacts/eval_factory_metrics.json' finds the one file that ends so. Large files come in part: the first lines, lines
    from start_line, or the last ones with tail. list_artifacts shows what there is."""
    full_id = resolve.run_id_of(tracking, run_id)
    source = ArtifactSource(tracking, full_id)
    wanted = checked_path(artifact_path)
    budget = int(tracking.settings.max_chars * 0.9)
    window = content.Window(start_line, max_lines, tail)
    try:
        return content.read(source, wanted, window, budget)
    except NotFound as missing:
        if "No run has" in str(missing):
            raise
    found = find_path(source, wanted)
    answer = content.read(source, found, window, budget)
    answer.note(f"There is no '{wanted}' itself; this is the run's only file that ends so.")
    return answer
