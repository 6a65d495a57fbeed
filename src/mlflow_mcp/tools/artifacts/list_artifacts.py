"""List the files of runs and models."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from functools import partial
from typing import Annotated

from pydantic import Field

from mlflow_mcp.answers.base import Page
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import ArtifactSource, checked_path
from mlflow_mcp.client.artifacts.store import ArtifactEntry, IsFolder
from mlflow_mcp.client.cursors import decode_offset, encode_cursor
from mlflow_mcp.errors import NotFound
from mlflow_mcp.text import hint, plural, size
from mlflow_mcp.tools.arguments import Cursor, Folder, Glob, Limit
from mlflow_mcp.tools.artifacts.owners import ArtifactOwners, owner_ids
from mlflow_mcp.tools.artifacts.paths import matches_glob

Recursive = Annotated[bool, Field(description="The whole tree instead of one folder.")]
Depth = Annotated[int | None, Field(ge=1, le=50, description="How many levels of the tree.")]


class ArtifactTable(Page):
    """Files and folders, one a row; a folder's path ends with '/' and has no size. Sizes are bytes."""

    run_id: str | None = None
    artifacts: Table
    total: Annotated[str, Field(description="How much there is, shown in this page or not, and where it was counted.")]


def list_artifacts(  # noqa: PLR0913  # one parameter per argument of the tool
    client: Client,
    run_id: ArtifactOwners,
    path: Folder = None,
    pattern: Glob = None,
    recursive: Recursive = False,
    depth: Depth = None,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> ArtifactTable:
    """List the files of runs or models with their sizes: one folder, or the tree
    with recursive=true, a depth, or a glob such as '**/*.log'. get_artifact_content reads one; it also finds a file by the
    end of its path, so listing first is rarely needed. search_artifacts looks into many."""
    owners = owner_ids(client, [run_id] if isinstance(run_id, str) else run_id)
    folder = checked_path(path or "")
    levels = depth or (None if recursive or pattern is not None else 1)
    trees = client.run_concurrently(*(partial(_tree, client, owner, folder, pattern, levels) for owner in owners))
    entries = [(owner, entry) for owner, (of_owner, _) in zip(owners, trees) for entry in of_owner]
    unread = sum(count for _, count in trees)
    arguments = (owners, folder, pattern, levels)
    start = decode_offset(cursor, *arguments) if cursor else 0
    page = entries[start : start + limit]
    answer = ArtifactTable(
        run_id=owners[0] if len(owners) == 1 else None,
        artifacts=_table(page, with_owner=len(owners) > 1),
        total=_total([entry for _, entry in entries], folder, pattern, levels, unread),
    )
    more = start + len(page) < len(entries)
    answer.continue_with(lambda count: encode_cursor(start + count, *arguments), len(page), more=more)
    _explain_nothing(client, answer, owners, [of_owner for of_owner, _ in trees], pattern)
    if unread:
        answer.note(f"{plural(unread, 'folder')} more were not looked into; list them by `path`.")
    return answer


def _table(page: Sequence[tuple[str, ArtifactEntry]], *, with_owner: bool) -> Table:
    rows = [[owner, f"{entry.path}/" if entry.is_dir else entry.path, entry.size] for owner, entry in page]
    if with_owner:
        return Table.of(["run_id", "path", "bytes"], rows, keep=("path", "bytes"))
    return Table(columns=["path", "bytes"], rows=[row[1:] for row in rows])


def _tree(
    client: Client, owner: str, folder: str, pattern: str | None, depth: int | None
) -> tuple[list[ArtifactEntry], int]:
    source = client.artifacts(owner)
    entries, unread = source.tree(folder, depth)
    if folder and not entries:
        _explain_no_folder(source, folder)
    if pattern is None:
        return entries, unread
    return [entry for entry in entries if not entry.is_dir and matches_glob(entry.path, pattern)], unread


def _explain_nothing(
    client: Client, answer: ArtifactTable, owners: list[str], trees: list[list[ArtifactEntry]], pattern: str | None
) -> None:
    for owner, tree in zip(owners, trees):
        if tree:
            continue
        about = "" if len(owners) == 1 else f"{owner}: "
        entries, _ = client.artifacts(owner).tree() if pattern else ([], 0)
        names = [posixpath.basename(entry.path) for entry in entries if not entry.is_dir]
        if names:
            nothing = f"none of its {plural(len(names), 'file')} fits '{pattern}'. {hint(pattern or '', names)}"
        else:
            nothing = "there are no artifacts."
        answer.note(f"{about}{nothing}".strip() if about else f"{nothing[0].upper()}{nothing[1:]}".strip())


def _total(entries: list[ArtifactEntry], folder: str, pattern: str | None, levels: int | None, unread: int) -> str:
    """The sums, and of what: a listing of some levels does not know what is in the folders below."""
    files = [entry for entry in entries if not entry.is_dir]
    folders = len(entries) - len(files)
    total = (
        f"{'at least ' if unread else ''}{plural(len(files), 'file')}, {size(sum(entry.size or 0 for entry in files))}"
    )
    if pattern is not None:
        return f"{total} that fit"
    here = f"in {folder}/" if folder else "at the root"
    if levels == 1:
        return f"{total} {here}" + (f"; {plural(folders, 'folder')}, not counted inside" if folders else "")
    where = f"down to level {levels}" if levels else f"{here} and below" if folder else "in all"
    return f"{total} {where}" + (f", in {plural(folders, 'folder')}" if folders else "")


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
