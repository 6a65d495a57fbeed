"""Search the text files of many runs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.store import ArtifactEntry
from mlflow_mcp.errors import NotFound
from mlflow_mcp.text import hint, listed, plural, size
from mlflow_mcp.tools.arguments import RunIds, one_or_many
from mlflow_mcp.tools.artifacts.formats.detect import is_worth_searching
from mlflow_mcp.tools.artifacts.grep import LONGEST_LINE, Finder, Found
from mlflow_mcp.tools.artifacts.owners import owners_of
from mlflow_mcp.tools.artifacts.paths import matches_glob

Pattern = Annotated[
    str, Field(min_length=1, max_length=2_000, description="Regular expression, e.g. 'HTTP (429|5\\d\\d)|OOM'.")
]


FileGlobs = Annotated[
    list[str] | None,
    BeforeValidator(one_or_many),
    Field(description="Which files: globs such as '**/*.log' or 'client-*'. Default: all text files."),
]


Plain = Annotated[bool, Field(description="Take the pattern as plain text.")]


IgnoreCase = Annotated[bool, Field(description="Fold upper and lower case.")]


MaxMatches = Annotated[int, Field(ge=0, le=1_000, description="Lines shown per file at most; all are counted.")]


Last = Annotated[bool, Field(description="Show the last matches instead of the first.")]


Context = Annotated[int, Field(ge=0, le=20, description="Lines around each match.")]


MOST_FILES = 200


_MOST_ROWS = 50


# Run, path, and what was found in it.
Told = tuple[str, str, Found]


class Matches(Answer):
    """`files`: matching lines counted in each file; `matches`: the lines, numbered from 1."""

    pattern: str
    total: Annotated[int, Field(description="Matching lines in all files.")]
    files: Table
    matches: Table | None = None


def search_artifacts(  # noqa: PLR0913  # one parameter per argument of the tool
    client: Client,
    run_ids: RunIds,
    pattern: Pattern,
    glob: FileGlobs = None,
    plain: Plain = False,
    ignore_case: IgnoreCase = False,
    max_matches: MaxMatches = 10,
    last: Last = False,
    context: Context = 0,
) -> Matches:
    """Grep the logs and other text files of one or many runs (or invocations) on the spot: exact counts of matching lines
    per file, and the first or last of them with line numbers. For errors, finish_reason=length, HTTP 429 or 500, OOM in
    megabytes of logs. get_artifact_content with start_line shows what stands around a match."""
    owners = owners_of(client, run_ids)
    trees = client.run_concurrently(*(client.artifacts(owner).tree for owner, _ in owners))
    files = [(owner, name, e) for (owner, name), (tree, _) in zip(owners, trees) for e in tree if _is_wanted(e, glob)]
    if not files:
        raise _no_files([e.path for tree, _ in trees for e in tree if not e.is_dir], glob)
    seconds = max(1.0, client.call.remaining * 0.8)
    finder = Finder(
        pattern, plain=plain, ignore_case=ignore_case, most=max_matches, last=last, context=context, seconds=seconds
    )
    searched = client.run_concurrently(*(partial(_search, client, finder, o, e) for o, _, e in files[:MOST_FILES]))
    told = [(name, entry.path, found) for (_, name, entry), found in zip(files, searched) if found and found.is_text]
    answer = Matches(
        pattern=pattern,
        total=sum(found.count for _, _, found in told),
        files=_file_table(told),
        matches=_match_table(told),
    )
    _say_what_is_left_out(answer, told, searched, [entry.path for _, _, entry in files], sum(n for _, n in trees))
    return answer


def _say_what_is_left_out(
    answer: Matches, told: Sequence[Told], searched: Sequence[Found | None], paths: Sequence[str], unread: int
) -> None:
    if len(paths) > MOST_FILES:
        answer.note(f"Only {MOST_FILES} of {len(paths)} files were searched; narrow glob for the others.")
    if unread:
        answer.note(f"{plural(unread, 'folder')} more were not looked into, the trees are too large.")
    unfinished = [path for _, path, found in told if not found.complete]
    if unfinished:
        answer.note(f"NOT searched to their end, the time was up: {listed(unfinished, 5)}. Narrow glob or run_ids.")
    gone = [path for path, found in zip(paths, searched) if found is None]
    if gone:
        answer.note(f"NOT searched, gone since they were listed: {listed(gone, 5)}.")
    in_parts = [path for _, path, found in told if found.in_parts]
    if in_parts:
        answer.note(f"Lines of more than {size(LONGEST_LINE)} were searched in parts: {listed(in_parts, 5)}.")
    without = len(told) - len(answer.files.rows)
    if without and answer.total:
        less = "fewer matches or none" if len(answer.files.rows) == _MOST_ROWS else "no match"
        answer.note(f"{plural(without, 'more file')} searched: {less}.")
    skipped = sum(found is not None and not found.is_text for found in searched)
    if skipped:
        answer.note(f"{plural(skipped, 'binary file')} left out.")


def _is_wanted(entry: ArtifactEntry, globs: Sequence[str] | None) -> bool:
    if entry.is_dir:
        return False
    if globs is None:
        return is_worth_searching(entry.path)
    return any(matches_glob(entry.path, each) for each in globs)


def _no_files(paths: Sequence[str], globs: Sequence[str] | None) -> NotFound:
    if not paths:
        return NotFound(
            "These runs have no artifacts, so there is nothing to search.", "get_run shows what they logged."
        )
    if globs is None:
        return NotFound(f"None of {plural(len(paths), 'file')} is text.", "list_artifacts shows them.")
    names = {path.rpartition("/")[2] for path in paths}
    wanted = listed(globs)
    close = hint(globs[0].rpartition("/")[2].strip("*"), names)
    return NotFound(
        f"None of {plural(len(paths), 'file')} fits {wanted}.", f"{close} list_artifacts shows them.".strip()
    )


def _search(client: Client, finder: Finder, owner: str, entry: ArtifactEntry) -> Found | None:
    """What one file told; None for one that is no longer there."""
    if finder.is_late:
        return Found(complete=False)
    try:
        with closing(client.artifacts(owner).stream(entry.path)) as blocks:
            return finder.search(blocks)
    except NotFound:
        return None


def _file_table(told: Sequence[Told]) -> Table:
    rows = [[name, path, found.count, found.lines] for name, path, found in sorted(told, key=lambda row: -row[2].count)]
    hits = [row for row in rows if row[2]]
    return Table.of(["run", "path", "matches", "lines"], (hits or rows)[:_MOST_ROWS], keep=("path", "matches"))


def _match_table(told: Sequence[Told]) -> Table | None:
    rows: list[list[Any]] = []
    paths = {path for _, path, found in told if found.hits}
    names = [path.rpartition("/")[2] for path in paths]
    for run, path, found in told:
        name = path.rpartition("/")[2]
        file = name if names.count(name) == 1 else path
        for hit in found.hits:
            around = {"before": hit.before, "after": hit.after} if hit.before or hit.after else None
            rows.append([run, file, hit.number, hit.text, around])
    return Table.of(["run", "file", "line", "text", "context"], rows, keep=("line", "text")) if rows else None
