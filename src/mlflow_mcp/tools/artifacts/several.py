"""One file of several runs: what is selected out of each, their tables as one, or a file that is the same in all."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from mlflow_mcp.answers.base import ImageAnswer
from mlflow_mcp.answers.budget import Budget, encoded
from mlflow_mcp.answers.masking import HIDDEN
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.copies import CopiesDiffer
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.errors import ModelNotFound, NotFound, Problem, RunNotFound, Unreachable
from mlflow_mcp.text import listed, short
from mlflow_mcp.tools.artifacts.formats.content import ArtifactContent, ContentRequest, OpenedFile
from mlflow_mcp.tools.artifacts.formats.data import select_in
from mlflow_mcp.tools.artifacts.formats.read import open_file
from mlflow_mcp.tools.artifacts.formats.split import begins_like_table
from mlflow_mcp.tools.artifacts.joined import JoinedTable, part_of
from mlflow_mcp.tools.artifacts.paths import find_path
from mlflow_mcp.tools.artifacts.versions import NAMED, RunFile, one_or_versions

T = TypeVar("T")

_MOST_RUNS = 100
_KEYS_NAMED = 12
# Documents up to this size are parsed side by side, larger ones one after the other.
_SMALL = 1_000_000


def read_of_several(
    client: Client, sources: Sequence[tuple[str, ArtifactSource]], path: str, request: ContentRequest
) -> ArtifactContent | ImageAnswer:
    """The file of each run in one answer. Raises Problem for one that is no table and not the same in all."""
    if not 0 < len(sources) <= _MOST_RUNS:
        raise Problem(f"{len(sources)} runs are meant; a file is read of 1 to {_MOST_RUNS}.", "Give other run ids.")
    openings = (partial(_open, client, name, source, path, request) for name, source in sources)
    found = client.run_concurrently(*openings, steps=client.call.steps("opened", "file"))
    files = [each for each in found if isinstance(each, RunFile)]
    if not files:
        raise _nowhere(path, [problem for problem in found if isinstance(problem, Problem)])
    answer = _in_one(client, files, path, request)
    if len(files) < len(found):
        without = [name for (name, _), each in zip(sources, found) if not isinstance(each, RunFile)]
        missing = f"No '{path}' in {len(without)} of {len(found)} runs: {listed(without, NAMED)}"
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
    return one_or_versions(client, files, path, request)


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
            f"select='{short(expression, 200)}' finds nothing in any of {len(parts)} runs{_how_far(files[0], expression)}.",
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


def _how_far(of: RunFile, expression: str) -> str:
    """Up to where a plain path of keys leads in a run's file, and what is there instead of the next key."""
    keys = expression.split(".")
    if not all(re.fullmatch(r'[\w-]+|"[^"]+"', key) for key in keys):
        return ""
    for count in range(len(keys) - 1, -1, -1):
        found, _ = select_in(of.file, ".".join(keys[:count]) or "@")
        if isinstance(found, dict):
            return f"; {'.'.join(keys[:count]) or 'the file'} has {listed(list(found), _KEYS_NAMED)} in {of.called}, and no {keys[count]}"
    return ""


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
