"""Secrets under the name of a column, in tables that are text: CSV, TSV, Markdown."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_mcp.answers.secrets.names import is_secret, may_stand_for_one, names_a_secret
from mlflow_mcp.answers.secrets.shapes import HIDDEN

_NAME = re.compile(r"[\w. /()%#@:*`\"'-]{0,80}")
# Between the header and the rows: of Markdown, of a database's client, drawn with lines.
_RULE = re.compile(r"[ \t:|+=\u2500-\u257f-]*[-=\u2500\u2501\u2550][ \t:|+=\u2500-\u257f-]*")
_LINES_DRAWN = str.maketrans("\u2502\u2503\u2551", "|||")
# Columns that spaces align; rows may have a number before them, as pandas prints them.
_SPACES = "  "
_LONGEST_HEADER = 20_000


@dataclass(frozen=True)
class SecretColumns:
    """The columns of a delimited text, of which some hold secrets."""

    names: Sequence[str]
    delimiter: str

    @classmethod
    def of(cls, header: str, delimiter: str) -> SecretColumns | None:
        """The columns that a header names; None when none of them may hold a secret, or it is no header."""
        if len(header) > _LONGEST_HEADER:
            return None
        names = [name.strip().strip("`\"'") for name in _cells(header, delimiter)]
        if len(names) < 2 or not all(map(_NAME.fullmatch, names)) or not all(names):
            return None
        return cls(names, delimiter) if any(map(may_stand_for_one, names)) else None

    def hide(self, line: str) -> str:
        """A line of the table without its secrets. Of one that is cut, or a part of a longer row, nothing is shown when a
        column is a secret whatever it holds."""
        text = line.rstrip("\r\n")
        end = line[len(text) :]
        if not text.strip() or [cell.strip().strip("`\"'") for cell in _cells(text, self.delimiter)] == self.names:
            return line
        cells = _cells(text, self.delimiter)
        if self.delimiter == _SPACES and len(cells) == len(self.names) + 1:
            del cells[0]
        if len(cells) != len(self.names) or text.count('"') % 2:
            return (HIDDEN if any(map(names_a_secret, self.names)) else text) + end
        secrets = [cell for name, cell in zip(self.names, cells) if cell.strip() and is_secret(cell.strip(), name)]
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret.strip().replace('"', '""') if '""' in text else secret.strip(), HIDDEN)
        return text + end


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == "|":
        return line.translate(_LINES_DRAWN).strip().strip("|").split("|")
    if delimiter == _SPACES:
        return re.split(r"[ \t]{2,}", line.strip())
    try:
        return next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)


def hide_in_tables(text: str) -> str:
    """The text without secrets under the names of columns: after a line that is a header, up to one that is no row of it."""
    lines = text.split("\n")
    columns: SecretColumns | None = None
    for number, line in enumerate(lines):
        if columns is not None and columns.delimiter == "|" and _RULE.fullmatch(line):
            continue
        if columns is not None and _is_row(line, columns):
            lines[number] = columns.hide(line)
            continue
        begins = number == 0 or not lines[number - 1].strip()
        columns = _header(line, lines[number + 1] if number + 1 < len(lines) else "", begins)
    return "\n".join(lines)


def _is_row(line: str, columns: SecretColumns) -> bool:
    extra = len(_cells(line, columns.delimiter)) - len(columns.names)
    if columns.delimiter == _SPACES:
        return extra in (0, 1) and len(columns.names) > 1
    return extra == 0 and columns.delimiter in line.translate(_LINES_DRAWN)


def _header(line: str, below: str, begins: bool) -> SecretColumns | None:
    """The columns of a line that looks like a header: in Markdown with its rule below it, else the first line of a part (`begins`),
    with a row of as many cells below it."""
    if _RULE.fullmatch(below) is not None and "|" in (drawn := line.translate(_LINES_DRAWN)):
        return SecretColumns.of(drawn, "|")
    for delimiter in (",", "\t", ";", _SPACES) if begins else ():
        if delimiter in line and delimiter in below:
            columns = SecretColumns.of(line, delimiter)
            if columns is not None and _is_row(below, columns):
                return columns
    return None


# A table of pandas in JSON: `{"columns": ["user", "password"], "data": [["ana", "…"]]}`.
_SPLIT_COLUMNS = re.compile(r'"columns"\s*:\s*(\[[^\[\]]*\])')
_SPLIT_ROW = re.compile(r'\[((?:\s*(?:"(?:[^"\\]|\\.)*"|[^\[\]",]+)\s*,?)+)\]')


def hide_in_split_table(text: str) -> str:
    """The text without secrets in the rows of a table of JSON, whose columns are named before them."""
    match = _SPLIT_COLUMNS.search(text)
    names = _json_list(match[1]) if match else None
    if match is None or not names or not any(names_a_secret(str(name)) for name in names):
        return text

    def hide(row: re.Match[str]) -> str:
        cells = _json_list(row[0])
        if cells is None or len(cells) != len(names):
            return row[0]
        shown = [
            HIDDEN if isinstance(cell, str) and is_secret(cell, str(name)) else cell for name, cell in zip(names, cells)
        ]
        return row[0] if shown == cells else json.dumps(shown, ensure_ascii=False)

    return text[: match.end()] + _SPLIT_ROW.sub(hide, text[match.end() :])


def _json_list(text: str) -> list[object] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, list) else None
