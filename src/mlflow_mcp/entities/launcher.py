"""What an evaluation launcher leaves in MLflow, read back: tasks, jobs, sample counts, copies. Pure.

Facts seen on real exports, old and new: one run per task with tags `invocation_id`, `job_id` (`<invocation_id>.<n>`),
`task_name`, `harness`; very old ones put a whole invocation into one run without `task_name`; a job can be exported
twice, or again in place; trial runs of a few samples ("canaries") look like full ones but for their sample limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlflow_mcp.entities.run import ended

if TYPE_CHECKING:
    from mlflow.entities import Run

# The one setting that limits the samples. `n_samples` and `num_repeats` are repeats per question, whatever they sound like.
_LIMIT = "limit_samples"
_ENTRIES = re.compile(r"(^|_)num_entries$")
_OF_TASK = re.compile(r"(?:^|\.)tasks\.(\d+)\.")
# The last two say where its weights come from, which names it too.
_MODEL = ("model_id", "model_name", "served_model_name", "model", "hf_model_handle", "checkpoint_path")
_RUN_NAME = re.compile(r"eval-([0-9a-f]{8,16})-(.+)")
# Full evaluations have more samples than this.
CANARY = 50


@dataclass(frozen=True)
class Samples:
    """What proves how many samples an evaluation had: `count` is None for a limit that is a share of the dataset."""

    count: int | None
    evidence: str

    @classmethod
    def of_limit(cls, value: Any, place: str) -> Samples | None:
        """From the value of `limit_samples`; None when it is not set."""
        text = str(value).strip()
        if re.fullmatch(r"\d+(\.0+)?", text):
            count = int(float(text))
            return cls(count, f"{_LIMIT}={count} in {place}") if count else None
        if re.fullmatch(r"0?\.\d+", text):
            return cls(None, f"{_LIMIT}={text} (a share of the dataset) in {place}")
        return None


def is_canary(samples: int | None) -> bool:
    """Whether an evaluation of so many samples was a trial. An unknown count is no proof of one."""
    return samples is not None and samples <= CANARY


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
        """Whether the run's name `eval-<invocation_id>-<task>` says just these two, and nothing more."""
        found = _RUN_NAME.fullmatch(self.entity.info.run_name or "")
        return found is not None and found.groups() == (self.invocation_id, self.task)

    @property
    def results_folder(self) -> str | None:
        """Where the run's own files should be: `<harness>.<task>/artifacts`."""
        return f"{self.harness}.{self.task}/artifacts" if self.harness and self.task else None

    @property
    def has_config(self) -> bool:
        """Whether the params hold the flattened config, so that a missing sample limit means that there was none."""
        return any(name.startswith("config.") for name in self.entity.data.params)

    @property
    def samples(self) -> int | None:
        """How many samples it was limited to or had, as far as params and metrics prove it."""
        return self.proved_samples.count if self.proved_samples else None

    @cached_property
    def proved_samples(self) -> Samples | None:
        """The limit of its own task, else the one of the whole invocation, else the entries that a metric counts.

        The flattened params hold the config of all tasks: those of another task say nothing about this one.
        """
        own, shared = None, None
        for name, value in self.entity.data.params.items():
            if name.rpartition(".")[2] == _LIMIT and (limit := Samples.of_limit(value, "its params")):
                task = _OF_TASK.search(name)
                if task is None:
                    shared = limit
                elif task[1] == self._task_number:
                    own = limit
        entries = [(value, name) for name, value in self.metrics.items() if _ENTRIES.search(name) and 0 < value < 1e15]
        counted = Samples(int(max(entries)[0]), f"metric {max(entries)[1]}") if entries else None
        return own or shared or counted

    @property
    def _task_number(self) -> str | None:
        """The place of its task in the launcher's config, which its job id ends with."""
        return self.job_id.rpartition(".")[2] if self.job_id and "." in self.job_id else None

    @cached_property
    def model(self) -> str | None:
        """The evaluated model, as far as tags and params say."""
        if model := self.entity.data.tags.get("model"):
            return str(model)
        for ending in _MODEL:
            for name, value in self.entity.data.params.items():
                if name.rpartition(".")[2] == ending and value not in ("", "None", "null"):
                    return str(value)
        return None


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


def group_jobs(runs: Iterable[LauncherRun]) -> list[Job]:
    """The runs grouped into jobs, in the order of their first runs. A run without a task is a job of its own.

    The canonical copy is a finished one before a failed one, then the one exported last.
    """
    groups: dict[tuple[str | None, str | None], list[LauncherRun]] = {}
    for run in runs:
        key = (run.task, run.job_id) if run.task else (None, run.run_id)
        groups.setdefault(key, []).append(run)
    _add_runs_without_job_id(groups)
    jobs = []
    for group in groups.values():
        canonical, *others = sorted(group, key=_canonicity, reverse=True)
        jobs.append(Job(canonical, tuple(others)))
    return jobs


def _add_runs_without_job_id(groups: dict[tuple[str | None, str | None], list[LauncherRun]]) -> None:
    """A run without a job id belongs to the job of its task, when there is just one."""
    for task, job in [key for key in groups if key[0] and key[1] is None]:
        others = [key for key in groups if key[0] == task and key[1] is not None]
        if len(others) == 1:
            groups[others[0]] += groups.pop((task, job))


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


@dataclass(frozen=True)
class RecordedConfig:
    """What a results.yml or config.yml records of an evaluation; None for what it does not say."""

    samples: Samples | None = None
    model: str | None = None

    @classmethod
    def of(cls, content: Any, file: str = "results.yml") -> RecordedConfig:
        """Out of the parsed file: the last sample limit, else the largest count of a score; the first model."""
        leaves = list(_leaves(content))
        limits = [limit for name, value in leaves if name == _LIMIT and (limit := Samples.of_limit(value, file))]
        counts = [value for name, value in leaves if name == "count" and isinstance(value, int)]
        models = [
            value for name, value in leaves if name in ("model_id", "served_model_name") and isinstance(value, str)
        ]
        counted = Samples(max(counts), f"stats.count={max(counts)} in {file}") if counts else None
        return cls(limits[-1] if limits else counted, models[0] if models else None)

    @property
    def is_empty(self) -> bool:
        return self.samples is None and self.model is None


def _leaves(part: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(part, Mapping):
        for key, inner in part.items():
            yield from _leaves(inner, str(key))
    elif isinstance(part, list):
        for inner in part:
            yield from _leaves(inner, name)
    else:
        yield name, part
