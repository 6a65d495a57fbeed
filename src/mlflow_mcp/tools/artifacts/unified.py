"""The difference of two texts, line by line, as `diff -u` writes it."""

from __future__ import annotations

import difflib
from typing import NamedTuple


class Lines(NamedTuple):
    """The lines of a side as they are, which are compared, and as they are shown."""

    label: str
    lines: list[str]
    shown: list[str]


def unified(first: Lines, other: Lines) -> list[str]:
    """The unified difference, two lines around each change."""
    found = [f"--- {first.label}", f"+++ {other.label}"]
    for group in difflib.SequenceMatcher(None, first.lines, other.lines).get_grouped_opcodes(2):
        (_, a, _, b, _), (_, _, a_end, _, b_end) = group[0], group[-1]
        found.append(f"@@ -{_span(a, a_end)} +{_span(b, b_end)} @@")
        for kind, a, a_end, b, b_end in group:
            if kind == "equal":
                found += [f" {line}" for line in first.shown[a:a_end]]
            else:
                found += [f"-{line}" for line in first.shown[a:a_end]]
                found += [f"+{line}" for line in other.shown[b:b_end]]
    return found if len(found) > 2 else []


def _span(start: int, end: int) -> str:
    """Lines as a unified difference writes them, which counts from 1."""
    count = end - start
    return str(start + 1) if count == 1 else f"{start + 1 if count else start},{count}"
