"""Files of rows: CSV, JSON lines and Parquet as columns, types, a number of rows and a page of them."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mlflow_mcp import range_file
from mlflow_mcp.artifact_source import ArtifactSource
from mlflow_mcp.errors import NotFound, hint
from mlflow_mcp.run_table import matching

# Rows beyond a page are counted only in files up to this size.
MOST_COUNTED = 64_000_000
_TYPED_ROWS = 500
# A field of strangers' CSV; longer ones are cut in the answer anyway.
_LONGEST_FIELD = 10_000_000


@dataclass
class Rows:
    """A page of rows. `count` is of the whole file, None when it was not counted."""

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]
    count: int | None


def read_rows(
    source: ArtifactSource,
    path: str,
    kind: str,
    total: int | None,
    columns: Sequence[str] | None,
    start: int,
    most: int,
) -> Rows:
    """Rows `start` (from 1) to `start + most - 1` of a "csv", "tsv", "jsonl" or "parquet" file, of the chosen columns.

    Text is streamed: memory holds the page. Of Parquet only the footer and the row groups of the page are read.
    """
    if kind == "parquet":
        return _parquet(source, path, total or 0, columns, start, most)
    counted = total is not None and total <= MOST_COUNTED
    text = _text_lines(source.stream(path))
    read = _jsonl if kind == "jsonl" else _csv("\t" if kind == "tsv" else ",")
    return read(text, columns, start, most, counted)


def _text_lines(blocks: Iterable[bytes]) -> Iterator[str]:
    """The lines of a UTF-8 stream, a block in memory at a time; a line of more than 16 MB comes in parts."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            yield line.decode("utf-8-sig", "replace").rstrip("\r") + "\n"
        if len(rest) > 16_000_000:
            yield rest.decode("utf-8", "replace")
            rest = b""
    if rest:
        yield rest.decode("utf-8-sig", "replace")


def _csv(delimiter: str) -> Callable[..., Rows]:
    def read(lines: Iterator[str], columns: Sequence[str] | None, start: int, most: int, counted: bool) -> Rows:
        csv.field_size_limit(_LONGEST_FIELD)
        reader = csv.reader(lines, delimiter=delimiter)
        header = next(reader, [])
        chosen = _chosen(header, columns)
        places = [header.index(name) for name in chosen]
        before = list(islice(reader, start - 1))
        page = list(islice(reader, most))
        count = len(before) + len(page) + sum(1 for _ in reader) if counted else None
        picked = [[row[at] if at < len(row) else None for at in places] for row in page]
        sample = [[row[at] if at < len(row) else "" for at in places] for row in (page or before)[:_TYPED_ROWS]]
        types = [_text_type([row[at] for row in sample]) for at in range(len(places))]
        typed = [[_typed(value, types[at]) for at, value in enumerate(row)] for row in picked]
        return Rows(chosen, types, typed, count)

    return read


def _text_type(values: Sequence[str]) -> str:
    told = [value for value in values if value not in ("", "NaN", "nan", "null", "None")]
    if not told:
        return "empty"
    for name, convert in (("integer", int), ("number", float)):
        try:
            for value in told:
                convert(value)
        except ValueError:
            continue
        return name
    return "boolean" if {value.lower() for value in told} <= {"true", "false"} else "text"


def _typed(value: str | None, of: str) -> Any:
    if value is None or value == "":
        return None
    if of == "integer" and value.lstrip("-").isdigit() and len(value) < 17:
        return int(value)
    if of == "number":
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _jsonl(lines: Iterator[str], columns: Sequence[str] | None, start: int, most: int, counted: bool) -> Rows:
    rows = (line for line in lines if line.strip())
    passed = sum(1 for _ in islice(rows, start - 1))
    page = [_object(line) for line in islice(rows, most)]
    count = passed + len(page) + sum(1 for _ in rows) if counted else None
    names = list(dict.fromkeys(name for row in page for name in row))
    chosen = _chosen(names, columns) if page else list(columns or ())
    types = [
        "/".join(name for name, _ in Counter(_json_type(row[key]) for row in page if key in row).most_common(2))
        for key in chosen
    ]
    return Rows(chosen, types, [[row.get(name) for name in chosen] for row in page], count)


def _object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return {"(not JSON)": line.strip()}
    return value if isinstance(value, dict) else {"value": value}


def _json_type(value: Any) -> str:
    names = {dict: "object", list: "array", str: "text", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "null")


def _parquet(
    source: ArtifactSource, path: str, total: int, columns: Sequence[str] | None, start: int, most: int
) -> Rows:
    from pyarrow import parquet

    with range_file.opened(source, path, total) as raw:
        file = parquet.ParquetFile(raw)
        schema = file.schema_arrow
        chosen = _chosen(list(schema.names), columns)
        types = [str(schema.field(name).type) for name in chosen]
        rows: list[list[Any]] = []
        at = 0
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            if at + size >= start and len(rows) < most:
                table = file.read_row_group(group, columns=chosen)
                first = max(0, start - 1 - at)
                part = table.slice(first, most - len(rows)).to_pylist()
                rows += [[row[name] for name in chosen] for row in part]
            at += size
        return Rows(chosen, types, [[_carried(value) for value in row] for row in rows], file.metadata.num_rows)


def _carried(value: Any) -> Any:
    """A value of Parquet as JSON carries it."""
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, (dict, list, str, int, float, bool)) or value is None:
        return json.loads(json.dumps(value, default=str)) if isinstance(value, (dict, list)) else value
    return str(value)


def _chosen(names: Sequence[str], columns: Sequence[str] | None) -> list[str]:
    if not columns:
        return list(names)
    chosen = matching(columns, names)
    for wanted in columns:
        if not matching([wanted], names):
            told = f"{hint(wanted, names)} It has: {io.StringIO(', '.join(names)).read(500)}."
            raise NotFound(f"The file has no column '{wanted}'.", told.strip())
    return chosen


def text_of(rows: Rows) -> str:
    """`name: type` for every column, in one line."""
    return ", ".join(f"{name} ({of})" for name, of in zip(rows.columns, rows.types))
