"""MLflow's entities with the name of their server before their ids, for calls that read several servers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run

T = TypeVar("T")


def run_on(run: Run, prefix: str) -> Run:
    """The run with `prefix` before its id, its experiment's and its models'. The same run without one."""
    if not prefix:
        return run
    found = copy(run)
    found._info = _with(run.info, prefix, "_run_id", "_experiment_id")
    for holder, models in (("_inputs", "_model_inputs"), ("_outputs", "_model_outputs")):
        held = getattr(run, holder, None)
        if held is not None and getattr(held, models, None):
            changed = copy(held)
            setattr(changed, models, _each(getattr(held, models), prefix, "_model_id"))
            setattr(found, holder, changed)
    return found


def model_on(model: LoggedModel, prefix: str) -> LoggedModel:
    """The logged model with `prefix` before its id, its experiment's and its runs'."""
    if not prefix:
        return model
    found = _with(model, prefix, "_model_id", "_experiment_id", "_source_run_id")
    found._metrics = _each(model.metrics or (), prefix, "_run_id", "_model_id")
    return found


def _each(entities: Sequence[Any] | Iterable[Any], prefix: str, *names: str) -> list[Any]:
    return [_with(each, prefix, *names) for each in entities]


def _with(entity: T, prefix: str, *names: str) -> T:
    """A copy of the entity with `prefix` before these of its values, where it has them."""
    found = copy(entity)
    for name in names:
        if value := getattr(entity, name, None):
            setattr(found, name, f"{prefix}{value}")
    return found
