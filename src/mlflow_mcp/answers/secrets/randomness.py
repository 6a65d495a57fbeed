"""Whether a text looks drawn by lot."""

from __future__ import annotations

import itertools
import re

_RUNS = re.compile(r"[A-Za-z0-9]+")


def is_random(text: str) -> bool:
    """Whether a part of it looks drawn by lot: long, and of several kinds of characters that change often."""
    return any(map(_is_random_run, _RUNS.findall(text))) or _changes_often(text)


def _is_random_run(run: str) -> bool:
    digits = sum(character.isdigit() for character in run)
    lower = sum(character.islower() for character in run)
    upper = len(run) - digits - lower
    if len(run) >= 10 and digits and lower and upper:
        return True
    if len(run) >= 16 and digits >= 3 and lower + upper >= 3:
        return True
    # Letters alone: a name in CamelCase has far fewer capitals.
    return len(run) >= 20 and 4 * min(lower, upper) > len(run)


def _changes_often(text: str) -> bool:
    """Of drawn letters and digits six in ten follow one of another kind; in names some three."""
    kinds = [0 if each.islower() else 1 if each.isupper() else 2 for each in text if each.isalnum()]
    return len(kinds) >= 20 and sum(a != b for a, b in itertools.pairwise(kinds)) >= 0.45 * len(kinds)
