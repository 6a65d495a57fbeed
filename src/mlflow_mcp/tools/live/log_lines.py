"""Which lines of a log tell what went wrong, and whether its times are those of the run. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from mlflow_mcp.text import iso, short

_FIRST, _LAST, _LONGEST = 2, 2, 150
_ERROR = re.compile(
    r"\b\w*(?:Error|Exception)\b\s*[:(]|\b(?:ERROR|FATAL|CRITICAL)\b|Traceback \(most recent|[Oo]ut of memory|\bOOM\b"
    r"|oom[-_ ]kill|Segmentation fault|core dumped|DUE TO TIME LIMIT|CANCELLED AT|\bKilled\b|SIGTERM|SIGKILL"
    r"|NCCL.*(?:timeout|error)|(?:srun|slurmstepd): error"
)
_HEADING = re.compile(r"^\W*Traceback \(most recent")
_STAMP = re.compile(r"^\W{0,3}(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)?(?![\d:])")
# Clocks of machines differ by so much; time zones by quarters of an hour, up to 14 hours.
_CLOCKS = 120
_QUARTER, _ZONES = 900, 56


class LogLine(NamedTuple):
    """A line of a log, and which log it is; empty for what is said of the log itself."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


def rendered(lines: Sequence[LogLine]) -> list[str]:
    """The lines, each log named at its first one."""
    return [line.text if at and lines[at - 1].where == line.where else str(line) for at, line in enumerate(lines)]


def telling(lines: Sequence[str]) -> list[str]:
    """The first and the last lines that look like errors: the first are nearer to the cause. Lines that differ in numbers only
    stand once, with their count."""
    by_shape: dict[str, list[str]] = {}
    for line in lines:
        if _ERROR.search(line):
            by_shape.setdefault(re.sub(r"\d+", "0", line.strip()), []).append(line)
    folded = list(by_shape.values())
    folded = [alike for alike in folded if not _HEADING.match(alike[0])] or folded
    if len(folded) > _FIRST + _LAST:
        left = sum(map(len, folded[_FIRST:-_LAST]))
        shown = [*map(_told, folded[:_FIRST]), f"… {left} more error lines", *map(_told, folded[-_LAST:])]
    else:
        shown = [*map(_told, folded)]
    return shown


def _told(alike: Sequence[str]) -> str:
    more = f" (x{len(alike)}, numbers aside)" if len(alike) > 1 else ""
    return f"{short(alike[0], _LONGEST)}{more}"


def at_other_times(lines: Sequence[str], start: int | None, end: int | None) -> str | None:
    """That the times of these lines cannot be those of a run from `start` to `end`, in milliseconds, in any time zone."""
    stamps = list(_stamps(lines))
    if not stamps or start is None or end is None:
        return None
    has_zone = any(zone for _, zone in stamps)
    seconds = [moment for moment, _ in stamps]
    low, high = min(seconds), max(seconds)
    shifts = [0] if has_zone else [_QUARTER * at for at in range(-_ZONES, _ZONES + 1)]
    begin, over = start / 1000 - _CLOCKS, end / 1000 + _CLOCKS
    if any(begin <= low + shift and high + shift <= over for shift in shifts):
        return None
    zone = "" if has_zone else ", whatever its time zone"
    first, last = (f"{datetime.fromtimestamp(each, timezone.utc):%Y-%m-%d %H:%M:%S}" for each in (low, high))
    return f"its times here, {first} to {last}, are not within the run's, {iso(start)} to {iso(end)}{zone}"


def _stamps(lines: Sequence[str]) -> Iterator[tuple[float, str | None]]:
    """The times at which lines begin, in seconds, as UTC where they name no zone."""
    for line in lines:
        if found := _STAMP.match(line):
            zone = found[3]
            text = f"{found[1]}T{found[2]}{'+00:00' if zone in (None, 'Z') else zone if ':' in zone else f'{zone[:3]}:{zone[3:]}'}"
            try:
                yield datetime.fromisoformat(text).timestamp(), zone
            except ValueError:
                continue
