"""Filters for traces in the smaller language in which MLflow's servers compute figures: `=` on status, name, run, tags and
metadata, and times. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from mlflow_mcp.client.filters import blanked, quoted_value
from mlflow_mcp.client.traces.filters import RUN
from mlflow_mcp.client.traces.window import Window

_AND = re.compile(r"(?i)\s+AND\s+")
_NAME = "mlflow.traceName"
_EQUAL = re.compile(
    r"(?i)(?:(?:attributes?|trace)\.)?(status|name|run_id|(tags?|metadata|request_metadata)\.(`[^`]+`|\"[^\"]+\"|\w+))"
    r"\s*=\s*('[^']*'|\"[^\"]*\")"
)
_TIME = re.compile(r"(?i)(?:(?:attributes?|trace)\.)?timestamp_ms\s*(>=|<=|>|<)\s*(\d{1,15})")


@dataclass(frozen=True)
class Scope:
    """The traces that a server computes figures of."""

    experiment_ids: tuple[str, ...]
    filters: tuple[str, ...] = ()
    window: Window = field(default_factory=Window)

    def where(self, *filters: str) -> Scope:
        return replace(self, filters=(*self.filters, *filters))


def scope_of(experiment_ids: list[str], query: str, window: Window) -> Scope | None:
    """What a quoted filter and a window select; None when the server's figures know no such filter."""
    filters: list[str] = []
    for part in _parts(query):
        if time := _TIME.fullmatch(part):
            window = _narrowed(window, time[1], int(time[2]))
        elif equal := _EQUAL.fullmatch(part):
            filters.append(_metric_filter(equal))
        else:
            return None
    return Scope(tuple(experiment_ids), tuple(filters), window)


def tag_is(key: str, value: str) -> str:
    return f"trace.tag.`{key}` = {quoted_value(value)}"


def metadata_is(key: str, value: str) -> str:
    return f"trace.metadata.`{key}` = {quoted_value(value)}"


def _parts(query: str) -> list[str]:
    """The comparisons that AND joins outside of quotes."""
    ends = [found.span() for found in _AND.finditer(blanked(query))]
    starts = [0, *(end for _, end in ends)]
    found = (query[start:end].strip() for start, end in zip(starts, [*(start for start, _ in ends), len(query)]))
    return [part for part in found if part]


def _metric_filter(equal: re.Match[str]) -> str:
    field, kind, name, value = equal[1].lower(), (equal[2] or "").lower(), (equal[3] or "").strip('`"'), equal[4][1:-1]
    if field == "status":
        return f"trace.status = {quoted_value(value)}"
    if field == "name":
        return tag_is(_NAME, value)
    if field == "run_id":
        return metadata_is(RUN, value)
    return tag_is(name, value) if kind.startswith("tag") else metadata_is(name, value)


def _narrowed(window: Window, comparator: str, time: int) -> Window:
    if comparator in (">", ">="):
        start = time + (comparator == ">")
        return replace(window, start=start if window.start is None else max(start, window.start))
    end = time + (comparator == "<=")
    return replace(window, end=end if window.end is None else min(end, window.end))
