"""Which params and tags tell runs apart, and which are left out: paths, command lines, time stamps, what repeats another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow_mcp.entities.labels import LONGEST_LABEL, names_a_place, tells_nothing

# More columns of one kind than this are not read by anybody.
MOST_COLUMNS = 8
# Equal params are worth a line each only while there are few.
_MOST_COMMON = 8
_LONGEST_COMMON = 60
_FAMILIES_LISTED = 4
_NAMES_LISTED = 6


def telling_columns(counts: Counter[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names whose values differ between rows, most often logged first; then a few that are equal everywhere.

    The launcher's flattened `config.*` is no column unless it is asked for: its names are long, it holds the config of the
    neighbours too, and some exports leave it out.
    """
    differing: list[str] = []
    equal: list[str] = []
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        values = [str(row[name]) for row in rows if name in row]
        if name.startswith("config.") or _is_mostly_missing(len(values), len(rows)):
            continue
        if len(set(values)) > 1 or len(values) < len(rows):
            if not tells_nothing(values):
                differing.append(name)
        elif len(values[0]) <= _LONGEST_COMMON and not names_a_place(values[0]):
            equal.append(name)
    return differing[:MOST_COLUMNS] + (equal if len(equal) <= _MOST_COMMON else [])


def _is_mostly_missing(present: int, rows: int) -> bool:
    return rows > 2 and present * 2 < rows


def families(kind: str, names: Sequence[str]) -> str:
    """`params: config.* (66), executor, seed`: the names that the table does not show, families of them counted."""
    by_family: dict[str, list[str]] = {}
    for name in sorted(names):
        by_family.setdefault(_family(name), []).append(name)
    large = sorted((part for part in by_family.items() if len(part[1]) > 3), key=lambda part: -len(part[1]))
    shown = [f"{family}* ({len(part)})" for family, part in large[:_FAMILIES_LISTED]]
    single = [name for family, part in by_family.items() if len(part) <= 3 for name in part]
    shown += [name for name in single if len(name) <= LONGEST_LABEL][:_NAMES_LISTED]
    counted = sum(len(part) for _, part in large[:_FAMILIES_LISTED]) + len(shown) - len(large[:_FAMILIES_LISTED])
    more = len(names) - counted
    return f"{kind}: {', '.join(shown)}" + (f" and {more} more" if more and shown else f"{more}" if more else "")


def _family(name: str) -> str:
    found = re.match(r"[^/._]+[/._]", name)
    return found[0] if found else name
