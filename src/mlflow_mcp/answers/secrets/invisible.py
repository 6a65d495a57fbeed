"""Characters that no reader sees: between the letters of a name or a secret they hide it from every pattern."""

from __future__ import annotations

import re

# Soft hyphens, spaces of no width, marks of direction, joiners, variation selectors.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff]"
)


def has_invisible(text: str) -> bool:
    return not text.isascii() and _INVISIBLE.search(text) is not None


def without_invisible(text: str) -> str:
    return text if text.isascii() else _INVISIBLE.sub("", text)


def places(text: str) -> list[int]:
    """Where in the text each character of `without_invisible(text)` stands, and its end."""
    hidden = {match.start() for match in _INVISIBLE.finditer(text)}
    return [at for at in range(len(text)) if at not in hidden] + [len(text)]
