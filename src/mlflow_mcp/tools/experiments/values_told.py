"""The params and tags of an experiment's runs, with their values where these are few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.entities.labels import tells_nothing
from mlflow_mcp.text import listed, truncate

_VALUES = 6
# Constants of a launcher's flattened config say nothing of a single run, and its tasks are numbered in each invocation anew.
_FLATTENED = "config."
_NUMBERED = "config.evaluation.tasks."
_LIMIT = ".limit_samples"


def value_table(
    client: Client, logged: Sequence[Mapping[str, str]], noun: str, most: int, repeated: Sequence[str], notes: list[str]
) -> Table:
    """Each name with in how many runs it is, how many values it has, and the values where they are few. Names that
    differ between runs first: they are what one filters by. What tells nothing is counted in the notes."""
    values: dict[str, Counter[str]] = {}
    for each in logged:
        for name, value in each.items():
            if name not in repeated:
                values.setdefault(name, Counter())[value] += 1
    names = sorted(
        values, key=lambda name: (_is_the_same(name, values), name.startswith(_FLATTENED), -values[name].total(), name)
    )
    telling = [name for name in names if not _says_little(name, values)]
    shown, rest = telling[:most], telling[most:] + [name for name in names if name not in telling]
    if rest:
        same = sum(len(values[name]) == 1 for name in rest)
        notes.append(f"{len(rest)} more {noun}s ({same} of them with one value), e.g. {listed(rest, 3)}.")
    rows: list[list[Any]] = []
    for name in shown:
        counts = values[name]
        few = len(counts) <= _VALUES
        first = [
            truncate(client.masked(value or "", name), 60) for value, _ in counts.most_common(_VALUES if few else 2)
        ]
        rows.append([name, counts.total(), len(counts), first if few else [*first, "…"]])
    return Table.of([noun, "runs", "distinct", "values"], rows, keep=(noun, "values"))


def _says_little(name: str, values: Mapping[str, Counter[str]]) -> bool:
    """Whether nobody would filter by it: a path, a time, a text of each run's own, or a setting that is the same in every
    flattened config."""
    if name.startswith(_NUMBERED):
        return True
    if name.startswith(_FLATTENED) and len(values[name]) == 1:
        return not name.endswith(_LIMIT) or _is_the_same(name, values)
    return values[name].total() > 1 and tells_nothing(list(values[name].elements()))


def _is_the_same(name: str, values: Mapping[str, Counter[str]]) -> bool:
    """Whether a name has one value in all runs: for a config param, in all runs that logged their config at all."""
    is_config = name.startswith("config.")
    most = max(each.total() for other, each in values.items() if other.startswith("config.") == is_config)
    return len(values[name]) == 1 and values[name].total() == most
