"""Rows of Parquet files: only the footer and the row groups of a page are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlflow_mcp.client.artifacts.range_file import open_range_file
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import short
from mlflow_mcp.tools.artifacts.formats.content import OpenedFile
from mlflow_mcp.tools.artifacts.formats.rows import RowPage, Rows, chosen_columns
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
    columns = chosen_columns(list(schema.names), page.columns)
    types = [str(schema.field(name).type) for name in columns]
    rows: list[list[Any]] = []
    remarks = Remarks()
    passed = 0
    for group in range(table.num_row_groups):
        length = table.metadata.row_group(group).num_rows
        if passed + length >= page.start and len(rows) < page.most:
            first = max(0, page.start - 1 - passed)
            of_group = _rows_of_group(table, group, columns, first, page.most - len(rows))
            rows += [[to_json_value(value, remarks) for value in row] for row in of_group]
        passed += length
    return Rows(columns, types, rows, table.metadata.num_rows, notes=remarks.sentences())


def _rows_of_group(table: Any, group: int, columns: list[str], first: int, most: int) -> Iterator[tuple[Any, ...]]:
    """Some rows of a row group, a batch in memory at a time: a group may hold millions."""
    passed = 0
    for batch in table.iter_batches(max(most, 1_000), row_groups=[group], columns=columns):
        begin = max(0, first - passed)
        if begin < batch.num_rows and most > 0:
            rows = batch.slice(begin, most)
            yield from zip(*(rows.column(name).to_pylist() for name in columns))
            most -= rows.num_rows
        passed += batch.num_rows
        if most <= 0:
            return
