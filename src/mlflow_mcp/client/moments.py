"""Times as people write them: a date, a moment, or how long ago; and filters that compare MLflow's times with them. Pure."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from mlflow_mcp.client.filters import blanked
from mlflow_mcp.errors import Problem

DAY = 86_400_000  # milliseconds
FORMS = "Write a date or time in UTC ('2026-11-20', '2026-11-20T14:00'), how long ago ('7d', '24h'), or milliseconds since 1970."
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LENGTH = re.compile(r"(?i)(?:last\s+)?(\d{1,6})\s*(m|min|h|d|w)(?:inutes?|ours?|ays?|eeks?)?(?:\s+ago)?")
# What MLflow keeps in milliseconds, of runs, experiments and traces.
_COMPARED = re.compile(
    r"""(?ix) (?<![\w.`"']) ((?:(?:attributes?|attr|run|trace)\.)?
    (?:start_time|end_time|created|creation_time|last_update_time|timestamp_ms))
    \s* (!=|==|>=|<=|=|<|>) \s* ('[^']*'|"[^"]*")"""
)


class Moment(NamedTuple):
    """Milliseconds since 1970: the first of what was written (a day, a second), and the first after it."""

    start: int
    end: int


def length_of(text: str) -> timedelta | None:
    """A length of time, such as `24h` or `last 7 days`; None for other texts."""
    found = _LENGTH.fullmatch(text.strip())
    return timedelta(**{_UNITS[found[2].lower()]: int(found[1])}) if found else None


def moment_of(text: str) -> Moment | None:
    """An ISO-8601 date or time, in UTC where it names no zone; None for other texts."""
    text = text.strip()
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    start = round(moment.timestamp() * 1000)
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return Moment(start, start + DAY)
    return Moment(start, start + (1 if "." in text else 1000))


def with_milliseconds(query: str) -> str:
    """The filter with milliseconds in place of quoted times, which MLflow does not read. A day or second that is equal holds
    all of its milliseconds. Raises Problem for a quoted text that is no time."""
    for found in reversed(list(_COMPARED.finditer(blanked(query)))):
        written = query[found.start(3) + 1 : found.end(3) - 1]
        field = query[found.start(1) : found.end(1)]
        query = query[: found.start()] + _compared(field, found[2], written) + query[found.end() :]
    return query


def _compared(field: str, comparator: str, written: str) -> str:
    start, end = _read(written)
    if comparator in ("=", "=="):
        return f"{field} >= {start} AND {field} < {end}"
    return f"{field} < {end}" if comparator == "<=" else f"{field} {comparator} {start}"


def _read(text: str) -> Moment:
    if re.fullmatch(r"\s*-?\d+\s*", text):
        return Moment(int(text), int(text) + 1)
    if moment := moment_of(text):
        return moment
    if length := length_of(text):
        start = max(0, round((time.time() - length.total_seconds()) * 1000))
        return Moment(start, start + 1)
    raise Problem(f"'{text}' is no time that can be searched for.", FORMS)
