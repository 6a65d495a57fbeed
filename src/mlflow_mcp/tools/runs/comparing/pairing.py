"""Which jobs of several invocations belong together: those of one task, and where a task ran several times, those with
equal settings. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlflow_mcp.entities.launcher import Job

# Settings of one task in the flattened config, as `Job.own_config` names them.
_TASK = "config.evaluation.tasks.<n>."


@dataclass
class PairedJobs:
    """The jobs of each side under keys that are alike where the jobs belong together."""

    sides: list[dict[str, Job]]
    by_number: list[str] = field(default_factory=list)  # tasks whose jobs nothing but their numbers pairs


def pair_jobs(sides: Sequence[Sequence[Job]]) -> PairedJobs:
    """The jobs by task. Of a task that ran several times, by the harness or the settings that tell its jobs apart, else by
    job number.

    The order of exports says nothing about which jobs belong together.
    """
    paired = PairedJobs([{} for _ in sides])
    tasks = sorted({job.canonical.task or "" for side in sides for job in side})
    for task in tasks:
        of_sides = [[job for job in side if (job.canonical.task or "") == task] for side in sides]
        if all(len(jobs) < 2 for jobs in of_sides):
            keys = [[task] * len(jobs) for jobs in of_sides]
        elif _told_by_harness(of_sides):
            keys = [[f"{task} ({job.harness})" for job in jobs] for jobs in of_sides]
        elif settings := _telling_settings(of_sides):
            keys = [[_with_settings(task, job, settings) for job in jobs] for jobs in of_sides]
        else:
            paired.by_number.append(task)
            keys = [[_with_number(task, job, at) for at, job in enumerate(jobs)] for jobs in of_sides]
        for by_task, jobs, of_side in zip(paired.sides, of_sides, keys):
            by_task.update(zip(of_side, jobs))
    return paired


def _told_by_harness(of_sides: Sequence[Sequence[Job]]) -> bool:
    """Whether every job names its harness, and no side ran the task twice with one."""
    named = [[job.harness for job in jobs] for jobs in of_sides]
    return all(all(harnesses) and len(set(harnesses)) == len(harnesses) for harnesses in named)


def _telling_settings(of_sides: Sequence[Sequence[Job]]) -> list[str]:
    """The settings of the task that tell apart the jobs of each side; none when some jobs record none or share them all."""
    jobs = [job for side in of_sides for job in side]
    if not all(job.own_config for job in jobs):
        return []
    names = sorted({name for job in jobs for name in job.own_config if name.startswith(_TASK)})
    names = [name for name in names if len({job.own_config.get(name) for job in jobs}) > 1]
    unique = all(len({_values(job, names) for job in side}) == len(side) for side in of_sides)
    return names if unique else []


def _values(job: Job, names: Sequence[str]) -> tuple[str | None, ...]:
    config: Mapping[str, str] = job.own_config
    return tuple(config.get(name) for name in names)


def _with_settings(task: str, job: Job, names: Sequence[str]) -> str:
    settings = ", ".join(
        f"{name.rpartition('.')[2]}={job.own_config[name]}" for name in names if name in job.own_config
    )
    return f"{task} ({settings})" if settings else task


def _with_number(task: str, job: Job, at: int) -> str:
    number = job.canonical.task_number
    return f"{task} (job .{number})" if number else f"{task} ({at + 1})"
