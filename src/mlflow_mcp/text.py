"""Numbers, times, sizes, plurals and names as text."""

from __future__ import annotations

import difflib
import heapq
import itertools
import math
import re
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from urllib.parse import urlsplit, urlunsplit

# Of a name in a sentence.
LONGEST_QUOTED = 250
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


def short_id(id: str) -> str:
    """The first 8 digits of an id, behind the name of its server where it has one."""
    server, colon, own = id.rpartition(":")
    return f"{server}{colon}{own[:8]}"


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


def lasting(seconds: float) -> str:
    """A stretch of time for people, in its two largest units: `0.4 s`, `40 s`, `3 h 2 min`, `12 days`."""
    if seconds < 10:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    for size_of, unit, smaller, name in ((86_400, "day", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size_of:
            count, rest = divmod(whole, size_of)
            first = plural(count, unit) if unit == "day" else f"{count} {unit}"
            return f"{first} {rest // smaller} {name}" if rest // smaller and count < 10 else first
    return f"{whole} s"


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


# Comparing two names of 180 characters takes half a millisecond, and a run can have thousands.
_COMPARED_LENGTH = 100  # of the beginning and the end together
_COMPARED_NAMES = 1_000
_COMPARING_SECONDS = 0.1


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names most like `name`, best first: close spellings, then those that contain it. Of many names only those
    are compared that share the most pairs of letters with it, by their beginnings and ends, for a tenth of a second."""
    names = sorted(set(known))
    lowered = name.lower()
    ends = _ends(lowered)
    ranked: list[tuple[float, str]] = []
    matcher = difflib.SequenceMatcher(b=ends)
    candidates = _most_alike(ends, names)
    end = time.monotonic() + _COMPARING_SECONDS
    for other in candidates:
        if time.monotonic() > end:
            break
        matcher.set_seq1(_ends(other.lower()))
        if matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE:
            ranked.append((matcher.ratio(), other))
    close = [other for _, other in heapq.nlargest(count, ranked, key=lambda pair: pair[0])]
    inside = (other for other in names if lowered in other.lower() and other not in close)
    return (close + list(itertools.islice(inside, count)))[:count]


_ALIKE = 0.6


def _most_alike(lowered: str, names: list[str]) -> list[str]:
    if len(names) <= _COMPARED_NAMES:
        return names
    pairs = _pairs(lowered)
    shared = ((len(pairs & _pairs(_ends(other.lower()))), other) for other in names)
    return [other for _, other in heapq.nlargest(_COMPARED_NAMES, shared, key=lambda pair: pair[0])]


def _ends(text: str) -> str:
    half = _COMPARED_LENGTH // 2
    return text if len(text) <= _COMPARED_LENGTH else text[:half] + text[-half:]


def _pairs(text: str) -> set[str]:
    return {text[at : at + 2] for at in range(len(text) - 1)}


def quoted(names: Iterable[str]) -> str:
    """Names in quotes, each clipped: a name can be as long as MLflow's longest value."""
    return ", ".join(f"'{clipped(name)}'" for name in names)


def clipped(name: str) -> str:
    """A name as sentences quote it: what a caller or a stranger chose can have 100,000 characters."""
    return name if len(name) <= LONGEST_QUOTED else f"{name[: LONGEST_QUOTED - 1]}…"


def as_number(text: str) -> float | None:
    """A text that is a plain number: `nan` and `1_000` are words here."""
    return float(text) if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", text, re.IGNORECASE) else None


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
