"""What the flattened config in a launcher run's params says: the params hold the config of all tasks of its invocation. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

# The last two say where its weights come from, which names it too.
MODEL_NAMES = ("model_id", "model_name", "served_model_name", "model", "hf_model_handle", "checkpoint_path")
# Where a config names what is evaluated. Elsewhere a model is a judge, a simulated user or another helper of one task.
_OF_EVALUATED = ("api_endpoint", "deployment", "target")
_TASKS = re.compile(r"\.tasks\.(\d+)\.")
_OWN_EXPORT = "config.export."


def task_number_in(job_id: str | None) -> str | None:
    """The place of a job's task in the launcher's config."""
    return job_id.rpartition(".")[2] if job_id and "." in job_id else None


def own_config_of(params: Mapping[str, str], task_number: str | None) -> dict[str, str]:
    """Of a flattened config what concerns the task of this number, named `tasks.<n>`; the export's own settings are left out."""
    own: dict[str, str] = {}
    for name, value in params.items():
        if not name.startswith("config.") or name.startswith(_OWN_EXPORT):
            continue
        task = _TASKS.search(name)
        if task is None:
            own[name] = value
        elif task[1] == task_number:
            own[name.replace(task[0], ".tasks.<n>.", 1)] = value
    return own


def names_evaluated(path: Sequence[str]) -> bool:
    """Whether the value at this path of a config names the evaluated model."""
    sections = [section for section in path[:-1] if section not in ("", "config")]
    return path[-1] in MODEL_NAMES and (not sections or (sections[-1] in _OF_EVALUATED and "judge" not in sections))


def model_in(tags: Mapping[str, str], params: Mapping[str, str], task_number: str | None) -> str | None:
    """The evaluated model that these tags and params name: what is set for its own task before what is set for all."""
    named = named_model(tags, params, task_number)
    return named[0] if named else None


def named_model(tags: Mapping[str, str], params: Mapping[str, str], task_number: str | None) -> tuple[str, str] | None:
    """The same with the tag or param that names it."""
    if model := tags.get("model"):
        return str(model), "tag model"
    named: dict[tuple[bool, int], tuple[str, str]] = {}
    for name, value in params.items():
        path, task = name.split("."), _TASKS.search(name)
        if names_evaluated(path) and value not in ("", "None", "null") and (task is None or task[1] == task_number):
            named.setdefault((task is None, MODEL_NAMES.index(path[-1])), (str(value), f"param {name}"))
    return named[min(named)] if named else None
