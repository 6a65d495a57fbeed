"""Tables: rows under named columns, equal values once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from mlflow_mcp.text import number


class Table(BaseModel):
    """Rows under named columns; what is equal in every row stands in `common` instead."""

    columns: list[str]
    rows: list[list[Any]]
    common: dict[str, Any] | None = None

    @classmethod
    def of(cls, columns: Sequence[str], rows: Sequence[Sequence[Any]], keep: Sequence[str] = ()) -> Table:
        """Take out the columns that hold one value in all rows (with two rows or more), except those in `keep`,
        and drop those that hold nothing at all."""
        values = [[row[at] for row in rows] for at in range(len(columns))]
        common: dict[str, Any] = {}
        shown: list[int] = []
        for at, name in enumerate(columns):
            first = values[at][0] if rows else None
            same = all(value == first and type(value) is type(first) for value in values[at])
            if rows and same and first is None and name not in keep:
                continue
            if len(rows) > 1 and same and name not in keep:
                common[name] = first
            else:
                shown.append(at)
        return cls(
            columns=[columns[at] for at in shown],
            rows=[[short_numbers(row[at]) for at in shown] for row in rows],
            common={name: short_numbers(value) for name, value in common.items()} or None,
        )


def short_numbers(value: Any) -> Any:
    """A table's cell with its numbers as tables show them."""
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return {key: short_numbers(inner) for key, inner in value.items()}
    return value
