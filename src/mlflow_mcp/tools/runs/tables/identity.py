"""The columns that say which run a row of a table is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mlflow_mcp.entities.launcher import LauncherRun

if TYPE_CHECKING:
    from mlflow.entities import Run

# What the name `eval-<invocation_id>-<task>` of a launcher's run says too.
_REPEATED_BY_NAME = ("invocation_id", "job_id", "task_name", "benchmark")


@dataclass(frozen=True)
class Identity:
    """The columns that say which run a row is, beside its id."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    repeated: tuple[str, ...] = ()  # params and tags that say the same
    shown: dict[tuple[Any, ...], str] = field(default_factory=dict)  # the column that holds these values
    are_exports: bool = False  # whether a launcher exported them all

    @property
    def is_launchers(self) -> bool:
        return "task" in self.columns

    @classmethod
    def of(cls, runs: Sequence[Run], *, with_models: bool) -> Identity:
        """The name; for a launcher's runs, whose names only repeat these two, the invocation id and the task; and the model
        where it is known without reading files."""
        launched = [LauncherRun.of(run) for run in runs]
        identity = cls._without_model(launched)
        if not runs or not all(run.is_export for run in launched):
            return identity
        identity = replace(identity, are_exports=True)
        if not with_models or not any(run.model for run in launched):
            return identity
        repeated = ("model",) if all(_only_model(run) for run in launched) else ()
        return replace(
            identity,
            columns=(*identity.columns, "model"),
            rows=[(*row, run.model) for row, run in zip(identity.rows, launched)],
            repeated=(*identity.repeated, *repeated),
        )

    @classmethod
    def _without_model(cls, runs: Sequence[LauncherRun]) -> Identity:
        exported = [run for run in runs if run.invocation_id]
        if not exported or not all(run.is_named_by_launcher for run in exported):
            return cls(("name",), [(run.name,) for run in runs])
        if len(exported) < len(runs):
            return cls(("name",), [(run.name,) for run in runs], _REPEATED_BY_NAME)
        return cls(
            ("invocation_id", "task"),
            [(run.invocation_id, run.task) for run in runs],
            _REPEATED_BY_NAME,
            shown={tuple(run.task for run in runs): "task"},
        )


def _only_model(run: LauncherRun) -> bool:
    """Whether its tag and its param `model` say nothing else than its model."""
    data = run.entity.data
    return {data.tags.get("model"), data.params.get("model")} <= {None, run.model}
