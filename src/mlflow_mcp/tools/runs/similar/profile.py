"""What of a run is compared: its params, normalised, of an evaluation those of its own task with the evaluated model. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from mlflow_mcp.entities.flattened_config import MODEL_NAMES, model_in, own_config_of, task_number_in
from mlflow_mcp.text import as_number
from mlflow_mcp.tools.runs.incidental import Ignoring, as_compared

MODEL, HARNESS = "model", "harness"
_LARGEST_EXACT = 2**53
# Its own task, which the tag says in one form: the config writes it with its harness or without.
_TASK = "config.evaluation.tasks.<n>.name"
# The place of a task in the launcher's config; more tasks than this are in no config.
MOST_TASKS = 40


@dataclass(frozen=True)
class Profile:
    """The values of a run by name: `compared` as they are compared, `ignored` those left out; `model` of an evaluation."""

    compared: Mapping[str, str]
    ignored: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None


def profile_of(params: Mapping[str, str], tags: Mapping[str, str], ignoring: Ignoring, *, is_export: bool) -> Profile:
    """What is compared of a run with these params; of an export also by its tags."""
    named = _own(params, tags) if is_export else params
    compared: dict[str, str] = {}
    ignored: dict[str, str] = {}
    for name, value in named.items():
        normalised = normal(as_compared(name, value))
        if normalised is not None:
            left_out = ignoring.leaves_out(name, value, of_launcher=is_export)
            (ignored if left_out else compared)[name] = normalised
    return Profile(compared, ignored, evaluated_model(params, tags) if is_export else None)


def projected(
    params: Mapping[str, str], tags: Mapping[str, str], names: Collection[str], *, is_export: bool
) -> dict[str, str]:
    """The normalised values of these names alone: there are as many runs as there are, and most values are the same texts."""
    named = _own(params, tags) if is_export else params
    found = {name: normal(as_compared(name, named[name])) for name in names if name in named}
    return {name: value for name, value in found.items() if value is not None}


def evaluated_model(params: Mapping[str, str], tags: Mapping[str, str]) -> str | None:
    """The evaluated model of an export."""
    return model_in(tags, params, _task_number(params, tags))


def _task_number(params: Mapping[str, str], tags: Mapping[str, str]) -> str | None:
    return task_number_in(tags.get("job_id") or params.get("job_id"))


def _own(params: Mapping[str, str], tags: Mapping[str, str]) -> Mapping[str, str]:
    """What of an export's params concerns its own task, without the model, which is compared apart."""
    named = {name: value for name, value in params.items() if not name.startswith("config.")}
    number = _task_number(params, tags)
    # Of an old run of a whole invocation the config of all its tasks counts.
    named |= params if number is None else own_config_of(params, number)
    named = {
        name: value for name, value in named.items() if name.rpartition(".")[2] not in MODEL_NAMES and name != _TASK
    }
    return named | ({HARNESS: tags[HARNESS]} if HARNESS in tags else {})


def has_config(profile: Profile) -> bool:
    """Whether it holds anything of a flattened config."""
    return any(name.startswith("config.") for name in profile.compared)


@lru_cache(maxsize=20_000)
def normal(value: object) -> str | None:
    """A value in the one form of all ways to write it: 1e-5 and 0.00001, "True" and "true". None for one that stands for none."""
    text = str(value).strip()
    lowered = text.lower()
    if lowered in ("none", "null", ""):
        return None
    if lowered in ("true", "false"):
        return lowered
    number = as_number(text)
    if number is not None and abs(number) < _LARGEST_EXACT:
        return repr(number)
    return re.sub(r"\s+", "", text) if text[0] in "[({" else text


@lru_cache(maxsize=20_000)
def closeness(one: str, other: str) -> float:
    """How near two different values are, at most half as near as equal ones: numbers of one sign by their ratio, nothing from
    ten times on."""
    a, b = as_number(one), as_number(other)
    if a is None or b is None or a * b <= 0:
        return 0.0
    return max(0.0, 1.0 - abs(math.log10(a / b))) / 2


def same_model(one: str, other: str) -> bool:
    """`org/name` and `name` are one model."""
    return one == other or one.endswith(f"/{other}") or other.endswith(f"/{one}")
