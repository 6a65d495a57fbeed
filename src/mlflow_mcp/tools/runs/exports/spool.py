"""Runs as lines of JSON in a temporary file, so that memory holds a page of them; their columns are known at the end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import IO, TYPE_CHECKING, Any

from mlflow_mcp.answers.masking import mask
from mlflow_mcp.client import Client
from mlflow_mcp.client.scan import EveryRun
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import iso, number, plural

if TYPE_CHECKING:
    from mlflow.entities import Run

_TEXTS = ("run_id", "run_name", "experiment_id", "experiment", "status", "start_time", "end_time")


def spool_matching(client: Client, ids: list[str], query: str, spool: IO[str]) -> tuple[list[str], int]:
    """Write every matching run, and return all columns and the number of rows."""
    reading = EveryRun(client, ids, query)
    columns = spool_runs(client, reading, spool)
    if reading.stopped:
        raise Problem(
            f"The time for one call was up after {plural(reading.read, 'run')}, so nothing was written.",
            "Export fewer runs (an experiment, a narrower query), or raise MLFLOW_MCP_TIMEOUT.",
        )
    return columns, reading.read


def spool_runs(client: Client, pages: Iterable[Sequence[Run]], spool: IO[str]) -> list[str]:
    """Write these runs, and return all columns."""
    names: dict[str, set[str]] = {"metrics": set(), "params": set(), "tags": set()}
    experiments = client.experiments.names()
    spool.seek(0)
    spool.truncate()  # a search is repeated when the list of experiments has changed meanwhile
    for page in pages:
        for run in page:
            row = _row(RunView.of(run, experiments))
            if client.settings.mask_secrets:
                row = mask(row)
            for name in row:
                kind, dot, _ = name.partition(".")
                if dot:
                    names[kind].add(name)
            spool.write(json.dumps(row) + "\n")
    return [*_TEXTS, *sorted(names["metrics"]), *sorted(names["params"]), *sorted(names["tags"])]


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
