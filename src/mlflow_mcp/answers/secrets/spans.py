"""Where in a text its masked form hides something."""

from __future__ import annotations

from collections.abc import Callable

from mlflow_mcp.answers.secrets.shapes import HIDDEN


def hidden_spans(text: str, masked: str) -> list[tuple[int, int]]:
    """Where the hidden parts of a text are. What was shown may stand in a secret as well: each span then is the longest it can be."""
    pieces = masked.split(HIDDEN)
    starts, at = [], 0
    for piece in pieces[:-1]:
        at = max(text.find(piece, at), at) + len(piece)
        starts.append(at)
    ends, at = [], len(text)
    for piece in reversed(pieces[1:]):
        found = text.rfind(piece, 0, at)
        at = found if found >= 0 else at
        ends.append(at)
    return [(min(first, last), max(first, last)) for first, last in zip(starts, reversed(ends))]


def with_spans_hidden(text: str, spans: list[tuple[int, int]], hidden: Callable[[str], str]) -> str:
    """The text with `hidden` of each span in its place."""
    parts, done = [], 0
    for first, last in spans:
        if last > done:
            parts += [text[done : max(first, done)], hidden(text[max(first, done) : last])]
            done = last
    return "".join([*parts, text[done:]])
