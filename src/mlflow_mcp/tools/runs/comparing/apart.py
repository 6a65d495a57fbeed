"""Sides that have no task in common: which of their tasks look alike by their names, and what holds for all tasks of each. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from mlflow_mcp.entities.recorded_settings import same_setting
from mlflow_mcp.tools.runs.comparing.sides import Side

_MOST_PAIRS = 3
_BETWEEN_WORDS = re.compile(r"[_\-./ ]+")


class AlikeTasks(NamedTuple):
    """Tasks of two sides of which one's name is the other's with more words: `hle` and `hle_aa_v2`."""

    side: Side
    task: str
    other: Side
    other_task: str


def have_no_common_task(sides: Sequence[Side]) -> bool:
    """Whether all are evaluations, and each task is on one side only."""
    tasks = [task for side in sides for task in side.runs]
    return all(tasks) and len(set(tasks)) == len(tasks)


def alike_tasks(sides: Sequence[Side]) -> list[AlikeTasks]:
    """The tasks of one side alone that another one has under a longer or shorter name."""
    return [
        AlikeTasks(side, task, other, other_task)
        for side, other in combinations(sides, 2)
        for task in side.runs
        for other_task in other.runs
        if task not in other.runs and other_task not in side.runs and _is_longer_name(task, other_task)
    ]


def _is_longer_name(one: str, other: str) -> bool:
    short, long = sorted((_BETWEEN_WORDS.split(one.lower()), _BETWEEN_WORDS.split(other.lower())), key=len)
    return bool(one and other) and len(short) < len(long) and long[: len(short)] == short


def of_all_tasks(side: Side) -> dict[str, str]:
    """The settings that all tasks of a side are recorded to have run with."""
    first, *others = (side.settings.get(task, {}) for task in side.runs)
    return {
        name: value
        for name, value in first.items()
        if all(name in other and same_setting(value, other[name]) for other in others)
    }


def told_alike(sides: Sequence[Side]) -> list[str]:
    """A sentence for tasks that look alike, with the call that sets their runs side by side."""
    return [
        f"'{each.task}' ({each.side.label}) and '{each.other_task}' ({each.other.label}) look alike by their names, but are different "
        "tasks: their scores are not compared; "
        f"compare_runs(run_ids=['{each.side.runs[each.task].run_id}', '{each.other.runs[each.other_task].run_id}']) compares the runs."
        for each in alike_tasks(sides)[:_MOST_PAIRS]
    ]
