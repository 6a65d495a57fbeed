"""What an evaluation launcher leaves in MLflow, read back: tasks, jobs, sample counts, copies. Pure.

Facts seen on real exports, old and new: one run per task with tags `invocation_id`, `job_id` (`<invocation_id>.<n>`),
`task_name`, `harness`; very old ones put a whole invocation into one run without `task_name`; a job can be exported
twice, or again in place; trial runs of a few samples ("canaries") look like full ones but for their sample limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mlflow_mcp.entities.flattened_config import model_in, named_model, own_config_of, task_number_in
from mlflow_mcp.entities.run import ended
from mlflow_mcp.entities.samples import Samples
from mlflow_mcp.text import as_number, iso, short_id

if TYPE_CHECKING:
    from mlflow.entities import Run

# Tags that the launcher sets; all others are the users'.
LAUNCHER_TAGS = frozenset({"invocation_id", "job_id", "task_name", "benchmark", "harness", "executor"})
_RUN_NAME = re.compile(r"eval-([0-9a-f]{8,16})-(.+)")
_PLANNED = re.compile(r"config\.evaluation\.tasks\.(\d+)\.name")
_LAST_SECOND = 32_503_680_000  # the year 3000


@dataclass(frozen=True, eq=False)
class LauncherRun:
    """A run as its launcher described it. Every field may be missing: any run can be read so, whoever made it."""

    entity: Run
    invocation_id: str  # by tag or by param; empty for a run that no launcher exported
    job_id: str | None
    task: str | None  # None for a run that holds a whole invocation, or is no launcher run
    harness: str | None

    @classmethod
    def of(cls, run: Run) -> LauncherRun:
        tags, params = run.data.tags, run.data.params
        return cls(
            entity=run,
            invocation_id=str(tags.get("invocation_id") or params.get("invocation_id") or ""),
            job_id=tags.get("job_id") or params.get("job_id"),
            task=tags.get("task_name") or tags.get("benchmark") or _task_in_name(run),
            harness=tags.get("harness"),
        )

    @property
    def run_id(self) -> str:
        return str(self.entity.info.run_id)

    @property
    def name(self) -> str | None:
        name: str | None = self.entity.info.run_name
        return name

    @property
    def status(self) -> str:
        return str(self.entity.info.status)

    @property
    def metrics(self) -> Mapping[str, float]:
        """The latest values."""
        return dict(self.entity.data.metrics)

    @property
    def has_invocation_tag(self) -> bool:
        """Whether the invocation id is a tag: a search by tag finds the run."""
        return "invocation_id" in self.entity.data.tags

    @property
    def is_named_by_launcher(self) -> bool:
        """Whether the run's name says only its invocation and task, or its job id, and nothing more."""
        name = self.entity.info.run_name or ""
        found = _RUN_NAME.fullmatch(name)
        if found is not None:
            return found.groups() == (self.invocation_id, self.task)
        # Old runs of a whole invocation, and runs of newer launchers.
        return name == f"eval-{self.invocation_id}" or (self.job_id is not None and name == f"eval-{self.job_id}")

    @property
    def is_export(self) -> bool:
        """Whether a launcher exported it: its times are then those of the export. Newer launchers write no invocation id."""
        return bool(self.invocation_id) or (self.job_id is not None and "config_hash" in self.entity.data.params)

    @property
    def timestamp(self) -> str | None:
        """The launcher's param `timestamp`: when the evaluation was launched, or for a job found by its folder, when that was
        last changed. Some exports write 0."""
        seconds = as_number(str(self.entity.data.params.get("timestamp", "")))
        return iso(round(seconds * 1000)) if self.is_export and seconds and seconds < _LAST_SECOND else None

    @property
    def results_folder(self) -> str | None:
        """Where the run's own files should be: `<harness>.<task>/artifacts`."""
        return f"{self.harness}.{self.task}/artifacts" if self.harness and self.task else None

    @property
    def has_config(self) -> bool:
        """Whether the params hold the flattened config, so that a missing sample limit means that there was none."""
        return any(name.startswith("config.") for name in self.entity.data.params)

    @cached_property
    def samples(self) -> Samples:
        """What its params and metrics prove of its samples."""
        return Samples.of_params(self.entity.data.params, self.task_number) | Samples.of_metrics(self.metrics)

    @property
    def task_number(self) -> str | None:
        """The place of its task in the launcher's config, which its job id ends with."""
        return task_number_in(self.job_id)

    @cached_property
    def planned_tasks(self) -> Mapping[str, str]:
        """The tasks of the whole invocation by their numbers, as the flattened config names them."""
        names = {name: value for name, value in self.entity.data.params.items() if name.endswith(".name")}
        return {found[1]: value for name, value in names.items() if (found := _PLANNED.fullmatch(name))}

    @cached_property
    def own_config(self) -> Mapping[str, str]:
        """The flattened config that concerns its own task, `tasks.<n>` for its own number; empty when none was logged."""
        return own_config_of(self.entity.data.params, self.task_number)

    @cached_property
    def model(self) -> str | None:
        """The evaluated model, as far as tags and params say."""
        return model_in(self.entity.data.tags, self.entity.data.params, self.task_number)


def _task_in_name(run: Run) -> str | None:
    found = _RUN_NAME.fullmatch(run.info.run_name or "")
    return found[2] if found else None


@dataclass(frozen=True)
class Job:
    """One evaluation of one task: all runs that it was exported as."""

    canonical: LauncherRun  # the copy whose scores count
    others: tuple[LauncherRun, ...] = ()

    @property
    def copies(self) -> tuple[LauncherRun, ...]:
        """Every copy, the canonical one first."""
        return (self.canonical, *self.others)

    @property
    def run_id(self) -> str:
        """The id of the canonical copy."""
        return self.canonical.run_id

    @cached_property
    def samples(self) -> Samples:
        """What the params and metrics of its copies prove: the flattened config may be with another one than the scores."""
        known = self.canonical.samples
        for other in self.others:
            known |= other.samples.from_copy(f"copy {short_id(other.run_id)}")
        return known

    @property
    def has_config(self) -> bool:
        """Whether any copy has the flattened config, so that a missing limit means that there was none."""
        return any(copy.has_config for copy in self.copies)

    @cached_property
    def own_config(self) -> Mapping[str, str]:
        return next((copy.own_config for copy in self.copies if copy.own_config), {})

    @property
    def harness(self) -> str | None:
        return next((copy.harness for copy in self.copies if copy.harness), None)

    @property
    def named_model(self) -> tuple[str, str] | None:
        """As a copy's params record it, else as a tag calls it, and which: copies of one job may have either."""
        recorded = [named_model({}, copy.entity.data.params, copy.task_number) for copy in self.copies]
        named = [*recorded, *(named_model(copy.entity.data.tags, {}, None) for copy in self.copies)]
        return next(filter(None, named), None)

    @property
    def model(self) -> str | None:
        return self.named_model[0] if self.named_model else None


def group_jobs(runs: Iterable[LauncherRun]) -> list[Job]:
    """The runs grouped into jobs, in the order of their first runs. A run without a task is a job of its own.

    The canonical copy is a finished one before a failed one, then the one exported last.
    """
    groups: list[list[LauncherRun]] = []
    for run in runs:
        of_its_job = next((group for group in groups if any(are_copies(run, other) for other in group)), None)
        if of_its_job is None:
            groups.append([run])
        else:
            of_its_job.append(run)
    jobs = []
    for group in groups:
        canonical, *others = sorted(group, key=_canonicity, reverse=True)
        jobs.append(Job(canonical, tuple(others)))
    return jobs


def are_copies(run: LauncherRun, other: LauncherRun) -> bool:
    """Whether two runs of one invocation are proved to be exports of one job."""
    if run.task is None or run.task != other.task:
        return False
    if run.job_id and other.job_id:
        return run.job_id == other.job_id
    # One of them does not name its job: the folder with its results names it too, and so does the config of its task.
    folders = [each.entity.data.params.get("results_dir") for each in (run, other)]
    if all(folders):
        return folders[0] == folders[1]
    return bool(run.own_config) and run.own_config == other.own_config


def _canonicity(launched: LauncherRun) -> tuple[bool, int, tuple[int, str], str]:
    info = launched.entity.info
    # Of exports made at the same moment, the experiment decides: all tasks of an invocation then come from one.
    experiment = (len(info.experiment_id), info.experiment_id)
    return launched.status == "FINISHED", ended(launched.entity), experiment, launched.run_id


def group_invocations(runs: Iterable[Run]) -> dict[str, list[LauncherRun]]:
    """The runs by the invocation that they belong to."""
    groups: dict[str, list[LauncherRun]] = {}
    for run in map(LauncherRun.of, runs):
        groups.setdefault(run.invocation_id, []).append(run)
    return groups


def shared_model(models: Iterable[str | None]) -> str | None:
    """The models of several runs as one text, each once: `org/name` and `name` are the same one."""
    named = sorted({model for model in models if model})
    whole = [model for model in named if not any(other.endswith(f"/{model}") for other in named)]
    return ", ".join(whole) or None


def metrics_by_task(metrics: Mapping[str, float], tasks: Sequence[str]) -> dict[str, dict[str, float]]:
    """The metrics of a run that holds several tasks by the task that their names begin with; under "" those of none."""
    found: dict[str, dict[str, float]] = {task: {} for task in (*tasks, "")}
    longest_first = sorted(tasks, key=len, reverse=True)
    for name, value in metrics.items():
        found[next((task for task in longest_first if name.startswith(f"{task}_")), "")][name] = value
    return found
