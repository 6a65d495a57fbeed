"""Where the change is: groups of questions (subject, category, level) with what each lost and won. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlflow_mcp.entities.direction import Mode
from mlflow_mcp.statistics.exact import ERROR, holm, shown
from mlflow_mcp.tools.runs.samplewise.joining import Pair
from mlflow_mcp.tools.runs.samplewise.judging import Judged, judge

FEWEST_GROUPS, MOST_GROUPS = 2, 60
MOST_SLICES = 8
_MOST_UNPROVED = 4
_MOST_COLUMNS = 6


def group_columns(pairs: Sequence[Pair]) -> list[str]:
    """The columns that put questions into 2 to 60 groups, the same on both sides: what belongs to an answer differs."""
    names = dict.fromkeys(name for pair in pairs[:200] for name in pair.a[0].groups)
    found = []
    for name in names:
        values = [(pair.a[0].groups.get(name), pair.b[0].groups.get(name)) for pair in pairs]
        present = [a for a, b in values if a is not None]
        kinds = set(present)
        same = all(a == b for a, b in values) and len(present) == len(pairs)
        if same and FEWEST_GROUPS <= len(kinds) <= MOST_GROUPS and 2 * len(kinds) <= len(pairs):
            found.append((len(kinds), name))
    return [name for _, name in sorted(found, key=lambda each: each[0])][:_MOST_COLUMNS]


def slice_rows(pairs: Sequence[Pair], mode: Mode | None) -> tuple[list[list[Any]], str]:
    """The groups with changes, those that chance explains least first, with p as Holm's correction has it over all groups;
    and how to read them."""
    judged: list[tuple[str, Judged]] = []
    for column in group_columns(pairs):
        groups: dict[str, list[Pair]] = {}
        for pair in pairs:
            groups.setdefault(pair.a[0].groups[column], []).append(pair)
        judged += [(f"{column}={value}", judge(group, mode)) for value, group in groups.items()]
    adjusted = holm([each.p for _, each in judged])
    ranked = sorted(
        (pair for pair in zip(judged, adjusted) if pair[0][1].lost or pair[0][1].won or pair[0][1].difference),
        key=lambda pair: (pair[1], pair[0][1].p, -abs(len(pair[0][1].won) - len(pair[0][1].lost)), pair[0][0]),
    )
    proved = sum(p < ERROR for p in adjusted)
    rows = [
        [name, len(each.pairs), len(each.lost), len(each.won), *each.means, shown(p) if p < 1 else "1"]
        for (name, each), p in ranked[: MOST_SLICES if proved else _MOST_UNPROVED]
    ]
    if not rows:
        return [], ""
    beyond = f"{proved} of them changed beyond chance" if proved else "none of them changed beyond chance"
    return rows, f"slices: p after Holm's correction over {len(judged)} groups; {beyond}."
