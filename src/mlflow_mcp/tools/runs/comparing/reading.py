"""From the ids of a caller to the sides of a comparison, with what the files of each tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mlflow_mcp.client import Client
from mlflow_mcp.entities.launcher import Job, LauncherRun, are_copies, shared_model
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.text import clipped
from mlflow_mcp.tools.runs.comparing.comparable import Inequality, find_inequality, merged
from mlflow_mcp.tools.runs.comparing.configs import configs_of, on_sources
from mlflow_mcp.tools.runs.comparing.members import MOST_READ, members_of
from mlflow_mcp.tools.runs.comparing.pairing import PairedJobs, pair_jobs
from mlflow_mcp.tools.runs.comparing.per_dataset import PerDataset, split_by_dataset
from mlflow_mcp.tools.runs.comparing.pooled import Asked, asked_for, pool
from mlflow_mcp.tools.runs.comparing.refusals import names_of, refuse_sides, refuse_the_same
from mlflow_mcp.tools.runs.comparing.sides import Side, align


@dataclass
class Compared:
    """The sides, what makes them unequal, and what is to be said of how they were found."""

    sides: list[Side]
    base: Side
    inequality: Inequality
    datasets: PerDataset
    paired: PairedJobs
    members: list[tuple[str, Mapping[str, Job]]]  # the jobs by task of each single thing that was asked for, by label
    copies: str  # that all sides are copies of one job, when they are
    notes: list[str]


def read_sides(client: Client, run_ids: Sequence[str], baseline: str | None) -> Compared:
    """What the ids stand for, aligned by task, with models, sample counts and recorded errors.

    Raises Problem for ids that cannot be compared.
    """
    refuse_sides(run_ids, baseline)
    asked = asked_for(client, run_ids)
    refuse_the_same(asked)
    jobs = [each.jobs for each in asked]
    labels = [chr(65 + at) for at in range(len(asked))]
    owners = [at for at, of_side in enumerate(jobs) for _ in of_side]
    paired = pair_jobs([of_member for of_side in jobs for of_member in of_side])
    configs = configs_of(client, paired.sides)
    members = members_of(
        client, [labels[at] for at in owners], [_id(asked[at], jobs[at]) for at in owners], paired, configs
    )
    _spell_alike(members, paired)
    align(members)
    datasets = split_by_dataset(client, members)
    sides, within = [], {}
    for at, each in enumerate(asked):
        own = [member for member, owner in zip(members, owners) if owner == at]
        side, unlike = pool(each, labels[at], own) if len(own) > 1 else (replace(own[0], id=each.id), [])
        sides.append(side)
        if unlike:
            within[side.label] = merged(unlike)
    inequality = find_inequality(sides)
    inequality.within = within
    sources = on_sources([labels[at] for at in owners], configs)
    inequality.copies = _shared_jobs([labels[at] for at in owners], paired)
    return Compared(
        sides=sides,
        base=next(side for side in sides if side.id == (baseline or run_ids[0])),
        inequality=inequality,
        datasets=datasets,
        paired=paired,
        members=list(zip((labels[at] for at in owners), paired.sides)),
        copies=_copies_of_one_job(asked, sides),
        notes=[*_counted_once(asked, jobs), *_without_number(sides), *_unread(paired), *sources],
    )


def _shared_jobs(labels: Sequence[str], paired: PairedJobs) -> set[tuple[str, frozenset[str]]]:
    """The tasks of which two sides have the very same job: an invocation and a run of it, or two exports."""
    by_label = list(zip(labels, paired.sides))
    return {
        (task, frozenset((label, other)))
        for at, (label, by_task) in enumerate(by_label)
        for other, their_task in by_label[:at]
        for task in by_task.keys() & their_task.keys()
        if label != other and names_of(by_task[task]) & names_of(their_task[task])
    }


def _id(asked: Asked, jobs: Sequence[Sequence[Job]]) -> str:
    return asked.id if len(jobs) == 1 else ""


def _spell_alike(sides: Sequence[Side], paired: PairedJobs) -> None:
    """Copies of one job have one model, whatever a tag and a param call it."""
    first = [next(iter(by_task.values())).canonical for by_task in paired.sides]
    own = [side.model for side in sides]
    for side, run in zip(sides, first):
        copies = [at for at, its_run in enumerate(first) if are_copies(run, its_run)]
        if copies and all(len(sides[at].runs) == 1 for at in copies):
            named = [name for at in copies for name in (own[at] or "").split(", ")]
            side.model = shared_model(named)


def _copies_of_one_job(asked: Sequence[Asked], sides: Sequence[Side]) -> str:
    """That all sides are exports of one job, so that none is better than another."""
    first, *others = [LauncherRun.of(each.members[0].runs[0]) for each in asked]
    single = all(side.run_count == 1 for side in sides)
    if not (single and first.invocation_id and all(are_copies(first, other) for other in others)):
        return ""
    if any(first.invocation_id != other.invocation_id for other in others):
        return ""
    labels = ", ".join(side.label for side in sides)
    return (
        f"{labels} are copies of one job, {first.job_id or first.task} of invocation {first.invocation_id}: no verdict is given "
        "on them. Where their scores differ, those of the latest finished export are the current ones."
    )


def _counted_once(asked: Sequence[Asked], jobs: Sequence[Sequence[Sequence[Job]]]) -> list[str]:
    """Which pooled runs are copies of others, and no repeats."""
    return [
        f"{chr(65 + at)}: of {len(each.members)} pooled only {len(of_side)} count: the others are copies of the same jobs."
        for at, (each, of_side) in enumerate(zip(asked, jobs))
        if len(of_side) < len(each.members)
    ]


def _without_number(sides: Sequence[Side]) -> list[str]:
    """Which means of repeats are none, because some of the repeats are no number."""
    found = []
    for side in sides:
        of_side = [values for repeats in side.repeats.values() for values in repeats.items()]
        names = {name: values for name, values in of_side if not all(map(is_finite, values)) and len(values) > 1}
        for name, values in list(names.items())[:3]:
            count = sum(not is_finite(value) for value in values)
            found.append(
                f"{side.label}: '{clipped(name)}' is no number in {count} of {len(values)} repeats: no mean is shown."
            )
    return found


def _unread(paired: PairedJobs) -> list[str]:
    count = sum(len(by_task) for by_task in paired.sides)
    return (
        [f"Files of the first {MOST_READ} of {count} jobs were read: errors of the others are unknown."]
        if count > MOST_READ
        else []
    )
