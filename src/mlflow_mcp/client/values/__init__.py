"""The values that statistics are made of: straight from a database that this process opens itself, else by searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_mcp.client.experiments import chunks
from mlflow_mcp.client.scan import MOST_COUNTED, count
from mlflow_mcp.client.values.database import DatabaseValues, matching
from mlflow_mcp.client.values.on_server import ValuesOnServer
from mlflow_mcp.client.values.run import RunValues, Selection
from mlflow_mcp.client.values.server import ServerValues
from mlflow_mcp.errors import Problem

if TYPE_CHECKING:
    from mlflow_mcp.client import Client

__all__ = ["RunValues", "Selection", "Values", "runs_matching", "values_of"]

Values = DatabaseValues | ServerValues | ValuesOnServer


def values_of(client: Client, experiment_ids: list[str], query: str, selection: Selection, most: int) -> Values:
    """The values of all matching runs, read while they are iterated; through a server of at most `most` runs."""
    there, _ = client.at(next(iter(experiment_ids), ""))
    if there is not client:
        if any(client.at(id)[0] is not there for id in experiment_ids):
            raise Problem("Runs of several servers are not counted together.", "Name experiments of one server.")
        own = [id.removeprefix(there.prefix) for id in experiment_ids]
        return ValuesOnServer(_values_on(there, own, query, selection, most), there.prefix)
    return _values_on(client, experiment_ids, query, selection, most)


def _values_on(
    client: Client, experiment_ids: list[str], query: str, selection: Selection, most: int
) -> DatabaseValues | ServerValues:
    runs = matching(client, experiment_ids, query)
    if runs is None:
        return ServerValues(client, experiment_ids, query, selection, most)
    return DatabaseValues(client, runs, selection)


def runs_matching(client: Client, experiment_ids: list[str], query: str) -> int | None:
    """How many runs match; None where only reading them would tell."""
    runs = matching(client, experiment_ids, query)
    if runs is not None:
        return runs.count(client)
    if not client.is_http:
        return None
    total = 0
    for part in chunks(experiment_ids):
        numbers = count(client, part, query, MOST_COUNTED)
        if numbers is None:
            return None
        total += numbers[0]
    return total if total <= MOST_COUNTED else None
