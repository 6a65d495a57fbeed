"""The other exports of the jobs of an invocation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.entities.launcher import Job, LauncherRun
from mlflow_mcp.entities.metrics import headline, same_value
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.text import iso, plural
from mlflow_mcp.tools.evaluations.inspection import JobDetails

METRICS_SHOWN = 6
# More copies than this are listed only where they differ.
_MOST_EQUAL_COPIES = 6
_EQUAL = "equal"


def duplicate_table(
    jobs: Sequence[Job], details: Mapping[str, JobDetails], names: Mapping[str, str], *, told_by_place: bool
) -> Table | None:
    """The other copies of each job, with the headline values in which they differ from the canonical one; what only they have,
    unless the places tell it."""
    rows: list[list[Any]] = []
    for job in jobs:
        for other in job.others:
            run = RunView.of(other.entity, names)
            rows.append(
                [
                    f".{other.task_number}" if other.task_number else other.task,
                    run.run_id,
                    run.experiment,
                    run.status,
                    iso(run.ended),
                    _scores_of_copy(job.canonical.metrics, run.metrics),
                    None if told_by_place else ", ".join(_only_in_copy(job, other, details[job.run_id])) or None,
                ]
            )
    columns = ["job", "run_id", "experiment", "status", "exported", "scores", "has"]
    if told_by_place and len(rows) > _MOST_EQUAL_COPIES:
        rows = [row for row in rows if not _is_plain(row)]
    return Table.of(columns, rows, keep=("job", "run_id", "scores")) if rows else None


def _is_plain(row: Sequence[Any]) -> bool:
    """Whether nothing is to be said of a copy that the places do not say."""
    *_, status, _, scores, _ = row
    return bool(status == "FINISHED" and scores == _EQUAL)


def _scores_of_copy(canonical: Mapping[str, float], metrics: Mapping[str, float]) -> dict[str, float] | str:
    """The headline values in which a copy differs, or that it has the same ones and how many it lacks."""
    differs = {name: value for name, value in metrics.items() if not same_value(canonical.get(name), value)}
    if differs:
        return headline(differs, METRICS_SHOWN) or f"{plural(len(differs), 'value')} differ"
    lacking = sum(name not in metrics for name in canonical)
    return f"{_EQUAL}, but {plural(lacking, 'metric')} missing" if lacking else _EQUAL


def _only_in_copy(job: Job, other: LauncherRun, details: JobDetails) -> list[str]:
    has = ["logs"] * (other.run_id in details.with_logs and job.run_id not in details.with_logs)
    return has + ["config params"] * (other.has_config and not job.canonical.has_config)
