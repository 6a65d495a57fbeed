"""Patterns that are looked for line by line, as grep does, and that cannot run for ever.

For speed a whole block of lines is searched at once, with a pattern rewritten so that it cannot reach beyond a line's end;
where that is not possible, line by line. Patterns are of the `regex` library, which is Python's syntax with a time limit, and
which lets other threads run while it matches. Plain text is found without it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any

from mlflow_mcp.errors import Problem

# Seconds that a pattern may take on one block: a thousandth of that is usual.
_SECONDS_A_BLOCK = 2.0


class PatternTimeout(Problem):
    """The pattern takes too long on the lines that it is tried on."""


# Gives the offset of a match in every matching line of a text that ends with a line break. With True the text begins inside
# a line: its first byte only serves look-behind.
LineFinder = Callable[[bytes, bool], list[int]]


def line_finder(pattern: str, *, plain: bool, ignore_case: bool) -> LineFinder:
    """What finds the lines that match. Raises Problem for what is no regular expression or could never match."""
    if "\n" in pattern or (not plain and r"\n" in _TOKEN.findall(pattern)):
        raise Problem("Lines are searched one by one, so a pattern with a line break never matches.", "Leave it out.")
    plain = plain or _is_plain(pattern)
    if plain and not ignore_case:
        return _literal(pattern.encode("utf-8", "replace"))
    return _expression(re.escape(pattern) if plain else pattern, ignore_case)


def _is_plain(pattern: str) -> bool:
    return not re.search(r"[\\.^$*+?{}\[\]|()]", pattern)


def _literal(needle: bytes) -> LineFinder:
    in_lines = re.compile(re.escape(needle) + rb"[^\n]*")

    def offsets(text: bytes, inside: bool) -> list[int]:
        # `find` is several times as fast as an expression, and most blocks hold nothing.
        first = text.find(needle)
        return [] if first < 0 else [match.start() for match in in_lines.finditer(text, first)]

    return offsets


def _expression(pattern: str, ignore_case: bool) -> LineFinder:
    one_line = within_a_line(pattern)
    each = _compiled(pattern, ignore_case)
    block = None if one_line is None else _compiled(rf"(?!\Z)(?:{one_line})[^\n]*\n", ignore_case)

    def offsets(text: bytes, inside: bool) -> list[int]:
        try:
            if block is None:
                return list(_line_by_line(each, text, inside))
            decoded = _decoded(text)
            matches = block.finditer(decoded, int(inside), timeout=_SECONDS_A_BLOCK, concurrent=True)
            return _in_bytes(decoded, [match.start() for match in matches])
        except TimeoutError:
            raise PatternTimeout(
                f"The pattern takes more than {_SECONDS_A_BLOCK:.0f} s on a part of these files.",
                "Nested repetitions such as (a+)+ never end on some lines: write it simpler, or pass plain=true.",
            ) from None

    return offsets


def _line_by_line(pattern: Any, text: bytes, inside: bool) -> Iterator[int]:
    start, begun = 0, time.monotonic()
    for line in text.split(b"\n")[:-1]:
        decoded = _decoded(line)
        match = pattern.search(decoded, int(inside and start == 0), timeout=_SECONDS_A_BLOCK, concurrent=True)
        if match is not None:
            yield start + _in_bytes(decoded, [match.start()])[0]
        if time.monotonic() - begun > _SECONDS_A_BLOCK:
            raise TimeoutError
        start += len(line) + 1


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def _in_bytes(text: str, offsets: list[int]) -> list[int]:
    """Offsets in a text that `_decoded` gave, in ascending order, as offsets in its bytes."""
    if text.isascii():
        return offsets
    lengths = (len(text[a:b].encode("utf-8", "surrogateescape")) for a, b in zip([0, *offsets], offsets))
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
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Problem(
            f"'{pattern}' is no regular expression ({reason}).", "Escape ( [ * + ? with \\, or pass plain=true."
        ) from error
