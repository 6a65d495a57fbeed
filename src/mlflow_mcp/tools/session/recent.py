"""What a person would pick first: the experiments and runs that changed last."""

from __future__ import annotations

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.client import Client
from mlflow_mcp.text import iso

_EXPERIMENTS = 10
_RUNS = 20


class Recent(Answer):
    """Ids with names: of experiments, newest change first, and of runs, newest start first."""

    experiments: dict[str, str]
    runs: dict[str, str]


def recent(client: Client) -> Recent:
    """The names of the last experiments and runs by their ids; a run's with experiment and start."""
    names = client.experiments.names()
    runs, _ = client.experiments.search_all(
        lambda ids: client.runs.search(
            ids[:_EXPERIMENTS], "", order_by=["attributes.start_time DESC"], max_results=_RUNS
        )
    )
    return Recent(
        experiments=dict(list(names.items())[:_EXPERIMENTS]),
        runs={
            run.info.run_id: f"{run.info.run_name or run.info.run_id} ({names.get(str(run.info.experiment_id), '')}, "
            f"{iso(run.info.start_time)})"
            for run in runs
        },
    )
