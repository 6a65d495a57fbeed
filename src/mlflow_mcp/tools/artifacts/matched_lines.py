"""How a line that a search found is shown, and the lines around it."""

from __future__ import annotations

from mlflow_mcp.tools.artifacts.formats.encoding import strip_control_codes
from mlflow_mcp.tools.artifacts.surroundings import Surroundings

# Characters shown of a line, and of those around it.
_SHOWN = 1_000
_SHOWN_AROUND = 300


def shown_line(text: bytes, line_start: int, line_end: int, offset: int, surroundings: Surroundings | None) -> str:
    """The line as text. Of a progress bar rewritten with '\\r', the state that matches; of a long line, an excerpt."""
    start = text.rfind(b"\r", line_start, offset) + 1 or line_start
    end = text.find(b"\r", offset, line_end)
    end = line_end if end < 0 else end
    first, last = (start, end) if end - start <= 2 * _SHOWN else _excerpt(start, end, offset)
    part = text[first:last].decode("utf-8", "replace" if (first, last) == (start, end) else "ignore")
    shown = strip_control_codes(part)
    if surroundings:
        shown = surroundings.hide(text, first, last, shown)
    return f"{'…' if first > start else ''}{shown}{'…' if last < end else ''}"


def _excerpt(start: int, end: int, offset: int) -> tuple[int, int]:
    first = max(start, offset - _SHOWN // 5)
    return first, min(first + _SHOWN, end)


def lines_before(text: bytes, end: int, count: int) -> list[bytes]:
    """The last `count` whole lines of `text[:end]`, which ends with a line break or begins the text."""
    start = end
    for _ in range(count):
        start = text.rfind(b"\n", 0, max(start - 1, 0)) + 1
    return text[start:end].split(b"\n")[:-1]


def decoded(line: bytes) -> str:
    return strip_control_codes(line[-20 * _SHOWN_AROUND :].decode("utf-8", "replace"))


def cut(text: str) -> str:
    return text if len(text) <= _SHOWN_AROUND else text[:_SHOWN_AROUND] + "…"
