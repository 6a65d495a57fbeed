"""Finding the artifact that a loosely given path means."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from mlflow_mcp.artifact_source import ArtifactSource, Entry, IsFolder
from mlflow_mcp.errors import NotFound, Problem, listed, nearest, quoted

_YAML = re.compile(r"\.ya?ml$", re.I)


def find_path(source: ArtifactSource, wanted: str) -> str:
    """The one file of the run whose path ends like `wanted` (`.yml` and `.yaml` being the same).

    Raises NotFound with the nearest names when there is none, and Problem with all of them when there are several.
    """
    entries, unread = source.tree()
    files = [entry for entry in entries if not entry.is_dir]
    matches = _ending_like(files, wanted)
    if len(matches) == 1:
        return matches[0].path
    if len(matches) > 1:
        at_root = [entry for entry in matches if "/" not in entry.path]
        if len(at_root) == 1 and "/" not in wanted:
            return at_root[0].path
        paths = [entry.path for entry in matches]
        raise Problem(
            f"'{wanted}' fits {len(paths)} files: {listed(paths, 20)}.", "Call again with one of these paths."
        )
    folders = [entry.path for entry in entries if entry.is_dir and _same_end(entry.path, wanted)]
    if folders:
        raise IsFolder(f"'{folders[0]}' is a folder.", f"list_artifacts(run_id, '{folders[0]}') shows what it holds.")
    raise NotFound(_nothing(files, wanted), _where_to_look(files, wanted, unread))


def _ending_like(files: Sequence[Entry], wanted: str) -> list[Entry]:
    exact = [entry for entry in files if _same_end(entry.path, wanted)]
    return exact or [entry for entry in files if _same_end(entry.path.lower(), wanted.lower())]


def _same_end(path: str, wanted: str) -> bool:
    path, wanted = _YAML.sub(".yml", path), _YAML.sub(".yml", wanted.strip("/"))
    return path == wanted or path.endswith("/" + wanted)


def _nothing(files: Sequence[Entry], wanted: str) -> str:
    return f"The run has no artifact '{wanted}'." if files else f"The run has no artifacts, so no '{wanted}'."


def _where_to_look(files: Sequence[Entry], wanted: str, unread: int) -> str:
    by_name = {posixpath.basename(entry.path): entry.path for entry in files}
    close = [by_name[name] for name in nearest(posixpath.basename(wanted), by_name)]
    looked = f"{unread} folders were not looked into. " if unread else ""
    if close:
        return f"{looked}Nearest: {quoted(close)}."
    return looked + (
        "list_artifacts(run_id, recursive=true) shows what it has." if files else "get_run shows what it logged."
    )
