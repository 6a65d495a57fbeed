"""Which of the compared values other copies of their job contradict. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlflow_mcp.entities.launcher import Job
from mlflow_mcp.entities.metrics import same_value
from mlflow_mcp.entities.run import ended
from mlflow_mcp.text import iso, number

_COPIES_NAMED = 3
_SENTENCES = 6


def disagreeing_copies(sides: Sequence[tuple[str, Mapping[str, Job]]], rows: Sequence[Sequence[Any]]) -> list[str]:
    """A sentence for each side and task whose compared values are not those of all copies of the job. `sides` are labels with
    jobs by task, `rows` those of the comparison."""
    compared: dict[str, list[str]] = {}
    for task, names, *_ in rows:
        compared.setdefault(task or "", []).extend(names.split(" = "))
    sentences = []
    for label, by_task in sides:
        for task, job in by_task.items():
            names = compared.get(task, compared.get("", []) if len(by_task) == 1 else [])
            if sentence := _sentence(job, names):
                sentences.append(f"{label}{f', task {task}' if task else ''}: {sentence}")
    return sentences[:_SENTENCES]


def _sentence(job: Job, names: Sequence[str]) -> str:
    own = job.canonical.metrics
    others = {
        other.run_id: (name, other.metrics[name])
        for other in job.others
        for name in reversed(names)
        if name in own and name in other.metrics and not same_value(own[name], other.metrics[name])
    }
    if not others:
        return ""
    by_value: dict[tuple[str, Any], list[str]] = {}
    for run_id, (name, value) in list(others.items())[:_COPIES_NAMED]:
        by_value.setdefault((name, number(value)), []).append(run_id)
    shown = [f"{', '.join(run_ids)} ({name} {value})" for (name, value), run_ids in by_value.items()]
    which = "latest finished" if job.canonical.status == "FINISHED" else "latest"
    exported = iso(ended(job.canonical.entity))
    return f"values of the {which} export ({exported}); other copies differ: {', '.join(shown)}."
