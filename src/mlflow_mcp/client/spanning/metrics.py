"""The metrics of runs on several servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlflow_mcp.client.metrics import Metrics, Point

if TYPE_CHECKING:
    from mlflow_mcp.client.spanning import SpanningClient


class SpanningMetrics(Metrics):
    """`metrics` of a client of several servers: its two ways to read are those of the servers."""

    def __init__(self, client: SpanningClient) -> None:
        super().__init__(client)
        self._whole = client

    def _history_page(self, run_id: str, name: str, token: str | None) -> tuple[list[Point], str | None]:
        part, own = self._whole.at(run_id)
        return part.metrics._history_page(own, name, token)

    def _sampled(
        self, run_ids: list[str], name: str, most: int, start: int | None, end: int | None
    ) -> Iterator[tuple[str, Point]]:
        for part, ids in self._whole.by_server(run_ids):
            for run_id, point in part.metrics._sampled(ids, name, most, start, end):
                yield f"{part.prefix}{run_id}", point
