"""Runs that are children of one parent, as the trials of a sweep are, among others that are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from mlflow_mcp.text import listed, plural

_NAMED = 8


def largest_family(parents: Iterable[str | None]) -> str | None:
    """The parent that most of the runs have, where others have none or another one; None where no parent has more than half."""
    counts = Counter(parents)
    parent, count = counts.most_common(1)[0] if counts else (None, 0)
    return parent if len(counts) > 1 and count > 1 and 2 * count > counts.total() else None


def of_several_families(runs: Sequence[tuple[str, str | None]], what: str) -> str:
    """A sentence for runs, as (name, id of the parent), of which some are not children of the parent of most: the filter leaves them
    out. Empty where there is none. `what` says which runs these are: `ranked here`."""
    parent = largest_family(own for _, own in runs)
    if parent is None:
        return ""
    others = [name for name, own in runs if own != parent]
    return (
        f"{len(runs) - len(others)} of {plural(len(runs), 'run')} {what} are children of run {parent}, not "
        f"{listed(others, _NAMED)}: query=\"tags.mlflow.parentRunId = '{parent}'\" keeps to the children."
    )
