"""Laying the artifacts of two or more runs side by side."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.budget import CELL_CHARS, encoded
from mlflow_mcp.answers.masking import mask
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import ArtifactSource, checked_path
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import clip, size
from mlflow_mcp.tools.arguments import RunIds
from mlflow_mcp.tools.artifacts.diff import NOTHING, differences
from mlflow_mcp.tools.artifacts.formats.structured import Unparsable, parse
from mlflow_mcp.tools.artifacts.formats.text import cleaned, encoding_of, lines_in
from mlflow_mcp.tools.artifacts.owners import owners_of
from mlflow_mcp.tools.artifacts.paths import whole_file

TwoRuns = Annotated[
    RunIds, Field(description="Two or more run ids (or models); the first is compared with each of the others.")
]
DiffPath = Annotated[
    str,
    Field(
        min_length=1,
        description="File, or the end of its path, or a folder ('/': all). 'config' finds config.yml or config.yaml.",
    ),
]
_PARSED = {".json": "json", ".yml": "yaml", ".yaml": "yaml", ".toml": "toml"}
_MOST_ROWS = 200
_MOST_LINES = 20_000
_UNIFIED_LINES = 300


class Difference(Answer):
    """What differs between the first run (A) and the others (B, C, …): rows of a structural diff
    (`change` is added, removed or changed), a unified diff of text, or files by name and size."""

    sides: dict[str, str]
    identical: bool
    changes: Table | None = None
    unified: Annotated[dict[str, str] | None, Field(description="By pair of sides.")] = None
    equal: Annotated[int | None, Field(description="Files of the same size on all sides.")] = None


def diff_artifacts(client: Client, run_ids: TwoRuns, artifact_path: DiffPath) -> Difference:
    """Compare the same file of two or more runs: keys added, removed and changed with both values for YAML and JSON (order
    ignored), a unified diff for text, files by name and size for a folder. 'config' finds each run's config. compare_runs
    compares metrics and params."""
    owners = owners_of(client, run_ids)
    if len(owners) < 2:
        raise Problem("A difference needs two runs.", "Give run_ids two or more ids.")
    if len(owners) > 8:
        raise Problem(f"{len(owners)} sides are too many to read.", "Give at most 8.")
    sources = [client.artifacts(owner) for owner, _ in owners]
    labels = [chr(65 + at) for at in range(len(owners))]
    wanted = artifact_path.strip()
    if wanted in ("/", ".", "") or wanted.endswith("/"):
        return _folders(client, sources, labels, owners, checked_path(wanted.strip("/.")))
    read = client.run_concurrently(
        *(partial(whole_file, source, wanted, f"'{name}'") for source, (_, name) in zip(sources, owners))
    )
    if all(data is None for _, data in read):
        return _folders(client, sources, labels, owners, checked_path(wanted))
    contents = [data for _, data in read if data is not None]
    if len(contents) < len(read):
        raise Problem(f"'{wanted}' is a folder in some of these runs and a file in others.", "Compare '/' instead.")
    answer = Difference(
        sides={label: f"{name}: {path} ({owner})" for label, (owner, name), (path, _) in zip(labels, owners, read)},
        identical=len(set(contents)) == 1,
    )
    if answer.identical:
        answer.note("The files are the same, byte for byte.")
        return answer
    if any(b"\0" in data[:4096] and encoding_of(data[:4096]) == "utf-8" for data in contents):
        answer.note(f"They are not text. Their sizes: {', '.join(size(len(data)) for data in contents)}.")
        return answer
    values = [_parsed(path, data) for (path, _), data in zip(read, contents)]
    if all(value is not None for value in values):
        _structural(answer, labels, values, client.settings.mask_secrets)
    else:
        _unified(answer, labels, contents, client.settings.max_chars // 2)
    return answer


def _parsed(path: str, data: bytes) -> Any:
    kind = next((kind for ending, kind in _PARSED.items() if path.lower().endswith(ending)), None)
    if kind is None:
        return None
    try:
        return parse(kind, data.decode(encoding_of(data[:4096]), "replace"))
    except Unparsable:
        return None


def _structural(answer: Difference, labels: Sequence[str], values: Sequence[Any], mask_secrets: bool) -> None:
    rows: list[list[Any]] = []
    for label, value in zip(labels[1:], values[1:]):
        for change in differences(values[0], value):
            sides = _shown(change.before, change.after)
            if mask_secrets:  # by the key, which the boundary does not see
                sides = [mask(side, change.path.rpartition(".")[2]) for side in sides]
            rows.append([change.path, change.kind, *sides, label])
    if not rows:
        answer.identical = True
        answer.note("The files hold the same values; only order, comments or layout differ.")
        return
    if len(rows) > _MOST_ROWS:
        answer.note(f"{len(rows) - _MOST_ROWS} more changes are not shown.")
    # Not `Table.of`, which shortens numbers: these values are shown because they differ.
    if len(labels) == 2:
        answer.changes = Table(columns=["path", "change", *labels], rows=[row[:-1] for row in rows[:_MOST_ROWS]])
    else:
        answer.changes = Table(columns=["path", "change", labels[0], "other", "side"], rows=rows[:_MOST_ROWS])


def _shown(before: Any, after: Any) -> list[Any]:
    """Both values, whole when they are short; of long texts the part where they begin to differ."""
    if isinstance(before, str) and isinstance(after, str):
        same = next((at for at, (a, b) in enumerate(zip(before, after)) if a != b), min(len(before), len(after)))
        start = max(0, same - 40) if max(len(before), len(after)) > CELL_CHARS else 0
        return [f"{'…' if start else ''}{clip(text[start:], 200)}" for text in (before, after)]
    sides = [None if value is NOTHING else value for value in (before, after)]
    return [clip(encoded(side), 200) if len(encoded(side)) > CELL_CHARS else side for side in sides]


def _unified(answer: Difference, labels: Sequence[str], contents: Sequence[bytes], room: int) -> None:
    texts = [
        [line.rstrip("\n") for line in lines_in(cleaned(data.decode(encoding_of(data[:4096]), "replace")))]
        for data in contents
    ]
    if max(len(text) for text in texts) > _MOST_LINES:
        raise Problem(
            "The files have too many lines for a line-by-line difference.", "search_artifacts counts and finds lines."
        )
    answer.unified = {}
    for label, text in zip(labels[1:], texts[1:]):
        lines = list(difflib.unified_diff(texts[0], text, labels[0], label, lineterm="", n=2))
        shown = "\n".join(lines[:_UNIFIED_LINES])
        pair = f"{labels[0]} -> {label}"
        answer.unified[pair] = clip(shown, room // (len(labels) - 1))
        if not lines:
            answer.note(f"{pair}: the lines are the same; only line ends or colours differ, if anything.")
        if len(lines) > _UNIFIED_LINES:
            answer.note(f"{len(lines) - _UNIFIED_LINES} more lines of the difference {pair} are not shown.")


def _folders(
    client: Client,
    sources: Sequence[ArtifactSource],
    labels: Sequence[str],
    owners: Sequence[tuple[str, str]],
    folder: str,
) -> Difference:
    read = client.run_concurrently(*(partial(source.tree, folder) for source in sources))
    sizes = [{e.path[len(folder) :].lstrip("/"): e.size for e in tree if not e.is_dir} for tree, _ in read]
    if not any(sizes):
        raise NotFound(f"None of these runs has files in '{folder or '/'}'.", "list_artifacts shows what they have.")
    names = sorted({name for each in sizes for name in each})
    rows = [
        [name, *(each.get(name) for each in sizes)] for name in names if len({each.get(name, -1) for each in sizes}) > 1
    ]
    answer = Difference(
        sides={label: f"{name}: {folder or '/'} ({owner})" for label, (owner, name) in zip(labels, owners)},
        identical=not rows,
        changes=Table(columns=["path", *labels], rows=rows[:_MOST_ROWS]) if rows else None,
        equal=len(names) - len(rows),
    )
    if len(rows) > _MOST_ROWS:
        answer.note(f"{len(rows) - _MOST_ROWS} more files that differ are not shown.")
    if any(unread for _, unread in read):
        answer.note("Not all folders were looked into, the trees are too large: compare smaller ones.")
    answer.note("Compared by name and size in bytes; files of equal size may differ inside.")
    return answer
