"""Rows of text files: CSV, TSV and JSON Lines, streamed, so that memory holds a page."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any, TypeVar

from mlflow_mcp.errors import Problem
from mlflow_mcp.tools.artifacts.formats.content import OpenedFile
from mlflow_mcp.tools.artifacts.formats.encoding import TextBlocks
from mlflow_mcp.tools.artifacts.formats.rows import NO_NUMBER, RowPage, Rows, chosen_columns, distinct, value_types
from mlflow_mcp.tools.artifacts.formats.structured import Remarks, Unparsable, parse

_TYPED_ROWS = 500
# A field, or a line without end; longer ones are cut.
_LONGEST_FIELD = 10_000_000
# Numbers whose every character comes back when they are written again. `007`, `1.10`, `48e10937` and long ids are texts.
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,14}")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?")
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
    quotes = _QuoteWatch(lines, delimiter)
    rows = iter(quotes)
    header = distinct(next(rows, []))
    columns = chosen_columns(header, page.columns)
    positions = [header.index(name) for name in columns]
    shown, count = _page_and_count(rows, page)
    picked = [[row[at] if at < len(row) else "" for at in positions] for row in shown]
    types = [_text_type([row[at] for row in picked[:_TYPED_ROWS]]) for at in range(len(positions))]
    typed = [[_typed(value, types[at]) for at, value in enumerate(row)] for row in picked]
    ragged = sum(len(row) > len(header) for row in shown)
    return Rows(columns, types, typed, count, ragged, quotes.notes(page.start, page.start + len(shown) - 1))


class _QuoteWatch:
    """The rows of a CSV text, the header first. Notes those with cells of several lines: a stray quote makes such cells too."""

    def __init__(self, lines: Iterator[str], delimiter: str) -> None:
        self._quotes = 0  # in the lines of the row that is being read
        self._reader = csv.reader(self._counted(lines), delimiter=delimiter)
        self._of_several_lines: list[tuple[int, int]] = []  # rows (0: the header) and their lines
        self._never_closed: int | None = None

    def _counted(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self._quotes += line.count('"')
            yield line

    def __iter__(self) -> Iterator[list[str]]:
        number = lines_before = 0
        for row in self._reader:
            lines = self._reader.line_num - lines_before
            if lines > 1:
                self._of_several_lines.append((number, lines))
                self._never_closed = number if self._quotes % 2 else None
            lines_before, self._quotes = self._reader.line_num, 0
            if row:  # an empty line is no row
                number += 1
                yield row

    def notes(self, first: int, last: int) -> list[str]:
        """What is to be said about the rows from `first` to `last`, and about the one in which the file ends."""
        if (never_closed := self._never_closed) is not None:
            lines = dict(self._of_several_lines)[never_closed]
            where = f"row {never_closed}" if never_closed else "the header"
            return [f"A quote in {where} is never closed: the {lines} lines from there on became one cell, not rows."]
        spans = [(row, lines) for row, lines in self._of_several_lines if first <= row <= last or row == 0]
        if not spans:
            return []
        row, lines = max(spans, key=lambda span: span[1])
        where = f"row {row}" if row else "the header"
        which = f"{len(spans)} rows shown here hold" if len(spans) > 1 else f"{where.capitalize()} holds"
        most = f" (most: {where}, {lines})" if len(spans) > 1 else ""
        count = "several" if len(spans) > 1 else lines
        return [f"{which} {count} lines of the file{most}; where that is not meant, a stray quote swallowed rows."]


def _page_and_count(rows: Iterator[_Row], page: RowPage) -> tuple[list[_Row], int | None]:
    """The rows of the page, and how many the file has, when all are counted or the page reaches its end."""
    before = sum(1 for _ in islice(rows, page.start - 1))
    shown = list(islice(rows, page.most))
    if not page.count_all and len(shown) == page.most:
        return shown, None
    return shown, before + len(shown) + sum(1 for _ in rows)


def _text_type(values: Sequence[str]) -> str:
    present = {value for value in values if value not in _NO_VALUE}
    if not present:
        return "empty"
    numbers = present.difference(NO_NUMBER)
    if not numbers:
        return "number"
    if all(_INTEGER.fullmatch(value) for value in present):
        return "integer"
    if all(_is_number(value) for value in numbers):
        return "number"
    return "boolean" if {value.lower() for value in present} <= {"true", "false"} else "text"


def _typed(value: str, column_type: str) -> Any:
    """The value as its column's type, where that loses nothing."""
    if value == "":
        return None
    if column_type in ("integer", "number") and _INTEGER.fullmatch(value):
        return int(value)
    return float(value) if column_type == "number" and _is_number(value) else value


def _is_number(value: str) -> bool:
    return bool(_INTEGER.fullmatch(value)) or (bool(_NUMBER.fullmatch(value)) and repr(float(value)) == value)


def _json_rows(lines: Iterator[str], page: RowPage) -> Rows:
    texts, count = _page_and_count((line for line in lines if line.strip()), page)
    remarks = Remarks()
    shown = [_object(text, remarks) for text in texts]
    names = list(dict.fromkeys(name for row in shown for name in row))
    columns = chosen_columns(names, page.columns) if shown else list(page.columns or ())
    types = [value_types(row[key] for row in shown if key in row) for key in columns]
    rows = [[row.get(name) for name in columns] for row in shown]
    return Rows(columns, types, rows, count, notes=remarks.sentences())


def _object(line: str, remarks: Remarks) -> dict[str, Any]:
    try:
        value = parse("json", line, remarks)
    except Unparsable:
        return {"(not JSON)": line.strip()}
    return value if isinstance(value, dict) else {"value": value}
