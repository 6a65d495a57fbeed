"""The rows of a per-sample file, one at a time: from JSON lines as they stream, from tables and other JSON as they are parsed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.client.artifacts.store import ArtifactEntry
from mlflow_mcp.client.call import Steps
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import size
from mlflow_mcp.tools.artifacts.formats.content import ContentRequest, OpenedFile
from mlflow_mcp.tools.artifacts.formats.detect import kind_by_name
from mlflow_mcp.tools.artifacts.formats.encoding import decoded
from mlflow_mcp.tools.artifacts.formats.read import open_file
from mlflow_mcp.tools.artifacts.formats.rows import RowPage
from mlflow_mcp.tools.artifacts.formats.structured import MOST_CHARACTERS, Unparsable, parse
from mlflow_mcp.tools.artifacts.formats.tables import rows_reader

# Rows that are compared of one file, and bytes of a file that has to be in memory as a whole.
MOST_ROWS = 100_000
_MOST_WHOLE = 64_000_000
_LONGEST_LINE = 10_000_000
_PLAIN_KEY = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True)
class Line:
    """A row: its number from 1, as `start_line` takes it; `row` is None where it cannot be read. A row of JSON lines is found
    again at `start`, `length`; others are kept. `select` finds it in a JSON document, which has no rows of its own."""

    number: int
    row: Mapping[str, Any] | None
    start: int = 0
    length: int = 0
    select: str = ""


def lines_of(client: Client, source: ArtifactSource, entry: ArtifactEntry) -> Iterator[Line]:
    """The rows of the file. Raises Problem for one that holds no rows, or is too large to be parsed."""
    if kind_by_name(entry.path).name == "jsonl":
        return _json_lines(source, entry.path, client.call.steps("read", "byte", entry.size, of="samples"))
    if entry.size is not None and entry.size > _MOST_WHOLE:
        raise Problem(
            f"'{entry.path}' has {size(entry.size)}; files of its kind are compared up to {size(_MOST_WHOLE)}.",
            "JSON Lines files are read whatever their size.",
        )
    file = open_file(client, source, entry.path, ContentRequest())
    if read := rows_reader(file):
        rows = read(RowPage(start=1, most=MOST_ROWS + 1, count_all=False))
        return (Line(at, dict(zip(rows.columns, row))) for at, row in enumerate(rows.rows, 1))
    return (Line(at, row, select=select) for at, (select, row) in enumerate(_objects(file), 1))


def _json_lines(source: ArtifactSource, path: str, steps: Steps) -> Iterator[Line]:
    with closing(source.stream(path)) as blocks:
        number, offset, rest = 0, 0, b""
        for block in _with_end(blocks):
            steps.advance(len(block))
            *whole, rest = (rest + block).split(b"\n") if block else (rest, b"")
            for line in whole:
                if line.strip():
                    number += 1
                    yield Line(number, row_of(line), offset, len(line))
                offset += len(line) + 1
            if len(rest) > _LONGEST_LINE:
                raise Problem(f"'{path}' has a line of more than {size(_LONGEST_LINE)}.", "Name another artifact_path.")


def _with_end(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks, then an empty one: what is left then is the last line."""
    yield from (block for block in blocks if block)
    yield b""


def row_of(line: bytes) -> Mapping[str, Any] | None:
    """The object in a line; None where it is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _objects(file: OpenedFile) -> list[tuple[str, Mapping[str, Any]]]:
    """The objects of a JSON list, of the only list of objects below a key of the document, or below its keys; each with the
    JMESPath that selects it. Columns that are lists become rows."""
    if file.kind.name != "json":
        raise Problem(f"'{file.path}' is {file.kind.label}, which has no rows.", "Name another artifact_path.")
    try:
        value = parse("json", decoded(file.whole(MOST_CHARACTERS["json"], "too large to parse")))
    except Unparsable as error:
        raise Problem(f"'{file.path}' is no readable JSON ({error}).", "Name another artifact_path.") from error
    if isinstance(value, list):
        return _items("", value)
    if not isinstance(value, dict):
        return []
    if _are_columns(list(value.values())):
        return [(f"*[{at}]", dict(zip(value, row))) for at, row in enumerate(zip(*value.values()))]
    lists = [items for key, part in value.items() if (items := _items(_quoted(key), part))]
    if lists:
        return lists[0] if len(lists) == 1 else []
    objects: list[tuple[str, Mapping[str, Any]]] = [
        (_quoted(key), {"id": key, **part}) for key, part in value.items() if isinstance(part, dict)
    ]
    return objects if len(objects) == len(value) else []


def _quoted(key: str) -> str:
    """A key as JMESPath takes it."""
    return key if _PLAIN_KEY.fullmatch(key) else json.dumps(key)


def _items(path: str, value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """The objects of a list of nothing else."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        return []
    return [(f"{path}[{at}]", row) for at, row in enumerate(value)]


def _are_columns(lists: Sequence[Any]) -> bool:
    """Whether a document holds its columns as lists of one length, as `to_dict` of data frames and data sets writes them."""
    if len(lists) < 2 or not all(isinstance(each, list) and each for each in lists):
        return False
    is_one_length = len({len(each) for each in lists}) == 1
    return is_one_length and not all(isinstance(item, dict) for each in lists for item in each)
