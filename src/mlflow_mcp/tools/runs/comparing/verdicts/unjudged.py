"""Which scores have no verdict, and why: none is proved to be the headline, or nothing is recorded of their error. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlflow_mcp.entities.metrics import is_minor
from mlflow_mcp.text import listed
from mlflow_mcp.tools.runs.comparing.sides import Side
from mlflow_mcp.tools.runs.comparing.verdicts.judged import Judged

_NAMED = 6


def without_headline(rows: Sequence[Sequence[Any]], judged: Sequence[Judged], base: Side) -> list[str]:
    """A sentence on the tasks that have so many scores that none is judged unless it is the headline, and none is proved to be
    it. None is preferred: the first one of a list can be the one that misleads. And on those that the baseline has not."""
    seen = {each.task for each in judged}
    found: dict[str, list[str]] = {}
    for task, names, *_ in rows:
        if task and task not in seen and not is_minor(names):
            found.setdefault(task, []).append(names.partition(" = ")[0])
    lacked = [task for task, names in found.items() if not any(name in base.metrics(task) for name in names)]
    of_lacked = [f"No verdict on {listed(lacked, _NAMED)}: the baseline {base.label} has no score of it."]
    return (of_lacked if lacked else []) + [
        f"No verdict on '{task}': nothing proves which of its {len(names)} scores is its headline ({listed(names, _NAMED)}); "
        "those named in metrics get one, or why there is none."
        for task, names in found.items()
        if task not in lacked and len(names) > 1
    ]


def without_error(left: Sequence[Sequence[Any]], sides: Sequence[Side]) -> str:
    """A sentence on the scores of evaluations that have a better side by their values alone."""
    found = []
    for task, names, *_, best in left:
        each = names.split(" = ")
        having = [side for side in sides if task in side.runs and side.is_export]
        if (
            task
            and best
            and not is_minor(each[0])
            and having
            and not any(_has_error(side, task, each) for side in having)
        ):
            found.append(each[0])
    return (
        f"metrics: no error recorded, so not judged (best by the value alone): {listed(found, _NAMED)}."
        if found
        else ""
    )


def _has_error(side: Side, task: str, names: Sequence[str]) -> bool:
    return bool(side.error(task, names)) or len(side.repeats.get(task, {}).get(names[0], [])) > 1
