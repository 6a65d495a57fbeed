"""The tables of several runs as one, with the run as first column.

Limits count in each run, so that a page shows every run: `max_lines=5` are five rows of each, `tail=5` the last five.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlflow_mcp.answers.budget import CELL_CHARS, Budget, encoded
from mlflow_mcp.answers.masking import mask
from mlflow_mcp.answers.table import Table
from mlflow_mcp.entities.metrics import select_names
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import listed, plural, truncate
from mlflow_mcp.tools.artifacts.formats.content import ArtifactContent, ContentRequest, OpenedFile, Window
from mlflow_mcp.tools.artifacts.formats.rows import NoSuchColumn, RowPage, Rows
from mlflow_mcp.tools.artifacts.formats.tables import MOST_COLUMNS, MOST_COUNTED, ROWS, cell, cost, rows_reader

_RUN = "run"
_COUNTS_NAMED = 30


def part_of(file: OpenedFile, *, request: ContentRequest, runs: int, budget: Budget) -> Rows | None:
    """The rows that are asked for of one of so many runs, cells cut as tables cut them; None of a file that is no table."""
    if not file.head.data:
        return Rows([], [], [], 0)
    reader = rows_reader(file)
    if reader is None:
        return None
    is_counted = file.total is not None and file.total <= MOST_COUNTED
    # A row has at least two characters and its run: more of them never fit.
    fitting = budget.rows // (4 * runs) + 1
    start, most = request.window.start_line or 1, request.window.max_lines or ROWS
    if (tail := request.window.tail) is not None:
        if not is_counted:
            raise Problem(f"'{file.path}' is too large for its last rows.", "Use start_line and max_lines.")
        count = reader(RowPage(1, 0)).count or 0
        most = min(tail, fitting)
        start = max(1, count - most + 1)
    page = RowPage(start, min(most, fitting), request.columns, is_counted)
    try:
        rows = reader(page)
    except NoSuchColumn as missing:
        there = [name for name in request.columns or () if select_names([name], missing.names)]
        if not there:
            raise
        rows = reader(replace(page, columns=there))
    shown = [[_cut(value, name, file.mask_secrets) for name, value in zip(rows.columns, row)] for row in rows.rows]
    return replace(rows, rows=shown)


def _cut(value: Any, column: str, mask_secrets: bool) -> Any:
    """A cell as tables cut them, masked before: a part of a secret is not recognised as one."""
    if not isinstance(value, str):
        return cell(value, mask_secrets)
    if mask_secrets and len(value) > CELL_CHARS:
        value = mask(value, column)
    return truncate(value, CELL_CHARS)


@dataclass(frozen=True)
class JoinedTable:
    """The rows of each run, by its name, under the columns of all."""

    parts: Mapping[str, Rows]
    request: ContentRequest
    budget: Budget

    @property
    def window(self) -> Window:
        return self.request.window

    @property
    def columns(self) -> list[str]:
        """Those of all runs, in the order in which they come first."""
        every = list(dict.fromkeys(name for part in self.parts.values() for name in part.columns))
        return every if self.request.columns else every[:MOST_COLUMNS]

    def answer(self, path: str) -> ArtifactContent:
        start = self.window.start_line or 1
        if start > 1 and not any(part.rows for part in self.parts.values()):
            most = max(part.count or 0 for part in self.parts.values())
            raise Problem(f"No run has more than {plural(most, 'row')}.", "Give a smaller start_line.")
        kept = self._rows_that_fit()
        columns = self.columns
        rows = [
            [name, *self._row(part, row, columns)]
            for name, part in self.parts.items()
            for row in self._kept(part, kept)
        ]
        counts = [part.count for part in self.parts.values()]
        answer = ArtifactContent(
            path=path,
            row_count=None if None in counts else sum(count or 0 for count in counts),
            lines=f"the last {kept} rows of each run"
            if self.window.tail
            else f"rows {start}-{start + kept - 1} of each run",
            column_types=", ".join(f"{name} ({self._type(name)})" for name in columns),
            # A file may have a column `run` of its own.
            table=Table(columns=[_RUN, *(f"{name}.1" if name == _RUN else name for name in columns)], rows=rows),
        )
        self._note(answer, start, kept)
        return answer

    def _kept(self, part: Rows, count: int) -> list[list[Any]]:
        return part.rows[-count:] if self.window.tail else part.rows[:count]

    def _rows_that_fit(self) -> int:
        """How many rows of each run the answer has room for: at least one."""
        longest = max((len(part.rows) for part in self.parts.values()), default=0)
        room = self.budget.rows - 2 * len(encoded(self.columns))
        for count in range(longest):
            for name, part in self.parts.items():
                if count < len(part.rows):
                    row = part.rows[-1 - count] if self.window.tail else part.rows[count]
                    room -= cost([name, *row])
            if room < 0:
                return max(count, 1)
        return max(longest, 1)

    def _row(self, part: Rows, row: list[Any], columns: list[str]) -> list[Any]:
        values = dict(zip(part.columns, row))
        return [values.get(name) for name in columns]

    def _type(self, name: str) -> str:
        types = [part.types[part.columns.index(name)] for part in self.parts.values() if name in part.columns]
        return "/".join(dict.fromkeys(types))

    def _note(self, answer: ArtifactContent, start: int, kept: int) -> None:
        counts = {name: part.count for name, part in self.parts.items()}
        if None not in counts.values() and len(set(counts.values())) == 1 < len(counts):
            answer.note(f"{plural(next(iter(counts.values())) or 0, 'row')} in each of {len(counts)} runs.")
        elif len(counts) > 1:
            each = [f"{name} {'not counted' if count is None else count}" for name, count in counts.items()]
            answer.note(f"Rows of each run: {listed(each, _COUNTS_NAMED)}.")
        if not self.window.tail and any(count is None or count >= start + kept for count in counts.values()):
            answer.note(f"start_line={start + kept} continues in every run; columns=[…] shows fewer columns.")
        answer.note(next((part.counting for part in self.parts.values() if part.counting), ""))
        every = {name for part in self.parts.values() for name in part.columns}
        if len(every) > len(self.columns):
            answer.note(f"Only {len(self.columns)} of {len(every):,} columns are shown; columns=['…'] shows others.")
        partly = [
            name
            for name in self.columns
            if any(part.columns and name not in part.columns for part in self.parts.values())
        ]
        if partly:
            answer.note(f"Not in every run, null where it is missing: {listed(partly, 10)}.")
        answer.note(*[f"{name}: {sentence}" for name, part in self.parts.items() for sentence in part.notes][:3])
