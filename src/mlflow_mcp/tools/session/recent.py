"""What a person would pick first: the experiments and runs that changed last, of every configured server."""

from __future__ import annotations

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.client import Client
from mlflow_mcp.client.spanning import SpanningClient
from mlflow_mcp.client.spanning.everywhere import Outcome, ask_everywhere
from mlflow_mcp.text import iso

_EXPERIMENTS = 10
_RUNS = 20
# Of each of several servers at least.
_LEAST = 3


class Recent(Answer):
    """Ids with names: of experiments, newest change first, and of runs, newest start first; those of the default server
    before those of others. `unknown` says of which servers nothing is known, and why."""

    experiments: dict[str, str]
    runs: dict[str, str]
    unknown: list[str] | None = None


def recent(client: Client) -> Recent:
    """The names of the last experiments and runs by their ids; a run's with experiment and start."""
    if not isinstance(client, SpanningClient):
        return _of_one(client, _EXPERIMENTS, _RUNS)
    count = len(client.on_servers)
    most = max(_LEAST, _EXPERIMENTS // count), max(_LEAST, _RUNS // count)
    outcomes = ask_everywhere(client, lambda each: _of_one(each, *most))
    found = [each for each in outcomes if each.found]
    if not found and outcomes[0].problem:
        raise outcomes[0].problem
    return Recent(
        experiments={id_: name for each in found for id_, name in _located(each, "experiments").items()},
        runs={id_: name for each in found for id_, name in _located(each, "runs").items()},
        unknown=[f"{each.name}: {each.unknown or each.problem}" for each in outcomes if each.problem],
    )


def _of_one(client: Client, experiments: int, most: int) -> Recent:
    names = client.experiments.names()
    runs, _ = client.experiments.search_all(
        lambda ids: client.runs.search(
            ids[:_EXPERIMENTS], "", order_by=["attributes.start_time DESC"], max_results=most
        )
    )
    return Recent(
        experiments=dict(list(names.items())[:experiments]),
        runs={
            run.info.run_id: f"{run.info.run_name or run.info.run_id} ({names.get(str(run.info.experiment_id), '')}, "
            f"{iso(run.info.start_time)})"
            for run in runs
        },
    )


def _located(outcome: Outcome[Recent], kind: str) -> dict[str, str]:
    """With the server's name before ids and names; nothing before those of the default one."""
    names: dict[str, str] = getattr(outcome.found, kind)
    return {f"{outcome.prefix}{id_}": f"{outcome.prefix}{name}" for id_, name in names.items()}
