"""Files of rows: CSV, JSON lines and Parquet as columns, types, a number of rows and a page of them."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mlflow_mcp.client.artifacts import range_file
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.entities.metrics import matching
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import hint, short
from mlflow_mcp.tools.artifacts.formats.structured import Unparsable, carried, parse

# Rows beyond a page are counted only in files up to this size.
MOST_COUNTED = 64_000_000
_TYPED_ROWS = 500
# A field, or a line without end; longer ones are cut.
_LONGEST_FIELD = 10_000_000
# Numbers as programs write them. Ids that only look so keep their zeros and letters: `007`, `48e10937`.
_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,15})")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-][0-9]+)")
_NO_NUMBER = ("NaN", "nan", "inf", "-inf", "Infinity", "-Infinity")
_NO_VALUE = ("", "null", "None", "NA", "N/A")


@dataclass
class Rows:
    """A page of rows. `count` is of the whole file, None when it was not counted; `ragged` of them are longer than the
    header, and what stands beyond it is left out."""

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]
    count: int | None
    ragged: int = 0


def read_rows(  # noqa: PLR0913  # which file, how it is written, and which part of it
    source: ArtifactSource,
    path: str,
    kind: str,
    encoding: str,
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
    read = _jsonl if kind == "jsonl" else _csv("\t" if kind == "tsv" else ",")
    try:
        with closing(source.stream(path)) as blocks:
            return read(_text_lines(blocks, encoding), columns, start, most, counted)
    except csv.Error as error:
        raise Problem(f"'{path}' is no readable {kind.upper()} ({error}).", "tail=20 shows its end as text.") from error


def _text_lines(blocks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The lines of a stream, a block in memory at a time; a line without end comes in parts."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    rest = ""
    for block in blocks:
        *lines, rest = (rest + decoder.decode(block)).split("\n")
        yield from (f"{line}\n" for line in lines)
        if len(rest) > _LONGEST_FIELD:
            yield rest
            rest = ""
    if rest:
        yield rest


def _csv(delimiter: str) -> Callable[..., Rows]:
    def read(lines: Iterator[str], columns: Sequence[str] | None, start: int, most: int, counted: bool) -> Rows:
        csv.field_size_limit(_LONGEST_FIELD)
        rows = (row for row in csv.reader(lines, delimiter=delimiter) if row)  # an empty line is no row
        header = _distinct(next(rows, []))
        chosen = _chosen(header, columns)
        places = [header.index(name) for name in chosen]
        passed = sum(1 for _ in islice(rows, start - 1))
        page = list(islice(rows, most))
        count = passed + len(page) + sum(1 for _ in rows) if counted or len(page) < most else None
        picked = [[row[at] if at < len(row) else "" for at in places] for row in page]
        types = [_text_type([row[at] for row in picked[:_TYPED_ROWS]]) for at in range(len(places))]
        typed = [[_typed(value, types[at]) for at, value in enumerate(row)] for row in picked]
        return Rows(chosen, types, typed, count, sum(len(row) > len(header) for row in page))

    return read


def _distinct(names: Sequence[str]) -> list[str]:
    """The names of columns; the second `a` as `a.1`, as pandas has it."""
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        distinct.append(f"{name}.{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return distinct


def _text_type(values: Sequence[str]) -> str:
    told = {value for value in values if value not in _NO_VALUE}
    if not told:
        return "empty"
    numbers = told.difference(_NO_NUMBER)
    if not numbers:
        return "number"
    if all(_INTEGER.fullmatch(value) for value in told):
        return "integer"
    if all(_INTEGER.fullmatch(value) or _NUMBER.fullmatch(value) for value in numbers):
        return "number"
    return "boolean" if {value.lower() for value in told} <= {"true", "false"} else "text"


def _typed(value: str, of: str) -> Any:
    """The value as its column's type, where that loses nothing."""
    if value == "":
        return None
    if of in ("integer", "number") and _INTEGER.fullmatch(value):
        return int(value)
    if of == "number" and _NUMBER.fullmatch(value):
        return carried(float(value))
    return value


def _jsonl(lines: Iterator[str], columns: Sequence[str] | None, start: int, most: int, counted: bool) -> Rows:
    rows = (line for line in lines if line.strip())
    passed = sum(1 for _ in islice(rows, start - 1))
    page = [_object(line) for line in islice(rows, most)]
    count = passed + len(page) + sum(1 for _ in rows) if counted or len(page) < most else None
    names = list(dict.fromkeys(name for row in page for name in row))
    chosen = _chosen(names, columns) if page else list(columns or ())
    types = [
        "/".join(name for name, _ in Counter(_json_type(row[key]) for row in page if key in row).most_common(2))
        for key in chosen
    ]
    return Rows(chosen, types, [[row.get(name) for name in chosen] for row in page], count)


def _object(line: str) -> dict[str, Any]:
    try:
        value = parse("json", line)
    except Unparsable:
        return {"(not JSON)": line.strip()}
    return value if isinstance(value, dict) else {"value": value}


def _json_type(value: Any) -> str:
    if value in _NO_NUMBER:
        return "number"
    names = {dict: "object", list: "array", str: "text", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "null")


def _parquet(
    source: ArtifactSource, path: str, total: int, columns: Sequence[str] | None, start: int, most: int
) -> Rows:
    from pyarrow import ArrowException, parquet

    try:
        with range_file.open_range_file(source, path, total) as raw:
            return _parquet_rows(parquet.ParquetFile(raw), columns, start, most)
    except (ArrowException, OSError) as error:
        if type(error).__module__.startswith("requests"):  # of the connection: the file may be well
            raise
        raise Problem(
            f"'{path}' is no readable Parquet file ({short(str(error), 120)}).",
            "download_artifacts fetches it as it is.",
        ) from error


def _parquet_rows(file: Any, columns: Sequence[str] | None, start: int, most: int) -> Rows:
    schema = file.schema_arrow
    chosen = _chosen(list(schema.names), columns)
    types = [str(schema.field(name).type) for name in chosen]
    rows: list[list[Any]] = []
    at = 0
    for group in range(file.num_row_groups):
        size = file.metadata.row_group(group).num_rows
        if at + size >= start and len(rows) < most:
            first = max(0, start - 1 - at)
            part = _part_of_group(file, group, chosen, first, most - len(rows))
            rows += [[carried(value) for value in row] for row in part]
        at += size
    return Rows(chosen, types, rows, file.metadata.num_rows)


def _part_of_group(file: Any, group: int, columns: list[str], first: int, most: int) -> Iterator[tuple[Any, ...]]:
    """Some rows of a row group, a batch in memory at a time: a group may hold millions."""
    passed = 0
    for batch in file.iter_batches(max(most, 1_000), row_groups=[group], columns=columns):
        begin = max(0, first - passed)
        if begin < batch.num_rows and most > 0:
            part = batch.slice(begin, most)
            yield from zip(*(part.column(name).to_pylist() for name in columns))
            most -= part.num_rows
        passed += batch.num_rows
        if most <= 0:
            return


def _chosen(names: Sequence[str], columns: Sequence[str] | None) -> list[str]:
    if not columns:
        return list(names)
    chosen = matching(columns, names)
    for wanted in columns:
        if not matching([wanted], names):
            told = f"{hint(wanted, names)} It has: {short(', '.join(names), 500)}."
            raise Problem(f"The file has no column '{wanted}'.", told.strip())
    return chosen


def types_of(rows: Rows, most: int) -> str:
    """`name (type)` of the first columns, in one line."""
    return ", ".join(f"{name} ({of})" for name, of in zip(rows.columns[:most], rows.types))
