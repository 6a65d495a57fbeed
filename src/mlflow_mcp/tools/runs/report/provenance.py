"""The sections of a report that say where its numbers come from: every run, its page, commit, times and params."""

from __future__ import annotations

from collections.abc import Sequence

from mlflow_mcp.client import Client
from mlflow_mcp.entities.launcher import Job
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.text import iso
from mlflow_mcp.tools.runs.report.reading import Subject
from mlflow_mcp.tools.runs.report.sections import Section, table_of
from mlflow_mcp.tools.runs.run_url import run_url

_SHORT_ID = 8
_VARIES = "(varies by run)"


def provenance_sections(client: Client, subject: Subject) -> list[Section]:
    """The runs, then, folded, all params of each side."""
    rows = []
    names = client.experiments.names()
    for side, jobs in zip(subject.sides, subject.jobs):
        for job in jobs:
            run = RunView.of(job.canonical.entity, names)
            rows.append(
                [
                    side.label,
                    job.canonical.task,
                    run.name,
                    run.run_id,
                    run_url(client, run.experiment_id, run.run_id),
                    run.git_commit,
                    run.user,
                    iso(run.start_time),
                    iso(run.end_time),
                    ", ".join(map(str, run.datasets)) or None,
                    ", ".join(other.run_id[:_SHORT_ID] for other in job.others) or None,
                ]
            )
    columns = [
        "side",
        "task",
        "run",
        "run id",
        "link",
        "commit",
        "user",
        "started",
        "ended",
        "datasets",
        "other copies",
    ]
    has_copies = any(job.others for jobs in subject.jobs for job in jobs)
    sentences = ["Of a job that was exported several times the latest finished copy is shown."] if has_copies else []
    return [Section("Where it comes from", tuple(sentences), table_of(columns, rows)), _params(subject)]


def _params(subject: Subject) -> Section:
    """Every param of every side. Some runs of an invocation have its config and some do not."""
    sides = [_params_of(jobs) for jobs in subject.jobs]
    names = sorted({name for side in sides for name in side}, key=lambda name: (name.startswith("config."), name))
    rows = [[name, *(side.get(name) for side in sides)] for name in names]
    labels = [side.label for side in subject.sides]
    table = table_of(["param", *labels], rows, keep=labels)
    return Section("All params", (), table, is_folded=True)


def _params_of(jobs: Sequence[Job]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for job in jobs:
        for name, value in job.canonical.entity.data.params.items():
            found.setdefault(name, set()).add(value)
    return {name: next(iter(values)) if len(values) == 1 else _VARIES for name, values in found.items()}
