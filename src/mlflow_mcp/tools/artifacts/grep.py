"""Searching a stream for lines that match, however long it is: a block in memory at a time.

Lines are what grep takes for lines, and match as they do there: one by one. They are searched as they are shown, without ANSI
codes and carriage returns at their end. Of a line that was rewritten with '\\r', each state is looked at by itself.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from mlflow_mcp.tools.artifacts.formats.detect import has_nul
from mlflow_mcp.tools.artifacts.formats.encoding import TextBlocks, without_codes
from mlflow_mcp.tools.artifacts.kinds_of_lines import MOST_COUNTED, wording
from mlflow_mcp.tools.artifacts.matched_lines import cut, decoded, lines_before, shown_line
from mlflow_mcp.tools.artifacts.patterns import line_finder
from mlflow_mcp.tools.artifacts.surroundings import Surroundings

# A longer line is searched in parts, which overlap.
LONGEST_LINE = 1_000_000
_OVERLAP = 64_000


@dataclass(frozen=True)
class Hit:
    """A matching line with its number from 1, without control codes; `before` and `after` are its neighbours."""

    number: int
    text: str
    before: list[str]
    after: list[str]


class Matches(NamedTuple):
    """Where lines match, once a line; in how many of them only what stood there before the state that is shown."""

    offsets: list[int]
    overwritten: int = 0


@dataclass
class SearchResult:
    """The matches in one file. `count` is of matching lines; `hits` are the first or last of them."""

    count: int = 0
    lines: int = 0
    is_text: bool = True
    complete: bool = True
    in_parts: bool = False  # lines too long to be searched whole
    overwritten: int = 0  # matching lines whose last state does not match
    ends_inside_line: bool = False  # whether the last line has no line end
    undecodable: bool = False  # bytes in the way of a pattern with characters beyond ASCII
    hits: deque[Hit] = field(default_factory=deque)
    kinds: Counter[str] | None = field(
        default_factory=Counter
    )  # of all matching lines, by their wording; None of too many


class Finder:
    """A search for a pattern, until `seconds` from now. One object serves many streams at once.

    At most `most` lines are shown of a stream, the first ones or the `last`, each with `context` lines around it.
    """

    def __init__(
        self, pattern: str, *, plain: bool, ignore_case: bool, most: int, last: bool, context: int, seconds: float
    ) -> None:
        self.most, self.last, self.context = most, last, context
        self.beyond_ascii = not pattern.isascii()
        self._offsets = line_finder(pattern, plain=plain, ignore_case=ignore_case)
        self._deadline = time.monotonic() + seconds

    @property
    def is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def matches(self, text: bytes, inside: bool) -> Matches:
        """The matches in whole lines, one for each line that matches."""
        if b"\r" not in text:
            return Matches(self._offsets(text, inside))
        states = self._offsets(text.replace(b"\r", b"\n"), inside)
        return _one_a_line(text, [at for at in states if not _is_empty_state(text, at)])

    def search(
        self, blocks: Iterable[bytes], surroundings: Surroundings | None = None, *, kinds: bool = False
    ) -> SearchResult:
        """Look through a stream, as far as time allows. Binary content is recognised by its first block and skipped.

        With `surroundings`, which belong to this stream, the lines that are shown hold no secrets.
        """
        return _StreamSearch(self, surroundings, SearchResult(kinds=Counter() if kinds else None)).run(blocks)


class _StreamSearch:
    """The search of one stream, and what it keeps from block to block."""

    def __init__(self, finder: Finder, surroundings: Surroundings | None, result: SearchResult) -> None:
        self._finder = finder
        self._surroundings = surroundings
        self._result = result
        self._recent: deque[bytes] = deque(
            maxlen=finder.context
        )  # the last lines searched, for the context of the next
        self._rest = b""  # not searched yet: a line that has not ended, or lines that the context of others needs
        self._begins_inside = False  # whether `_rest` begins inside a line
        self._line_is_counted = False  # whether a long line has matched, so that its remainder is passed over

    def run(self, blocks: Iterable[bytes]) -> SearchResult:
        result = self._result
        for block in _text_blocks(blocks, result):
            if self._finder.is_late:
                result.complete = False
                return result
            self._add(block)
        if self._rest:
            self._search(self._rest, len(self._rest))
        result.ends_inside_line = self._line_is_counted or self._rest[-1:] not in (b"", b"\n", b"\r")
        result.lines += self._line_is_counted
        return result

    def _add(self, block: bytes) -> None:
        text = without_codes(self._rest + block)
        if self._line_is_counted:
            line_end = text.find(b"\n") + 1
            if not line_end:
                return
            self._result.lines += 1
            text, self._line_is_counted = text[line_end:], False
        end = self._searchable(text)
        if end:
            self._search(text, end)
            self._rest, self._begins_inside = text[end:], False
        elif len(text) < LONGEST_LINE:
            self._rest = text
        else:
            self._search_part(text)

    def _searchable(self, text: bytes) -> int:
        """Where the last line ends that can be searched with the lines after it at hand; 0 when there is none."""
        whole = end = text.rfind(b"\n") + 1
        for _ in range(self._finder.context):
            end = text.rfind(b"\n", 0, max(end - 1, 0)) + 1
        return end or (whole if len(text) >= LONGEST_LINE else 0)

    def _search(self, text: bytes, end: int) -> None:
        """Search the whole lines of `text` up to `end`."""
        lines = text[:end] if text.endswith(b"\n", 0, end) else text[:end] + b"\n"
        self._keep(self._finder.matches(lines, self._begins_inside), text)
        self._result.undecodable |= self._finder.beyond_ascii and not _is_utf8(lines)
        self._result.lines += lines.count(b"\n")
        self._remember(text, end)

    def _search_part(self, text: bytes) -> None:
        """Search the beginning of a line that is too long to be searched whole."""
        self._result.in_parts = True
        # Where the line is cut, more of it follows: `$` must not match there.
        offsets, overwritten = self._finder.matches(text + b"\0\n", self._begins_inside)
        # What lies near the cut is searched once more, with what follows.
        matched = [offset for offset in offsets if offset < len(text) - _OVERLAP // 2]
        self._keep(Matches(matched, overwritten if matched else 0), text)
        self._remember(text, len(text))
        self._line_is_counted = bool(matched)
        self._rest, self._begins_inside = (b"", False) if matched else (text[-_OVERLAP:], True)

    def _keep(self, matches: Matches, text: bytes) -> None:
        """Count the lines that match, and keep those that are shown."""
        finder, result, offsets = self._finder, self._result, matches.offsets
        result.count += len(offsets)
        result.overwritten += matches.overwritten
        self._count_kinds(offsets, text)
        room = finder.most if finder.last else finder.most - len(result.hits)
        shown = (offsets[-room:] if finder.last else offsets[:room]) if room else []
        number, counted = result.lines + 1, 0
        for offset in shown:
            start = text.rfind(b"\n", 0, offset) + 1
            number += text.count(b"\n", counted, start)
            counted = start
            result.hits.append(self._hit(text, start, offset, number))
            if len(result.hits) > finder.most:
                result.hits.popleft()

    def _count_kinds(self, offsets: list[int], text: bytes) -> None:
        result = self._result
        kinds = result.kinds = None if result.count > MOST_COUNTED else result.kinds
        if kinds is None:
            return
        for offset in offsets:
            start, end = text.rfind(b"\n", 0, offset) + 1, text.find(b"\n", offset)
            line = shown_line(text, start, end if end >= 0 else len(text), offset, self._surroundings)
            kinds[wording(line)] += 1

    def _remember(self, text: bytes, end: int) -> None:
        if self._surroundings:
            self._surroundings.pass_over(text, end)
        if self._finder.context:
            self._recent.extend(lines_before(text, end, self._finder.context))

    def _hit(self, text: bytes, start: int, offset: int, number: int) -> Hit:
        end = text.find(b"\n", offset)
        end = len(text) if end < 0 else end
        line = shown_line(text, start, end, offset, self._surroundings)
        context = self._finder.context
        if not context:
            return Hit(number, line, [], [])
        before = [*self._recent, *lines_before(text, start, context)][-context:]
        after = text[end + 1 : end + 1 + LONGEST_LINE].split(b"\n", context)
        after = after[:-1] if len(after) > context or not after[-1] else after
        if self._surroundings:
            near = self._surroundings.neighbours(text, start, end, len(before), len(after))
        else:
            near = [decoded(each) for each in before], [decoded(each) for each in after]
        return Hit(number, line, [cut(each) for each in near[0]], [cut(each) for each in near[1]])


def _text_blocks(blocks: Iterable[bytes], result: SearchResult) -> Iterable[bytes]:
    """The stream as UTF-8; nothing of a binary one."""
    stream = iter(blocks)
    first = next(stream, b"")
    if has_nul(first):
        result.is_text = False
        return ()
    return TextBlocks(chain([first], stream))


def _is_utf8(text: bytes) -> bool:
    return text.isascii() or "\ufffd" not in text.decode("utf-8", "replace")


def _is_empty_state(text: bytes, at: int) -> bool:
    """Whether a '\\r' follows another line end at once: before a progress bar writes for the first time, nothing is shown."""
    return text.startswith(b"\r", at) and (at == 0 or text[at - 1 : at] in b"\r\n")


def _one_a_line(text: bytes, offsets: list[int]) -> Matches:
    """Of the states of each line that match, the last one when it is the one shown, else the first."""
    kept: list[int] = []
    overwritten, line_end = 0, -1
    for offset in offsets:
        is_same_line = offset <= line_end
        if not is_same_line:
            line_end = text.find(b"\n", offset)
            line_end = len(text) if line_end < 0 else line_end
        is_last_state = text.find(b"\r", offset, line_end) < 0
        if not is_same_line:
            kept.append(offset)
            overwritten += not is_last_state
        elif is_last_state:
            kept[-1] = offset
            overwritten -= 1
    return Matches(kept, overwritten)
