"""Searching a stream for lines that match, however long it is: a block in memory at a time, and no pattern runs away.

Patterns are regular expressions of the `regex` library, which is Python's syntax with a time limit, and which lets other
threads run while it matches. Plain text is found without it.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.errors import Problem
from mlflow_mcp.text_content import cleaned

# A line longer than this is searched and counted in parts.
_LONGEST_LINE = 4_000_000
_CARRIED = 1_000_000


@dataclass(frozen=True)
class Hit:
    """A matching line with its number from 1, cleaned; `before` and `after` are its neighbours."""

    number: int
    text: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass
class Found:
    """What one file told. `count` is of matching lines; `hits` are the first or last of them."""

    count: int = 0
    lines: int = 0
    bytes: int = 0
    is_text: bool = True
    complete: bool = True
    hits: deque[Hit] = field(default_factory=deque)


class Finder:
    """What is looked for. One object serves many streams at once."""

    def __init__(
        self, pattern: str, *, plain: bool, ignore_case: bool, most: int, last: bool, context: int, seconds: float
    ) -> None:
        self.most, self.last, self.context = most, last, context
        self.until = time.monotonic() + seconds
        self.seconds = seconds
        self.needle = pattern.encode() if (plain or _is_plain(pattern)) and not ignore_case else None
        self.pattern = None if self.needle else _compiled(re.escape(pattern) if plain else pattern, ignore_case)

    def search(self, blocks: Iterable[bytes]) -> Found:
        """Look through a stream. Binary content is told by its first block and left."""
        found = Found()
        rest, recent = b"", deque[str](maxlen=self.context)
        for number, block in enumerate(blocks):
            if number == 0 and b"\0" in block[:4096] and not block.startswith((b"\xff\xfe", b"\xfe\xff")):
                found.is_text = False
                return found
            found.bytes += len(block)
            text = rest + block
            end = text.rfind(b"\n") + 1
            if end == 0 and len(text) < _LONGEST_LINE:
                rest = text
                continue
            # Of a line without end its last part is kept, so that what lies across the cut is found.
            end, rest = (end, text[end:]) if end else (len(text) - _CARRIED, text[-_CARRIED:])
            self._look(text[:end], found, recent)
        if rest:
            self._look(rest, found, recent)
            found.lines += not rest.endswith(b"\n")
        return found

    def _look(self, text: bytes, found: Found, recent: deque[str]) -> None:
        """Search whole lines. `recent` are the lines before them, and then the last of them."""
        at, counted, line = 0, 0, found.lines
        while (place := self._next(text, at)) >= 0:
            start = text.rfind(b"\n", 0, place) + 1
            end = text.find(b"\n", place)
            end = len(text) if end < 0 else end
            line += text.count(b"\n", counted, start)
            counted = start
            found.count += 1
            if self.last or len(found.hits) < self.most:
                found.hits.append(self._hit(text, start, end, place, line + 1, recent))
                if len(found.hits) > self.most:
                    found.hits.popleft()
            at = end + 1
            if at > len(text):
                break
        found.lines += text.count(b"\n")
        if self.context:
            recent.extend(_lines(text[max(0, len(text) - 2_000 * self.context) :])[-self.context :])

    def _next(self, text: bytes, at: int) -> int:
        if self.needle is not None:
            return text.find(self.needle, at)
        assert self.pattern is not None
        # Never 0: that would mean no limit.
        remaining = max(0.001, self.until - time.monotonic())
        try:
            match = self.pattern.search(text, at, timeout=remaining, concurrent=True)
        except TimeoutError:
            raise Problem(
                f"The pattern takes more than {self.seconds:.0f} s on these files.",
                "Nested repetitions such as (a+)+ never end on some lines: write it simpler, or pass plain=true.",
            ) from None
        return int(match.start()) if match else -1

    def _hit(self, text: bytes, start: int, end: int, place: int, number: int, recent: deque[str]) -> Hit:
        if not self.context:
            return Hit(number, _shown(text[start:end], place - start))
        before = _lines(text[max(0, start - 2_000 * self.context) : start])[-self.context :]
        before = [*recent, *before][-self.context :] if len(before) < self.context else before
        after = _lines(text[end + 1 : end + 1 + 2_000 * self.context])[: self.context]
        return Hit(number, _shown(text[start:end], place - start), tuple(before), tuple(after))


def _is_plain(pattern: str) -> bool:
    return re.escape(pattern).replace("\\ ", " ").replace("\\-", "-").replace("\\#", "#") == pattern


def _compiled(pattern: str, ignore_case: bool) -> Any:
    import regex

    try:
        flags = regex.MULTILINE | (regex.IGNORECASE if ignore_case else 0)
        return regex.compile(pattern.encode(), flags)
    except regex.error as error:
        raise Problem(
            f"'{pattern}' is no regular expression ({error}).", "Escape ( [ * + ? with \\, or pass plain=true."
        ) from error


def _shown(line: bytes, place: int) -> str:
    """The line as text; of one rewritten with '\\r' the state in which the match is."""
    start = line.rfind(b"\r", 0, place) + 1
    end = line.find(b"\r", place)
    part = line[start : len(line) if end < 0 else end]
    if len(part) > 2_000:  # the neighbourhood of the match
        first = max(0, place - start - 200)
        part = part[first : first + 1_000]
    return cleaned(part.decode("utf-8", "replace")).strip("\n")


def _lines(text: bytes) -> list[str]:
    return cleaned(text.decode("utf-8", "replace")).splitlines()
