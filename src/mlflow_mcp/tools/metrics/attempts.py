"""Curves of runs that were resumed: which points each attempt wrote, and which params and tags speak of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from mlflow_mcp.client.metrics import Point
from mlflow_mcp.text import iso

# Steps that go back more often are those of several processes that write beside one another.
_MOST = 4
_RESUMED = frozenset({"resume", "resumed", "resuming", "restart", "restarted"})
_NOTHING = frozenset({"", "none", "null", "false", "0", "no"})
_LONGEST, _MOST_TOLD = 80, 4


def attempts(points: Sequence[Point]) -> list[list[Point]]:
    """The points by time, parted where the steps went back; empty where they never or often did."""
    by_time = sorted(points, key=lambda point: (point.timestamp, point.step))
    starts = [
        at
        for at, (before, after) in enumerate(pairwise(by_time), 1)
        if after.step <= before.step and after.timestamp > before.timestamp
    ]
    if not 1 <= len(starts) < _MOST:
        return []
    return [by_time[start:end] for start, end in pairwise([0, *starts, len(by_time)])]


def overtaken(parts: Sequence[Sequence[Point]]) -> set[Point]:
    """The points at steps that a later attempt went over again."""
    found: set[Point] = set()
    for at, part in enumerate(parts):
        again = min((later[0].step for later in parts[at + 1 :]), default=None)
        found |= {point for point in part if again is not None and point.step >= again}
    return found


def told(parts: Sequence[Sequence[Point]]) -> list[list[Any]] | None:
    """Of each attempt its steps and when they began and ended."""
    return [
        [f"steps {part[0].step}-{part[-1].step}", iso(part[0].timestamp), iso(part[-1].timestamp)] for part in parts
    ] or None


def resumed_by(params: Mapping[str, str], tags: Mapping[str, str]) -> list[str]:
    """The params and tags that say that a run went on from something, or why: `param resume_from=checkpoint-800`,
    `tag restart.reason=out of memory`; none where they are many."""
    own = {name: value for name, value in tags.items() if not name.startswith("mlflow.")}
    found = [*_speaking("param", params), *_speaking("tag", own)]
    return found if len(found) <= _MOST_TOLD else []


def _speaking(kind: str, values: Mapping[str, str]) -> Iterator[str]:
    for name, value in sorted(values.items()):
        words = set(re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()))
        if words & _RESUMED and value.strip().lower() not in _NOTHING:
            yield f"{kind} {name}={value}" if len(value) <= _LONGEST else f"{kind} {name}"
