"""A file of several runs that is no table: once where it is the same, each version where they are small."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from mlflow_mcp.answers.base import ImageAnswer
from mlflow_mcp.answers.budget import Budget, encoded
from mlflow_mcp.client import Client
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import listed, plural, size
from mlflow_mcp.tools.artifacts.formats.content import ArtifactContent, ContentRequest, OpenedFile
from mlflow_mcp.tools.artifacts.formats.data import select_in
from mlflow_mcp.tools.artifacts.formats.encoding import decoded, strip_control_codes
from mlflow_mcp.tools.artifacts.formats.read import read_content
from mlflow_mcp.tools.artifacts.formats.select import outline
from mlflow_mcp.tools.artifacts.paths import MOST_WHOLE

NAMED = 24


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


def one_or_versions(
    client: Client, files: Sequence[RunFile], path: str, request: ContentRequest
) -> ArtifactContent | ImageAnswer:
    """The file, when it is the same in all runs; else its versions."""
    groups: dict[Any, list[RunFile]] = {}
    digests = client.run_concurrently(*(partial(_digest, each.file, files) for each in files))
    for each, digest in zip(files, digests):
        groups.setdefault(digest, []).append(each)
    if len(groups) > 1:
        return _versions(client, path, sorted(groups.values(), key=len, reverse=True), request)
    answer = read_content(client, files[0].file.source, files[0].file.path, request)
    if len(files) > 1:
        answer.note(
            f"The same file, byte for byte, in {len(files)} runs: {listed([each.name for each in files], NAMED)}."
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


def _versions(
    client: Client, path: str, groups: Sequence[Sequence[RunFile]], request: ContentRequest
) -> ArtifactContent:
    """The content of each version by the runs that have it, or the outline of the first where they are too large. Raises
    Problem for large ones without an outline."""
    firsts = [group[0] for group in groups]
    runs = sum(map(len, groups))
    budget = Budget.of(client.settings.max_chars)
    # What nobody selected is shown while it is short.
    room = budget.content // 4
    is_data = all(each.file.kind.family == "data" for each in firsts)
    answer = ArtifactContent(path=path)
    if (is_data or request.window.is_whole) and sum(each.file.total or 0 for each in firsts) <= room:
        named = {_plainly([each.called for each in group]): _content(group[0].file) for group in groups}
        if None not in named.values() and len(encoded(named)) <= room:
            answer.content = named
            answer.note(
                f"It differs between these {runs} runs: {plural(len(groups), 'version')}, by the runs that have it."
            )
            return answer
    if not is_data or (values := _content(firsts[0].file)) is None:
        raise _different(path, runs, groups)
    answer.outline = outline(values, budget.short_outline)
    answer.note(
        f"It differs between these {runs} runs ({plural(len(groups), 'version')}) and is too large to show of each: this is the outline of "
        f"{firsts[0].called}. select='…' (JMESPath, as written here) takes a part out of each; diff_artifacts shows what differs."
    )
    return answer


def _content(file: OpenedFile) -> Any:
    """The values of a document, or the text of another file; None for what is neither."""
    if file.kind.family == "data":
        try:
            return select_in(file, "@")[0]
        except Problem:
            return None
    if not file.kind.stored_as_text:
        return None
    return strip_control_codes(decoded(file.whole(MOST_WHOLE, "too large to show of several runs")))


def _different(path: str, count: int, groups: Sequence[Sequence[RunFile]]) -> Problem:
    names = [[each.called for each in group] for group in groups]
    if len(groups) == count:
        which = _plainly([name for group in names for name in group])
    else:
        which = "; ".join(
            f"{'the same' if len(group) > 1 else 'another'} in {_plainly(group)}" for group in names[:NAMED]
        )
    return Problem(
        f"'{path}' is no table, and differs between these {count} runs ({len(groups)} versions): {which}.",
        "Give one of these ids as run_id; diff_artifacts shows what differs, search_artifacts finds lines in all of them.",
    )


def _plainly(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
