"""Search the text files of many runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.budget import Budget
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.client.artifacts.store import ArtifactEntry
from mlflow_mcp.client.ids.parse import is_model
from mlflow_mcp.errors import NotFound
from mlflow_mcp.text import listed, plural, size
from mlflow_mcp.tools.arguments import RunIds, one_or_many
from mlflow_mcp.tools.artifacts.formats.detect import delimiter_of, is_log, is_worth_searching
from mlflow_mcp.tools.artifacts.found import MOST_ROWS, SameMatches, Searched, file_table, folded, match_table
from mlflow_mcp.tools.artifacts.grep import LONGEST_LINE, Finder, SearchResult
from mlflow_mcp.tools.artifacts.kinds_of_lines import kinds_table
from mlflow_mcp.tools.artifacts.owners import Owner, owners_of, unsearched_copies
from mlflow_mcp.tools.artifacts.paths import matches_glob
from mlflow_mcp.tools.artifacts.search_scope import Scope, without_line_end
from mlflow_mcp.tools.artifacts.surroundings import Surroundings

Pattern = Annotated[
    str, Field(min_length=1, max_length=2_000, description="Regular expression, e.g. 'HTTP\\S* (429|5\\d\\d)|OOM'.")
]
FileGlobs = Annotated[
    list[str] | None,
    BeforeValidator(one_or_many),
    Field(description="Which files: globs such as '**/*.log' or 'client-*'. Default: all text files."),
]
PlainText = Annotated[bool, Field(description="Take the pattern as plain text.")]
IgnoreCase = Annotated[bool, Field(description="Case-insensitive.")]
MaxMatches = Annotated[int, Field(ge=0, le=1_000, description="Lines shown per file at most; all are counted.")]
LastMatches = Annotated[bool, Field(description="Show the last matches instead of the first.")]
ContextLines = Annotated[int, Field(ge=0, le=20, description="Lines around each match.")]

MOST_FILES = 1_000
_MOST_LOOKED_UP = 10
_SHARE_OF_TIME = 0.8


class Matches(Answer):
    """`files`: matching lines counted in each file; a row of several `files` is of as many with the same matches, in each of
    them so many. `matches`: the lines, numbered from 1."""

    partial: Annotated[
        str | None, Field(description="Which files were not searched, or not to their end; that there are no logs.")
    ] = None
    pattern: str
    in_logs: Annotated[int | None, Field(description="Of `total`, where other files have matches too.")] = None
    in_other_files: int | None = None
    total: Annotated[int, Field(description="Matching lines in all files.")]
    files: Table
    kinds: Annotated[
        Table | None, Field(description="The matches in logs by their wording, # for numbers, where not all are shown.")
    ] = None
    matches: Table | None = None


@dataclass
class _File:
    """A file to search. `result` stays None when it is gone by then."""

    source: ArtifactSource
    owner: Owner
    path: str
    result: SearchResult | None = None

    def search(self, finder: Finder, mask_secrets: bool) -> None:
        if finder.is_late:
            self.result = SearchResult(complete=False)
            return
        try:
            with closing(self.source.stream(self.path)) as blocks:
                around = Surroundings(delimiter_of(self.path)) if mask_secrets else None
                self.result = finder.search(blocks, around, kinds=is_log(self.path))
        except NotFound:
            self.result = None


def search_artifacts(  # noqa: PLR0913  # one parameter per argument of the tool
    client: Client,
    run_ids: RunIds,
    pattern: Pattern,
    glob: FileGlobs = None,
    plain: PlainText = False,
    ignore_case: IgnoreCase = False,
    max_matches: MaxMatches = 10,
    last: LastMatches = False,
    context: ContextLines = 0,
) -> Matches:
    """Grep the logs and other text files of one or many runs (or invocations) on the spot: exact counts of matching lines
    per file, and the first or last of them with line numbers. For errors, finish_reason=length, HTTP 429 or 500, OOM in
    megabytes of logs. get_artifact_content with start_line shows the lines around a match."""
    files, scope = _files(client, run_ids, glob)
    seconds = max(1.0, client.call.remaining * _SHARE_OF_TIME)
    finder = Finder(
        pattern, plain=plain, ignore_case=ignore_case, most=max_matches, last=last, context=context, seconds=seconds
    )
    # Of too many files the logs are searched: they are what a search is mostly for.
    tried = files if len(files) <= MOST_FILES else sorted(files, key=lambda file: not is_log(file.path))[:MOST_FILES]
    search = (partial(file.search, finder, client.settings.mask_secrets) for file in tried)
    client.run_concurrently(*search, steps=client.call.steps("searched", "file"))
    searched = [Searched(file.owner, file.path, file.result) for file in tried if file.result and file.result.is_text]
    texts = _without_equal_copies(searched)
    rows = folded(texts)
    total = sum(text.result.count for text in texts)
    lines, left_out_lines = match_table(rows, Budget.of(client.settings.max_chars), last=last)
    answer = Matches(
        partial=_partial(len(files), texts, scope.no_logs() if glob is None and not total else ""),
        pattern=pattern,
        total=total,
        files=file_table(rows),
        kinds=_kinds(texts),
        matches=lines,
    )
    answer.note(left_out_lines)
    if glob is None:
        _split(answer, texts)
        answer.note(scope.some_without_logs(), *scope.not_searched())
    if scope.unread:
        answer.note(f"{plural(scope.unread, 'folder')} more were not looked into, the trees are too large.")
    _note_results(answer, tried, texts)
    answer.note(without_line_end(texts))
    _note_without(answer, texts, rows)
    if not answer.total:
        answer.note(_other_copies(client, [file.owner for file in files]))
    return answer


def _kinds(texts: Sequence[Searched]) -> Table | None:
    """Of all matching lines in logs, where not all are shown."""
    logs = [text for text in texts if is_log(text.path) and text.result.count]
    count = sum(text.result.count for text in logs)
    if count <= sum(len(text.result.hits) for text in logs):
        return None
    of_runs: dict[str, list[Counter[str] | None]] = {text.owner.name: [] for text in texts}
    for text in logs:
        of_runs[text.owner.name].append(text.result.kinds)
    return kinds_table(of_runs, count)


def _split(answer: Matches, texts: Sequence[Searched]) -> None:
    """What was found in logs apart from the rest: a word of an event is that of a setting in a config."""
    in_logs = sum(text.result.count for text in texts if is_log(text.path))
    if 0 < in_logs < answer.total or (answer.total and not in_logs and any(is_log(text.path) for text in texts)):
        answer.in_logs, answer.in_other_files = in_logs, answer.total - in_logs


def _files(client: Client, run_ids: list[str], globs: Sequence[str] | None) -> tuple[list[_File], Scope]:
    """The files to search, and what was listed. Raises NotFound when there is nothing to search."""
    owners = owners_of(client, run_ids)
    sources = [client.artifacts(owner.id) for owner in owners]
    trees = client.run_concurrently(*(source.tree for source in sources))
    scope = Scope()
    for owner, (entries, unread) in zip(owners, trees):
        scope.add(owner, entries, unread)
    files = [
        _File(source, owner, entry.path)
        for source, owner, (entries, _) in zip(sources, owners, trees)
        for entry in entries
        if _is_chosen(entry, globs)
    ]
    if not files:
        nothing, others = scope.nothing_fits(globs), _other_copies(client, owners)
        raise NotFound(nothing.failed, f"{others} {nothing.next_step}".strip()) if others else nothing
    return files, scope


def _without_equal_copies(texts: Sequence[Searched]) -> list[Searched]:
    """The files, those in which a search of several copies of a job found the very same once: they would be counted twice."""
    first: dict[tuple[Any, ...], Searched] = {}
    for text in texts:
        result = text.result
        job = text.owner.job or text.owner.id
        key = (job, text.path, result.count, result.lines, result.complete, tuple(hit.text for hit in result.hits))
        known = first.get(key)
        first[key] = text if known is None else replace(known, copies=known.copies + 1)
    return list(first.values())


def _is_chosen(entry: ArtifactEntry, globs: Sequence[str] | None) -> bool:
    if entry.is_dir:
        return False
    if globs is None:
        return is_worth_searching(entry.path)
    return any(matches_glob(entry.path, glob) for glob in globs)


def _partial(count: int, texts: Sequence[Searched], no_logs: str) -> str | None:
    """That there are no logs, or that some of so many files were not searched, or not to their end."""
    unfinished = [text.path for text in texts if not text.result.complete]
    sentences = [no_logs] if no_logs else []
    if count > MOST_FILES:
        sentences.append(
            f"Only {MOST_FILES:,} of {count:,} files were searched, logs first; narrow glob or run_ids for the others."
        )
    if unfinished:
        sentences.append(
            f"NOT searched to their end, the time was up: {listed(unfinished, 5)}. Narrow glob or run_ids."
        )
    return " ".join(sentences) or None


def _note_results(answer: Matches, tried: Sequence[_File], texts: Sequence[Searched]) -> None:
    """Say which files were searched in part, and why files are missing from the tables."""
    gone = [file.path for file in tried if file.result is None]
    if gone:
        answer.note(f"Skipped, deleted after listing: {listed(gone, 5)}.")
    in_parts = [text.path for text in texts if text.result.in_parts]
    if in_parts:
        answer.note(f"Lines of more than {size(LONGEST_LINE)} were searched in parts: {listed(in_parts, 5)}.")
    if rewritten := sum(text.result.overwritten for text in texts):
        answer.note(
            f"{plural(rewritten, 'matching line was', 'matching lines were')} found only in what was later rewritten in place (\\r); "
            "get_artifact_content shows the last state."
        )
    undecodable = [text.path for text in texts if text.result.undecodable]
    if undecodable:
        answer.note(f"Bytes that are no text may hide matches in {listed(undecodable, 5)}; try the ASCII part alone.")
    binary = sum(file.result is not None and not file.result.is_text for file in tried)
    if binary:
        answer.note(f"{plural(binary, 'binary file')} left out.")


def _other_copies(client: Client, owners: Sequence[Owner]) -> str:
    """Where else the files of these jobs are, when nothing was found here."""
    alone = {owner.id for owner in owners if owner.job is None and not is_model(owner.id)}
    copies = unsearched_copies(client, sorted(alone)[:_MOST_LOOKED_UP])
    if not copies:
        return ""
    return f"NOT searched: other copies of these jobs: {', '.join(list(copies.values())[:_MOST_LOOKED_UP])}."


def _note_without(answer: Matches, texts: Sequence[Searched], rows: Sequence[SameMatches]) -> None:
    """Say how many of the files that were searched are not in the table, and that they have no match."""
    with_matches = sum(text.result.count > 0 for text in texts)
    if more := sum(
        len(row.files) for row in sorted(rows, key=lambda row: -row.result.count)[MOST_ROWS:] if row.result.count
    ):
        answer.note(f"{plural(more, 'more file')} with fewer matches are not listed.")
    none = [text.path for text in texts if not text.result.count]
    if not answer.files.rows and none:
        answer.note(f"None of the {len(none)} files searched has a match: {listed(none, 3)}.")
    elif with_matches and none:
        answer.note(f"{plural(len(none), 'more file has', 'more files have')} no match.")
