"""Which curves are meant, and their points."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.metrics import History
from mlflow_mcp.entities.metrics import select_names
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import listed, nearest, plural

if TYPE_CHECKING:
    from mlflow.entities import Run


MOST_CURVES = 40


StartStep = Annotated[int | None, Field(description="First step to look at.")]


EndStep = Annotated[int | None, Field(description="Last step to look at.")]


Axis = Annotated[
    Literal["step", "time"], Field(description="'time': seconds since the curve's first point instead of steps.")
]


def refuse_backwards(start: int | None, end: int | None) -> None:
    if start is not None and end is not None and start > end:
        raise Problem(f"start_step {start} is after end_step {end}.", "Give the lower one as start_step.")


def curves_of(runs: Sequence[Run], metrics: Sequence[str]) -> list[tuple[Run, str]]:
    """The (run, metric name) pairs that names and globs mean. Raises Problem for a name that no run has."""
    for pattern in metrics:
        if not any(select_names([pattern], list(run.data.metrics)) for run in runs):
            known = {name for run in runs for name in run.data.metrics}
            close = nearest(pattern, known) or sorted(known)[:8]
            raise Problem(
                f"No metric '{pattern}' in {plural(len(runs), 'run')}.",
                f"{'Nearest' if nearest(pattern, known) else 'There are'}: {listed(close)}."
                if close
                else "There are no metrics at all.",
            )
    pairs = [(run, name) for run in runs for name in select_names(metrics, sorted(run.data.metrics))]
    if len(pairs) > MOST_CURVES:
        raise Problem(f"These are {len(pairs)} curves; one call shows {MOST_CURVES}.", "Name fewer runs or metrics.")
    return pairs


def read_histories(
    client: Client, pairs: Sequence[tuple[Run, str]], start: int | None, end: int | None, most: int
) -> dict[tuple[str, str], History]:
    """Sampled histories by (run id, metric), one request for each metric, side by side."""
    by_metric: dict[str, list[str]] = {}
    for run, name in pairs:
        by_metric.setdefault(name, []).append(run.info.run_id)
    found = client.run_concurrently(
        *(partial(client.metrics.histories, run_ids, name, most, start, end) for name, run_ids in by_metric.items())
    )
    return {(run_id, name): history for name, part in zip(by_metric, found) for run_id, history in part.items()}
