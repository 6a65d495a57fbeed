"""Params in which the runs of the groups are not alike: their figures then compare more than the groups' keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from mlflow_mcp.answers.masking import mask_at
from mlflow_mcp.client import Client
from mlflow_mcp.client.values.run import RunValues, of_entity
from mlflow_mcp.entities.labels import names_a_place
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.varying import told_values
from mlflow_mcp.text import clipped, listed, plural
from mlflow_mcp.tools.runs.aggregates.counted import Counted

_MOST_RUNS = 200
_MOST_VALUES = 4
_MOST_TOLD = 3
_MOST_NAMED = 6
_MOSTLY = Fraction(2, 3)
_MOST_GROUPS = 4
_SEEDS = frozenset({"seed", "seeds", "state", "run", "repeat", "trial", "rep", "name", "id"})
_Group = tuple[str | None, ...]


def unlike_params(client: Client, ids: Sequence[str], where: str, counted: Counted) -> list[str]:
    """A sentence where params of few values are not spread alike over the groups. Read only of a few runs, which are no
    evaluations: those record their settings elsewhere."""
    if not (len(counted.samples) >= 2 and counted.values.runs <= _MOST_RUNS and counted.keys):
        return []
    found: list[str] = []
    client.parts(
        "Whether other params are alike in the groups", lambda: found.extend(_told(client, ids, where, counted))
    )
    return found


def _told(client: Client, ids: Sequence[str], where: str, counted: Counted) -> list[str]:
    groups: dict[_Group, list[RunValues]] = {}
    experiments = client.experiments.names()
    for run in client.runs.find(list(ids), where, at_most=_MOST_RUNS + 1):
        values = of_entity(run)
        if LauncherRun.of(run).is_export:
            return []
        if any(name in values.metrics for name in counted.metric_names):
            groups.setdefault(tuple(key.value(values, experiments) for key in counted.keys), []).append(values)
    own = {key.param for key in counted.keys if key.param}
    names = sorted({name for runs in groups.values() for run in runs for name in run.params} - own)
    unlike = list(_unlike(groups, names))
    odd = [f"params.{clipped(name)}: {_of_groups(groups, name)}" for name in unlike if _is_mostly_one(groups, name)]
    mixed = [f"params.{name}" for name in unlike if not _is_mostly_one(groups, name)]
    if len(odd) > _MOST_TOLD:
        odd[_MOST_TOLD:] = [plural(len(odd) - _MOST_TOLD, "more param")]
    return [
        *([f"The groups differ in more than their keys. {'; '.join(odd)}."] if odd else []),
        *([f"Not in equal shares in all groups, too: {listed(mixed, _MOST_NAMED)}."] if mixed else []),
    ]


def _unlike(groups: Mapping[_Group, Sequence[RunValues]], names: Sequence[str]) -> Iterator[str]:
    """The params of few values that are not spread over all groups in the same shares."""
    for name in names:
        values = {run.params.get(name, "none") for runs in groups.values() for run in runs}
        if not 2 <= len(values) <= _MOST_VALUES or _is_of_a_run(name) or any(map(names_a_place, values)):
            continue
        shares = [_shares(runs, name) for runs in groups.values()]
        if any(each != shares[0] for each in shares[1:]):
            yield name


def _is_mostly_one(groups: Mapping[_Group, Sequence[RunValues]], name: str) -> bool:
    """Whether each group has one value in most of its runs: a sweep has not, and its runs would all be named."""
    return all(max(_shares(runs, name).values()) >= _MOSTLY for runs in groups.values())


def _of_groups(groups: Mapping[_Group, Sequence[RunValues]], name: str) -> str:
    """What the param is in each group, those first in which it varies."""
    by_variety = []
    for group, runs in groups.items():
        given = [(run.name or run.run_id, mask_at(run.params.get(name, "none"), name)) for run in runs]
        label = ", ".join(clipped(str(part)) for part in group)
        by_variety.append((-len({value for _, value in given}), f"{label} {told_values(given)}"))
    shown = [text for _, text in sorted(by_variety)[:_MOST_GROUPS]]
    return " | ".join(
        [*shown, *([f"{len(by_variety) - _MOST_GROUPS} more groups"] if len(by_variety) > _MOST_GROUPS else [])]
    )


def _shares(runs: Sequence[RunValues], name: str) -> dict[str, Fraction]:
    counts = Counter(run.params.get(name, "none") for run in runs)
    return {value: Fraction(count, len(runs)) for value, count in counts.items()}


def _is_of_a_run(name: str) -> bool:
    return bool(set(re.split(r"[^a-z]+", name.lower())) & _SEEDS)
