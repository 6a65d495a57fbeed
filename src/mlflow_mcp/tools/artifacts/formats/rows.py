"""A page of rows of a table in a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.entities.metrics import select_names
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import hint, short

# What stands in columns of numbers for those that JSON cannot carry.
NO_NUMBER = ("NaN", "nan", "inf", "-inf", "Infinity", "-Infinity")


class NoSuchColumn(Problem):
    """A file has no column of a name; `names` are those that it has."""

    names: Sequence[str] = ()


@dataclass(frozen=True)
class RowPage:
    """Which rows are asked for: `most` of them from row `start` (from 1), of some columns. `count_all`: count those after too."""

    start: int
    most: int
    columns: Sequence[str] | None = None
    count_all: bool = True


@dataclass
class Rows:
    """The rows of a page. `count` is of the whole file, None when it was not counted; `ragged` of them are longer than the
    header, and the values beyond it are left out; `notes` say what else is not as it seems, `counting` how rows that meet a
    condition are counted, where that can be asked for."""

    columns: list[str]
    types: list[str]
    rows: list[list[Any]]
    count: int | None
    ragged: int = 0
    notes: list[str] = field(default_factory=list)
    counting: str = ""


def chosen_columns(names: Sequence[str], columns: Sequence[str] | None) -> list[str]:
    """The columns that names and globs mean. Raises Problem for one that the file does not have."""
    if not columns:
        return list(names)
    for column in columns:
        if not select_names([column], names):
            next_step = f"{hint(column, names)} It has: {short(', '.join(names), 500)}."
            missing = NoSuchColumn(f"The file has no column '{column}'.", next_step.strip())
            missing.names = names
            raise missing
    return select_names(columns, names)


def distinct(names: Sequence[str]) -> list[str]:
    """The names of columns; the second `a` as `a.1`, as pandas has it."""
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        distinct.append(f"{name}.{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return distinct


def value_types(values: Iterable[Any]) -> str:
    """The one or two most frequent types of these JSON values: `integer/null`."""
    return "/".join(name for name, _ in Counter(map(_json_type, values)).most_common(2))


def _json_type(value: Any) -> str:
    if value in NO_NUMBER:
        return "number"
    names = {dict: "object", list: "array", str: "text", bool: "boolean", int: "integer", float: "number"}
    return names.get(type(value), "null")
