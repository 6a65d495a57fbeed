"""Which end of a ranking comes first, and what says so: the caller, the experiment's tags, or the metric's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlflow_mcp.client import Client
from mlflow_mcp.client.experiments import GREATER_TAG
from mlflow_mcp.entities.direction import Mode, direction_of
from mlflow_mcp.errors import Problem

Asked = Literal["auto", "max", "min"]

_IN_WORDS: dict[Mode, str] = {"max": "highest first", "min": "lowest first"}
_BETTER: dict[Mode, str] = {"max": "higher is better", "min": "lower is better"}


@dataclass(frozen=True)
class Order:
    """The order of a ranking: its end that comes first, the reason, and what speaks against it."""

    mode: Mode
    reason: str
    doubts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{_IN_WORDS[self.mode]} ({self.reason})"


def order_of(client: Client, experiment_ids: list[str] | None, metric: str, asked: Asked) -> Order | None:
    """The order asked for; for `auto` that of the experiments' tags, else that of the metric's name, else None."""
    by_tag, by_name = _by_tag(client, experiment_ids, metric), direction_of(metric)
    modes = {f"the experiment's tag {GREATER_TAG}": by_tag}
    if by_name:
        modes[f"the metric's name ('{by_name.words}')"] = by_name.mode
    if asked != "auto":
        mode, reason = asked, f"mode='{asked}'"
    elif by_tag:
        mode, reason = by_tag, f"tag {GREATER_TAG}"
    elif by_name:
        mode, reason = by_name.mode, f"name '{by_name.words}'"
    else:
        return None
    doubts = [
        f"The ranking is {_IN_WORDS[mode]}, but {source} says that {_BETTER[other]}."
        for source, other in modes.items()
        if other not in (None, mode)
    ]
    return Order(mode, reason, tuple(doubts))


def unknown_order(metric: str) -> Problem:
    """For a metric of which nothing says which of its values are better."""
    return Problem(
        f"Neither the name '{metric}' nor an experiment's tag says whether higher or lower is better.",
        "Pass mode='max' (highest first) or mode='min' (lowest first).",
    )


def _by_tag(client: Client, experiment_ids: list[str] | None, metric: str) -> Mode | None:
    """What the experiments say that name this metric as their primary one; None when they disagree."""
    by_experiment = client.experiments.greater_is_better(metric)
    answers = {greater for id_, greater in by_experiment.items() if experiment_ids is None or id_ in experiment_ids}
    return None if len(answers) != 1 else "max" if answers == {True} else "min"
