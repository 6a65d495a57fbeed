"""Tables in JSON as `mlflow.log_table` and pandas' orient="split" write them: `{"columns": […], "data": [[…], …]}`."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from mlflow_mcp.text import short
from mlflow_mcp.tools.artifacts.formats.content import OpenedFile
from mlflow_mcp.tools.artifacts.formats.encoding import decoded
from mlflow_mcp.tools.artifacts.formats.rows import RowPage, Rows, chosen_columns, value_types
from mlflow_mcp.tools.artifacts.formats.structured import MOST_CHARACTERS, Remarks, Unparsable, parse

_LONGEST_HEADER = 20_000
# So few rows are counted by looking at them; so many columns are not numbered in a note.
_SEEN_AT_ONCE = 5
_NAMED = 12
_BEGINNING = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"columns"\s*:\s*\[')


class SplitTable(NamedTuple):
    """A whole table of this form, and in what its values differ from what is written."""

    columns: list[str]
    rows: list[list[Any]]
    remarks: Remarks
    has_index: bool = False  # as first column, which the rows of the file do not have


def begins_like_table(file: OpenedFile) -> bool:
    """Whether a file may hold such a table: `split_table` knows."""
    return file.kind.name == "json" and _BEGINNING.match(file.head.data) is not None


def header_of_split_table(head: bytes) -> str:
    """The beginning of such a table up to its rows, by the first bytes of a file; nothing for other files."""
    beginning = _BEGINNING.match(head)
    end = head.find(b"]", beginning.end(), _LONGEST_HEADER) if beginning else -1
    return head[: end + 1].decode("utf-8", "replace") + ' "data": [' if end > 0 else ""


def split_table(file: OpenedFile) -> SplitTable | None:
    """The table in a file that begins like one; None for another document, and for one that is too large to parse."""
    if file.total is None or file.total > MOST_CHARACTERS["json"]:
        return None
    remarks = Remarks()
    try:
        value = parse("json", decoded(file.whole(MOST_CHARACTERS["json"], "too large to parse")), remarks)
    except Unparsable:
        return None
    return _table(value, remarks) if isinstance(value, dict) else None


def _table(value: dict[str, Any], remarks: Remarks) -> SplitTable | None:
    columns, rows = value.get("columns"), value.get("data")
    if not (value.keys() <= {"columns", "index", "data"} and isinstance(columns, list) and isinstance(rows, list)):
        return None
    if not all(isinstance(name, str) for name in columns) or len(set(columns)) < len(columns):
        return None
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        return None
    index = value.get("index")
    if index is None or index == list(range(len(rows))):
        return SplitTable(columns, rows, remarks)
    if not isinstance(index, list) or len(index) != len(rows):
        return None
    return SplitTable(["index", *columns], [[name, *row] for name, row in zip(index, rows)], remarks, has_index=True)


def rows_of(table: SplitTable, page: RowPage) -> Rows:
    """A page of the table."""
    columns = chosen_columns(table.columns, page.columns)
    positions = [table.columns.index(name) for name in columns]
    shown = [[row[at] for at in positions] for row in table.rows[page.start - 1 : page.start - 1 + page.most]]
    types = [value_types(row[at] for row in shown) for at in range(len(columns))]
    notes = table.remarks.sentences()
    return Rows(columns, types, shown, len(table.rows), notes=notes, counting=_how_to_count(table))


# What labels are called, and what a model made of them: the question asked most of such a table is how often they differ.
_EXPECTED = ("gold", "label", "target", "expected", "expected_answer", "ground_truth", "reference", "y_true")
_GIVEN = ("pred", "prediction", "predicted", "predicted_answer", "answer", "output", "y_pred")


def _how_to_count(table: SplitTable) -> str:
    """Nothing in the table that is shown tells that its file has lists of cells for rows."""
    if len(table.rows) < _SEEN_AT_ONCE or len(table.columns) > _NAMED or table.has_index:
        return ""
    names = ", ".join(f"[{at}] {short(name, 40)}" for at, name in enumerate(table.columns))
    expected, given = (
        next((at for at, name in enumerate(table.columns) if name.lower() in names_of), None)
        for names_of in (_EXPECTED, _GIVEN)
    )
    condition = "[0]=='…'" if expected is None or given is None else f"[{given}]!=[{expected}]"
    return f'select="data[?{condition}] | length(@)" counts rows by a condition: {names}.'
