"""The order of rows of traces: MLflow's, or by what is only in the traces themselves."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from mlflow_mcp.client import Client
from mlflow_mcp.client.cursors import encode_cursor
from mlflow_mcp.client.traces.pages import Place, TracePage, TraceSearch, search_page
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.errors import Problem

# Of so many traces, the newest, those with the most tokens are found.
_MOST_RANKED = 1_000
_ORDERS = (
    "timestamp_ms",
    "execution_time_ms",
    "end_time_ms",
    "status",
    "name",
    "request_id",
    "run_id",
    "experiment_id",
)
# What the table calls it, and MLflow.
_SHOWN_AS = {"time": "timestamp_ms", "duration": "execution_time_ms", "state": "status", "trace_id": "request_id"}
# What MLflow has no order for.
_READ: dict[str, Callable[[TraceView], float | None]] = {
    "tokens": lambda trace: trace.total_tokens,
    "cost": lambda trace: trace.cost,
}


@dataclass(frozen=True)
class Order:
    """MLflow's clauses, or a figure by which traces are ranked once they are read."""

    clauses: tuple[str, ...] = ()
    figure: str = ""
    descending: bool = False

    @classmethod
    def of(cls, order_by: str | None) -> Order:
        """The names that answers use are known too. Raises Problem for others."""
        clauses = []
        parts = (order_by or "").split(",") if order_by else []
        for clause in parts:
            found = re.fullmatch(r"(?i)\s*`?([\w.]+)`?(?:\s+(asc|desc)(?:ending)?)?\s*", clause)
            name = _SHOWN_AS.get(found[1], found[1]) if found else ""
            direction = (found[2] or "ASC").upper() if found else ""
            if name in _READ and len(parts) == 1:
                return cls(figure=name, descending=direction == "DESC")
            if name not in _ORDERS:
                raise _unknown(clause.strip(), name)
            clauses.append(f"{name} {direction}")
        return cls(tuple(clauses))

    def page(self, client: Client, search: TraceSearch, limit: int, place: Place) -> tuple[TracePage, str | None]:
        """The next `limit` traces, and what is partial of their order."""
        if not self.figure:
            return search_page(client, replace(search, order_by=self.clauses), limit, place), None
        newest = replace(search, order_by=["timestamp_ms DESC"])
        found = search_page(client, newest, _MOST_RANKED, Place(now=place.now))
        ranked = sorted(found.traces, key=lambda info: self._rank(TraceView(info)))

        def cursor_after(count: int) -> str:
            return encode_cursor([None, place.skip + count, place.now], *search.arguments)

        end = place.skip + limit
        partial = (
            f"Only the newest {_MOST_RANKED:,} matching traces are ranked by {self.figure}: narrow `when` or query."
        )
        page = TracePage(ranked[place.skip : end], len(ranked) > end, cursor_after)
        return page, partial if found.more else None

    def _rank(self, trace: TraceView) -> tuple[Any, ...]:
        """Traces without the figure come last."""
        value = _READ[self.figure](trace)
        return (True, 0) if value is None else (False, -value if self.descending else value)


def _unknown(clause: str, name: str) -> Problem:
    if name in _READ:
        return Problem(f"order_by cannot use '{clause}' with another clause.", f"Call with order_by='{clause}' alone.")
    return Problem(
        f"order_by cannot use '{clause}'.",
        f"MLflow orders traces by {', '.join(_ORDERS)}, each with ASC or DESC; {' or '.join(_READ)} can be named alone.",
    )
