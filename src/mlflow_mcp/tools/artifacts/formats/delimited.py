"""Rows of text files: CSV, TSV and JSON Lines, streamed, so that memory holds a page."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any, TypeVar

from mlflow_mcp.errors import Problem
from mlflow_mcp.tools.artifacts.formats.content import OpenedFile
from mlflow_mcp.tools.artifacts.formats.encoding import TextBlocks
from mlflow_mcp.tools.artifacts.formats.rows import RowPage, Rows, chosen_columns
from mlflow_mcp.tools.artifacts.formats.structured import Unparsable, parse, to_json_value

_TYPED_ROWS = 500
# A field, or a line without end; longer ones are cut.
_LONGEST_FIELD = 10_000_000
# Numbers as programs write them. Ids that only look so keep their zeros and letters: `007`, `48e10937`.
_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,15})")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-][0-9]+)")
_NO_NUMBER = ("NaN", "nan", "inf", "-inf", "Infinity", "-Infinity")
_NO_VALUE = ("", "null", "None", "NA", "N/A")

_Row = TypeVar("_Row")


def read_csv(file: OpenedFile, page: RowPage) -> Rows:
    return _csv(file, page, ",")


def read_tsv(file: OpenedFile, page: RowPage) -> Rows:
    return _csv(file, page, "\t")


def read_jsonl(file: OpenedFile, page: RowPage) -> Rows:
    with closing(file.source.stream(file.path)) as blocks:
        return _json_rows(_text_lines(TextBlocks(blocks)), page)


def _csv(file: OpenedFile, page: RowPage, delimiter: str) -> Rows:
    try:
        with closing(file.source.stream(file.path)) as blocks:
            return _csv_rows(_text_lines(TextBlocks(blocks)), page, delimiter)
    except csv.Error as error:
        kind = file.kind.name.upper()
        raise Problem(f"'{file.path}' is no readable {kind} ({error}).", "tail=20 shows its end as text.") from error


def _text_lines(blocks: Iterable[bytes]) -> Iterator[str]:
    """The lines of a stream in UTF-8, a block in memory at a time; a line without end comes in parts."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for block in blocks:
        *lines, rest = (rest + decoder.decode(block)).split("\n")
        yield from (f"{line}\n" for line in lines)
        if len(rest) > _LONGEST_FIELD:
            yield rest
            rest = ""
    if rest:
        yield rest


def _csv_rows(lines: Iterator[str], page: RowPage, delimiter: str) -> Rows:
    csv.field_size_limit(_LONGEST_FIELD)
    rows = (row for row in csv.reader(lines, delimiter=delimiter) if row)  # an empty line is no row
    header = _distinct(next(rows, []))
    columns = chosen_columns(header, page.columns)
    positions = [header.index(name) for name in columns]
    shown, count = _page_and_count(rows, page)
    picked = [[row[at] if at < len(row) else "" for at in positions] for row in shown]
    types = [_text_type([row[at] for row in picked[:_TYPED_ROWS]]) for at in range(len(positions))]
    typed = [[_typed(value, types[at]) for at, value in enumerate(row)] for row in picked]
    return Rows(columns, types, typed, count, ragged=sum(len(row) > len(header) for row in shown))


def _page_and_count(rows: Iterator[_Row], page: RowPage) -> tuple[list[_Row], int | None]:
    """The rows of the page, and how many the file has, when all are counted or the page reaches its end."""
    before = sum(1 for _ in islice(rows, page.start - 1))
    shown = list(islice(rows, page.most))
    if not page.count_all and len(shown) == page.most:
        return shown, None
    return shown, before + len(shown) + sum(1 for _ in rows)


def _distinct(names: Sequence[str]) -> list[str]:
    """The names of columns; the second `a` as `a.1`, as pandas has it."""
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        distinct.append(f"{name}.{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return distinct


def _text_type(values: Sequence[str]) -> str:
    present = {value for value in values if value not in _NO_VALUE}
    if not present:
        return "empty"
    numbers = present.difference(_NO_NUMBER)
    if not numbers:
        return "number"
    if all(_INTEGER.fullmatch(value) for value in present):
        return "integer"
    if all(_INTEGER.fullmatch(value) or _NUMBER.fullmatch(value) for value in numbers):
        return "number"
    return "boolean" if {value.lower() for value in present} <= {"true", "false"} else "text"


def _typed(value: str, column_type: str) -> Any:
    """The value as its column's type, where that loses nothing."""
    if value == "":
        return None
    if column_type in ("integer", "number") and _INTEGER.fullmatch(value):
        return int(value)
    if column_type == "number" and _NUMBER.fullmatch(value):
        return to_json_value(float(value))
    return value


def _json_rows(lines: Iterator[str], page: RowPage) -> Rows:
    texts, count = _page_and_count((line for line in lines if line.strip()), page)
    shown = [_object(text) for text in texts]
    names = list(dict.fromkeys(name for row in shown for name in row))
    columns = chosen_columns(names, page.columns) if shown else list(page.columns or ())
    types = [
        "/".join(name for name, _ in Counter(_json_type(row[key]) for row in shown if key in row).most_common(2))
        for key in columns
    ]
    return Rows(columns, types, [[row.get(name) for name in columns] for row in shown], count)


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
