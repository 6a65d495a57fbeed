"""From the ids of a caller to the sides of a comparison, with what the files of each tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.parse import is_model
from mlflow_mcp.entities.launcher import Job, LauncherRun, are_copies, shared_model
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import clipped, listed
from mlflow_mcp.tools.runs.comparing.comparable import Inequality, find_inequality, merged
from mlflow_mcp.tools.runs.comparing.configs import configs_of, on_sources
from mlflow_mcp.tools.runs.comparing.members import MOST_READ, members_of
from mlflow_mcp.tools.runs.comparing.pairing import PairedJobs, pair_jobs
from mlflow_mcp.tools.runs.comparing.per_dataset import PerDataset, split_by_dataset
from mlflow_mcp.tools.runs.comparing.pooled import Asked, asked_for, pool
from mlflow_mcp.tools.runs.comparing.sides import Side, align

MOST_SIDES = 20


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
    _refuse_sides(run_ids, baseline)
    asked = asked_for(client, run_ids)
    _refuse_the_same(asked)
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


def _refuse_sides(run_ids: Sequence[str], baseline: str | None) -> None:
    if len(set(run_ids)) < 2:
        raise Problem("A comparison needs two different ids.", "Give run_ids two or more run or invocation ids.")
    if len(run_ids) > MOST_SIDES:
        raise Problem(
            f"{len(run_ids)} sides are too many to read side by side.",
            f"Give at most {MOST_SIDES}, or use aggregate_runs for statistics over many.",
        )
    if baseline is not None and baseline not in run_ids:
        raise Problem(f"The baseline '{baseline}' is not among run_ids.", f"Name one of {listed(list(run_ids), 20)}.")


def _shared_jobs(labels: Sequence[str], paired: PairedJobs) -> set[tuple[str, frozenset[str]]]:
    """The tasks of which two sides have the very same job: an invocation and a run of it, or two exports."""
    by_label = list(zip(labels, paired.sides))
    return {
        (task, frozenset((label, other)))
        for at, (label, by_task) in enumerate(by_label)
        for other, their_task in by_label[:at]
        for task in by_task.keys() & their_task.keys()
        if label != other and _names_of(by_task[task]) & _names_of(their_task[task])
    }


def _names_of(job: Job) -> set[str]:
    """What tells a job from others: the ids of its runs, and its own."""
    own = {copy.job_id for copy in job.copies if copy.job_id and copy.is_export}
    return {copy.run_id for copy in job.copies} | own


def _refuse_the_same(asked: Sequence[Asked]) -> None:
    """Raise Problem when two ids, e.g. a name and a prefix, stand for the same runs, or pooled sides share one."""
    seen: dict[frozenset[str], str] = {}
    owners: dict[str, Asked] = {}
    for each in asked:
        runs = frozenset(job.run_id for of_member in each.jobs for job in of_member)
        first = seen.setdefault(runs, each.id)
        if first != each.id:
            raise Problem(
                f"'{clipped(first)}' and '{clipped(each.id)}' are the same.",
                of_models([first, each.id]) or "Give run_ids two or more different runs or invocations.",
            )
        for name in sorted({name for of_member in each.jobs for job in of_member for name in _names_of(job)}):
            owner = owners.setdefault(name, each)
            if owner is not each and len(owner.members) + len(each.members) > 2:
                raise Problem(
                    f"{name} is in both '{clipped(owner.id)}' and '{clipped(each.id)}': their errors would not be independent.",
                    "Leave it out of one of them.",
                )


def of_models(ids: Sequence[str]) -> str:
    """That models stand for their runs here, and what compares the models."""
    models = [id_ for id_ in ids if is_model(id_)]
    if not models:
        return ""
    call = f"get_model(model='{models[0]}', compare_to='{models[1]}')" if len(models) > 1 else "get_model"
    return f"Of a model its source run is compared, whose metrics may be of other models too; {call} compares models."


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
        f"{labels} are copies of one job, {first.job_id or first.task} of invocation {first.invocation_id}: they differ by their "
        "exports, and none is better. The scores of the latest finished export count."
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
