"""One file of several runs: what is selected out of each, their tables as one, or a file that is the same in all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from mlflow_mcp.answers.base import ImageAnswer
from mlflow_mcp.answers.budget import Budget, encoded
from mlflow_mcp.answers.masking import HIDDEN
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.copies import CopiesDiffer
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.errors import ModelNotFound, NotFound, Problem, RunNotFound, Unreachable
from mlflow_mcp.text import listed, short, size
from mlflow_mcp.tools.artifacts.formats.content import ArtifactContent, ContentRequest, OpenedFile
from mlflow_mcp.tools.artifacts.formats.data import select_in
from mlflow_mcp.tools.artifacts.formats.read import open_file, read_content
from mlflow_mcp.tools.artifacts.formats.split import begins_like_table
from mlflow_mcp.tools.artifacts.joined import JoinedTable, part_of
from mlflow_mcp.tools.artifacts.paths import MOST_WHOLE, find_path

T = TypeVar("T")

_MOST_RUNS = 100
_NAMED = 24
# Documents up to this size are parsed side by side, larger ones one after the other.
_SMALL = 1_000_000


@dataclass(frozen=True)
class RunFile:
    """The file of one of the runs. `name` is the run's for people, `remark` says which of its copies is read."""

    name: str
    file: OpenedFile
    remark: str = ""

    @property
    def called(self) -> str:
        """The name with the beginning of the run id, which a next call can use."""
        owner = self.file.source.owner
        return self.name if owner[:8] in self.name else f"{self.name} {owner[:8]}"


def read_of_several(
    client: Client, sources: Sequence[tuple[str, ArtifactSource]], path: str, request: ContentRequest
) -> ArtifactContent | ImageAnswer:
    """The file of each run in one answer. Raises Problem for one that is no table and not the same in all."""
    if not 0 < len(sources) <= _MOST_RUNS:
        raise Problem(f"{len(sources)} runs are meant; a file is read of 1 to {_MOST_RUNS}.", "Give other run ids.")
    found = client.run_concurrently(*(partial(_open, client, name, source, path, request) for name, source in sources))
    files = [each for each in found if isinstance(each, RunFile)]
    if not files:
        raise _nowhere(path, [problem for problem in found if isinstance(problem, Problem)])
    answer = _in_one(client, files, path, request)
    if len(files) < len(found):
        without = [name for (name, _), each in zip(sources, found) if not isinstance(each, RunFile)]
        missing = f"No '{path}' in {len(without)} of {len(found)} runs: {listed(without, _NAMED)}"
        if isinstance(answer, ArtifactContent):
            answer.partial = f"{missing}; {answer.partial}" if answer.partial else f"{missing}."
        else:
            answer.note(f"{missing}.")
    answer.note(*[each.remark for each in files if each.remark][:3])
    return answer


def _open(client: Client, name: str, source: ArtifactSource, path: str, request: ContentRequest) -> RunFile | NotFound:
    try:
        return RunFile(name, _opened(client, source, path, request))
    except CopiesDiffer as differ:  # the first is the one whose scores count
        chosen = differ.run_ids[0]
        file = open_file(client, client.artifacts(chosen), differ.path, request)
        return RunFile(name, file, f"{name}: '{differ.path}' differs between copies of the job; this is run {chosen}.")
    except (RunNotFound, ModelNotFound):
        raise
    except NotFound as missing:
        return missing


def _opened(client: Client, source: ArtifactSource, path: str, request: ContentRequest) -> OpenedFile:
    try:
        return open_file(client, source, path, request)
    except (RunNotFound, ModelNotFound):
        raise
    except NotFound:
        return open_file(client, source, find_path(source, path), request)


def _nowhere(path: str, problems: Sequence[Problem]) -> NotFound:
    return NotFound(f"None of these {len(problems)} runs has an artifact '{path}'.", problems[0].next_step)


def _in_one(
    client: Client, files: Sequence[RunFile], path: str, request: ContentRequest
) -> ArtifactContent | ImageAnswer:
    if request.select:
        return _selected(client, files, path, request.select)
    if request.window.start_byte is None and all(_may_be_table(each.file) for each in files):
        joined = _joined(client, files, path, request)
        if joined is not None:
            return joined
    return _equal(client, files, path, request)


def _may_be_table(file: OpenedFile) -> bool:
    return file.kind.family == "table" or begins_like_table(file)


def _of_each(
    client: Client, files: Sequence[RunFile], read: Callable[[OpenedFile], T]
) -> tuple[dict[str, T], list[str]]:
    """What `read` makes of each file that it can read, by run, and sentences for the others. Raises when there is none."""
    failed: dict[str, Problem] = {}

    def attempt(each: RunFile) -> list[T]:
        try:
            return [read(each.file)]
        except Unreachable:
            raise
        except Problem as problem:
            failed[each.name] = problem
            return []

    small = [each for each in files if (each.file.total or 0) <= _SMALL or each.file.kind.family == "table"]
    done = dict(
        zip([each.name for each in small], client.run_concurrently(*(partial(attempt, each) for each in small)))
    )
    done |= {
        each.name: attempt(each) for each in files if each.name not in done
    }  # a large document in memory at a time
    results = {each.name: done[each.name][0] for each in files if done[each.name]}
    if not results:
        raise next(iter(failed.values()))
    return results, [f"{name}: {short(problem.failed, 160)}" for name, problem in failed.items()]


def _shared_path(files: Sequence[RunFile], path: str) -> str:
    paths = {each.file.path for each in files}
    return paths.pop() if len(paths) == 1 else path


def _selected(client: Client, files: Sequence[RunFile], path: str, expression: str) -> ArtifactContent:
    """What is selected out of each run's file, by run; once where it is the same in all."""
    read, unread = _of_each(client, files, lambda file: select_in(file, expression))
    parts = {name: part for name, (part, _) in read.items()}
    if all(part in (None, []) for part in parts.values()):
        raise NotFound(
            f"select='{short(expression, 200)}' finds nothing in any of {len(parts)} runs.",
            f"With run_id='{files[0].file.source.owner}' alone the answer is the file's outline.",
        )
    first = next(iter(parts.values()))
    # What is hidden cannot be told to be equal.
    is_same = len(parts) > 1 and HIDDEN not in encoded(first) and len({encoded(part) for part in parts.values()}) == 1
    content = first if is_same else parts
    if len(encoded(content)) > Budget.of(client.settings.max_chars).content:
        raise Problem(
            f"What select takes out of {len(parts)} runs is too large for one answer.",
            "Select less, or name fewer runs.",
        )
    answer = ArtifactContent(path=_shared_path(files, path), content=content, partial=_unread(unread))
    if is_same:
        answer.note(f"The same in all {len(parts)} runs.")
    answer.note(*(f"{name}: {sentence}" for name, (_, sentences) in read.items() for sentence in sentences[:1]))
    return answer


def _unread(sentences: Sequence[str]) -> str | None:
    return f"Not read: {' '.join(sentences[:3])}{' …' if len(sentences) > 3 else ''}" if sentences else None


def _joined(client: Client, files: Sequence[RunFile], path: str, request: ContentRequest) -> ArtifactContent | None:
    """The tables of the runs as one; None when a file begins like a table and is none."""
    budget = Budget.of(client.settings.max_chars)
    parts, unread = _of_each(client, files, partial(part_of, request=request, runs=len(files), budget=budget))
    tables = {name: part for name, part in parts.items() if part is not None}
    if len(tables) < len(parts):
        return None
    answer = JoinedTable(tables, request, budget).answer(_shared_path(files, path))
    answer.partial = _unread(unread)
    return answer


def _equal(
    client: Client, files: Sequence[RunFile], path: str, request: ContentRequest
) -> ArtifactContent | ImageAnswer:
    """The file, when it is the same in all runs."""
    groups: dict[Any, list[str]] = {}
    digests = client.run_concurrently(*(partial(_digest, each.file, files) for each in files))
    for each, digest in zip(files, digests):
        groups.setdefault(digest, []).append(each.called)
    if len(groups) > 1:
        raise _different(path, len(files), list(groups.values()))
    answer = read_content(client, files[0].file.source, files[0].file.path, request)
    if len(files) > 1:
        answer.note(
            f"The same file, byte for byte, in {len(files)} runs: {listed([each.name for each in files], _NAMED)}."
        )
    return answer


def _digest(file: OpenedFile, among: Sequence[RunFile]) -> tuple[int | None, str]:
    """What is the same for equal files only. Nothing is read of one that is the only one of its size."""
    if sum(other.file.total == file.total for other in among) == 1:
        return file.total, ""
    if file.total is None or file.total > MOST_WHOLE:
        raise Problem(
            f"'{file.path}' has {size(file.total)}; of several runs files up to {size(MOST_WHOLE)} are compared.",
            "Give one run id; search_artifacts finds lines in large files of many runs.",
        )
    digest = hashlib.sha256()
    with closing(file.source.stream(file.path)) as blocks:
        for block in blocks:
            digest.update(block)
    return file.total, digest.hexdigest()


def _different(path: str, count: int, groups: list[list[str]]) -> Problem:
    groups.sort(key=len, reverse=True)
    if len(groups) == count:
        which = _plainly([name for group in groups for name in group])
    else:
        which = "; ".join(
            f"{'the same' if len(group) > 1 else 'another'} in {_plainly(group)}" for group in groups[:_NAMED]
        )
    return Problem(
        f"'{path}' is no table, and differs between these {count} runs ({len(groups)} versions): {which}.",
        "Give one of these ids as run_id, or select='…' to take a part out of each; diff_artifacts shows what differs.",
    )


def _plainly(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
