"""Pages of runs that go on where the page before ended: over MLflow's page tokens, across any number of experiments, cut
anywhere.

MLflow's tokens are places in a list that may change between pages. A cursor carries the last run of its page, the next page
reads that one again where it costs no request, and says when it is no longer there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlflow_mcp.client.cursors import decode_cursor, encode_cursor
from mlflow_mcp.client.experiments import chunks
from mlflow_mcp.client.scan import place_of, token_at
from mlflow_mcp.errors import Problem

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client import Client


DONE = -1  # stands for "no more rows" where a position's skip would be


@dataclass
class RunPage:
    """Some rows of a search, and where it goes on after any number of them."""

    runs: list[Run]
    more: bool
    cursor_after: Callable[[int], str]
    has_shifted: bool = False  # whether the list changed before it since the page before


# The last ones of a run id: cursors are kept short.
_DIGITS = 12
# Where a lane goes on: MLflow's token, the rows to pass over, the run before.
_Place = tuple[str | None, int, str | None]


@dataclass
class _Lane:
    """One of the searches: where its next unread page starts, and the rows it has ready."""

    experiment_ids: list[str]
    token: str | None
    skip: int
    ready: list[tuple[Run, str | None, int]] = field(default_factory=list)  # run, its page's token, its place there
    finished: bool = False
    before: str | None = None  # the run that the page before ended with
    has_shifted: bool = False

    def position_after(self, used: int) -> _Place:
        """The place from which this lane goes on after its first `used` ready rows."""
        last = str(self.ready[used - 1][0].info.run_id)[-_DIGITS:] if used else self.before
        if used < len(self.ready):
            _, token, place = self.ready[used]
            return token, place, last
        return (None, DONE, None) if self.finished else (self.token, self.skip, last)

    def take_in(self, page: list[Run]) -> None:
        """The rows of the page that was asked for, after those to pass over."""
        if self.before is not None and self.skip and not self.ready:
            self.has_shifted = [run.info.run_id[-_DIGITS:] for run in page[self.skip - 1 : self.skip]] != [self.before]
        self.ready += [(run, self.token, place) for place, run in enumerate(page) if place >= self.skip]


def search(
    client: Client,
    experiment_ids: list[str] | None,
    query: str,
    order_by: Sequence[str],
    limit: int,
    cursor: str | None,
    deleted: bool = False,
) -> RunPage:
    """The next `limit` runs after `cursor`. Raises Problem for a cursor of another query or of no query."""
    order = list(order_by)

    def encode(places: list[_Place]) -> str:
        return encode_cursor(places, experiment_ids, query, order, deleted)

    places = _checked(decode_cursor(cursor, experiment_ids, query, order, deleted)) if cursor else None

    def read(ids: list[str]) -> RunPage:
        return _read(client, _lanes(ids, places), query, order, limit, deleted, encode)

    if places is not None:
        # The cursor brings its experiments along only as positions: they are cut into the same lists again.
        ids = list(client.experiments.names()) if experiment_ids is None else experiment_ids
        return read(sorted(ids, key=_as_number))
    return client.experiments.search_in(experiment_ids, lambda ids: read(sorted(ids, key=_as_number)))


def _as_number(experiment_id: str) -> tuple[int, str]:
    # New experiments have larger numbers, so that lists made later only grow at their end.
    return (int(experiment_id), "") if experiment_id.isdigit() else (0, experiment_id)


def _lanes(ids: list[str], places: list[_Place] | None) -> list[_Lane]:
    lanes = [_Lane(chunk, None, 0) for chunk in chunks(ids)]
    for lane, (token, skip, before) in zip(lanes, places or ()):
        lane.token, lane.skip, lane.before = token, max(skip, 0), before
        lane.finished = skip == DONE
        place = place_of(token) if token and not skip and before else None
        if place:  # the run before is read again
            lane.token, lane.skip = token_at(place - 1), 1
    return lanes


def _read(
    client: Client,
    lanes: list[_Lane],
    query: str,
    order_by: list[str],
    limit: int,
    deleted: bool,
    encode: Callable[[list[_Place]], str],
) -> RunPage:
    def fill(lane: _Lane) -> None:
        while not lane.finished and len(lane.ready) <= limit:
            page, following = client.runs.search(
                lane.experiment_ids,
                query,
                order_by=order_by,
                max_results=limit + lane.skip + (len(lanes) > 1),
                page_token=lane.token,
                deleted=deleted,
            )
            lane.take_in(page)
            lane.token, lane.skip, lane.finished = following, 0, following is None
            if len(lanes) == 1:
                return

    client.run_concurrently(*(lambda lane=lane: fill(lane) for lane in lanes))
    merged = _merged(lanes, order_by)[:limit]

    def cursor_after(count: int) -> str:
        used = [sum(1 for at, _ in merged[:count] if at == number) for number in range(len(lanes))]
        return encode([lane.position_after(n) for lane, n in zip(lanes, used)])

    taken = [sum(1 for at, _ in merged if at == number) for number in range(len(lanes))]
    more = any(lane.position_after(n)[1] != DONE for lane, n in zip(lanes, taken))
    return RunPage([run for _, run in merged], more, cursor_after, any(lane.has_shifted for lane in lanes))


def _merged(lanes: list[_Lane], order_by: list[str]) -> list[tuple[int, Run]]:
    """The ready rows of all lanes in one order; MLflow's own default is newest first, then by id."""
    if len(lanes) == 1:
        return [(0, run) for run, _, _ in lanes[0].ready]
    from mlflow.utils.search_utils import SearchUtils

    lane_of = {run.info.run_id: at for at, lane in enumerate(lanes) for run, _, _ in lane.ready}
    runs = [run for lane in lanes for run, _, _ in lane.ready]
    return [(lane_of[run.info.run_id], run) for run in SearchUtils.sort(runs, order_by)]  # type: ignore[no-untyped-call]


def _checked(content: Any) -> list[_Place]:
    """The content of a cursor as the places of lanes. Raises Problem when it is something else."""
    try:
        return [
            (None if token is None else str(token), int(skip), None if before is None else str(before))
            for token, skip, before in content
        ]
    except (ValueError, TypeError):
        raise Problem(
            "This cursor is not one that this server gave.", "Leave cursor out to start at the first page."
        ) from None
