"""The jobs of an invocation whose runs were deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.deleted import deleted_runs
from mlflow_mcp.client.ids.matches import INVOCATION_WAYS
from mlflow_mcp.entities.launcher import LauncherRun


@dataclass(frozen=True)
class DeletedJobs:
    """By the number of the task, which run of it was deleted and how it comes back."""

    by_number: Mapping[str | None, str]

    def has(self, number: str | None) -> bool:
        return number in self.by_number

    def of(self, number: str | None) -> str:
        return self.by_number.get(number, "none among the deleted")


def deleted_jobs(client: Client, invocation_id: str) -> DeletedJobs | None:
    """None for runs without an invocation id, by which alone they are found."""
    if not invocation_id:
        return None
    gone = deleted_runs(client, invocation_id, INVOCATION_WAYS)
    by_number = {LauncherRun.of(each.match.run).task_number: each for each in gone}
    return DeletedJobs(
        {number: f"deleted is run {each.match.run.info.run_id}: {each.way_back}" for number, each in by_number.items()}
    )
