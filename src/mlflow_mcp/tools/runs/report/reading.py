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
    are_alike: bool  # whether their scores are of one thing, and none a copy of another: else none is better
    without_dataset: set[str]  # metrics whose values are of datasets that nothing names

    def has_best(self, metric: str) -> bool:
        """Whether one side's value of it can be the better one."""
        return self.are_alike and metric not in self.without_dataset


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
    doubts = [*_unfinished(jobs), *_limited(sides), *datasets.notes, *_unread(evaluated)]
    if len(sides) > 1:
        doubts += [*_by_number(paired.by_number), *unequal_samples(sides), *unlike_scales(sides)]
    unlike = _unlike(jobs)
    return Subject(sides, jobs, [*doubts, *unlike], not unlike, datasets.unknown)


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


def _unlike(jobs: Sequence[Sequence[Job]]) -> list[str]:
    """Why none of single runs can be the better one: they are exports of one job, or evaluations of several tasks."""
    first, *others = [of_side[0].canonical for of_side in jobs]
    if not others or any(len(of_side) > 1 for of_side in jobs):
        return []
    tasks = list(dict.fromkeys(run.task for run in (first, *others) if run.task))
    if len(tasks) > 1:
        return [f"These evaluated different tasks ({', '.join(tasks)}): their scores do not compare."]
    same = all(other.invocation_id == first.invocation_id and are_copies(first, other) for other in others)
    if first.invocation_id and same:
        return ["These are copies of one job: they differ by their exports, and none is better."]
    return []


def _limited(sides: Sequence[Side]) -> list[str]:
    """Which evaluations had a limit of samples, with what proves it."""
    return [
        f"{side.label}{f', task {task}' if task else ''}: {'a trial run' if samples.is_trial else 'limited'} ({samples.limit.evidence}): "
        "not comparable with full runs."
        for side in sides
        for task, samples in side.samples.items()
        if samples.limit is not None and (samples.is_trial or not samples.is_below_limit)
    ]


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
