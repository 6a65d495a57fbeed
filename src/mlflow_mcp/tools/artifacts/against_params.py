"""Where a run's config file and its params record other values of one setting."""

from __future__ import annotations

import re
from typing import Any

from mlflow_mcp.answers.masking import HIDDEN, mask_at
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.parse import is_model
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.recorded_settings import same_setting
from mlflow_mcp.entities.samples import leaves_of
from mlflow_mcp.text import clipped, plural, short
from mlflow_mcp.tools.artifacts.formats.content import ArtifactContent
from mlflow_mcp.tools.artifacts.formats.detect import kind_by_name
from mlflow_mcp.tools.artifacts.formats.structured import Unparsable, parse

# Of what a run was configured with, by the file's name or that of a folder that it is in.
_CONFIG = re.compile(
    r"(?i)(^|[/_.-])(config|configs|conf|params|hparams|hyperparameters|hyperparams|args|settings|train)([/_.-]|$)"
)
_SHOWN = 4
_LONGEST = 40


def is_config(path: str) -> bool:
    """Whether it is by its name a file of settings that is read into values."""
    return kind_by_name(path).family == "data" and _CONFIG.search(path) is not None


def against_params(client: Client, run_id: str, path: str, values: Any) -> str:
    """Which keys of a config file have other values than the params of their names; empty where none has. A launcher's run is
    left out: its params are of all tasks of an invocation."""
    if is_model(run_id) or not is_config(path) or not isinstance(values, dict):
        return ""
    run = client.runs.get(run_id)
    if LauncherRun.of(run).is_export:
        return ""
    found: dict[str, list[Any]] = {}
    for names, value in leaves_of(values):
        found.setdefault(".".join(names[1:]), []).append(value)
    unlike = [
        f"{clipped(name)} {_told(name, given[0])} in the file, {_told(name, param)} in the run's params"
        for name, given in found.items()
        if len(given) == 1
        and given[0] not in (None, HIDDEN)
        and (param := run.data.params.get(name, run.data.params.get(name.replace(".", "/")))) is not None
        and not same_setting(str(given[0]), param)
    ]
    more = f", and {plural(len(unlike) - _SHOWN, 'more setting')}" if len(unlike) > _SHOWN else ""
    return f"{'; '.join(unlike[:_SHOWN])}{more}." if unlike else ""


def of_content(client: Client, run_id: str, answer: ArtifactContent) -> str:
    """The same of a file as it is shown, where it is shown whole."""
    if not is_config(answer.path) or answer.partial or answer.lines or answer.text is None:
        return ""
    try:
        values = parse(kind_by_name(answer.path).name, answer.text)
    except Unparsable:
        return ""
    return against_params(client, run_id, answer.path, values)


def _told(name: str, value: Any) -> str:
    return short(str(mask_at(str(value), name)), _LONGEST)
