"""Repeated runs of one configuration as one side: `a+b+c`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from mlflow_mcp.answers.masking import mask_at
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.runs import IdRuns, groups_of
from mlflow_mcp.entities.labels import names_a_place
from mlflow_mcp.entities.launcher import Job, group_invocations, group_jobs
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.entities.recorded_config import RecordedStatistics
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.entities.samples import Samples
from mlflow_mcp.entities.varying import told_values
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.statistics.values import Statistics
from mlflow_mcp.text import clipped
from mlflow_mcp.tools.runs.comparing.comparable import Unlike, unlike_samples, unlike_settings
from mlflow_mcp.tools.runs.comparing.differences import find_differences
from mlflow_mcp.tools.runs.comparing.sides import Side, tasks_of

_MOST_MEMBERS = 30
_NAMED = 3
# What repeats of one configuration differ in without being another one.
_RANDOM = {"seed", "seeds", "state"}
_SEEDS = ("seed", "random_state", "run", "repeat", "trial", "rep")


@dataclass(frozen=True)
class Asked:
    """What one of run_ids stands for: one thing, or several that are repeats."""

    id: str
    members: list[IdRuns]

    @property
    def jobs(self) -> list[list[Job]]:
        """The jobs of each member. A job of which several members are copies is the first one's: it is one repeat."""
        if len(self.members) == 1:
            return [self.members[0].jobs]
        owners: dict[str, int] = {}
        for at, member in enumerate(self.members):
            for run in member.runs:
                owners.setdefault(run.info.run_id, at)
        distinct = {run.info.run_id: run for member in self.members for run in member.runs}
        found: list[list[Job]] = [[] for _ in self.members]
        for of_invocation in group_invocations(distinct.values()).values():
            for job in group_jobs(of_invocation):
                found[min(owners[copy.run_id] for copy in job.copies)].append(job)
        return [jobs for jobs in found if jobs]


def asked_for(client: Client, ids: Sequence[str]) -> list[Asked]:
    """What each id stands for, in the order given, each once. A run whose name holds `+` is that run.

    Raises NotFound for an id that nothing has, and Problem for one that could be several.
    """
    distinct = list(dict.fromkeys(ids))
    pooled = [id for id in distinct if "+" in id and _parts(id)]
    single = groups_of(client, [id for id in distinct if id not in pooled])
    members = client.run_concurrently(*(partial(_members, client, id) for id in pooled))
    by_id = {group.id: [group] for group in single} | dict(zip(pooled, members))
    return [Asked(id, by_id[id]) for id in distinct]


def _parts(id: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in id.split("+") if part.strip()))


def _members(client: Client, id: str) -> list[IdRuns]:
    with suppress(NotFound):  # then it is no name: each of its parts must be one
        return groups_of(client, [id])
    there, _ = client.at(id)
    # Of `dev:a+b` both are on the server that is named first.
    parts = [part if client.at(part)[0].prefix else there.prefix + part for part in _parts(id)]
    if len(parts) > _MOST_MEMBERS:
        raise Problem(f"'{clipped(id)}' pools {len(parts)} runs.", f"Pool at most {_MOST_MEMBERS}.")
    return groups_of(client, parts)


def pool(asked: Asked, label: str, members: Sequence[Side]) -> tuple[Side, list[Unlike]]:
    """The members as one side with the means of their metrics, and in what they differ: then they are no repeats."""
    tasks = {task: [side for side in members if task in side.runs] for task in tasks_of(members)}
    if len(members) > 1 and all(len(having) == 1 for having in tasks.values()):
        raise Problem(
            f"The runs of '{clipped(asked.id)}' are no repeats: no two of them ran the same task.",
            "Pool runs of one task and configuration with '+', and give others as entries of their own.",
        )
    first = members[0]
    models = {side.model for side in members}
    side = replace(
        first,
        label=label,
        id=asked.id,
        name=f"{len(members)} pooled: {_names(members)}",
        runs={task: _mean_view([side.runs[task] for side in having]) for task, having in tasks.items()},
        samples={
            task: _shared_samples([each.samples.get(task, Samples()) for each in having])
            for task, having in tasks.items()
        },
        configs={task: _shared([side.configs.get(task, {}) for side in having]) for task, having in tasks.items()},
        settings={task: _shared([side.settings.get(task, {}) for side in having]) for task, having in tasks.items()},
        statistics={task: _summed([each.statistics.get(task) for each in having]) for task, having in tasks.items()},
        model=models.pop() if len(models) == 1 else None,
        repeats={task: _values([side.runs[task] for side in having]) for task, having in tasks.items()},
        seeds={task: _seeds([side.runs[task] for side in having]) for task, having in tasks.items()},
        mixed=_mixed(members),
        run_count=sum(side.run_count for side in members),
        unread={task for side in members for task in side.unread},
    )
    return side, [unlike for task, having in tasks.items() for unlike in _unlike(task, having)]


def _names(members: Sequence[Side]) -> str:
    more = f" and {len(members) - _NAMED} more" if len(members) > _NAMED else ""
    return ", ".join(clipped(side.name) for side in members[:_NAMED]) + more


def _mean_view(views: Sequence[RunView]) -> RunView:
    """The first run with the means of all, and only with those params and tags that all have alike."""
    metrics = {name: _mean(values) for name, values in _values(views).items()}
    statuses = list(dict.fromkeys(view.status for view in views))
    return replace(
        views[0],
        metrics=metrics,
        params=_shared([view.params for view in views]),
        tags=_shared([view.tags for view in views]),
        mlflow_tags=_shared([view.mlflow_tags for view in views]),
        datasets=views[0].datasets if len({view.datasets for view in views}) == 1 else (),
        status=", ".join(statuses),
        ended=max(view.ended for view in views),
    )


def _values(views: Sequence[RunView]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for view in views:
        for name, value in view.metrics.items():
            found.setdefault(name, []).append(value)
    return found


def _seeds(views: Sequence[RunView]) -> dict[str, tuple[str, ...]]:
    """The params that give each of the runs a seed of its own, in the order of the runs."""
    shared = [name for name in views[0].params if all(name in view.params for view in views)]
    found = {name: tuple(view.params[name] for view in views) for name in shared if _words(name) & _RANDOM}
    return {name: values for name, values in found.items() if len(set(values)) == len(values)}


def _mixed(members: Sequence[Side]) -> dict[str, str]:
    """What not all runs have alike, as find_differences names it, with how many have which."""
    given: dict[str, list[tuple[str, str]]] = {}
    runs = [(side.id, run) for side in members for run in side.runs.values()]
    for kind, of_kind in (("params", [run.params for _, run in runs]), ("tags", [run.tags for _, run in runs])):
        for name in dict.fromkeys(name for each in of_kind for name in each):
            values = [mask_at(each[name], name) if name in each else "none" for each in of_kind]
            if len(set(values)) > 1:
                given[f"{kind}.{name}"] = list(zip((id for id, _ in runs), values))
    return {name: told_values(values) for name, values in given.items()}


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z]+", name.lower()))


def _mean(values: Sequence[float]) -> float:
    """NaN where one is none: a mean of the others would be one of fewer runs than are said."""
    if not all(map(is_finite, values)):
        return values[0] if len(values) == 1 else math.nan
    return Statistics(list(values)).mean or 0.0


def _shared(parts: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What all of them have alike that record anything: some exports leave out all settings."""
    first, *others = [part for part in parts if part] or [{}]
    return {name: value for name, value in first.items() if all(part.get(name) == value for part in others)}


def _shared_samples(samples: Sequence[Samples]) -> Samples:
    """What is proved of the samples of all alike; the limit of one that is another's count too would be no proof."""

    def same(name: str) -> Any:
        proofs = [getattr(each, name) for each in samples]
        return proofs[0] if len({proof and proof.value for proof in proofs}) == 1 else None

    return Samples(**{each.name: same(each.name) for each in fields(Samples)})


def _summed(statistics: Sequence[RecordedStatistics | None]) -> RecordedStatistics:
    """All responses together; nothing where those of one are not known."""
    known = [each for each in statistics if each and each.responses]
    if len(known) < len(statistics):
        return RecordedStatistics()
    responses = sum(each.responses or 0 for each in known)
    tokens = [each.completion_tokens for each in known]
    cut_off = [each.cut_off for each in known]
    return RecordedStatistics(
        responses=responses,
        completion_tokens=None
        if None in tokens
        else sum((each.completion_tokens or 0) * (each.responses or 0) for each in known) / responses,
        cut_off=None if None in cut_off else sum(each or 0 for each in cut_off),
    )


def _unlike(task: str, members: Sequence[Side]) -> list[Unlike]:
    """In what the members differ that repeats of one configuration have alike."""
    named = [replace(side, label=side.id) for side in members]
    found = []
    models = {side.label: side.model for side in named if side.model}
    if len(set(models.values())) > 1:
        found.append(Unlike("model", None, models, (task,)))
    found += unlike_samples(task, {side.label: side.samples.get(task, Samples()) for side in named}, responses=False)
    settings = unlike_settings(task, {side.label: side.settings.get(task, {}) for side in named})
    found += [each for each in settings if each.kind != "harness"]
    return found if all(side.is_export for side in named) else [*found, *_unlike_params(task, named)]


def _unlike_params(task: str, members: Sequence[Side]) -> list[Unlike]:
    """The params, datasets and commits that differ, but for seeds and paths."""
    of_task = [replace(side, runs={task: side.runs[task]}, configs={}) for side in members]
    found = []
    for name, *values in find_differences(of_task).rows:
        words = name.removeprefix("params.").lower().replace("-", "_").replace(".", "_").split("_")
        is_fact = name.startswith("params.") or name in ("git commit", "datasets")
        if is_fact and not set(words) & set(_SEEDS) and not all(names_a_place(str(value)) for value in values):
            shown = [mask_at(value, name) for value in values]
            found.append(Unlike(name, None, dict(zip((side.label for side in members), shown)), (task,)))
    return found
