"""What a report compares, read: its sides, aligned by task, with the jobs they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.runs import IdRuns, groups_of
from mlflow_mcp.entities.launcher import Job, shared_model
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.errors import Problem
from mlflow_mcp.tools.evaluations.inspection import inspect_jobs
from mlflow_mcp.tools.runs.comparing.alignment import Side, align, unequal_samples, unlike_scales
from mlflow_mcp.tools.runs.comparing.pairing import pair_jobs

MOST_SIDES = 20


@dataclass
class Subject:
    """The sides of a report, the jobs of each, and what makes their scores hard to compare."""

    sides: list[Side]
    jobs: list[list[Job]]
    doubts: list[str]


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
    sides = []
    for at, (group, by_task) in enumerate(zip(groups, paired.sides)):
        first = next(iter(by_task.values())).canonical
        side = Side(
            chr(65 + at),
            group.id,
            name=f"invocation {first.invocation_id}" if len(by_task) > 1 else str(first.name or first.run_id),
            runs={task: RunView.of(job.canonical.entity, names) for task, job in by_task.items()},
            configs={task: job.own_config for task, job in by_task.items()},
            is_export=all(job.canonical.is_export for job in by_task.values()),
        )
        for task, job in by_task.items():
            found = details.get(job.run_id)
            side.samples[task] = found.samples if found else job.samples
            side.errors[job.run_id] = found.errors if found else {}
        side.model = shared_model(
            details[job.run_id].model if job.run_id in details else job.model for job in by_task.values()
        )
        sides.append(side)
    jobs = [list(by_task.values()) for by_task in paired.sides]
    align(sides)
    doubts = [*_by_number(paired.by_number), *unequal_samples(sides), *unlike_scales(sides)] if len(sides) > 1 else []
    return Subject(sides, jobs, [*_unfinished(jobs), *doubts])


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
