"""Time windows as people write them: the last 24h, a day, from one time to another. Pure."""

from __future__ import annotations

import time
from dataclasses import dataclass

from mlflow_mcp.client.moments import DAY, length_of, moment_of
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import iso

_FORMS = "Write '24h', '7d', '2026-11-20' (that day, UTC), '2026-11-20T14:00..2026-11-21' or '2026-11-20..'."


@dataclass(frozen=True)
class Window:
    """Milliseconds since 1970; the end is exclusive. None: open."""

    start: int | None = None
    end: int | None = None

    @property
    def is_open(self) -> bool:
        return self.start is None and self.end is None

    def __str__(self) -> str:
        return f"{iso(self.start) or ''}..{iso(self.end) or ''}"


def second_of(text: str | None) -> int:
    """The second since 1970 at which the length of time that a text names ends, which is now; 0 for other texts."""
    return int(time.time()) if text and length_of(text) is not None else 0


def window_of(text: str | None, now: int) -> Window:
    """The window that a text names. A length of time ends at `now`, in seconds since 1970, and holds what came since. Raises Problem for other texts."""
    if text is None or not text.strip():
        return Window()
    if (length := length_of(text)) is not None:
        return Window(max(0, round((now - length.total_seconds()) * 1000)))
    first, dots, second = text.partition("..")
    if not dots:
        return Window(*_bounds(first, text))
    start = _bounds(first, text)[0] if first.strip() else None
    # '2026-11-01..2026-11-20' holds all of the 20th.
    end = _bounds(second, text)[1] if second.strip() else None
    if start is not None and end is not None and end <= start:
        raise Problem(f"The time '{text}' ends before it begins.", _FORMS)
    return Window(start, end)


def _bounds(written: str, text: str) -> tuple[int, int]:
    """The first millisecond of a day or moment and the first after it; a moment ends with itself."""
    moment = moment_of(written)
    if moment is None:
        raise Problem(f"'{text}' is no time that can be searched for.", _FORMS)
    is_day = moment.end - moment.start == DAY
    if not is_day and ".." not in text:
        raise Problem(f"'{text}' is a moment, not a time from and to.", _FORMS)
    return moment if is_day else (moment.start, moment.start)
