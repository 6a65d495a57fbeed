"""Which of the files that every task has an export lacks that did not finish."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial

from mlflow_mcp.client import Client
from mlflow_mcp.entities.launcher import Job, LauncherRun
from mlflow_mcp.errors import NotFound, Problem

_USUAL_FILES = {"results.yml", "eval_factory_metrics.json", "run_config.yml", "metadata.yaml", "logs"}
_MOST_LOOKED_AT = 5


def looks_for_missing_files(
    client: Client, jobs: Sequence[Job], found: Mapping[str, list[str]]
) -> list[Callable[[], None]]:
    """Requests that add to `found`, by run id, what the first of these jobs that did finish has and a broken one lacks."""
    named = [job.canonical for job in jobs if job.canonical.results_folder]
    whole = next((run for run in named if run.status == "FINISHED"), None)
    broken = [run for run in named if run.status != "FINISHED"][:_MOST_LOOKED_AT]
    return [partial(_compare, client, run, whole, found[run.run_id]) for run in broken if whole]


def _compare(client: Client, run: LauncherRun, whole: LauncherRun, missing: list[str]) -> None:
    with suppress(Problem):  # what cannot be listed is not claimed
        own, others = client.run_concurrently(partial(_usual_files, client, run), partial(_usual_files, client, whole))
        missing += lacking(own, others)


def lacking(own: Collection[str], others: Collection[str]) -> list[str]:
    """Of the files that every task has, those that the others have and this one has not."""
    return sorted(_USUAL_FILES.intersection(others).difference(own))


def _usual_files(client: Client, run: LauncherRun) -> set[str]:
    """Which of the files that every task has are there, and whether there are logs."""
    source, folder = client.artifacts(run.run_id), run.results_folder or ""
    found: set[str] = set()
    for each in (folder, folder.removesuffix("/artifacts")):
        with suppress(NotFound):
            found.update(entry.path.rpartition("/")[2] for entry in source.entries(each))
    return found & _USUAL_FILES
