"""What was read of one run at one moment, and which of its metrics are worth reading."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from mlflow_mcp.client.metrics import Point
from mlflow_mcp.entities.direction import Mode, better, direction_of
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.metrics import VALIDATION, is_finite, is_gradient, is_minor
from mlflow_mcp.tools.live.judging.machine import PREFIX
from mlflow_mcp.tools.live.judging.series import Series
from mlflow_mcp.tools.metrics.attempts import resumed_by

if TYPE_CHECKING:
    from mlflow.entities import Run

ENDED = ("FINISHED", "FAILED", "KILLED")
# A metric that ended this part of the run's time ago says nothing about how often the run logs now.
_STILL_LOGGED = 1 / 20
_SPEED = re.compile(
    r"\b(throughput|goodput|speedup|[tqrf]ps|tflops|mfu|latency|runtime|duration|seconds|ttft|tpot|costs?|time)\b"
    r"|per (s|sec|second|min|minute|hour)$"
)
# The last word of a tag's name.
_MACHINE = re.compile(
    r"(?i)(?:^|[._/ -])(?:host|host_?name|node|node_?name|machine|instance|pod|cluster|slurm_job_id)$"
)


@dataclass(frozen=True)
class Look:
    """A run as it was at `now`. Times are MLflow's milliseconds. `latest` has the newest point of every metric."""

    run_id: str
    name: str
    status: str
    now: int
    start: int | None
    end: int | None
    params: Mapping[str, str]
    latest: Mapping[str, Point]
    series: Mapping[str, Series]
    experiment_id: str = ""
    is_export: bool = False  # whether a launcher wrote it afterwards, so that its times are not those of the work
    machine: Mapping[str, str] = field(default_factory=dict)  # tags that say where it runs
    resumed_by: Sequence[str] = ()  # params and tags that say what it went on from, or why
    children: Mapping[str, int] | None = None  # how many child runs there are by status, where that was asked

    @classmethod
    def of(cls, run: Run, now: int, series: Mapping[str, Series]) -> Look:
        info = run.info
        return cls(
            run_id=info.run_id,
            name=info.run_name or info.run_id,
            status=info.status,
            now=now,
            start=info.start_time,
            end=info.end_time,
            params=run.data.params,
            latest=latest_points(run),
            series=series,
            experiment_id=info.experiment_id,
            is_export=LauncherRun.of(run).is_export,
            resumed_by=resumed_by(run.data.params, run.data.tags),
            machine={name: value for name, value in sorted(run.data.tags.items()) if _MACHINE.search(name)},
        )

    def before(self, moment: int) -> Look:
        """The run as it was at an earlier moment, as far as its points tell."""
        series = {name: each.until(moment) for name, each in self.series.items()}
        series = {name: each for name, each in series.items() if each.logged}
        latest = {name: point for name, point in self.latest.items() if point.timestamp <= moment}
        latest |= {name: each.logged[-1] for name, each in series.items()}
        has_ended = self.end is not None and self.end <= moment
        status = self.status if has_ended or self.status not in ENDED else "RUNNING"
        return replace(self, now=moment, status=status, latest=latest, series=series)

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @cached_property
    def newest(self) -> Point | None:
        """The newest point that the training itself logged: not one of the machine."""
        own = [point for name, point in self.latest.items() if not name.startswith(PREFIX)]
        return max(own, key=lambda point: (point.timestamp, point.step), default=None)

    @cached_property
    def newest_name(self) -> str:
        own = {name: point for name, point in self.latest.items() if not name.startswith(PREFIX)}
        return max(own, key=lambda name: (own[name].timestamp, own[name].step, name), default="")

    @cached_property
    def machine_seen(self) -> int | None:
        """When the newest system metric came, in milliseconds."""
        return max((point.timestamp for name, point in self.latest.items() if name.startswith(PREFIX)), default=None)

    @cached_property
    def clock(self) -> Series | None:
        """The metric that is logged most often, of those that are still logged."""
        own = [each for name, each in self.series.items() if not name.startswith(PREFIX) and each.logged]
        if not own:
            return None
        first = min(each.logged[0].timestamp for each in own)
        newest = max(each.logged[-1].timestamp for each in own)
        still = [each for each in own if each.logged[-1].timestamp >= newest - (newest - first) * _STILL_LOGGED]
        return max(still, key=lambda each: (len(each.logged), each.logged[-1].timestamp, each.name))


def latest_points(run: Run) -> dict[str, Point]:
    """The newest point of each metric, which come with the run."""
    # `run.data.metrics` has the values alone.
    return {each.key: Point(each.step, each.timestamp, each.value) for each in run.data._metric_objs}


def judged_mode(name: str) -> Mode | None:
    """Which values of a metric are better, where it is one that training is judged by: not how fast it goes."""
    return None if is_minor(name) or speed_mode(name) else better(name)


def speed_mode(name: str) -> Mode | None:
    """Which values of a metric are better that says how fast the training goes: steps per second, seconds per step."""
    found = None if name.startswith(PREFIX) else direction_of(name)
    return found.mode if found and _SPEED.search(found.words) else None


def worth_reading(latest: Mapping[str, Point], most: int) -> list[str]:
    """The metrics of a run to be read, at most so many: what is no number now, losses, what has a better side, the size of
    gradients, speeds, the count of epochs, and the one logged last."""
    own = {name: point for name, point in latest.items() if not name.startswith(PREFIX)}

    def rank(name: str) -> tuple[bool, bool, bool, int, str]:
        has_side, gradient = judged_mode(name) is not None, is_gradient(name)
        is_odd = not is_finite(own[name].value) and (has_side or gradient)
        return (not is_odd, not has_side, not gradient, 0 if "loss" in name.lower() else len(name), name)

    newest = max(own, key=lambda name: (own[name].timestamp, own[name].step, name), default=None)
    must = [name for name in (newest, "epoch" if "epoch" in own else None) if name]
    telling = [name for name in own if judged_mode(name) or speed_mode(name) or is_gradient(name)]
    ranked = sorted((name for name in telling if name not in must), key=rank)
    return [*ranked[: max(0, most - len(must))], *dict.fromkeys(must)]


_PARTS = {
    "train": {"train", "training", "tr"},
    "validation": VALIDATION,
}
_SILENT = {"step", "epoch", "mean", "avg"}


def pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """(training metric, validation metric) of one quantity, by their names: `loss` and `eval_loss`, `train/acc` and `val/acc`."""
    by_stem: dict[frozenset[str], dict[str, list[str]]] = {}
    for name in names:
        words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
        part = "validation" if _PARTS["validation"] & set(words) else "train"
        stem = frozenset(words) - _PARTS["train"] - _PARTS["validation"] - _SILENT
        by_stem.setdefault(stem, {}).setdefault(part, []).append(name)
    both = [parts for parts in by_stem.values() if len(parts) == 2]
    return [(min(parts["train"], key=_plainness), name) for parts in both for name in sorted(parts["validation"])]


def _plainness(name: str) -> tuple[bool, int, str]:
    """Of `train_loss_step` and `train_loss_epoch` the one over an epoch, which scatters less."""
    return ("epoch" not in name, len(name), name)
