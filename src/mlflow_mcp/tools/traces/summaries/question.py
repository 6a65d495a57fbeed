"""What a summary is of, and how its traces are read one by one where no server computes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from mlflow_mcp.client import Client
from mlflow_mcp.client.traces import MOST_PER_REQUEST
from mlflow_mcp.client.traces.filters import joined
from mlflow_mcp.client.traces.metric_filters import Scope, scope_of
from mlflow_mcp.client.traces.window import Window
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.text import plural

if TYPE_CHECKING:
    from mlflow.entities import TraceInfo

# Traces from either end of time, which tell what tags and values there are.
LOOKED_AT = 500
_TIMES = 12
_AT_EACH = 50
# More are not read for one answer.
MOST_READ = 50_000


@dataclass(frozen=True)
class Question:
    """Traces of some experiments that pass a quoted filter and lie in a window."""

    ids: list[str]
    query: str
    window: Window

    @cached_property
    def filter(self) -> str:
        """Filter and window as one filter."""
        return joined(self.query, self.window)

    def and_(self, more: str) -> str:
        return f"{self.filter} AND {more}" if self.filter else more

    @cached_property
    def scope(self) -> Scope | None:
        """For the server's figures; None when these know no such filter."""
        return scope_of(self.ids, self.query, self.window)

    def newest(self, client: Client, count: int, more: str = "", order: str = "DESC") -> list[TraceInfo]:
        """So many of the traces, at most what one request returns."""
        found, _ = client.traces.search(
            self.ids, self.and_(more) if more else self.filter, order_by=[f"timestamp_ms {order}"], max_results=count
        )
        return found

    def is_of_an_export(self, client: Client, traces: int | None) -> bool:
        """Whether the newest trace is an evaluation's sample, whose time and state are the export's."""
        return traces != 0 and any(TraceView(info).is_exported_sample for info in self.newest(client, 1))

    def spread(self, client: Client) -> tuple[list[TraceView], bool]:
        """The newest and the oldest traces and some at times between them, and whether these are all that there are."""
        newest, oldest = client.run_concurrently(
            lambda: self.newest(client, LOOKED_AT), lambda: self.newest(client, LOOKED_AT, order="ASC")
        )
        between: list[list[TraceInfo]] = []
        if len(newest) == LOOKED_AT:
            first, last = oldest[-1].request_time, newest[-1].request_time
            steps = [first + (last - first) * step // (_TIMES + 1) for step in range(1, _TIMES + 1)]
            between = client.run_concurrently(
                *(partial(self.newest, client, _AT_EACH, f"timestamp_ms < {time}") for time in steps)
            )
        found = {info.trace_id: TraceView(info) for page in (newest, oldest, *between) for info in page}
        return list(found.values()), len(newest) < LOOKED_AT


def read_all(
    client: Client, question: Question, take: Callable[[TraceView], None], most: int | None = None
) -> str | None:
    """Hand over every trace, newest first, each once. What is missing, as the heading of an answer; None: nothing."""
    most = most or MOST_READ
    token, seen = None, set[str]()
    oldest: str | None = None
    steps = client.call.steps("read", "trace")
    while True:
        page, token = client.traces.search(
            question.ids,
            question.filter,
            order_by=["timestamp_ms DESC"],
            max_results=min(MOST_PER_REQUEST, most),
            page_token=token,
        )
        for trace in map(TraceView, page):
            if trace.id not in seen:
                seen.add(trace.id)
                oldest = trace.time
                take(trace)
        steps.advance(len(page))
        if token is None:
            return None
        if len(seen) >= most or client.call.is_late:
            return f"Of the newest {plural(len(seen), 'matching trace')}, back to {oldest}; older ones were not read."
