"""The params of a launcher's run in the order in which they are asked for, without those that are not about its evaluation."""

from __future__ import annotations

import re
from collections import Counter

from mlflow_mcp.entities.launcher import LauncherRun

_CONFIG = "config."
_OF_TASK = re.compile(r"config\.evaluation\.tasks\.(\d+)\.")
# How it was run, where it was sent, and routes of the endpoint: the same in most invocations.
HOW_IT_WAS_RUN = ("config.execution.", "config.export.", "config.deployment.endpoints.")
_COMMAND, _BASE_COMMAND = "config.deployment.command", "config.deployment.base_command"
_OF_OTHERS = "config.evaluation.tasks.<other tasks>."


def evaluation_params(run: LauncherRun) -> tuple[dict[str, str], str | None]:
    """The params to show and, in one line, those left out: the flattened config holds that of all tasks of the invocation."""
    params = dict(sorted(run.entity.data.params.items()))
    if not run.is_export or not run.has_config:
        return params, None
    left_out = {name: family for name in params if (family := _family(name, run.task_number))}
    if params.get(_BASE_COMMAND) == params.get(_COMMAND):
        left_out |= {name: name for name in (_BASE_COMMAND,) if name in params}
    shown = sorted((name for name in params if name not in left_out), key=_rank)
    counts = Counter(left_out.values())
    line = ", ".join(
        (family if family in params else f"{family}* ({count})") for family, count in sorted(counts.items())
    )
    return {name: params[name] for name in shown}, line or None


def _family(name: str, task_number: str | None) -> str | None:
    of_task = _OF_TASK.match(name)
    if of_task:
        return _OF_OTHERS if task_number is not None and of_task[1] != task_number else None
    return next((family for family in HOW_IT_WAS_RUN if name.startswith(family)), None)


def _rank(name: str) -> tuple[bool, bool, bool]:
    """What the launcher says of the run, then its own task's config, that of the evaluation, and the rest."""
    return name.startswith(_CONFIG), not _OF_TASK.match(name), not name.startswith("config.evaluation.")
