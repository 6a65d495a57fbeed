"""Pages that go on where the page before ended: over MLflow's page tokens, across any number of experiments, cut anywhere.

MLflow's tokens are places in a list that may change between pages. A cursor carries the last row of its page, the next page
reads that one again where it costs no request, and says when it is no longer there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mlflow_mcp.client.cursors import decode_cursor, encode_cursor, forged
from mlflow_mcp.client.experiments import chunks
from mlflow_mcp.client.page_tokens import one_earlier

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client import Client


R = TypeVar("R")

DONE = -1  # stands for "no more rows" where a position's skip would be
# The last ones of a row's id: cursors are kept short.
_DIGITS = 12
# Where a lane goes on: MLflow's token, the rows to pass over, the row before.
_Place = tuple[str | None, int, str | None]


@dataclass
class RowPage(Generic[R]):
    """Some rows of a search, and where it goes on after any number of them."""

    rows: list[R]
    more: bool
    cursor_after: Callable[[int], str]
    has_shifted: bool = False  # whether the list changed before it since the page before

    def what_shifted(self, rows: str) -> str:
        """The sentence for a list that changed; empty for one that did not, as far as is known. `rows` is what is listed."""
        return (
            f"The list changed since the page before ({rows} added, deleted, or moved in this order): some may be missing between "
            "the pages or shown twice. Start anew without cursor where all of them matter."
            if self.has_shifted
            else ""
        )


@dataclass(frozen=True)
class Source(Generic[R]):
    """How the rows of a search are read and ordered.

    `read(experiment ids, number of rows, page token)` gives a page and the token of the next. `ordered` puts rows of several
    lists of experiments into the one order that the search has. `id_of` is the id of a row. `arguments` are those that a
    cursor is bound to. `leaves_out`: whether rows of MLflow's list are left out, so that its places are no places of rows.
    """

    read: Callable[[list[str], int, str | None], tuple[list[R], str | None]]
    ordered: Callable[[list[R]], list[R]]
    id_of: Callable[[R], str]
    arguments: tuple[Any, ...]
    leaves_out: bool = False


@dataclass
class _Lane(Generic[R]):
    """One of the searches: where its next unread page starts, and the rows it has ready."""

    experiment_ids: list[str]
    token: str | None
    skip: int
    ready: list[tuple[R, str | None, int]] = field(default_factory=list)  # row, its page's token, its place there
    finished: bool = False
    before: str | None = None  # the row that the page before ended with
    has_shifted: bool = False

    def position_after(self, used: int, id_of: Callable[[R], str]) -> _Place:
        """The place from which this lane goes on after its first `used` ready rows."""
        last = id_of(self.ready[used - 1][0])[-_DIGITS:] if used else self.before
        if used < len(self.ready):
            _, token, place = self.ready[used]
            return token, place, last
        return (None, DONE, None) if self.finished else (self.token, self.skip, last)

    def take_in(self, page: list[R], id_of: Callable[[R], str]) -> None:
        """The rows of the page that was asked for, after those to pass over."""
        if self.before is not None and self.skip and not self.ready:
            self.has_shifted = [id_of(row)[-_DIGITS:] for row in page[self.skip - 1 : self.skip]] != [self.before]
        self.ready += [(row, self.token, place) for place, row in enumerate(page) if place >= self.skip]


@dataclass(frozen=True)
class RunSearch:
    """What is searched: experiment ids (None: all active ones), a quoted filter, quoted order clauses; and the filter as the
    caller wrote it, which a cursor is bound to: how long ago something is changes from page to page."""

    experiment_ids: list[str] | None
    query: str
    order_by: Sequence[str] = ()
    deleted: bool = False
    written: str = ""


def search(client: Client, runs: RunSearch, limit: int, cursor: str | None) -> RowPage[Run]:
    """The next `limit` runs after `cursor`. Raises Problem for a cursor of another query or of no query."""
    order = list(runs.order_by)

    def read(ids: list[str], most: int, token: str | None) -> tuple[list[Run], str | None]:
        return client.runs.search(
            ids, runs.query, order_by=order, max_results=most, page_token=token, deleted=runs.deleted
        )

    arguments = (runs.written or runs.query, order, runs.deleted)
    source = Source(read, lambda found: _ordered(found, order), lambda run: str(run.info.run_id), arguments)
    return page_of(client, runs.experiment_ids, source, limit, cursor)


def page_of(
    client: Client, experiment_ids: list[str] | None, source: Source[R], limit: int, cursor: str | None
) -> RowPage[R]:
    """The next `limit` rows after `cursor`, in these experiments or in all active ones when None."""
    arguments = (experiment_ids, *source.arguments)
    places = _checked(decode_cursor(cursor, *arguments)) if cursor else None

    def read(ids: list[str]) -> RowPage[R]:
        return _read(
            client, _lanes(ids, places, source), source, limit, lambda positions: encode_cursor(positions, *arguments)
        )

    if places is not None:
        # The cursor brings its experiments along only as positions: they are cut into the same lists again.
        ids = list(client.experiments.names()) if experiment_ids is None else experiment_ids
        return read(sorted(ids, key=_as_number))
    return client.experiments.search_in(experiment_ids, lambda ids: read(sorted(ids, key=_as_number)))


def _as_number(experiment_id: str) -> tuple[int, str]:
    # New experiments have larger numbers, so that lists made later only grow at their end.
    return (int(experiment_id), "") if experiment_id.isdigit() else (0, experiment_id)


def _lanes(ids: list[str], places: list[_Place] | None, source: Source[R]) -> list[_Lane[R]]:
    lanes: list[_Lane[R]] = [_Lane(chunk, None, 0) for chunk in chunks(ids)]
    for lane, (token, skip, before) in zip(lanes, places or ()):
        lane.token, lane.skip, lane.before = token, max(skip, 0), before
        lane.finished = skip == DONE
        if token and not skip and before and not source.leaves_out:  # the row before is read again
            lane.token, lane.skip = one_earlier(token)
    return lanes


def _read(
    client: Client,
    lanes: list[_Lane[R]],
    source: Source[R],
    limit: int,
    encode: Callable[[list[_Place]], str],
) -> RowPage[R]:
    def fill(lane: _Lane[R]) -> None:
        while not lane.finished and len(lane.ready) <= limit:
            page, following = source.read(lane.experiment_ids, limit + lane.skip + (len(lanes) > 1), lane.token)
            lane.take_in(page, source.id_of)
            lane.token, lane.skip, lane.finished = following, 0, following is None
            if len(lanes) == 1:
                return

    client.run_concurrently(*(lambda lane=lane: fill(lane) for lane in lanes))
    merged = _merged(lanes, source.ordered)[:limit]

    def positions_after(count: int) -> list[_Place]:
        used = [sum(1 for at, _ in merged[:count] if at == number) for number in range(len(lanes))]
        return [lane.position_after(n, source.id_of) for lane, n in zip(lanes, used)]

    more = any(skip != DONE for _, skip, _ in positions_after(len(merged)))
    has_shifted = any(lane.has_shifted for lane in lanes)
    return RowPage([row for _, row in merged], more, lambda count: encode(positions_after(count)), has_shifted)


def _merged(lanes: list[_Lane[R]], ordered: Callable[[list[R]], list[R]]) -> list[tuple[int, R]]:
    """The ready rows of all lanes in one order, each with the number of its lane."""
    if len(lanes) == 1:
        return [(0, row) for row, _, _ in lanes[0].ready]
    lane_of = {id(row): at for at, lane in enumerate(lanes) for row, _, _ in lane.ready}
    return [(lane_of[id(row)], row) for row in ordered([row for lane in lanes for row, _, _ in lane.ready])]


def _ordered(runs: list[Run], order_by: list[str]) -> list[Run]:
    """Runs in MLflow's order; its own default is newest first, then by id."""
    from mlflow.utils.search_utils import SearchUtils

    found: list[Run] = SearchUtils.sort(runs, order_by)  # type: ignore[no-untyped-call]  # MLflow has no types there
    return found


def _checked(content: Any) -> list[_Place]:
    """The content of a cursor as the places of lanes. Raises Problem when it is something else."""
    try:
        return [
            (None if token is None else str(token), int(skip), None if before is None else str(before))
            for token, skip, before in content
        ]
    except (ValueError, TypeError):
        raise forged() from None
