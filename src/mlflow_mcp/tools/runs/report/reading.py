"""What a report compares, read: its sides, aligned by task, with the jobs they are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.runs import IdRuns, groups_of
from mlflow_mcp.entities.launcher import Job, are_copies, shared_model
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.errors import Problem
from mlflow_mcp.tools.evaluations.inspection import MOST_INSPECTED, JobDetails, inspect_jobs
from mlflow_mcp.tools.runs.comparing.alignment import Side, align, unequal_samples, unlike_scales
from mlflow_mcp.tools.runs.comparing.pairing import pair_jobs
from mlflow_mcp.tools.runs.comparing.per_dataset import split_by_dataset

MOST_SIDES = 20


@dataclass
class Subject:
    """The sides of a report, the jobs of each, and what makes their scores hard to compare."""

    sides: list[Side]
    jobs: list[list[Job]]
    doubts: list[str]
    are_copies: bool  # of one job: none is better
    without_dataset: set[str]  # metrics whose values are of datasets that nothing names

    def has_best(self, metric: str) -> bool:
        """Whether one side's value of it can be the better one."""
        return not self.are_copies and metric not in self.without_dataset


def read_subject(client: Client, run_ids: Sequence[str]) -> Subject:
    """What the ids stand for. Raises Problem for more than a reader compares."""
    if len(set(run_ids)) > MOST_SIDES:
        raise Problem(
            f"{len(set(run_ids))} sides are too many to read side by side.",
            f"Give at most {MOST_SIDES}, or write a .csv.",
        )
    groups = _distinct(groups_of(client, run_ids))
    names = client.experiments.names()
    paired = pair_jobs([group.jobs for group in groups])
    evaluated = [job for by_task in paired.sides for job in by_task.values() if job.canonical.is_export]
    details = inspect_jobs(client, evaluated, history=False, counts=True, errors=True)
    sides = [
        _side(chr(65 + at), group.id, by_task, details, names)
        for at, (group, by_task) in enumerate(zip(groups, paired.sides))
    ]
    jobs = [list(by_task.values()) for by_task in paired.sides]
    align(sides)
    datasets = split_by_dataset(client, sides)
    doubts = [*_unfinished(jobs), *datasets.notes, *_unread(evaluated)]
    if len(sides) > 1:
        doubts += [*_by_number(paired.by_number), *unequal_samples(sides), *unlike_scales(sides)]
    copies = _are_copies(jobs)
    doubts += ["These are copies of one job: they differ by their exports, and none is better."] if copies else []
    return Subject(sides, jobs, doubts, copies, datasets.unknown)


def _side(
    label: str, id: str, by_task: Mapping[str, Job], details: Mapping[str, JobDetails], names: Mapping[str, str]
) -> Side:
    of_task = {task: details.get(job.run_id) or JobDetails.of(job) for task, job in by_task.items()}
    first = next(iter(by_task.values())).canonical
    return Side(
        label,
        id,
        name=f"invocation {first.invocation_id}" if len(by_task) > 1 else str(first.name or first.run_id),
        runs={task: RunView.of(job.canonical.entity, names) for task, job in by_task.items()},
        configs={task: job.own_config for task, job in by_task.items()},
        samples={task: each.samples for task, each in of_task.items()},
        errors={job.run_id: of_task[task].errors for task, job in by_task.items()},
        model=shared_model(each.model for each in of_task.values()),
        is_export=all(job.canonical.is_export for job in by_task.values()),
    )


def _are_copies(jobs: Sequence[Sequence[Job]]) -> bool:
    """Whether the sides are single runs, all exports of one job."""
    first, *others = [of_side[0].canonical for of_side in jobs]
    single = bool(others) and all(len(of_side) == 1 for of_side in jobs)
    same = all(other.invocation_id == first.invocation_id and are_copies(first, other) for other in others)
    return single and bool(first.invocation_id) and same


def _unread(jobs: Sequence[Job]) -> list[str]:
    if len(jobs) <= MOST_INSPECTED:
        return []
    return [
        f"Files of the first {MOST_INSPECTED} of {len(jobs)} jobs were read: errors and samples of the others may be missing."
    ]


def _distinct(groups: Sequence[IdRuns]) -> list[IdRuns]:
    """Each thing once, whatever it is called by."""
    by_runs = {frozenset(job.run_id for job in group.jobs): group for group in reversed(groups)}
    return list(by_runs.values())[::-1]


def _by_number(tasks: Sequence[str]) -> list[str]:
    named = ", ".join(tasks)
    return (
        [
            f"{named} ran several times: jobs are paired by their numbers, since nothing else tells which belong together."
        ]
        if tasks
        else []
    )


def _unfinished(jobs: Sequence[Sequence[Job]]) -> list[str]:
    runs = [job.canonical for of_side in jobs for job in of_side if job.canonical.status != "FINISHED"]
    return [f"{run.name or run.run_id} is {run.status}: its metrics and files may be incomplete." for run in runs]
