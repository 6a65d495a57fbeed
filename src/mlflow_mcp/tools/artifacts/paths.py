"""Finding the artifact that a loosely given path means."""

from __future__ import annotations

import glob
import posixpath
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.client.artifacts.source import ArtifactSource, checked_path
from mlflow_mcp.client.artifacts.store import ArtifactEntry, IsFolder, folder_not_file
from mlflow_mcp.errors import ModelNotFound, NotFound, Problem, RunNotFound
from mlflow_mcp.text import listed, nearest, quoted, size
from mlflow_mcp.tools.artifacts.against_params import is_config
from mlflow_mcp.tools.artifacts.formats.detect import YAML, kind_by_name

A = TypeVar("A", bound=Answer)

_GLOB = re.compile(r"[*?\[]")
# What is compared as a whole.
MOST_WHOLE = 10_000_000


class SeveralFit(Problem):
    """A loosely given path means several files."""

    pattern: str = ""
    paths: Sequence[str] = ()

    @classmethod
    def of(cls, pattern: str, paths: Sequence[str]) -> SeveralFit:
        problem = cls(
            f"'{pattern}' fits {len(paths)} files: {listed(paths, 20)}.",
            "Call again with one of these paths.",
        )
        problem.pattern, problem.paths = pattern, paths
        return problem


def with_path(source: ArtifactSource, path: str, read: Callable[[str], A]) -> A:
    """`read` of the path as it is, or, when there is no such file, of the one whose path ends so; the answer then says it."""
    try:
        return read(path)
    except (RunNotFound, ModelNotFound):
        raise
    except NotFound:
        pass
    found = find_path(source, path)
    answer = read(found)
    if not _ends_with(found.lower(), path.strip().lower()):  # else the answer's path says enough
        answer.note(f"There is no '{path}' itself; this is the only file that fits '{_pattern_of(path)}'.")
    return answer


def find_path(source: ArtifactSource, end: str, whose: str = "The run") -> str:
    """The one file of the run whose path ends in `end` (`.yml` and `.yaml` being the same).

    Raises NotFound with the nearest names when there is none, and Problem with all of them when there are several.
    """
    entries, unread = source.tree()
    files = [entry for entry in entries if not entry.is_dir]
    matches = _files_ending_with(files, end) or _files_ending_with(files, end.strip()) or _files_like(files, end)
    if len(matches) == 1:
        return matches[0].path
    if len(matches) > 1:
        at_root = [entry for entry in matches if "/" not in entry.path]
        if len(at_root) == 1 and "/" not in end:
            return at_root[0].path
        paths = [entry.path for entry in matches]
        raise SeveralFit.of(end, paths)
    folders = [entry.path for entry in entries if entry.is_dir and _ends_with(entry.path, end)]
    if folders:
        raise folder_not_file(folders[0])
    raise NotFound(_not_found(files, end, whose), _where_to_look(files, end, unread))


def _files_ending_with(files: Sequence[ArtifactEntry], end: str) -> list[ArtifactEntry]:
    exact = [entry for entry in files if _ends_with(entry.path, end)]
    return exact or [entry for entry in files if _ends_with(entry.path.lower(), end.lower())]


def _files_like(files: Sequence[ArtifactEntry], end: str) -> list[ArtifactEntry]:
    """The files that a glob means, or whose name has a number or the like after that of `client.log`: `client-123.log`."""
    pattern = _pattern_of(end)
    return [entry for entry in files if matches_glob(entry.path, pattern) or fnmatchcase(entry.path, f"*/{pattern}")]


def _pattern_of(end: str) -> str:
    stem, ending = posixpath.splitext(end.strip().strip("/"))
    return end.strip() if _GLOB.search(end) else f"{glob.escape(stem)}-*{ending}"


def _ends_with(path: str, end: str) -> bool:
    path, end = _one_yaml_ending(path.replace("\\", "/")), _one_yaml_ending(end.strip("/"))
    return path == end or path.endswith("/" + end)


def _one_yaml_ending(path: str) -> str:
    """The path with `.yaml` written as `.yml`."""
    stem, ending = posixpath.splitext(path)
    return stem + YAML.endings[0] if ending.lower() in YAML.endings else path


def _not_found(files: Sequence[ArtifactEntry], end: str, whose: str) -> str:
    return f"{whose} has no artifact '{end}'." if files else f"{whose} has no artifacts, so no '{end}'."


def _where_to_look(files: Sequence[ArtifactEntry], end: str, unread: int) -> str:
    by_name = {posixpath.basename(entry.path): entry.path for entry in files}
    close = [by_name[name] for name in nearest(posixpath.basename(end), by_name)]
    unread_note = f"{unread} folders were not looked into. " if unread else ""
    if close:
        return f"{unread_note}Nearest: {quoted(close)}."
    return unread_note + (
        "list_artifacts(run_id, recursive=true) shows what it has." if files else "get_run shows what it logged."
    )


def whole_file(source: ArtifactSource, path_or_end: str, whose: str) -> tuple[str, bytes | None]:
    """The path that a loosely named file has in this run, and all of it; None as content of a folder.

    `config` means the run's config, whatever it is called. Raises Problem for what is too large.
    """
    path = _config(source, whose) if path_or_end == "config" else checked_path(path_or_end)
    try:
        content = source.read(path, 0, MOST_WHOLE)
    except IsFolder:
        return path, None
    except (RunNotFound, ModelNotFound):
        raise
    except NotFound:
        path = find_path(source, path, whose)
        content = source.read(path, 0, MOST_WHOLE)
    if content.total is not None and content.total > MOST_WHOLE:
        raise Problem(
            f"'{path}' of {whose} has {size(content.total)}; files up to {size(MOST_WHOLE)} are compared.",
            "search_artifacts counts and finds lines in larger ones.",
        )
    return path, content.data


def _config(source: ArtifactSource, whose: str) -> str:
    """The run's config: at the root, else the only one in the tree, by its usual names or else the only file of settings."""
    entries, unread = source.tree()
    files = [entry.path for entry in entries if not entry.is_dir]
    for name in ("config.yml", "config.yaml", "config.json", "config.toml", "run_config.yml"):
        paths = [path for path in files if path.rpartition("/")[2] == name]
        at_root = [path for path in paths if "/" not in path]
        if at_root or len(paths) == 1:
            return (at_root or paths)[0]
    data = [path for path in files if kind_by_name(path).family == "data"]
    settings = [path for path in data if is_config(path)]
    if len(settings) == 1 and not unread:
        return settings[0]
    if settings or data:
        named = "files of settings" if settings else "YAML, JSON and TOML files"
        raise NotFound(
            f"{whose} has no config.yml; its {named}: {listed(settings or data, 8)}.",
            "Pass one of these as artifact_path.",
        )
    raise NotFound(f"{whose} has no config.yml.", "list_artifacts shows what it has.")


def matches_glob(path: str, pattern: str) -> bool:
    """Glob over the whole path; `**/` also stands for no folder, and a pattern without '/' is tried on the name alone."""
    if fnmatchcase(path, pattern) or fnmatchcase(f"/{path}", pattern.replace("**/", "*/")):
        return True
    return "/" not in pattern and fnmatchcase(posixpath.basename(path), pattern)
