"""Tables in files: a page of rows with the types of its columns and the number of all rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mlflow_mcp.answers.budget import CELL_CHARS, encoded
from mlflow_mcp.answers.masking import mask
from mlflow_mcp.answers.table import Table
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import plural, truncate
from mlflow_mcp.tools.artifacts.formats.content import ArtifactContent, ContentRequest, OpenedFile
from mlflow_mcp.tools.artifacts.formats.delimited import read_csv, read_jsonl, read_tsv
from mlflow_mcp.tools.artifacts.formats.parquet import read_parquet
from mlflow_mcp.tools.artifacts.formats.rows import RowPage, Rows
from mlflow_mcp.tools.artifacts.formats.split import begins_like_table, rows_of, split_table

# Rows beyond a page are counted only in files up to this size.
MOST_COUNTED = 64_000_000
ROWS = 20
MOST_COLUMNS = 100

_ROWS_OF: dict[str, Callable[[OpenedFile, RowPage], Rows]] = {
    "csv": read_csv,
    "tsv": read_tsv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
}


def read(file: OpenedFile, request: ContentRequest) -> ArtifactContent:
    """A page of rows as a table, or a single row whole."""
    return _page_of(file, request, _ROWS_OF[file.kind.name])


def read_split(file: OpenedFile, request: ContentRequest) -> ArtifactContent | None:
    """The same of JSON that begins like a table; None when it is none."""
    table = split_table(file)
    return None if table is None else _page_of(file, request, lambda _, page: rows_of(table, page))


def rows_reader(file: OpenedFile) -> Callable[[RowPage], Rows] | None:
    """What reads the rows of a file; None of one that is no table."""
    if file.kind.family == "table":
        return lambda page: _ROWS_OF[file.kind.name](file, page)
    if begins_like_table(file) and (table := split_table(file)):
        return lambda page: rows_of(table, page)
    return None


def _page_of(
    file: OpenedFile, request: ContentRequest, rows_on: Callable[[OpenedFile, RowPage], Rows]
) -> ArtifactContent:
    page = RowPage(
        start=request.window.start_line or 1,
        most=request.window.max_lines or ROWS,
        columns=request.columns,
        count_all=file.total is not None and file.total <= MOST_COUNTED,
    )
    rows = rows_on(file, page)
    if not rows.rows and page.start > 1:
        raise Problem(f"'{file.path}' has only {plural(rows.count or 0, 'row')}.", "Give a smaller start_line.")
    answer = ArtifactContent(path=file.path, bytes=file.total, row_count=rows.count)
    if page.most == 1 and rows.rows:
        kept, answer.content = 1, dict(zip(rows.columns, rows.rows[0]))  # whole, where a cell would be cut
    else:
        kept = _show_table(answer, rows, page, file)
    last = page.start + kept - 1
    answer.lines = f"rows {page.start}-{last}" if kept else None
    _note_rest(answer, rows, last)
    return answer


def _show_table(answer: ArtifactContent, rows: Rows, page: RowPage, file: OpenedFile) -> int:
    """Put as many rows as fit into the answer, and tell how many these are. Not `Table.of`: what a file holds is shown
    whole, also its numbers."""
    width = len(rows.columns) if page.columns else min(len(rows.columns), MOST_COLUMNS)
    columns = rows.columns[:width]
    shown = [[cell(value, file.mask_secrets) for value in row[:width]] for row in rows.rows]
    room, kept = file.budget.rows - 2 * len(encoded(columns)), 0
    for row in shown:
        room -= cost(row)
        if room < 0 and kept:
            break
        kept += 1
    answer.table = Table(columns=columns, rows=shown[:kept])
    answer.column_types = ", ".join(f"{name} ({kind})" for name, kind in zip(columns, rows.types))
    if width < len(rows.columns):
        answer.note(f"Only {width} of {len(rows.columns):,} columns are shown; columns=['…'] shows others.")
    return kept


def cost(row: Sequence[Any]) -> int:
    """The characters that a row will take in the answer."""
    return len(encoded([truncate(value, CELL_CHARS) if isinstance(value, str) else value for value in row]))


def cell(value: Any, mask_secrets: bool) -> Any:
    """A long nested value becomes a text, which is cut like other long texts. Its secrets are hidden before: a name and a value
    that stand side by side in an object are not told in its text."""
    if isinstance(value, (dict, list)) and len(text := encoded(value)) > CELL_CHARS:
        return encoded(mask(value)) if mask_secrets else text
    return value


def _note_rest(answer: ArtifactContent, rows: Rows, last: int) -> None:
    answer.note(*rows.notes, rows.counting)
    if rows.count is None or last < rows.count:
        answer.note(
            f"start_line={last + 1} continues with the next rows; columns=[…] shows fewer columns, max_lines=1 a row whole."
        )
    if rows.count is None:
        answer.note("Row count skipped: the file is too large.")
    if rows.ragged:
        answer.note(
            f"{plural(rows.ragged, 'row')} shown here are longer than the header; what is beyond it is left out."
        )
