"""The steps of a dot path into a trace, and what they begin at. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_STEP = re.compile(r"`([^`]+)`|([^.`\[\]]+)|\[(\d+|\*)\]")
# What every span has: no name of a span where a path could mean either.
_OF_A_SPAN = frozenset(
    [
        "name",
        "span_id",
        "parent_id",
        "span_type",
        "status",
        "status_message",
        "duration",
        "inputs",
        "outputs",
        "attributes",
        "events",
    ]
)
# What filters call parts of `info`.
_OF_INFO = {
    "tag": "tags",
    "tags": "tags",
    "metadata": "trace_metadata",
    "request_metadata": "trace_metadata",
    "trace_metadata": "trace_metadata",
}


def steps_of(path: str) -> list[str]:
    return [next(filter(None, found)) for found in _STEP.findall(path.removeprefix("data."))]


def from_the_trace(steps: Sequence[str]) -> Sequence[str]:
    """The steps from the whole trace, `tags.release`, as filters say it, among them; empty for a path that begins at spans of
    some name: `search.outputs` or `spans.search.outputs`."""
    if len(steps) > 1 and steps[0] in _OF_INFO:
        return ["info", _OF_INFO[steps[0]], *steps[1:]]
    if steps[:1] == ["info"]:
        return steps
    if steps[:1] == ["spans"]:
        ahead = steps[1:2]
        if not ahead or ahead[0] in _OF_A_SPAN or ahead[0] == "*" or ahead[0].isdigit():
            return steps
    return ()


def at_spans(steps: Sequence[str], names: Collection[str]) -> tuple[str, Sequence[str]]:
    """The name of the spans that a path begins at, which may have dots in it, and the steps left; no name where none fits."""
    inner = steps[1:] if steps[:1] == ["spans"] else steps
    taken = longest(inner, names)
    return ".".join(inner[:taken]), inner[taken:]


def longest(steps: Sequence[str], names: Collection[str]) -> int:
    """How many of the steps are together one of the names, at most."""
    return next((count for count in range(len(steps), 0, -1) if ".".join(steps[:count]) in names), 0)
