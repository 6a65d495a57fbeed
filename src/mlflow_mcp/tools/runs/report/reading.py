"""What a report compares, read: its sides, aligned by task, with the jobs they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.runs import groups_of
from mlflow_mcp.entities.launcher import Job
from mlflow_mcp.tools.runs.comparing.alignment import unlike_scales
from mlflow_mcp.tools.runs.comparing.comparable import Inequality
from mlflow_mcp.tools.runs.comparing.configs import SideConfig
from mlflow_mcp.tools.runs.comparing.members import members_of
from mlflow_mcp.tools.runs.comparing.pairing import pair_jobs
from mlflow_mcp.tools.runs.comparing.per_dataset import split_by_dataset
from mlflow_mcp.tools.runs.comparing.reading import read_sides
from mlflow_mcp.tools.runs.comparing.refusals import MOST_SIDES
from mlflow_mcp.tools.runs.comparing.sides import Side, align

__all__ = ["MOST_SIDES", "Subject", "read_subject"]


@dataclass
class Subject:
    """The sides of a report, the jobs of each, and what makes their scores hard to compare."""

    sides: list[Side]
    jobs: list[list[Job]]
    doubts: list[str]
    inequality: Inequality
    are_alike: bool  # whether their scores are of one thing, and none a copy of another: else none is better
    without_dataset: set[str]  # metrics whose values are of datasets that nothing names

    def has_best(self, metric: str) -> bool:
        """Whether one side's value of it can be the better one."""
        return self.are_alike and metric not in self.without_dataset


def read_subject(client: Client, run_ids: Sequence[str]) -> Subject:
    """What the ids stand for. Raises Problem for more than a reader compares."""
    if len(set(run_ids)) == 1:
        return _single(client, run_ids[0])
    compared = read_sides(client, run_ids, None)
    sides = compared.sides
    jobs = [
        [job for label, of_side in compared.members if label == side.label for job in of_side.values()]
        for side in sides
    ]
    unlike = [compared.copies] if compared.copies else _unlike_tasks(jobs)
    doubts = [*_unfinished(jobs), *_limited(sides), *compared.datasets.notes, *compared.notes]
    doubts += [*_by_number(compared.paired.by_number), *unlike_scales(sides), *unlike]
    return Subject(sides, jobs, doubts, compared.inequality, not unlike, compared.datasets.unknown)


def _single(client: Client, id: str) -> Subject:
    paired = pair_jobs([group.jobs for group in groups_of(client, [id])])
    sides = members_of(client, ["A"], [id], paired, [SideConfig()])
    jobs = [list(by_task.values()) for by_task in paired.sides]
    align(sides)
    datasets = split_by_dataset(client, sides)
    return Subject(
        sides, jobs, [*_unfinished(jobs), *_limited(sides), *datasets.notes], Inequality(), True, datasets.unknown
    )


def _unlike_tasks(jobs: Sequence[Sequence[Job]]) -> list[str]:
    """That single runs are evaluations of several tasks, so that none can be the better one."""
    tasks = list(dict.fromkeys(job.canonical.task for of_side in jobs for job in of_side if job.canonical.task))
    if len(tasks) < 2 or any(len({job.canonical.task for job in of_side}) > 1 for of_side in jobs):
        return []
    return [f"These evaluated different tasks ({', '.join(tasks)}): their scores do not compare."]


def _limited(sides: Sequence[Side]) -> list[str]:
    """Which evaluations had a limit of samples, with what proves it."""
    return [
        f"{side.label}{f', task {task}' if task else ''}: {'a trial run' if samples.is_trial else 'limited'} ({samples.limit.evidence}): "
        "not comparable with full runs."
        for side in sides
        for task, samples in side.samples.items()
        if samples.limit is not None and (samples.is_trial or not samples.is_below_limit)
    ]


def _by_number(tasks: Sequence[str]) -> list[str]:
    reason = "jobs are paired by their numbers, since nothing else tells which belong together."
    return [f"{', '.join(tasks)} ran several times: {reason}"] if tasks else []


def _unfinished(jobs: Sequence[Sequence[Job]]) -> list[str]:
    runs = [job.canonical for of_side in jobs for job in of_side if job.canonical.status != "FINISHED"]
    return [f"{run.name or run.run_id} is {run.status}: its metrics and files may be incomplete." for run in runs]
