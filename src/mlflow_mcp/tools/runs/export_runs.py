"""Runs as a file: of data for pandas, or a report for people."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Annotated

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.ids.runs import runs_of
from mlflow_mcp.client.text_conditions import searchable
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import size
from mlflow_mcp.tools.arguments import ExperimentId, Overwrite, Query, RunIds
from mlflow_mcp.tools.output_files import place_for, refuse_existing, written_whole
from mlflow_mcp.tools.runs.exports.kinds import PARQUET, Kind, kind_of
from mlflow_mcp.tools.runs.exports.spool import spool_matching, spool_runs
from mlflow_mcp.tools.runs.exports.writers import write_rows
from mlflow_mcp.tools.runs.report.writing import MOST_SIDES, write_report

OutputPath = Annotated[
    str,
    Field(
        min_length=1,
        description="File in the allowed folder; its ending says what: 'runs.csv', 'report.html'.",
    ),
]


class Export(Answer):
    """A file of runs: one row a run, columns `metrics.x` are numbers, all others text; or a report in sections."""

    path: str
    format: str
    rows: int | None = None
    columns: int | None = None
    metric_columns: int | None = None
    runs: int | None = None
    sections: list[str] | None = None
    bytes: int
    size: str
    load: Annotated[str | None, Field(description="Three lines of Python that load it.")] = None


def export_runs(  # one parameter per argument of the tool
    client: Client,
    path: OutputPath,
    run_ids: RunIds | None = None,
    experiment_id: ExperimentId = None,
    query: Query = "",
    overwrite: Overwrite = False,
) -> Export:
    """Write runs (run_ids, or all that match, any number) to a file for pandas (CSV, JSON, JSON Lines, Parquet), or as a report to send
    on (HTML, Markdown): scores with errors, curves, differences, provenance. For statistics alone aggregate_runs needs no
    file."""
    place = place_for(client.settings, path)
    kind = kind_of(place)
    if not overwrite:
        refuse_existing(place)
    if run_ids and (query or experiment_id):
        raise Problem("run_ids name the runs already.", "Leave query and experiment_id out, or run_ids.")
    if kind.load is None:
        return _report(client, place, kind, run_ids or _matching(client, experiment_id, query))
    rows = _named(client, run_ids) if run_ids else _searched(client, experiment_id, query)
    return _data(client, place, kind, rows)


Spooled = Callable[[IO[str]], tuple[list[str], int]]


def _named(client: Client, run_ids: list[str]) -> Spooled:
    """What writes the runs that the ids stand for into a spool."""
    runs = runs_of(client, run_ids)
    return lambda spool: (spool_runs(client, [runs], spool), len(runs))


def _searched(client: Client, experiment_id: ExperimentId, query: str) -> Spooled:
    """What writes all matching runs into a spool."""
    ids = experiment_ids(client, experiment_id)
    where = searchable(client, ids, query)
    return lambda spool: client.experiments.search_in(ids, lambda each: spool_matching(client, each, where, spool))


def _data(client: Client, place: Path, kind: Kind, write_into: Spooled) -> Export:
    if kind is PARQUET:
        import pyarrow  # noqa: F401  # to learn before reading everything that the extra is missing
    with (
        written_whole(client.settings, place) as part,
        tempfile.TemporaryFile("w+", encoding="utf-8", dir=place.parent) as spool,
    ):
        columns, rows = write_into(spool)
        if not rows:
            raise NotFound("No runs match, so nothing was written.", "Widen the query or leave experiment_id out.")
        spool.seek(0)
        write_rows(kind, part, columns, map(json.loads, spool))
        length = part.stat().st_size
    return Export(
        path=str(place),
        format=kind.name,
        rows=rows,
        columns=len(columns),
        metric_columns=sum(name.startswith("metrics.") for name in columns),
        bytes=length,
        size=size(length),
        load=(kind.load or "").format(path=str(place)),
    )


def _matching(client: Client, experiment_id: ExperimentId, query: str) -> list[str]:
    """The ids of the matching runs, when a report can hold them."""
    ids = experiment_ids(client, experiment_id)
    where = searchable(client, ids, query)
    runs = client.experiments.search_in(ids, lambda each: client.runs.find(each, where, at_most=MOST_SIDES + 1))
    if not runs:
        raise NotFound("No runs match, so nothing was written.", "Widen the query or leave experiment_id out.")
    if len(runs) > MOST_SIDES:
        raise Problem(
            f"More than {MOST_SIDES} runs match, which is the most that a report compares.",
            "Name them by run_ids (an invocation is one of them), narrow the query, or write a .csv.",
        )
    return [run.info.run_id for run in runs]


def _report(client: Client, place: Path, kind: Kind, run_ids: list[str]) -> Export:
    report = write_report(client, run_ids, kind)
    content = report.text.encode("utf-8", errors="replace")
    with written_whole(client.settings, place) as part:
        part.write_bytes(content)
    answer = Export(
        path=str(place),
        format=kind.name,
        runs=report.runs,
        sections=report.sections,
        bytes=len(content),
        size=size(len(content)),
    )
    answer.note(*report.notes)
    return answer
