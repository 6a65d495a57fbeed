"""What differs between the artifacts of two or more runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.budget import CELL_CHARS, Budget, encoded
from mlflow_mcp.answers.masking import mark_named, mask_at, mask_lines
from mlflow_mcp.answers.secrets.columns import SecretColumns
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import checked_path
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import from_difference, plural, size, truncate
from mlflow_mcp.tools.arguments import RunIds
from mlflow_mcp.tools.artifacts.against_params import against_params, is_config
from mlflow_mcp.tools.artifacts.diff import NOTHING, Change, differences, equal_values
from mlflow_mcp.tools.artifacts.diff_sides import MOST_SIDES, Side, one_of_each, read_side, remarks_of, sides_of
from mlflow_mcp.tools.artifacts.formats.detect import delimiter_of, kind_by_name, kind_of
from mlflow_mcp.tools.artifacts.formats.encoding import decoded, strip_control_codes
from mlflow_mcp.tools.artifacts.formats.lines import lines_in
from mlflow_mcp.tools.artifacts.formats.structured import Remarks, Unparsable, parse
from mlflow_mcp.tools.artifacts.unified import Lines, unified

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
_MOST_ROWS = 200
_MOST_LINES = 20_000
_UNIFIED_LINES = 300
_SHOWN_VALUE = 200
# Equal values, and characters of all of them together.
_MOST_EQUAL, _SHORT_EQUAL = 20, 400


class Difference(Answer):
    """What differs between the first run (A) and the others (B, C, …): rows of a structural diff
    (`change` is added, removed or changed), a unified diff of text, or files by name and size."""

    sides: dict[str, str]
    identical: bool
    changes: Table | None = None
    unified: Annotated[dict[str, str] | None, Field(description="By pair of sides.")] = None
    equal: Annotated[
        int | None, Field(description="Values, or files by their size, that are the same on all sides.")
    ] = None
    equal_values: Annotated[dict[str, Any] | None, Field(description="They, by their paths, where they are few.")] = (
        None
    )


@dataclass(frozen=True)
class _File:
    """The same file of one side."""

    side: Side
    path: str
    data: bytes

    @property
    def label(self) -> str:
        return self.side.label

    @property
    def is_text(self) -> bool:
        return kind_of(self.path, self.data).stored_as_text

    @property
    def lines(self) -> list[str]:
        return [line.rstrip("\n") for line in lines_in(self.text)]

    @property
    def text(self) -> str:
        return strip_control_codes(decoded(self.data))

    @property
    def masked_lines(self) -> list[str]:
        """The lines without secrets, as many."""
        lines = mask_lines(self.text)
        delimiter = delimiter_of(self.path)
        columns = SecretColumns.of(lines[0].lstrip("\ufeff"), delimiter) if delimiter else None
        return lines if columns is None else [columns.hide(line) for line in lines]


def diff_artifacts(client: Client, run_ids: TwoRuns, artifact_path: DiffPath) -> Difference:
    """Compare the same file of two or more runs: keys added, removed and changed with both values for YAML and JSON (order
    ignored), a unified diff for text, files by name and size for a folder. 'config' finds each run's config. compare_runs
    compares metrics and params."""
    sides = sides_of(client, run_ids)
    path = artifact_path.strip()
    if path in ("/", ".", "") or path.endswith("/"):
        return _diff_folders(client, sides, checked_path(path.strip("/.")))
    steps = client.call.steps("read", "file")
    read = client.run_concurrently(*(partial(read_side, client, side, path) for side in sides), steps=steps)
    files = [_File(side, found, data) for side, (found, data) in zip(sides, read) if data is not None]
    if not files:
        return _diff_folders(client, sides, checked_path(path))
    if len(files) < len(sides):
        raise Problem(f"'{path}' is a folder in some of these runs and a file in others.", "Compare '/' instead.")
    files = [
        replace(files[at], side=side) for at, side in one_of_each(sides, [file.data for file in files], files[0].path)
    ]
    answer = Difference(
        sides={file.label: file.side.described(file.path) for file in files},
        identical=len({file.data for file in files}) == 1,
    )
    answer.note(*(f"{file.label}: {remark}" for file in files for remark in remarks_of(file.side)))
    _diff_files(answer, files, client.settings.mask_secrets, Budget.of(client.settings.max_chars))
    client.parts("Whether the params agree", lambda: _note_params(client, answer, files))
    return answer


def _note_params(client: Client, answer: Difference, files: Sequence[_File]) -> None:
    """What a config file and the params of its run record otherwise."""
    values = [_parsed(file, answer) if is_config(file.path) else None for file in files]
    asked = [partial(against_params, client, file.side.owner, file.path, each) for file, each in zip(files, values)]
    answer.note(*(f"{file.label}: {told}" for file, told in zip(files, client.run_concurrently(*asked)) if told))


def _diff_files(answer: Difference, files: Sequence[_File], mask_secrets: bool, budget: Budget) -> None:
    if answer.identical:
        answer.note("The files are the same, byte for byte.")
        return
    if not all(file.is_text for file in files):
        answer.note(f"They are not text. Their sizes: {', '.join(size(len(file.data)) for file in files)}.")
        return
    values = [_parsed(file, answer) for file in files]
    if all(value is not None for value in values):
        _diff_values(answer, [file.label for file in files], values, mask_secrets)
    else:
        _diff_lines(answer, files, budget, mask_secrets)


def _parsed(file: _File, answer: Difference) -> Any:
    """The file's values; None when it is of no kind that is parsed, or not well formed."""
    kind = kind_by_name(file.path)
    if kind.family != "data":
        return None
    remarks = Remarks()
    try:
        value = parse(kind.name, decoded(file.data), remarks)
    except Unparsable:
        return None
    answer.note(*(f"{file.label}: {sentence}" for sentence in remarks.sentences()))
    return value


def _diff_values(answer: Difference, labels: Sequence[str], values: Sequence[Any], mask_secrets: bool) -> None:
    rows: list[list[Any]] = []
    changed: list[Change] = []
    if mask_secrets:
        values = [mark_named(value) for value in values]
    for label, value in zip(labels[1:], values[1:]):
        for change in differences(values[0], value):
            changed.append(change)
            sides = [None if side is NOTHING else side for side in (change.before, change.after)]
            if mask_secrets:  # before anything is cut: a part of a secret cannot be told as one
                sides = [mask_at(side, change.path) for side in sides]
            rows.append([change.path, change.kind, *_shown(sides), label])
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
    _add_equal(answer, equal_values(values[0], changed), mask_secrets)


def _add_equal(answer: Difference, equal: Mapping[str, Any], mask_secrets: bool) -> None:
    """How many values are equal, and which where they are few."""
    answer.equal = len(equal)
    shown = {path: mask_at(value, path) if mask_secrets else value for path, value in [*equal.items()][:_MOST_EQUAL]}
    if equal and len(shown) == len(equal) and len(encoded(shown)) <= _SHORT_EQUAL:
        answer.equal_values = shown
    elif equal:
        answer.note(
            f"{plural(len(equal), 'equal value')} not shown: get_artifact_content with these runs and select takes one out."
        )


def _shown(sides: Sequence[Any]) -> list[Any]:
    """Both values, whole when they are short; of long texts the part where they begin to differ."""
    if all(isinstance(side, str) for side in sides):
        is_long = max(map(len, sides)) > CELL_CHARS
        return from_difference(sides, _SHOWN_VALUE) if is_long else list(sides)
    return [truncate(encoded(side), _SHOWN_VALUE) if len(encoded(side)) > CELL_CHARS else side for side in sides]


def _diff_lines(answer: Difference, files: Sequence[_File], budget: Budget, mask_secrets: bool) -> None:
    sides = [Lines(file.label, file.lines, file.masked_lines if mask_secrets else file.lines) for file in files]
    first, *others = sides
    if max(len(side.lines) for side in sides) > _MOST_LINES:
        raise Problem(
            "The files have too many lines for a line-by-line difference.", "search_artifacts counts and finds lines."
        )
    answer.unified = {}
    for other in others:
        pair = f"{first.label} -> {other.label}"
        lines = unified(first, other)
        answer.unified[pair] = truncate("\n".join(lines[:_UNIFIED_LINES]), budget.excerpt // len(others))
        if not lines:
            answer.note(
                f"{pair}: the lines are the same; only line ends, colours or text rewritten in place (\\r) differ, if anything."
            )
        if len(lines) > _UNIFIED_LINES:
            answer.note(f"{len(lines) - _UNIFIED_LINES} more lines of the difference {pair} are not shown.")


def _diff_folders(client: Client, sides: Sequence[Side], folder: str) -> Difference:
    if len(sides) > MOST_SIDES:
        raise Problem(f"{len(sides)} folders are too many to read side by side.", f"Give at most {MOST_SIDES} runs.")
    trees = client.run_concurrently(*(partial(side.source.tree, folder) for side in sides))
    sizes = [
        {entry.path[len(folder) :].lstrip("/"): entry.size for entry in tree if not entry.is_dir} for tree, _ in trees
    ]
    if not any(sizes):
        raise NotFound(f"None of these runs has files in '{folder or '/'}'.", "list_artifacts shows what they have.")
    names = sorted({name for of_side in sizes for name in of_side})
    differing = [name for name in names if len({of_side.get(name, -1) for of_side in sizes}) > 1]
    rows = [[name, *(of_side.get(name) for of_side in sizes)] for name in differing]
    answer = Difference(
        sides={side.label: side.described(folder or "/") for side in sides},
        identical=not rows,
        changes=Table(columns=["path", *(side.label for side in sides)], rows=rows[:_MOST_ROWS]) if rows else None,
        equal=len(names) - len(rows),
    )
    if len(rows) > _MOST_ROWS:
        answer.note(f"{len(rows) - _MOST_ROWS} more files that differ are not shown.")
    if any(unread for _, unread in trees):
        answer.note("Not all folders were looked into, the trees are too large: compare smaller ones.")
    answer.note("Compared by name and size in bytes; files of equal size may differ inside.")
    return answer
