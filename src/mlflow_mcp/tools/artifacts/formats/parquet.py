"""Rows of Parquet files: only the footer and the row groups of a page are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlflow_mcp.client.artifacts.range_file import open_range_file
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import short
from mlflow_mcp.tools.artifacts.formats.content import OpenedFile
from mlflow_mcp.tools.artifacts.formats.rows import RowPage, Rows, chosen_columns, distinct
from mlflow_mcp.tools.artifacts.formats.structured import Remarks, to_json_value


def read_parquet(file: OpenedFile, page: RowPage) -> Rows:
    from pyarrow import ArrowException, parquet

    try:
        with open_range_file(file.source, file.path, file.total or 0) as ranges:
            return _rows(parquet.ParquetFile(ranges), page)
    except (ArrowException, OSError) as error:  # of the format: those of the connection are Problems already
        raise Problem(
            f"'{file.path}' is no readable Parquet file ({short(str(error), 120)}).",
            "download_artifacts fetches it as it is.",
        ) from error


def _rows(table: Any, page: RowPage) -> Rows:
    schema = table.schema_arrow
    names = distinct(schema.names)
    columns = chosen_columns(names, page.columns)
    types = [str(schema.field(names.index(name)).type) for name in columns]
    stored = [schema.names[names.index(name)] for name in columns]
    rows: list[list[Any]] = []
    remarks = Remarks()
    passed = 0
    for group in range(table.num_row_groups):
        length = table.metadata.row_group(group).num_rows
        if passed + length >= page.start and len(rows) < page.most:
            first = max(0, page.start - 1 - passed)
            of_group = _rows_of_group(table, group, (columns, stored), first, page.most - len(rows))
            rows += [[to_json_value(value, remarks) for value in row] for row in of_group]
        passed += length
    return Rows(columns, types, rows, table.metadata.num_rows, notes=remarks.sentences())


def _rows_of_group(
    table: Any, group: int, names: tuple[list[str], list[str]], first: int, most: int
) -> Iterator[tuple[Any, ...]]:
    """Some rows of a row group, a batch in memory at a time: a group may hold millions. `names` are those of the columns as
    they are shown and as they are stored, where two may have one name."""
    columns, stored = names
    passed = 0
    for batch in table.iter_batches(max(most, 1_000), row_groups=[group], columns=list(dict.fromkeys(stored))):
        begin = max(0, first - passed)
        if begin < batch.num_rows and most > 0:
            rows = batch.slice(begin, most)
            there = distinct(rows.schema.names)
            yield from zip(*(values_of(rows.column(there.index(name))) for name in columns))
            most -= rows.num_rows
        passed += batch.num_rows
        if most <= 0:
            return


def values_of(column: Any) -> list[Any]:
    """The values of a column as Python has them, and as text those that it cannot have: nanoseconds without pandas."""
    from pyarrow import ArrowException

    try:
        return list(column.to_pylist())
    except ValueError:
        pass
    try:
        return list(column.cast("string").to_pylist())
    except (ArrowException, ValueError):
        return [None if not value.is_valid else f"({column.type}, not shown)" for value in column]
