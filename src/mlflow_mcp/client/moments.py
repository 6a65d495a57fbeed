"""Times as people write them: a date, a moment, or how long ago; and filters that compare MLflow's times with them. Pure."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from mlflow_mcp.client.filters import blanked
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import clipped, iso

DAY = 86_400_000  # milliseconds
FORMS = "Write a date or time in UTC ('2026-11-20', '2026-11-20T14:00'), how long ago ('7d', '24h'), or milliseconds since 1970."
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LENGTH = re.compile(r"(?ai)(?:last\s+)?(\d{1,6})\s*(m|min|h|d|w)(?:inutes?|ours?|ays?|eeks?)?(?:\s+ago)?")
# What MLflow keeps in milliseconds, of runs, experiments and traces.
_COMPARED = re.compile(
    r"""(?ix) (?<![\w.`"']) ((?:(?:attributes?|attr|run|trace)\.)?
    (?:start_time|end_time(?:_ms)?|created|creation_time|last_update_time|timestamp(?:_ms)?))
    \s* (!=|==|>=|<=|=|<|>) \s* ('[^']*'|"[^"]*"|\d{8,11}(?![\w.]))"""
)
_DATE = re.compile(r"(?a)\d{4}-\d{2}-\d{2}")
# Numbers of so many digits are dates (20261120) or seconds: in milliseconds they would be of 1970 to 1973.
_NO_MILLISECONDS = re.compile(r"(?a)\d{4}|\d{6,11}")
_LARGEST = 2**63


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
    if not _DATE.match(text):  # from Python 3.11 on `fromisoformat` also reads 20261120 and 2026-W47
        return None
    try:
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    start = round(moment.timestamp() * 1000)
    if _DATE.fullmatch(text):
        return Moment(start, start + DAY)
    return Moment(start, start + (1 if "." in text else 1000))


def with_milliseconds(query: str) -> str:
    """The filter with milliseconds in place of quoted times, which MLflow does not read. A day or second that is equal holds
    all of its milliseconds. Raises Problem for a quoted text that is no time."""
    for found in reversed(list(_COMPARED.finditer(blanked(query)))):
        written = query[found.start(3) : found.end(3)].strip("'\"")
        field = query[found.start(1) : found.end(1)]
        rest = query[found.end() :]
        space = " " if rest[:1].isalnum() else ""  # `'7d'AND …`
        query = query[: found.start()] + _compared(field, found[2], written) + space + rest
    return query


def _compared(field: str, comparator: str, written: str) -> str:
    start, end = _read(written)
    if comparator in ("=", "==", "!=") and length_of(written) is not None:
        raise Problem(
            f"'{written}' is one millisecond, so long ago: {comparator} cannot be meant.",
            f"Write {field} > '{written}' for what came since, or {field} < '{written}' for what was before.",
        )
    if comparator == "!=" and end - start == 1:
        return f"{field} != {start}"
    if comparator == "!=":
        raise Problem(
            f"MLflow cannot leave out a time: it has no OR for the time before '{written}' and the time after it.",
            f"Call twice, with {field} < '{written}' and with {field} >= the end of it.",
        )
    if comparator in ("=", "=="):
        return f"{field} >= {start} AND {field} < {end}"
    return f"{field} < {end}" if comparator == "<=" else f"{field} {comparator} {start}"


def _read(text: str) -> Moment:
    if re.fullmatch(r"(?a)\s*-?\d+\s*", text):
        return _of_milliseconds(int(text) if len(text) < 40 else _LARGEST, text.strip())
    if moment := moment_of(text):
        return moment
    if (length := length_of(text)) is not None:
        start = max(0, round((time.time() - length.total_seconds()) * 1000))
        return Moment(start, start + 1)
    raise Problem(f"'{clipped(text)}' is no time that can be searched for.", FORMS)


def _of_milliseconds(number: int, written: str) -> Moment:
    if _NO_MILLISECONDS.fullmatch(written):
        raise Problem(
            f"'{written}' stands for milliseconds since 1970, and so for {iso(number)}, which is hardly meant.", FORMS
        )
    if not -_LARGEST < number < _LARGEST - 1:
        raise Problem(f"'{clipped(written)}' is no time that can be searched for.", FORMS)
    return Moment(number, number + 1)
