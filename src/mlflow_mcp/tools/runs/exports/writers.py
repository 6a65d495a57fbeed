"""Rows of runs as files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlflow_mcp.tools.runs.exports.kinds import CSV, JSON, JSONL, PARQUET, Kind

_ROWS_AT_ONCE = 1_000


def write_rows(kind: Kind, part: Path, columns: list[str], rows: Iterator[dict[str, Any]]) -> None:
    """Write the rows in this kind, each with all columns."""
    {CSV.name: _csv, JSON.name: _json, JSONL.name: _jsonl, PARQUET.name: _parquet}[kind.name](part, columns, rows)


def _csv(part: Path, columns: list[str], rows: Iterator[dict[str, Any]]) -> None:
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow(row)


def _jsonl(part: Path, columns: list[str], rows: Iterator[dict[str, Any]]) -> None:
    with part.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(_line(columns, row) + "\n")


def _json(part: Path, columns: list[str], rows: Iterator[dict[str, Any]]) -> None:
    """A list, written row by row: memory holds one."""
    with part.open("w", encoding="utf-8") as file:
        for at, row in enumerate(rows):
            file.write(("[\n" if at == 0 else ",\n") + _line(columns, row))
        file.write("\n]\n")


def _line(columns: list[str], row: dict[str, Any]) -> str:
    return json.dumps({name: row.get(name) for name in columns}, ensure_ascii=False)


def _parquet(part: Path, columns: list[str], rows: Iterator[dict[str, Any]]) -> None:
    import pyarrow
    from pyarrow import parquet

    fields = [(name, pyarrow.float64() if name.startswith("metrics.") else pyarrow.string()) for name in columns]
    schema = pyarrow.schema(fields)
    with parquet.ParquetWriter(part, schema) as writer:
        batch: list[dict[str, Any]] = []
        for row in rows:
            # "NaN" and "Infinity" are how JSON carries what a float column holds itself.
            batch.append({n: float(row[n]) if n.startswith("metrics.") and n in row else row.get(n) for n in columns})
            if len(batch) == _ROWS_AT_ONCE:
                writer.write_table(pyarrow.Table.from_pylist(batch, schema))
                batch = []
        writer.write_table(pyarrow.Table.from_pylist(batch, schema))
