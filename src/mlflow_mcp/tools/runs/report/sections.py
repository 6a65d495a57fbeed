"""What a report is made of: sections of sentences, a table, a picture. Whatever adds to a report adds a section. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlflow_mcp.answers.masking import mask
from mlflow_mcp.answers.table import Table, short_numbers

# Rows of a table, and characters of a cell or sentence: a person reads it, and mail carries it.
MOST_ROWS = 300
LONGEST = 600


@dataclass(frozen=True)
class Section:
    """A part of a report under its title. `picture` is a PNG, and the section's table says the same in numbers."""

    title: str
    sentences: tuple[str, ...] = ()
    table: Table | None = None
    picture: bytes | None = None
    is_folded: bool = False  # for those who look for it

    @property
    def is_empty(self) -> bool:
        return not (self.sentences or self.table or self.picture)


@dataclass(frozen=True)
class Report:
    """A report's head line, its sections, and from where and when it is."""

    title: str
    origin: tuple[str, ...]
    sections: tuple[Section, ...]


def table_of(columns: Sequence[str], rows: Sequence[Sequence[Any]], keep: Sequence[str] = ()) -> Table | None:
    """A table with all its columns but those that hold nothing and are not in `keep`; None without rows."""
    shown = [at for at, name in enumerate(columns) if name in keep or any(row[at] is not None for row in rows)]
    kept = [[short_numbers(row[at]) for at in shown] for row in rows]
    return Table(columns=[columns[at] for at in shown], rows=kept) if kept else None


def masked(report: Report) -> Report:
    """The same report without what looks like a secret. Whole: a part of a secret is not recognised as one."""
    return Report(
        title=mask(report.title),
        origin=tuple(map(mask, report.origin)),
        sections=tuple(map(_masked, report.sections)),
    )


def _masked(section: Section) -> Section:
    table = section.table
    if table is not None:
        found = mask({"columns": table.columns, "rows": table.rows})
        table = Table(columns=found["columns"], rows=found["rows"])
    return replace(section, title=mask(section.title), sentences=tuple(map(mask, section.sentences)), table=table)


def bounded(report: Report) -> Report:
    """The same report with its long cells and tables cut, which is said."""
    return replace(report, sections=tuple(map(_bounded, report.sections)))


def _bounded(section: Section) -> Section:
    sentences = tuple(map(_cut, section.sentences))
    table = section.table
    if table is None:
        return replace(section, sentences=sentences)
    if len(table.rows) > MOST_ROWS:
        sentences += (f"Only the first {MOST_ROWS} of {len(table.rows)} rows are shown.",)
    rows = [[_cut(cell) if isinstance(cell, str) else cell for cell in row] for row in table.rows[:MOST_ROWS]]
    return replace(section, sentences=sentences, table=Table(columns=table.columns, rows=rows))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def cell_text(cell: Any) -> str:
    """A cell as people read it."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, dict):
        return ", ".join(f"{name} {cell_text(value)}" for name, value in cell.items())
    return ", ".join(map(cell_text, cell)) if isinstance(cell, list) else str(cell)
