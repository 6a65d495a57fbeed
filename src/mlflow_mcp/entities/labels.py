"""Which texts tell runs apart for a reader, and which names are one family. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# Values that are longer on average and all different are no labels.
LONGEST_LABEL = 32
# Fewer names that are alike are shown one by one.
_FEWEST_OF_A_FAMILY = 5
_MOSTLY = 0.8
# More are not looked through: every part of every name is tried.
_MOST_FOLDED = 1_000
_PLACE = re.compile(r"(^|[\s:=])(/|[A-Za-z]:\\|\w+://)\S+|\S+/\S+/\S+/")
_TIME = re.compile(r"\d{9,13}(\.\d+)?|\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*|0\.0")


def names_a_place(value: str) -> bool:
    """Whether a text is or holds a path or an address."""
    return bool(_PLACE.search(value))


def tells_nothing(values: Sequence[str]) -> bool:
    """Whether values are places, times or long texts of which each row has its own."""
    if all(_TIME.fullmatch(value) for value in values) or all(map(names_a_place, values)):
        return True
    mostly_different = len(set(values)) * 10 >= len(values) * 8
    return mostly_different and sum(map(len, values)) > LONGEST_LABEL * len(values)


def name_families(names: Sequence[str]) -> dict[str, list[str]]:
    """`{"mmlu_*_exact_match": ["biology", "law", ...]}`: names that begin and end alike, with what stands in between."""
    found: dict[str, list[str]] = {}
    left = set(names[:_MOST_FOLDED])
    while True:
        members: dict[tuple[str, str], list[str]] = {}
        for name in left:
            for ends in _ends(name):
                members.setdefault(ends, []).append(name)
        if not members:
            return found
        # The largest family, without the few that share less with the others than they do: a total is not one of its parts.
        most = max(map(len, members.values()))
        if most < _FEWEST_OF_A_FAMILY:
            return found
        large = [ends for ends, family in members.items() if len(family) >= max(_FEWEST_OF_A_FAMILY, most * _MOSTLY)]
        begins, ends_with = max(large, key=lambda ends: (len("".join(ends)), ends))
        family = members[begins, ends_with]
        found[f"{begins}*{ends_with}"] = sorted(name[len(begins) : len(name) - len(ends_with)] for name in family)
        left -= set(family)


def _ends(name: str) -> Iterator[tuple[str, str]]:
    """The beginnings and ends that a name may share with others: whole words; a number may also be its end."""
    cuts = [found.start() for found in re.finditer(r"[_/.]", name)]
    for at, cut in enumerate(cuts):
        if re.fullmatch(r"\d+", name[cut + 1 :]):
            yield name[: cut + 1], ""
        yield from ((name[: cut + 1], name[later:]) for later in cuts[at + 1 :])
