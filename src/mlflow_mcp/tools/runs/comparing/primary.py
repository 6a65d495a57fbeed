"""What the experiments' own tags say of a comparison's metrics: which is the primary one, and which values are better. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlflow_mcp.entities.direction import Mode, PrimaryMetric, better
from mlflow_mcp.tools.runs.comparing.sides import Side

_BETTER: dict[Mode | None, str] = {"max": "higher is better", "min": "lower is better"}
_BY_NAME = "the metric's name; empty where the name does not say which value is better."


def without_dataset(name: str) -> str:
    """The metric of `metric [dataset]`; MLflow allows no brackets in a metric's name."""
    return name.partition(" [")[0]


def primary_on(task: str, sides: Sequence[Side]) -> str | None:
    """The metric that the sides' experiments call their primary one, where those that name one agree."""
    names = {each.name for each in _primaries(task, sides)}
    return names.pop() if len(names) == 1 else None


def mode_of(task: str, names: Sequence[str], sides: Sequence[Side]) -> Mode | None:
    """Which values of a metric, which has these names, are better: by the experiments' tags, else by its name."""
    is_of_model = all(side.is_export for side in sides)
    return _by_tag(task, names, sides) or better(without_dataset(names[0]), of_evaluated_model=is_of_model)


def how_judged(rows: Sequence[Sequence[Any]], sides: Sequence[Side]) -> str:
    """By what the best of these rows of metrics is chosen."""
    by_tag = any(_by_tag(row[0] or "", row[1].split(" = "), sides) for row in rows if row[-1])
    return f"best: judged by {'the primary metric tags of the experiment, else by ' if by_tag else ''}{_BY_NAME}"


def against_names(rows: Sequence[Sequence[Any]], sides: Sequence[Side]) -> list[str]:
    """A sentence for each metric whose better side only a tag tells, or not as its name would."""
    remarks: dict[str, str] = {}
    for task, metric, *_ in rows:
        names = metric.split(" = ")
        by_tag, by_name = _by_tag(task or "", names, sides), better(without_dataset(names[0]))
        if by_tag and by_tag != by_name:
            though = f", though its name says that {_BETTER[by_name]}" if by_name else ""
            remarks[names[0]] = (
                f"{names[0]}: {_BETTER[by_tag]} by the experiment's tag mlflow.experiment.primaryMetric.greaterIsBetter{though}."
            )
    return list(remarks.values())


def _by_tag(task: str, names: Sequence[str], sides: Sequence[Side]) -> Mode | None:
    """What the tags say of a metric; None where nothing, or where they disagree."""
    known = {without_dataset(name) for name in names}
    modes = {each.mode for each in _primaries(task, sides) if each.name in known}
    return modes.pop() if len(modes) == 1 else None


def _primaries(task: str, sides: Sequence[Side]) -> list[PrimaryMetric]:
    runs = [(side, side.runs[task]) for side in sides if task in side.runs]
    return [side.primaries[run.experiment_id] for side, run in runs if run.experiment_id in side.primaries]
