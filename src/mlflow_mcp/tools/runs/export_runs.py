"""Runs as a file for pandas."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any, Literal

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.masking import mask
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.scan import EveryRun
from mlflow_mcp.client.text_conditions import searchable
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import iso, number, plural, size
from mlflow_mcp.tools.arguments import ExperimentId, Overwrite, Query
from mlflow_mcp.tools.artifacts.formats.detect import kind_by_name
from mlflow_mcp.tools.output_files import place_for, refuse_existing, written_whole

Format = Annotated[
    Literal["csv", "jsonl", "parquet"] | None, Field(description="Default: by the file's ending, else csv.")
]
OutputPath = Annotated[str, Field(min_length=1, description="File to write, e.g. 'runs.csv', in the allowed folder.")]

_TEXTS = ("run_id", "run_name", "experiment_id", "experiment", "status", "start_time", "end_time")
_ROWS_AT_ONCE = 1_000
_LOADERS = {
    # Read as it stands: left to itself, pandas takes a param "None" or "NA" for a missing one.
    "csv": r"""import pandas as pd
df = pd.read_csv({path!r}, dtype=str, keep_default_na=False); m = df.filter(regex=r'^metrics\.').columns
df[m] = df[m].replace('', 'NaN').astype(float)""",
    # NaN and infinities are texts in JSON; pandas' own reader fails at numbers below 1e-307.
    "jsonl": r"""import json, pandas as pd
with open({path!r}, encoding='utf-8') as file: df = pd.DataFrame(map(json.loads, file))
m = df.filter(regex=r'^metrics\.').columns; df[m] = df[m].astype(float)""",
    "parquet": r"""import pandas as pd
df = pd.read_parquet({path!r})
df.filter(regex=r'^metrics\.').head()""",
}


class Export(Answer):
    """A file of runs: one row a run; columns `metrics.x` are numbers, all others text."""

    path: str
    format: str
    rows: int
    columns: int
    metric_columns: int
    bytes: int
    size: str
    load: Annotated[str, Field(description="Three lines of Python that load it.")]


def export_runs(
    client: Client,
    path: OutputPath,
    format: Format = None,
    experiment_id: ExperimentId = None,
    query: Query = "",
    overwrite: Overwrite = False,
) -> Export:
    """Write all matching runs (any number) with all their metrics, params and tags to a CSV, JSON-lines or Parquet file for
    pandas; answers with the path and how to load it. For what the user wants to plot or analyse in code; for statistics
    alone aggregate_runs needs no file."""
    place = place_for(client.settings, path)
    kind = format or _format_of(place.name)
    if not overwrite:
        refuse_existing(place)
    if kind == "parquet":
        import pyarrow  # noqa: F401  # to learn before reading everything that the extra is missing
    ids = experiment_ids(client, experiment_id)
    where = searchable(client, ids, query)
    with (
        written_whole(client.settings, place) as part,
        tempfile.TemporaryFile("w+", encoding="utf-8", dir=place.parent) as spool,
    ):
        columns, rows = client.experiments.search_in(ids, lambda each: _spool(client, each, where, spool))
        if not rows:
            raise NotFound("No runs match, so nothing was written.", "Widen the query or leave experiment_id out.")
        spool.seek(0)
        _WRITERS[kind](part, columns, map(json.loads, spool))
        length = part.stat().st_size
    metrics = sum(name.startswith("metrics.") for name in columns)
    return Export(
        path=str(place),
        format=kind,
        rows=rows,
        columns=len(columns),
        metric_columns=metrics,
        bytes=length,
        size=size(length),
        load=_LOADERS[kind].format(path=str(place)),
    )


def _format_of(name: str) -> str:
    """The format that the file's ending says, else CSV. Rows in a `.json` file are JSON Lines."""
    kind = kind_by_name(name).name
    return "jsonl" if kind == "json" else kind if kind in _WRITERS else "csv"


def _spool(client: Client, ids: list[str], query: str, spool: IO[str]) -> tuple[list[str], int]:
    """Write every run as a line of JSON, so that memory holds a page, and return all columns and the number of rows."""
    names: dict[str, set[str]] = {"metrics": set(), "params": set(), "tags": set()}
    experiments = client.experiments.names()
    spool.seek(0)
    spool.truncate()  # a search is repeated when the list of experiments has changed meanwhile
    reading = EveryRun(client, ids, query)
    for page in reading:
        for run in page:
            row = _row(RunView.of(run, experiments))
            if client.settings.mask_secrets:
                row = mask(row)
            for name in row:
                kind, dot, _ = name.partition(".")
                if dot:
                    names[kind].add(name)
            spool.write(json.dumps(row) + "\n")
    if reading.stopped:
        raise Problem(
            f"The time for one call was up after {plural(reading.read, 'run')}, so nothing was written.",
            "Export fewer runs (an experiment, a narrower query), or raise MLFLOW_MCP_TIMEOUT.",
        )
    columns = [*_TEXTS, *sorted(names["metrics"]), *sorted(names["params"]), *sorted(names["tags"])]
    return columns, reading.read


def _row(run: RunView) -> dict[str, Any]:
    row: dict[str, Any] = {
        "run_id": run.run_id,
        "run_name": run.name,
        "experiment_id": run.experiment_id,
        "experiment": run.experiment,
        "status": run.status,
        "start_time": iso(run.start_time),
        "end_time": iso(run.end_time),
    }
    row |= {f"metrics.{name}": number(value, None) for name, value in run.metrics.items()}
    row |= {f"params.{name}": value for name, value in run.params.items()}
    return row | {f"tags.{name}": value for name, value in run.tags.items()}


def _write_csv(part: Path, columns: list[str], rows: Iterator[dict[str, Any]]) -> None:
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow(row)


def _write_jsonl(part: Path, columns: list[str], rows: Iterator[dict[str, Any]]) -> None:
    with part.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({name: row.get(name) for name in columns}, ensure_ascii=False) + "\n")


def _write_parquet(part: Path, columns: list[str], rows: Iterator[dict[str, Any]]) -> None:
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


_WRITERS = {"csv": _write_csv, "jsonl": _write_jsonl, "parquet": _write_parquet}
