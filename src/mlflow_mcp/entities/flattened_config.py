"""What the flattened config in a launcher run's params says: the params hold the config of all tasks of its invocation. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The last two say where its weights come from, which names it too.
MODEL_NAMES = ("model_id", "model_name", "served_model_name", "model", "hf_model_handle", "checkpoint_path")
_TASKS = re.compile(r"\.tasks\.(\d+)\.")
_OWN_EXPORT = "config.export."
# Below it is what an evaluation asks with: judges, and users that a model plays, have names of models too.
_ASKED_WITH = ".config.params."


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


def model_in(tags: Mapping[str, str], params: Mapping[str, str]) -> str | None:
    """The evaluated model that these tags and params name."""
    if model := tags.get("model"):
        return str(model)
    for ending in MODEL_NAMES:
        for name, value in params.items():
            parts = name.split(".")
            is_other = "judge" in parts or _ASKED_WITH in name
            if parts[-1] == ending and not is_other and value not in ("", "None", "null"):
                return str(value)
    return None
