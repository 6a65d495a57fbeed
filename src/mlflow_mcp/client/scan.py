"""Reading every matching run, several pages side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from mlflow_mcp.client.experiments import EXPERIMENTS_PER_REQUEST, chunks
from mlflow_mcp.client.page_tokens import token_at

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client import Client

R = TypeVar("R")

# What is held in memory of each part, and what is lost when the time for a call is up. Larger pages are no faster: the
# server takes about 3 ms for each run, whatever the size of the page.
PAGE = 500


# How many pages are read side by side: as many as `mlflow server` starts workers by itself.
PARTS = 4


# Beyond this many, runs are not counted before they are read.
MOST_COUNTED = 200_000


# How many requests for one run are sent side by side. More would need fewer rounds, and all in all more of the server.
_TRIED_AT_ONCE = 2


class _Lane(NamedTuple):
    """A page to be read, and whether the pages after it are to be read as well."""

    ids: list[str]
    token: str | None
    goes_on: bool = True


class EveryPage(Generic[R]):
    """All matching runs, as pages of at most PAGE, each run once, in no order. A failed page is raised, never an end.

    Few runs are one request. When there are more, PARTS pages are read side by side: of a server whose page tokens are
    places in the list of runs, the pages of that list; else the experiments in parts, each by its own page tokens.
    `total` is how many match, None where that is not known; it is a page too large at most until all are read when the
    runs are counted only `by_pages`, which is cheaper. `stopped` says why reading ended early, if it did.
    """

    by_pages = False
    kind = ""  # which runs these are, where they are not all

    def __init__(self, client: Client, experiment_ids: Sequence[str], query: str, most: int | None = None) -> None:
        self._client, self._ids, self._query, self._most = client, list(experiment_ids), query, most
        self._seen: set[str] = set()
        self._lanes: list[_Lane] = []
        self.read = 0
        self.total: int | None = None
        self.stopped: str | None = None
        self._steps = client.call.steps("read", "run", of=self.kind)

    def __iter__(self) -> Iterator[list[R]]:
        if page := self.begin():
            yield page
        yield from self.rest()

    def begin(self) -> list[R]:
        """The first page; after it `total` is known where it can be."""
        first, token = self._page(self._ids[:EXPERIMENTS_PER_REQUEST], None)
        page = self._new(first)
        if token or len(self._ids) > EXPERIMENTS_PER_REQUEST:
            lanes = self._by_place()
            self._lanes = self._by_experiments() if lanes is None else lanes
        else:
            self.total = self.read
        return page

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to be read."""
        return not self._lanes

    def rest(self) -> Iterator[list[R]]:
        """The pages after the first."""
        slowest = 0.0
        while self._lanes:
            if slowest * 1.3 > self._client.call.remaining:
                self.stopped = "time was up"
                return
            began = time.monotonic()
            now, later = self._lanes[:PARTS], self._lanes[PARTS:]
            pages = self._client.run_concurrently(*(partial(self._page, lane.ids, lane.token) for lane in now))
            slowest = max(slowest, time.monotonic() - began)
            for runs, _ in pages:
                if page := self._new(runs):
                    yield page
            if self._most is not None and self.read >= self._most:
                self.stopped = f"more than {self._most:,} runs match"
                return
            self._lanes = [
                _Lane(lane.ids, token) for lane, (_, token) in zip(now, pages) if token and lane.goes_on
            ] + later
        self.total = self.read

    def _by_place(self) -> list[_Lane] | None:
        """A lane for each page of the list of runs. None when they cannot be counted, or where no server shares the work."""
        if not self._client.is_http:
            return None
        lanes, total, most = [], 0, self._most or MOST_COUNTED
        for at, ids in enumerate(chunks(self._ids)):
            numbers = count(self._client, ids, self._query, most, PAGE if self.by_pages else 1)
            if numbers is None:
                return None
            total += numbers[-1]
            places = range(0 if at else PAGE, numbers[-1], PAGE)
            # The last page goes on: runs may have been added since they were counted.
            lanes += [_Lane(ids, token_at(place), place == places[-1]) for place in places]
        self.total = total if total <= most else None
        self._steps.total = None if self.by_pages else self.total
        return lanes

    def _by_experiments(self) -> list[_Lane]:
        parts = [self._ids[at::PARTS] for at in range(min(PARTS, len(self._ids)))]
        return [_Lane(ids, None) for part in parts for ids in chunks(part)]

    def _new(self, runs: list[R]) -> list[R]:
        """Those that no page before had."""
        page = [run for run in runs if self._id(run) not in self._seen]
        self._seen.update(map(self._id, page))
        self.read += len(page)
        self._steps.advance(len(page))
        return page

    def _page(self, ids: list[str], token: str | None) -> tuple[list[R], str | None]:
        raise NotImplementedError

    def _id(self, run: R) -> str:
        raise NotImplementedError


class EveryRun(EveryPage["Run"]):
    """All matching runs as MLflow's entities."""

    def _page(self, ids: list[str], token: str | None) -> tuple[list[Run], str | None]:
        return self._client.runs.search(ids, self._query, max_results=PAGE, page_token=token)

    def _id(self, run: Run) -> str:
        return str(run.info.run_id)


def count(client: Client, ids: list[str], query: str, most: int, within: int = 1) -> range | None:
    """How many runs match: the numbers that it can be, fewer than `within` + 1 of them. `most` + 1 stands for more.

    MLflow has no request that counts, but the page tokens of its stores are places in the list of runs, so that a request
    for one run tells whether there are so many. None when the server's tokens are something else, or when the time is
    nearly up.
    """
    first, token = client.runs.search(ids, query, max_results=1)
    if not token:
        return range(len(first), len(first) + 1)
    if token != token_at(1):
        return None

    def has(number: int) -> bool:
        found, _ = client.runs.search(ids, query, max_results=1, page_token=token_at(number - 1))
        return bool(found)

    least, largest = 2, most + 1
    while largest - least >= within:
        if client.call.is_late:
            return None
        tried = _between(least, largest)
        there = client.run_concurrently(*(partial(has, number) for number in tried))
        least = max([least, *(number for number, found in zip(tried, there) if found)])
        largest = min([largest, *(number - 1 for number, found in zip(tried, there) if not found)])
    return range(least, max(least, largest) + 1)


def _between(least: int, largest: int) -> list[int]:
    """The numbers that are tried next, in equal ratios: small numbers are as likely as large ones."""
    ratio = (largest / least) ** (1 / (_TRIED_AT_ONCE + 1))
    steps = range(1, _TRIED_AT_ONCE + 1)
    return sorted({min(largest, max(least + 1, round(least * ratio**step))) for step in steps})
