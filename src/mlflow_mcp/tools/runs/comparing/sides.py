"""The sides of a comparison: single runs, whole invocations, repeats as one; and which tasks of them meet. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from mlflow_mcp.entities.direction import PrimaryMetric
from mlflow_mcp.entities.launcher import metrics_by_task
from mlflow_mcp.entities.recorded_config import RecordedStatistics
from mlflow_mcp.entities.recorded_scores import ScoreCount, StandardError
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.entities.samples import Samples

T = TypeVar("T", ScoreCount, StandardError)


@dataclass
class Side:
    """One of the things compared: a run, an invocation as its runs by task, or repeats of these. `label` is A, B, C, …"""

    label: str
    id: str  # as the caller wrote it
    name: str
    runs: dict[str, RunView]  # by task; a run that is no task stands under ""
    samples: dict[str, Samples] = field(default_factory=dict)
    configs: dict[str, Mapping[str, str]] = field(default_factory=dict)  # the flattened config of each task alone
    settings: dict[str, Mapping[str, str]] = field(default_factory=dict)  # what each task is recorded to have run with
    statistics: dict[str, RecordedStatistics] = field(default_factory=dict)
    model: str | None = None
    is_export: bool = False  # whether its times are those of exports
    errors: dict[str, Mapping[str, StandardError]] = field(default_factory=dict)  # of scores by run id and metric name
    counts: dict[str, Mapping[str, ScoreCount]] = field(default_factory=dict)  # likewise
    repeats: dict[str, Mapping[str, list[float]]] = field(default_factory=dict)  # of pooled runs, by task and metric
    seeds: dict[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)  # likewise, by task and param
    mixed: dict[str, str] = field(
        default_factory=dict
    )  # params and tags that pooled runs have unlike, with their values
    run_count: int = 0
    unread: set[str] = field(default_factory=set)  # tasks whose results.yml is neither read nor known to be absent
    primaries: Mapping[str, PrimaryMetric] = field(default_factory=dict)  # by experiment id
    only_task: str = ""  # of a single run that is compared with runs of other tasks

    def metrics(self, task: str) -> dict[str, float]:
        """The values; of repeats their means."""
        run = self.runs.get(task)
        return dict(run.metrics) if run is not None else {}

    def error(self, task: str, names: Sequence[str]) -> StandardError | None:
        """The recorded standard error of the very value that is compared, under the first of its names that has one."""
        return self._recorded(self.errors, task, names)

    def count(self, task: str, names: Sequence[str]) -> ScoreCount | None:
        """Of how many values the very value is the mean that is compared."""
        return self._recorded(self.counts, task, names)

    def _recorded(self, by_run: Mapping[str, Mapping[str, T]], task: str, names: Sequence[str]) -> T | None:
        run = self.runs.get(task)
        recorded = by_run.get(run.run_id, {}) if run else {}
        value = self.metrics(task).get(names[0])
        return next((each for name in names if (each := recorded.get(name)) and each.is_of(value)), None)


def tasks_of(sides: Sequence[Side]) -> list[str]:
    return sorted({task for side in sides for task in side.runs})


def align(sides: Sequence[Side]) -> None:
    """Let single runs of unlike or unnamed tasks meet: sides of one run each are compared as they are. An old run that holds
    a whole invocation meets the tasks of the others by the names of its metrics."""
    tasks = sorted({task for side in sides for task in side.runs if task})
    for side in sides:
        if tasks and "" in side.runs and len(sides) > 1:
            _split_by_task(side, tasks)
    if all(len(side.runs) == 1 for side in sides) and len({task for side in sides for task in side.runs}) > 1:
        for side in sides:
            side.only_task = next(iter(side.runs))
            side.unread = {""} if side.unread else set()
            side.runs = {"": next(iter(side.runs.values()))}
            side.samples = {"": next(iter(side.samples.values()), Samples())}
            side.configs = {"": next(iter(side.configs.values()), {})}
            side.settings = {"": next(iter(side.settings.values()), {})}
            side.statistics = {"": next(iter(side.statistics.values()), RecordedStatistics())}


def _split_by_task(side: Side, tasks: Sequence[str]) -> None:
    whole = side.runs[""]
    by_task = metrics_by_task(whole.metrics, [task for task in tasks if task not in side.runs])
    for task, metrics in by_task.items():
        if task and metrics:
            side.runs[task] = replace(whole, metrics=metrics)
    if by_task[""]:
        side.runs[""] = replace(whole, metrics=by_task[""])
    elif len(side.runs) > 1:
        del side.runs[""]
