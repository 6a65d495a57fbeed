"""Whose artifacts are meant: a run's, a job's with all its copies, a logged model's or a model version's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.copies import CopiesSource
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.client.ids.matches import find_matches
from mlflow_mcp.client.ids.parse import is_model, is_run_id, run_id_or_name
from mlflow_mcp.client.ids.runs import groups_of
from mlflow_mcp.entities.launcher import Job, LauncherRun, group_jobs
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.text import iso, short_id
from mlflow_mcp.tools.arguments import as_text

ArtifactOwners = Annotated[
    str | list[str],
    BeforeValidator(as_text),
    Field(description="Run, job or invocation id, prefix or name, or a list; or a model: 'm-…', 'models:/name@alias'."),
]


class Owner(NamedTuple):
    """Whose artifacts are meant: the id of a run or model, a name for people, of a copy the job that it is a copy of, and of a
    launcher's run its invocation."""

    id: str
    name: str
    job: str | None = None  # the run id of the job's canonical copy
    invocation: str | None = None


def owners_of(client: Client, ids: Sequence[str]) -> list[Owner]:
    """The models, then the runs that the ids mean: every copy of a job, all runs of an invocation among them; each once."""
    models = [text.strip() for text in ids if is_model(text.strip())]
    groups = groups_of(client, [text for text in ids if not is_model(text.strip())])
    jobs = {job.run_id: job for group in groups for job in group.jobs}
    labels = _labels(list(jobs.values()))
    owners: dict[str, Owner] = {}
    for job, label in zip(jobs.values(), labels):
        is_alone = labels.count(label) == 1 and not job.others
        for copy in job.copies:
            name = label if is_alone else f"{label} {short_id(copy.run_id)}"
            of_job = job.run_id if job.others else None
            owners.setdefault(copy.run_id, Owner(copy.run_id, name, of_job, copy.invocation_id or None))
    return [Owner(model, model) for model in models] + list(owners.values())


def _labels(jobs: Sequence[Job]) -> list[str]:
    """The task of each job, with its harness where another harness ran a task of that name; else the run's name."""
    tasks = [job.canonical.task for job in jobs]
    harnesses: dict[str | None, set[str | None]] = {}
    for job in jobs:
        harnesses.setdefault(job.canonical.task, set()).add(job.harness)
    return [
        f"{job.harness}.{task}"
        if task and job.harness and len(harnesses[task]) > 1
        else task or job.canonical.name or "run"
        for job, task in zip(jobs, tasks)
    ]


def owner_ids(client: Client, ids: Sequence[str]) -> list[str]:
    """What `owners_of` finds, by their ids alone: full run ids take no request."""
    if all(is_model(text.strip()) or is_run_id(run_id_or_name(text)) for text in ids):
        return list(dict.fromkeys(text.strip() if is_model(text.strip()) else run_id_or_name(text) for text in ids))
    return [owner.id for owner in owners_of(client, ids)]


def sources_of(client: Client, ids: Sequence[str]) -> list[tuple[str, ArtifactSource]]:
    """The models, then the jobs that the ids mean, each with a name for people; the copies of a job are one source.
    A model or a full run id alone takes no request, and is its own name."""
    if len(ids) == 1 and (is_model(text := ids[0].strip()) or is_run_id(run_id_or_name(text))):
        alone = text if is_model(text) else run_id_or_name(text)
        return [(alone, client.artifacts(alone))]
    models = [text.strip() for text in ids if is_model(text.strip())]
    groups = groups_of(client, [text for text in ids if not is_model(text.strip())])
    jobs = {job.run_id: job for group in groups for job in group.jobs}
    labels = _labels(list(jobs.values()))
    names = [
        label if labels.count(label) == 1 else f"{label} {short_id(run_id)}" for run_id, label in zip(jobs, labels)
    ]
    return [(model, client.artifacts(model)) for model in models] + [
        (name, _source_of_job(client, job)) for name, job in zip(names, jobs.values())
    ]


def _source_of_job(client: Client, job: Job) -> ArtifactSource:
    return CopiesSource(client, _described(client, job)) if job.others else client.artifacts(job.run_id)


def unsearched_copies(client: Client, run_ids: Sequence[str]) -> dict[str, str]:
    """The other copies of the jobs of these runs, as they are described, by run id."""
    return other_copies(client, [LauncherRun.of(client.runs.get(run_id)) for run_id in run_ids])


def other_copies(client: Client, runs: Sequence[LauncherRun]) -> dict[str, str]:
    """The further copies of the jobs of these runs, as they are described, by run id."""
    job_ids = sorted({run.job_id for run in runs if run.job_id})
    found = client.run_concurrently(*(partial(_runs_of_job, client, job_id) for job_id in job_ids))
    copies = [copy for of_job in found for job in group_jobs(of_job) for copy in _described(client, job).items()]
    return {run_id: text for run_id, text in copies if run_id not in {run.run_id for run in runs}}


def _runs_of_job(client: Client, job_id: str) -> list[LauncherRun]:
    matches = client.experiments.search_all(lambda ids: find_matches(client, ids, job_id, ["job id"]))
    return [LauncherRun.of(match.run) for match in matches]


def _described(client: Client, job: Job) -> dict[str, str]:
    """What tells the copies of a job from each other, by run id, the canonical one first."""
    names = client.experiments.names()
    views = [RunView.of(copy.entity, names) for copy in job.copies]
    return {
        view.run_id: f"run {view.run_id} (experiment '{view.experiment}', exported {iso(view.ended)})" for view in views
    }
