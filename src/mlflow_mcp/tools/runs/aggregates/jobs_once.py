"""Which runs statistics leave out: further copies of an evaluation job, and where that is asked for, small trial runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import quoted_value
from mlflow_mcp.client.values import RunValues
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.samples import Samples
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import listed, plural
from mlflow_mcp.tools.evaluations.inspection import MOST_INSPECTED, inspect_samples

# The tags by which runs are known to be exports of one evaluation job.
JOB_TAGS = ("job_id", "invocation_id")
Group = tuple[Any, ...]
# The files of so many runs are read to learn how many samples they had.
_MOST_JUDGED = 200
_NAMED = 5


def job_of(run: RunValues) -> str | None:
    """The launcher's job that the run is an export of; None where its tags do not prove one: schedulers have job ids too."""
    job_id, invocation_id = (run.tags.get(name, "") for name in JOB_TAGS)
    invocation, _, number = job_id.rpartition(".")
    return job_id if invocation_id and invocation == invocation_id and number.isdigit() else None


@dataclass
class JobsOnce:
    """The runs of each group, of a job only its latest finished export."""

    _kept: dict[tuple[Group, str], RunValues] = field(default_factory=dict)
    copies: int = 0

    def add(self, group: Group, run: RunValues) -> None:
        key = (group, job_of(run) or f"run {run.run_id}")
        other = self._kept.get(key)
        self.copies += other is not None
        if other is None or canonicity(run) > canonicity(other):
            self._kept[key] = run

    def runs(self) -> list[tuple[Group, RunValues]]:
        """What is counted, with its group."""
        return [(group, run) for (group, _), run in self._kept.items()]


def canonicity(run: RunValues) -> tuple[bool, int, str]:
    """The greatest is the copy of a job that counts: the latest finished one."""
    return run.status == "FINISHED", run.end_time or run.start_time or 0, run.run_id


@dataclass
class Judged:
    """Runs by what is known of their samples."""

    too_small: dict[str, str] = field(default_factory=dict)  # names by run id
    unknown: list[str] = field(default_factory=list)  # names


def unjudged_name(name: str, samples: Samples | None) -> str:
    """The name of a run whose samples nothing counts, with what its responses tell."""
    if samples is None or (most := samples.at_most) is None:
        return name
    repeats = samples.repeats.value if samples.repeats else 1
    times = f", {plural(int(repeats), 'repeat')} a sample" if repeats > 1 else ""
    return f"{name} ({most.evidence}{times})"


def kept_unjudged(names: Sequence[str]) -> str:
    """What is said of runs that min_samples could not judge."""
    return f"Kept, though nothing counts or limits their samples: {listed(names, _NAMED)}."


def small_trials(client: Client, experiment_ids: Sequence[str], run_ids: Sequence[str]) -> dict[str, str]:
    """The evaluations among these runs that are proved to be small trials: their names with the proof, by run id. None is told
    of more runs than are looked into at once."""
    if not 0 < len(run_ids) <= MOST_INSPECTED:
        return {}
    ids = ", ".join(map(quoted_value, run_ids))
    runs = [LauncherRun.of(run) for run in client.runs.find(experiment_ids, f"attributes.run_id IN ({ids})")]
    samples = inspect_samples(client, runs)
    limits = {run: samples[run.run_id].limit for run in runs if samples[run.run_id].is_trial}
    return {run.run_id: f"{run.name or run.run_id} ({limit.evidence})" for run, limit in limits.items() if limit}


def judged_by_samples(client: Client, experiment_ids: Sequence[str], run_ids: Sequence[str], least: int) -> Judged:
    """Which of these runs are proved to have had fewer samples. Raises Problem for more runs than are looked into."""
    if len(run_ids) > _MOST_JUDGED:
        raise Problem(
            f"min_samples needs the files of {plural(len(run_ids), 'run')}; at most {_MOST_JUDGED} are read.",
            "Narrow the query, or leave min_samples out.",
        )
    found = Judged()
    for start in range(0, len(run_ids), MOST_INSPECTED):
        ids = ", ".join(quoted_value(each) for each in run_ids[start : start + MOST_INSPECTED])
        runs = client.runs.find(experiment_ids, f"attributes.run_id IN ({ids})")
        names = {run.info.run_id: run.info.run_name or run.info.run_id for run in runs}
        for run_id, samples in inspect_samples(client, [LauncherRun.of(run) for run in runs]).items():
            enough = samples.has_at_least(least)
            if enough is None:
                found.unknown.append(unjudged_name(names[run_id], samples))
            elif not enough:
                found.too_small[run_id] = names[run_id]
    return found
