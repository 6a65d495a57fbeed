"""Each single thing that was asked for as a side of its own, with what its files tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlflow_mcp.client import Client
from mlflow_mcp.entities.launcher import Job, shared_model
from mlflow_mcp.entities.recorded_settings import settings_of_params
from mlflow_mcp.entities.run import RunView, own_tags
from mlflow_mcp.tools.evaluations.inspection import MOST_INSPECTED, JobDetails, inspect_jobs
from mlflow_mcp.tools.runs.comparing.configs import SideConfig
from mlflow_mcp.tools.runs.comparing.pairing import PairedJobs
from mlflow_mcp.tools.runs.comparing.sides import Side

# Of so many jobs the files are read, those of the first sides.
MOST_READ = 3 * MOST_INSPECTED


def members_of(
    client: Client, labels: Sequence[str], ids: Sequence[str], paired: PairedJobs, configs: Sequence[SideConfig]
) -> list[Side]:
    """Each single thing that was asked for as a side of its own."""
    names = client.experiments.names()
    evaluated = [job for by_task in paired.sides for job in by_task.values() if job.canonical.invocation_id]
    details: dict[str, JobDetails] = {}
    for at in range(0, min(len(evaluated), MOST_READ), MOST_INSPECTED):
        details |= inspect_jobs(client, evaluated[at : at + MOST_INSPECTED], history=False, counts=True, scores=True)
    named = [(label, id or _name(by_task)) for label, id, by_task in zip(labels, ids, paired.sides)]
    sides = [
        _side(each, by_task, config, details, names) for each, by_task, config in zip(named, paired.sides, configs)
    ]
    primaries = client.experiments.primary_metrics(
        sorted({run.experiment_id for side in sides for run in side.runs.values()})
    )
    return [replace(side, primaries=primaries) for side in sides]


def _name(by_task: Mapping[str, Job]) -> str:
    first = next(iter(by_task.values())).canonical
    return f"invocation {first.invocation_id}" if len(by_task) > 1 else str(first.name)


def _side(
    named: tuple[str, str],
    by_task: Mapping[str, Job],
    config: SideConfig,
    details: Mapping[str, JobDetails],
    names: Mapping[str, str],
) -> Side:
    label, id_ = named
    of_task = {task: details.get(job.run_id) or JobDetails.of(job) for task, job in by_task.items()}
    own = {task: config.own(job) for task, job in by_task.items()}
    held = {task: one for each in of_task.values() for task, one in each.of_held_tasks().items() if task not in by_task}
    return Side(
        label,
        id_,
        name=_name(by_task),
        runs={task: _view(job, names) for task, job in by_task.items()},
        configs=own,
        samples={task: each.samples for task, each in (of_task | held).items()},
        settings={
            task: {**config.unset, **config.serving, **_settings_in(own, by_task, task), **each.settings}
            for task, each in (of_task | held).items()
        },
        statistics={task: each.statistics for task, each in (of_task | held).items()},
        model=shared_model(each.model for each in of_task.values()),
        errors={job.run_id: of_task[task].errors for task, job in by_task.items()},
        counts={job.run_id: of_task[task].score_counts for task, job in by_task.items()},
        is_export=all(job.canonical.is_export for job in by_task.values()),
        run_count=len({job.run_id for job in by_task.values()}),
        unread={task for task, job in by_task.items() if _is_unread(job, of_task[task])},
    )


def _settings_in(configs: Mapping[str, Mapping[str, str]], by_task: Mapping[str, Job], task: str) -> dict[str, str]:
    """Those that the config of a task's own run names; an old run's config is of all tasks that it holds."""
    return settings_of_params(configs[task], by_task[task].harness) if task in by_task else {}


def _is_unread(job: Job, details: JobDetails) -> bool:
    """Whether nothing is known of what was recorded: its file could not be read, or not in time."""
    return bool(job.canonical.invocation_id) and not (details.read_config or details.lacks_results)


def _view(job: Job, names: Mapping[str, str]) -> RunView:
    """The job's current copy with the tags of all its copies: which experiment it was exported to is no difference."""
    view = RunView.of(job.canonical.entity, names)
    return replace(
        view, tags={**{k: v for other in job.others for k, v in own_tags(other.entity.data.tags).items()}, **view.tags}
    )
