"""The runs of several servers, with the server's name before their ids."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mlflow_mcp.client.runs import Runs
from mlflow_mcp.entities.on_server import run_on
from mlflow_mcp.errors import Problem

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client import Client
    from mlflow_mcp.client.spanning import SpanningClient


class SpanningRuns(Runs):
    """`runs` of a client of several servers."""

    def __init__(self, client: SpanningClient) -> None:
        super().__init__(client)
        self._whole = client

    def get(self, run_id: str) -> Run:
        part, own = self._whole.at(run_id)
        return run_on(part.runs.get(own), part.prefix)

    def search(
        self,
        experiment_ids: Sequence[str],
        query: str = "",
        *,
        order_by: Sequence[str] = (),
        max_results: int = 1_000,
        page_token: str | None = None,
        deleted: bool = False,
    ) -> tuple[list[Run], str | None]:
        """A page of one server's runs: there is no order over several."""
        by_server = self._whole.by_server(experiment_ids)
        if len(by_server) > 1:
            raise Problem(
                "Runs of several servers are not searched in one call.", "Call once for the experiments of each server."
            )
        found: list[Run] = []
        token: str | None = None
        for part, ids in by_server:
            page, token = part.runs.search(
                ids,
                _on(part, query),
                order_by=order_by,
                max_results=max_results,
                page_token=page_token,
                deleted=deleted,
            )
            found += [run_on(run, part.prefix) for run in page]
        return found, token

    def find(
        self, experiment_ids: Sequence[str], query: str, *, at_most: int = 1_000, deleted: bool = False
    ) -> list[Run]:
        def of(part: Client, ids: list[str]) -> list[Run]:
            found = part.runs.find(ids, _on(part, query), at_most=at_most, deleted=deleted)
            return [run_on(run, part.prefix) for run in found]

        by_server = self._whole.by_server(experiment_ids)
        found = self._whole.run_concurrently(*(partial(of, part, ids) for part, ids in by_server))
        return [run for each in found for run in each]


def _on(part: Client, query: str) -> str:
    """The filter with the ids of runs as the server knows them."""
    return re.sub(rf"'{re.escape(part.prefix)}([0-9a-f]{{32}})'", r"'\1'", query) if part.prefix else query
