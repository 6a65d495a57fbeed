"""Pages of runs that continue exactly: over MLflow's page tokens, across any number of experiments, cut anywhere.

A request takes about a thousand experiment ids, so a search of more is several searches whose pages are merged here in
the order asked for. A cursor keeps, for each of them, MLflow's token and how many rows of that page are already shown.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from mlflow_mcp.client.transport.connection import EXPERIMENTS_PER_REQUEST, Tracking, chunks
from mlflow_mcp.errors import Problem

if TYPE_CHECKING:
    from mlflow.entities import Run

DONE = -1  # stands for "no more rows" where a position's skip would be


@dataclass
class RunPage:
    """Some rows of a search, and where it goes on after any number of them."""

    runs: list[Run]
    more: bool
    cursor_after: Callable[[int], str]


@dataclass
class _Lane:
    """One of the searches: where its next unread page starts, and the rows it has ready."""

    experiment_ids: list[str]
    token: str | None
    skip: int
    ready: list[tuple[Run, str | None, int]] = field(default_factory=list)  # run, its page's token, its place there
    finished: bool = False
    end: tuple[str | None, int] = (None, DONE)

    def position_after(self, used: int) -> tuple[str | None, int]:
        """The (token, skip) from which this lane goes on after its first `used` ready rows."""
        if used < len(self.ready):
            _, token, place = self.ready[used]
            return token, place
        return (None, DONE) if self.finished else (self.token, self.skip)


def search(
    tracking: Tracking,
    experiment_ids: list[str] | None,
    query: str,
    order_by: Sequence[str],
    limit: int,
    cursor: str | None,
    deleted: bool = False,
) -> RunPage:
    """The next `limit` runs after `cursor`. Raises Problem for a cursor of another query or of no query."""
    bound_to = _digest(experiment_ids, query, list(order_by), deleted)
    places = _decode(cursor, bound_to) if cursor else None

    def read(ids: list[str]) -> RunPage:
        return _read(tracking, _lanes(ids, places), query, list(order_by), limit, deleted, bound_to)

    if places is not None:
        # The cursor brings its experiments along only as positions: they are cut into the same lists again.
        ids = list(tracking.experiment_names()) if experiment_ids is None else experiment_ids
        return read(sorted(ids, key=_as_number))
    return tracking.within_experiments(experiment_ids, lambda ids: read(sorted(ids, key=_as_number)))


def _as_number(experiment_id: str) -> tuple[int, str]:
    # New experiments have larger numbers, so that lists made later only grow at their end.
    return (int(experiment_id), "") if experiment_id.isdigit() else (0, experiment_id)


def _lanes(ids: list[str], places: list[tuple[str | None, int]] | None) -> list[_Lane]:
    lanes = [_Lane(chunk, None, 0) for chunk in chunks(ids)]
    for lane, (token, skip) in zip(lanes, places or ()):
        lane.token, lane.skip = token, max(skip, 0)
        lane.finished = skip == DONE
    return lanes


def _read(
    tracking: Tracking,
    lanes: list[_Lane],
    query: str,
    order_by: list[str],
    limit: int,
    deleted: bool,
    bound_to: str,
) -> RunPage:
    def fill(lane: _Lane) -> None:
        while not lane.finished and len(lane.ready) <= limit:
            page, following = tracking.search_runs(
                lane.experiment_ids,
                query,
                order_by=order_by,
                max_results=limit + lane.skip + (len(lanes) > 1),
                page_token=lane.token,
                deleted=deleted,
            )
            lane.ready += [(run, lane.token, place) for place, run in enumerate(page) if place >= lane.skip]
            lane.token, lane.skip, lane.finished = following, 0, following is None
            if len(lanes) == 1:
                return

    tracking.side_by_side(*(lambda lane=lane: fill(lane) for lane in lanes))
    merged = _merged(lanes, order_by)[:limit]

    def cursor_after(count: int) -> str:
        used = [sum(1 for at, _ in merged[:count] if at == number) for number in range(len(lanes))]
        return _encode([lane.position_after(n) for lane, n in zip(lanes, used)], bound_to)

    taken = [sum(1 for at, _ in merged if at == number) for number in range(len(lanes))]
    more = any(lane.position_after(n)[1] != DONE for lane, n in zip(lanes, taken))
    return RunPage([run for _, run in merged], more, cursor_after)


def _merged(lanes: list[_Lane], order_by: list[str]) -> list[tuple[int, Run]]:
    """The ready rows of all lanes in one order; MLflow's own default is newest first, then by id."""
    if len(lanes) == 1:
        return [(0, run) for run, _, _ in lanes[0].ready]
    from mlflow.utils.search_utils import SearchUtils

    lane_of = {run.info.run_id: at for at, lane in enumerate(lanes) for run, _, _ in lane.ready}
    runs = [run for lane in lanes for run, _, _ in lane.ready]
    return [(lane_of[run.info.run_id], run) for run in SearchUtils.sort(runs, order_by)]  # type: ignore[no-untyped-call]


# What is held in memory of each part, and what is lost when the time for a call is up.
PAGE = 500
# How many parts of the experiments are read side by side: as many workers as `mlflow server` starts by itself.
PARTS = 4


class EveryRun:
    """All matching runs, as pages of at most PAGE, each run once, in no order. A failed page is raised, never an end.

    Few runs are one request. When there are more, the experiments are read in PARTS parts side by side, each by its own
    page tokens; a page in hand from each part is all that is kept. `stopped` says why reading ended early, if it did.
    """

    def __init__(self, tracking: Tracking, experiment_ids: Sequence[str], query: str, most: int | None = None) -> None:
        self._tracking, self._ids, self._query, self._most = tracking, list(experiment_ids), query, most
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
            if slowest * 1.3 > self._tracking.call.remaining:
                self.stopped = "the time for one call was up"
                return
            began = time.monotonic()
            now, later = lanes[:PARTS], lanes[PARTS:]
            pages = self._tracking.side_by_side(*(partial(self._page, ids, token) for ids, token in now))
            slowest = max(slowest, time.monotonic() - began)
            for page, _ in pages:
                yield from self._told([run for run in page if run.info.run_id not in seen])
            if self._most is not None and self.read >= self._most:
                self.stopped = f"more than {self._most:,} runs match"
                return
            lanes = [(ids, token) for (ids, _), (_, token) in zip(now, pages) if token] + later

    def _page(self, ids: list[str], token: str | None) -> tuple[list[Run], str | None]:
        return self._tracking.search_runs(ids, self._query, max_results=PAGE, page_token=token)

    def _told(self, page: list[Run]) -> Iterator[list[Run]]:
        if page:
            self.read += len(page)
            yield page
            self._tracking.call.progress(self.read, None, f"{self.read:,} runs read")


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def encode_cursor(content: Any, bound_to: str) -> str:
    text = json.dumps([bound_to, content], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, bound_to: str) -> Any:
    """What `encode_cursor` was given. Raises Problem when the cursor is broken or belongs to other arguments."""
    try:
        owner, content = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        raise Problem(
            "This cursor is not one that this server gave.", "Leave cursor out to start at the first page."
        ) from None
    if owner != bound_to:
        raise Problem(
            "This cursor belongs to other arguments.",
            "Repeat the arguments of the call that gave it (limit may differ), or leave cursor out to start anew.",
        )
    return content


def _encode(places: list[tuple[str | None, int]], bound_to: str) -> str:
    return encode_cursor(places, bound_to)


def _decode(cursor: str, bound_to: str) -> list[tuple[str | None, int]]:
    content = decode_cursor(cursor, bound_to)
    try:
        return [(None if token is None else str(token), int(skip)) for token, skip in content]
    except (ValueError, TypeError):
        raise Problem(
            "This cursor is not one that this server gave.", "Leave cursor out to start at the first page."
        ) from None
