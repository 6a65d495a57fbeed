"""Pages of traces that continue exactly, over MLflow's page tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlflow_mcp.client.cursors import decode_cursor, encode_cursor, forged
from mlflow_mcp.client.experiments import EXPERIMENTS_PER_REQUEST
from mlflow_mcp.client.traces import MOST_PER_REQUEST

if TYPE_CHECKING:
    from mlflow.entities import TraceInfo

    from mlflow_mcp.client import Client


@dataclass(frozen=True)
class Place:
    """Where a page begins: MLflow's token and the rows to skip there, and the second since 1970 that '24h' ends at."""

    token: str | None = None
    skip: int = 0
    now: int = 0


@dataclass(frozen=True)
class TraceSearch:
    """What is searched: experiment ids (None: all), a whole filter, order clauses; and the arguments that cursors belong to."""

    experiment_ids: list[str] | None
    filter: str = ""
    order_by: Sequence[str] = ()
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class TracePage:
    """Some rows of a search, and where it goes on after any number of them."""

    traces: list[TraceInfo]
    more: bool
    cursor_after: Callable[[int], str]


def place_of(cursor: str | None, arguments: tuple[Any, ...], now: int = 0) -> Place:
    """Where the page begins; `now` is what the cursors of a first page carry on. Raises Problem for a cursor of other arguments or of none."""
    if not cursor:
        return Place(now=now)
    content = decode_cursor(cursor, *arguments)
    try:
        token, skip, began = content
        return Place(None if token is None else str(token), max(0, int(skip)), int(began))
    except (ValueError, TypeError):
        raise forged() from None


def search_page(client: Client, search: TraceSearch, limit: int, place: Place | None = None) -> TracePage:
    """The next `limit` traces, in these experiments or in the thousand that were changed last."""
    place = place or Place()

    def read(ids: list[str]) -> TracePage:
        return _read(client, ids[:EXPERIMENTS_PER_REQUEST], search, limit, place)

    if place.token or place.skip:
        return read(list(client.experiments.names()) if search.experiment_ids is None else search.experiment_ids)
    return client.experiments.search_in(search.experiment_ids, read)


def _read(client: Client, ids: list[str], search: TraceSearch, limit: int, start: Place) -> TracePage:
    token, skip = start.token, start.skip
    places: list[tuple[str | None, int]] = []
    found: list[TraceInfo] = []
    steps = client.call.steps("read", "trace")
    while True:
        asked = min(limit - len(found) + skip, MOST_PER_REQUEST)
        page, following = client.traces.search(
            ids, search.filter, order_by=search.order_by, max_results=asked, page_token=token
        )
        found += page[skip:]
        steps.advance(len(page))
        places += [(token, at) for at in range(skip, len(page))]
        token, skip = following, 0
        if following is None or len(found) >= limit:
            break
    end = token

    def cursor_after(count: int) -> str:
        at, rows = places[count] if count < len(places) else (end, 0)
        return encode_cursor([at, rows, start.now], *search.arguments)

    return TracePage(found, end is not None, cursor_after)
