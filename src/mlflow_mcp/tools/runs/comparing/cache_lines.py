"""Lines in the logs of evaluations that say that a response came from a cache."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from functools import partial

from mlflow_mcp.client import Client
from mlflow_mcp.entities.launcher import Job
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import plural
from mlflow_mcp.tools.artifacts.grep import Finder

_CACHED = r"(?i)returning cached response|response cache hit|cache hit(?! rate)"
# Of the client's side: a model's own server speaks of the cache of its prompts.
_LOGS = re.compile(r"(^|/)(client|proxy|stdout)[^/]*\.log$")
_SECONDS = 4.0
_MOST_JOBS = 4


def cached_lines(client: Client, jobs: Sequence[tuple[str, Mapping[str, Job]]], tasks: Sequence[str]) -> list[str]:
    """`214 lines in B's client-1.log` for each log of these tasks that has any; of the first few jobs, in a few seconds."""
    jobs_of_tasks = [(label, job) for label, by_task in jobs for task, job in by_task.items() if task in tasks][
        :_MOST_JOBS
    ]
    if not jobs_of_tasks:
        return []
    finder = Finder(_CACHED, plain=False, ignore_case=True, most=0, last=False, context=0, seconds=_SECONDS)
    found = client.run_concurrently(*(partial(_of_job, client, finder, job) for _, job in jobs_of_tasks))
    return [
        f"{plural(count, 'line')} in {label}'s {path.rpartition('/')[2]}"
        for (label, _), counts in zip(jobs_of_tasks, found)
        for path, count in counts.items()
    ]


def _of_job(client: Client, finder: Finder, job: Job) -> dict[str, int]:
    """How many such lines the logs of the first copy have that has logs."""
    for copy in job.copies:
        folder = (copy.results_folder or "").removesuffix("/artifacts")
        counts: dict[str, int] = {}
        with suppress(Problem):  # logs that cannot be read prove nothing
            source = client.artifacts(copy.run_id)
            paths = (
                [entry.path for entry in source.entries(f"{folder}/logs") if _LOGS.search(entry.path)] if folder else []
            )
            for path in paths:
                if not finder.is_late:
                    with closing(source.stream(path)) as blocks:
                        counts[path] = finder.search(blocks).count
            if paths:
                return {path: count for path, count in counts.items() if count}
    return {}
