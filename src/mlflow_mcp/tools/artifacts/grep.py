"""Searching a stream for lines that match, however long it is: a block in memory at a time, and no pattern runs away.

Lines are what grep takes for lines, and match as they do there: one by one. For speed a whole block of them is searched
at once, with a pattern rewritten so that it cannot reach beyond a line's end; where that is not possible, line by line.
Patterns are of the `regex` library, which is Python's syntax with a time limit, and which lets other threads run while it
matches. Plain text is found without it.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import Any

from mlflow_mcp.errors import Problem
from mlflow_mcp.tools.artifacts.formats.detect import has_nul
from mlflow_mcp.tools.artifacts.formats.encoding import as_utf8, encoding_of, strip_control_codes

# A longer line is searched in parts, which overlap.
LONGEST_LINE = 1_000_000
_OVERLAP = 64_000
# What is shown of a line, and of those around it.
_SHOWN = 1_000
_SHOWN_AROUND = 300
# Seconds that a pattern may take on one block: a thousandth of that is usual.
_PATIENCE = 3.0


class Runaway(Problem):
    """The pattern takes too long on what it is tried on."""


@dataclass(frozen=True)
class Hit:
    """A matching line with its number from 1, cleaned; `before` and `after` are its neighbours."""

    number: int
    text: str
    before: list[str]
    after: list[str]


@dataclass
class Found:
    """What one file told. `count` is of matching lines; `hits` are the first or last of them."""

    count: int = 0
    lines: int = 0
    is_text: bool = True
    complete: bool = True
    in_parts: bool = False  # lines too long to be searched whole
    hits: deque[Hit] = field(default_factory=deque)


class Finder:
    """What is looked for, until `seconds` from now. One object serves many streams at once."""

    def __init__(
        self, pattern: str, *, plain: bool, ignore_case: bool, most: int, last: bool, context: int, seconds: float
    ) -> None:
        self.most, self.last, self.context = most, last, context
        self._until = time.monotonic() + seconds
        self._places = _finder_of(pattern, plain or _is_plain(pattern), ignore_case)

    @property
    def is_late(self) -> bool:
        return time.monotonic() > self._until

    def search(self, blocks: Iterable[bytes]) -> Found:
        """Look through a stream, as far as time allows. Binary content is told by its first block and left."""
        found = Found()
        rest, recent, inside, passing = b"", deque[bytes](maxlen=self.context), False, False
        for block in _text_blocks(blocks, found):
            if self.is_late:
                found.complete = False
                return found
            text = rest + block
            if passing:  # the rest of a long line that is counted already
                line_end = text.find(b"\n") + 1
                found.lines += line_end > 0
                text, passing = text[line_end:], line_end == 0
                if passing:
                    continue
            end = self._searchable(text)
            if end:
                self._look(text, end, found, recent, inside)
                rest, inside = text[end:], False
            elif len(text) < LONGEST_LINE:
                rest = text
            else:
                found.in_parts = True
                passing = self._look(text, len(text), found, recent, inside, whole=False)
                rest, inside = (b"", False) if passing else (text[-_OVERLAP:], True)
        if rest:
            self._look(rest, len(rest), found, recent, inside)
        found.lines += passing
        return found

    def _searchable(self, text: bytes) -> int:
        """Where the last line ends that can be searched with the lines after it at hand; 0 when there is none."""
        whole = end = text.rfind(b"\n") + 1
        for _ in range(self.context):
            end = text.rfind(b"\n", 0, max(end - 1, 0)) + 1
        return end or (whole if len(text) >= LONGEST_LINE else 0)

    def _look(
        self, text: bytes, end: int, found: Found, recent: deque[bytes], inside: bool, whole: bool = True
    ) -> bool:
        """Search the lines up to `end`, of which the first one begins `inside` a line, and the last one is `whole`."""
        # Where a long line is cut, something stands: `$` is not there.
        searched = text[:end] if text.endswith(b"\n", 0, end) else text[:end] + (b"\n" if whole else b"\0\n")
        places = self._places(searched, inside)
        if not whole:  # what lies near the cut is searched once more, with what follows
            places = [place for place in places[:1] if place < end - _OVERLAP // 2]
        found.count += len(places)
        room = self.most if self.last else self.most - len(found.hits)
        line, counted = found.lines, 0
        for place in (places[-room:] if self.last else places[:room]) if room else ():
            start = text.rfind(b"\n", 0, place) + 1
            line += text.count(b"\n", counted, start)
            counted = start
            found.hits.append(self._hit(text, start, place, line + 1, recent))
            if len(found.hits) > self.most:
                found.hits.popleft()
        found.lines += searched.count(b"\n") if whole else 0
        if self.context:
            recent.extend(_lines_before(text, end, self.context))
        return bool(places)

    def _hit(self, text: bytes, start: int, place: int, number: int, recent: Iterable[bytes]) -> Hit:
        end = text.find(b"\n", place)
        end = len(text) if end < 0 else end
        line = _shown(text[start:end], place - start)
        if not self.context:
            return Hit(number, line, [], [])
        before = [*recent, *_lines_before(text, start, self.context)][-self.context :]
        after = text[end + 1 : end + 1 + LONGEST_LINE].split(b"\n", self.context)
        after = after[:-1] if len(after) > self.context or not after[-1] else after
        return Hit(number, line, [_around(each) for each in before], [_around(each) for each in after])


def _text_blocks(blocks: Iterable[bytes], found: Found) -> Iterator[bytes]:
    """The stream as UTF-8; nothing of a binary one."""
    stream = iter(blocks)
    first = next(stream, b"")
    if has_nul(first):
        found.is_text = False
        return
    encoding = encoding_of(first)
    whole = chain([first], stream)
    yield from whole if encoding == "utf-8" else as_utf8(whole, encoding)


# -- what matches --------------------------------------------------------------------------------------------------

# Gives the place of a match in every matching line of a text that ends with a line break. When the text begins inside a
# line, its first byte only tells so.
Places = Callable[[bytes, bool], list[int]]


def _finder_of(pattern: str, plain: bool, ignore_case: bool) -> Places:
    if "\n" in pattern or (not plain and r"\n" in _TOKEN.findall(pattern)):
        raise Problem("Lines are searched one by one, so a pattern with a line break never matches.", "Leave it out.")
    if plain and not ignore_case:
        return _literal(pattern.encode("utf-8", "replace"))
    return _expression(re.escape(pattern) if plain else pattern, ignore_case)


def _is_plain(pattern: str) -> bool:
    return not re.search(r"[\\.^$*+?{}\[\]|()]", pattern)


def _literal(needle: bytes) -> Places:
    in_lines = re.compile(re.escape(needle) + rb"[^\n]*")

    def places(text: bytes, inside: bool) -> list[int]:
        # `find` is several times as fast as an expression, and most blocks hold nothing.
        first = text.find(needle)
        return [] if first < 0 else [match.start() for match in in_lines.finditer(text, first)]

    return places


def _expression(pattern: str, ignore_case: bool) -> Places:
    one_line = within_a_line(pattern)
    each = _compiled(pattern, ignore_case)
    block = None if one_line is None else _compiled(rf"(?!\Z)(?:{one_line})[^\n]*\n", ignore_case)

    def places(text: bytes, inside: bool) -> list[int]:
        try:
            if block is None:
                return list(_line_by_line(each, text, inside))
            decoded = _decoded(text)
            found = block.finditer(decoded, int(inside), timeout=_PATIENCE, concurrent=True)
            return _in_bytes(decoded, [match.start() for match in found])
        except TimeoutError:
            raise Runaway(
                f"The pattern takes more than {_PATIENCE:.0f} s on a part of these files.",
                "Nested repetitions such as (a+)+ never end on some lines: write it simpler, or pass plain=true.",
            ) from None

    return places


def _line_by_line(pattern: Any, text: bytes, inside: bool) -> Iterator[int]:
    start, begun = 0, time.monotonic()
    for line in text.split(b"\n")[:-1]:
        decoded = _decoded(line)
        match = pattern.search(decoded, int(inside and start == 0), timeout=_PATIENCE, concurrent=True)
        if match is not None:
            yield start + _in_bytes(decoded, [match.start()])[0]
        if time.monotonic() - begun > _PATIENCE:
            raise TimeoutError
        start += len(line) + 1


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def _in_bytes(text: str, places: list[int]) -> list[int]:
    """Places in a text that `_decoded` gave, in ascending order, as places in its bytes."""
    if text.isascii():
        return places
    lengths = (len(text[a:b].encode("utf-8", "surrogateescape")) for a, b in zip([0, *places], places))
    return list(accumulate(lengths))


_TOKEN = re.compile(r"\\.|\[\^?(?:\\.|[^\]\\])*\]|\(\?:|.", re.S)
_KNOWN = re.compile(r"\(\?:|\\[dwSbB\W]|\[(?!\^)(?:\\[dwS\W]|[^\\\[\x00-\x1f&~|-]|(?<=\w)-(?=\w)|-(?=\]))+\]")
_NEGATED = re.compile(r"\[\^(?:\\[dwsSDWntr\W]|[^\\\[\]\x00-\x1f&~|])+\]")
# What stands for any character but some, with the line break taken out.
_WITHOUT_BREAK = {r"\s": r"[^\S\n]", r"\W": r"[^\w\n]", r"\D": r"[^\d\n]"}


def within_a_line(pattern: str) -> str | None:
    """The same expression, which cannot reach over a line's end or look beyond; None when it has parts for which that is
    not known (look-around, `\\A`, possessive repetitions, inline flags, references)."""
    rewritten: list[str] = []
    parts = _TOKEN.findall(pattern)
    for part, following in zip(parts, [*parts[1:], ""]):
        if part in _WITHOUT_BREAK:
            rewritten.append(_WITHOUT_BREAK[part])
        elif part.startswith("[^") and _NEGATED.fullmatch(part):
            rewritten.append(f"[^\\n{part[2:]}")
        elif (
            (len(part) > 1 and not _KNOWN.fullmatch(part))
            or (part == "(" and following == "?")
            or (part in "*+?}" and following == "+")
            or (part == "{" and following.isalpha())  # approximate matching
        ):
            return None
        else:
            rewritten.append(part)
    return "".join(rewritten)


def _compiled(pattern: str, ignore_case: bool) -> Any:
    import regex

    try:
        return regex.compile(pattern, regex.MULTILINE | (regex.IGNORECASE if ignore_case else 0))
    except (regex.error, RecursionError, OverflowError) as error:
        told = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Problem(
            f"'{pattern}' is no regular expression ({told}).", "Escape ( [ * + ? with \\, or pass plain=true."
        ) from error


# -- what is shown -------------------------------------------------------------------------------------------------


def _shown(line: bytes, place: int) -> str:
    """The line as text; of one rewritten with '\\r' the state in which the match is, of a long one its neighbourhood."""
    start = line.rfind(b"\r", 0, place) + 1
    end = line.find(b"\r", place)
    part = line[start : len(line) if end < 0 else end]
    place -= start
    if len(part) <= 2 * _SHOWN:
        return strip_control_codes(part.decode("utf-8", "replace"))
    first = max(0, place - _SHOWN // 5)
    text = strip_control_codes(part[first : first + _SHOWN].decode("utf-8", "ignore"))
    return f"{'…' if first else ''}{text}{'…' if first + _SHOWN < len(part) else ''}"


def _lines_before(text: bytes, end: int, count: int) -> list[bytes]:
    """The last `count` whole lines of `text[:end]`, which ends with a line break or begins the text."""
    start = end
    for _ in range(count):
        start = text.rfind(b"\n", 0, max(start - 1, 0)) + 1
    return text[start:end].split(b"\n")[:-1]


def _around(line: bytes) -> str:
    text = strip_control_codes(line[-20 * _SHOWN_AROUND :].decode("utf-8", "replace"))
    return text if len(text) <= _SHOWN_AROUND else text[:_SHOWN_AROUND] + "…"
