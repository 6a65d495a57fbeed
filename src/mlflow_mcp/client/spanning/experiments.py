"""The experiments of several servers, with the server's name before ids and names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from mlflow_mcp.client.experiments import Experiments
from mlflow_mcp.entities.direction import PrimaryMetric

if TYPE_CHECKING:
    from mlflow.entities import Experiment

    from mlflow_mcp.client import Client
    from mlflow_mcp.client.spanning import SpanningClient

T = TypeVar("T")


class SpanningExperiments(Experiments):
    """`experiments` of a client of several servers."""

    def __init__(self, client: SpanningClient) -> None:
        super().__init__(client)
        self._whole = client

    def names(self) -> dict[str, str]:
        return self._merged(lambda part: part.experiments.names())

    def checked_names(self) -> dict[str, str]:
        return self._merged(lambda part: part.experiments.checked_names())

    def reread(self) -> dict[str, str]:
        return self._merged(lambda part: part.experiments.reread())

    def _merged(self, read: Callable[[Client], dict[str, str]]) -> dict[str, str]:
        parts = self._whole.on_servers
        found = self._whole.run_concurrently(*(partial(read, part) for part in parts))
        return {
            f"{part.prefix}{id}": f"{part.prefix}{name}"
            for part, names in zip(parts, found)
            for id, name in names.items()
        }

    def deleted(self, name_or_id: str) -> Experiment | None:
        part, own = self._whole.at(name_or_id)
        return part.experiments.deleted(own)

    def all_deleted(self, query: str | None = None) -> list[Experiment]:
        return []  # an id is looked for on its own server, before it comes here

    def get(self, experiment_id: str) -> Experiment:
        part, own = self._whole.at(experiment_id)
        return part.experiments.get(own)

    def search_all(self, search: Callable[[list[str]], T]) -> T:
        self._whole.call.searched_everything = True
        return search(list(self.checked_names()))

    def greater_is_better(self, metric: str) -> dict[str, bool]:
        parts = self._whole.on_servers
        found = self._whole.run_concurrently(*(partial(part.experiments.greater_is_better, metric) for part in parts))
        return {f"{part.prefix}{id}": greater for part, each in zip(parts, found) for id, greater in each.items()}

    def primary_metrics(self, experiment_ids: Sequence[str]) -> dict[str, PrimaryMetric]:
        found: dict[str, PrimaryMetric] = {}
        for part, ids in self._whole.by_server(experiment_ids):
            found |= {f"{part.prefix}{id}": metric for id, metric in part.experiments.primary_metrics(ids).items()}
        return found
