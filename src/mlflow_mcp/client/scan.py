"""Reading every matching run, page by page."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from mlflow_mcp.client.experiments import EXPERIMENTS_PER_REQUEST, chunks

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client import Client


# What is held in memory of each part, and what is lost when the time for a call is up.
PAGE = 500


# How many parts of the experiments are read side by side: as many workers as `mlflow server` starts by itself.
PARTS = 4


class EveryRun:
    """All matching runs, as pages of at most PAGE, each run once, in no order. A failed page is raised, never an end.

    Few runs are one request. When there are more, the experiments are read in PARTS parts side by side, each by its own
    page tokens; a page in hand from each part is all that is kept. `stopped` says why reading ended early, if it did.
    """

    def __init__(self, client: Client, experiment_ids: Sequence[str], query: str, most: int | None = None) -> None:
        self._client, self._ids, self._query, self._most = client, list(experiment_ids), query, most
        self.read = 0
        self.stopped: str | None = None

    def __iter__(self) -> Iterator[list[Run]]:
        first, token = self._page(self._ids[:EXPERIMENTS_PER_REQUEST], None)
        yield from self._told(first)
        if not token and len(self._ids) <= EXPERIMENTS_PER_REQUEST:
            return
        seen = {run.info.run_id for run in first}
        parts = [self._ids[at::PARTS] for at in range(min(PARTS, len(self._ids)))]
        lanes: list[tuple[list[str], str | None]] = [(ids, None) for part in parts for ids in chunks(part)]
        slowest = 0.0
        while lanes:
            if slowest * 1.3 > self._client.call.remaining:
                self.stopped = "the time for one call was up"
                return
            began = time.monotonic()
            now, later = lanes[:PARTS], lanes[PARTS:]
            pages = self._client.run_concurrently(*(partial(self._page, ids, token) for ids, token in now))
            slowest = max(slowest, time.monotonic() - began)
            for page, _ in pages:
                yield from self._told([run for run in page if run.info.run_id not in seen])
            if self._most is not None and self.read >= self._most:
                self.stopped = f"more than {self._most:,} runs match"
                return
            lanes = [(ids, token) for (ids, _), (_, token) in zip(now, pages) if token] + later

    def _page(self, ids: list[str], token: str | None) -> tuple[list[Run], str | None]:
        return self._client.runs.search(ids, self._query, max_results=PAGE, page_token=token)

    def _told(self, page: list[Run]) -> Iterator[list[Run]]:
        if page:
            self.read += len(page)
            yield page
            self._client.call.progress(self.read, None, f"{self.read:,} runs read")
