"""Numbers, times, sizes, plurals and names as text."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from urllib.parse import urlsplit, urlunsplit

# MLflow stores infinities as the largest doubles.
_LARGEST = 1.797e308
# Every integer below it is a float of its own.
_LARGEST_EXACT = 2**53


def number(value: float | int | None, digits: int | None = 6) -> float | int | str | None:
    """A JSON number, or "NaN", "Infinity", "-Infinity". What has no fraction is whole; a fraction has `digits`
    significant digits and all those before its point (None: as it is)."""
    if value is None or isinstance(value, (int, bool)):
        return value
    if math.isnan(value):
        return "NaN"
    if abs(value) >= _LARGEST:
        return "Infinity" if value > 0 else "-Infinity"
    if digits is None:
        return value
    if abs(value) < _LARGEST_EXACT and (value.is_integer() or abs(value) >= 10**digits):
        return round(value)
    return float(f"{value:.{digits}g}")


def iso(milliseconds: int | float | None) -> str | None:
    """MLflow's milliseconds since 1970 as ISO-8601 UTC with seconds."""
    if not milliseconds or milliseconds < 0:
        return None
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, tz=timezone.utc)
    except (OverflowError, ValueError, OSError):  # a client logged a time outside the calendar
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(start: int | None, end: int | None) -> float | None:
    """The time between two of MLflow's milliseconds, in seconds."""
    return None if not start or not end else round((end - start) / 1000, 1)


def size(count: int | None) -> str:
    """A number of bytes for people: `981 B`, `2.1 MB`."""
    if count is None:
        return "unknown size"
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.5 or unit == "TB":
            return f"{amount:.3g} {unit}"
    raise AssertionError


def plural(count: int, noun: str, nouns: str = "") -> str:
    """`1 run`, `2 runs`."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def every(count: int, noun: str, some: str = "all") -> str:
    """`all 5 runs`, `the only run`; with `some`, `any of the 5 runs`."""
    return f"the only {noun}" if count == 1 else f"{some} {plural(count, noun)}"


def truncate(text: str, limit: int) -> str:
    """The text, or its beginning and how much was cut: `…[+1234 chars]`."""
    return text if len(text) <= limit else f"{text[:limit]}…[+{len(text) - limit} chars]"


def from_difference(texts: Sequence[str], limit: int) -> list[str]:
    """The texts from shortly before the first place where they are not all alike (`…` stands for what is before), cut."""
    same = next((at for at, letters in enumerate(zip(*texts)) if len(set(letters)) > 1), min(map(len, texts)))
    start = max(0, same - 40)
    return [f"{'…' if start else ''}{truncate(text[start:], limit)}" for text in texts]


def safe_uri(uri: str) -> str:
    """The URI without the credentials that may stand in its user part or its query."""
    try:
        parts = urlsplit(uri)
    except ValueError:  # such as a bracket that is not closed
        return _without_user(uri)
    if not parts.netloc:
        return _without_user(uri)
    if "@" not in parts.netloc and not parts.query:
        return uri
    host = parts.netloc.rpartition("@")[2]
    netloc = f"***@{host}" if "@" in parts.netloc else host
    return urlunsplit((parts.scheme, netloc, parts.path, "***" if parts.query else "", ""))


def _without_user(text: str) -> str:
    """For what is no URI, or one of a file: a mistyped scheme may still have a password behind it."""
    return re.sub(r"//[^/@]*@", "//***@", text)


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names most like `name`, best first: close spellings, then those that contain it."""
    names = sorted(set(known))
    folded = {other.lower(): other for other in reversed(names)}
    close = [folded[match] for match in difflib.get_close_matches(name.lower(), folded, count, 0.6)]
    inside = [other for other in names if name.lower() in other.lower() and other not in close]
    return (close + inside)[:count]


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def hint(name: str, known: Iterable[str]) -> str:
    """`Nearest: 'a', 'b'.`, or nothing when nothing is like it."""
    found = nearest(name, known)
    return f"Nearest: {quoted(found)}." if found else ""


def short(text: str, limit: int = 300) -> str:
    """The first line of a foreign message, bounded: it may hold a page of HTML or a traceback."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    return line if len(line) <= limit else line[: limit - 1] + "…"


def listed(names: Sequence[str], limit: int = 10) -> str:
    """Names in quotes, the rest counted."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return quoted(names[:limit]) + more


# MLflow stores infinities as the largest doubles.
_INFINITE = 1.797e308
