"""Scores that are equal to the last digit, and whether a response cache is recorded that can have replayed them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mlflow_mcp.entities.metrics import is_finite, is_minor
from mlflow_mcp.text import listed
from mlflow_mcp.tools.runs.comparing.sides import Side, tasks_of

_CACHE = re.compile(r"(^|\.)(use_caching|use_cache|reuse_cached_responses|cach(e|ing)_dir)$")
_OFF = ("false", "0", "null", "none", "")
_FEWEST = 2


def equal_tasks(sides: Sequence[Side]) -> list[str]:
    """The tasks of which several scores are compared, all equal to the last digit."""
    return [task for task in tasks_of(sides) if task and _is_equal([_scores(side, task) for side in sides])]


def equal_repeats(side: Side) -> list[str]:
    """The tasks whose pooled repeats all have the same scores."""
    return [task for task, values in side.repeats.items() if _are_alike(values)]


def equal_scores(sides: Sequence[Side], tasks: Sequence[str], lines: Sequence[str]) -> list[str]:
    """A sentence on the tasks with equal scores, and one on repeats that are equal; `lines` are what the logs say of a cache."""
    sentences = []
    if tasks:
        having = f"All scores of {listed(tasks)} are equal to the last digit on the sides that have them"
        sentences.append(f"{having}{_cached(sides, tasks, lines)}.")
    for side in sides:
        if alike := equal_repeats(side):
            of = f" of {listed(alike)}" if any(alike) else ""
            sentences.append(f"All repeats of {side.label} have equal scores{of}{_cached([side], alike, lines)}.")
    return sentences


def _scores(side: Side, task: str) -> dict[str, float]:
    return {name: value for name, value in side.metrics(task).items() if not is_minor(name) and is_finite(value)}


def _is_equal(scores: Sequence[Mapping[str, float]]) -> bool:
    having = [each for each in scores if each]
    shared = [name for name in having[0] if all(name in each for each in having)] if len(having) > 1 else []
    return len(shared) >= _FEWEST and all(len({each[name] for each in having}) == 1 for name in shared)


def _are_alike(values: Mapping[str, list[float]]) -> bool:
    scores = [each for name, each in values.items() if not is_minor(name) and len(each) > 1]
    return bool(scores) and all(len(set(each)) == 1 for each in scores)


def _cached(sides: Sequence[Side], tasks: Sequence[str], lines: Sequence[str]) -> str:
    """What is recorded of a response cache, and what the logs say of one."""
    found = {
        f"{name.rpartition('.')[2]}={value}": None
        for side in sides
        for task in tasks
        for name, value in side.settings.get(task, {}).items()
        if _CACHE.search(name) and value.lower() not in _OFF
    }
    evidence = [*lines[:3], *([f"{', '.join(list(found)[:3])} is recorded"] if found else [])]
    proof = f" ({'; '.join(evidence)})" if evidence else ", though none is recorded"
    return f": a response cache may have been replayed{proof}"
