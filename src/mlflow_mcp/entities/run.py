"""A run as the agent sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.entities import Run


def user_tags(run: Run) -> dict[str, str]:
    """The tags that people set; MLflow's own (`mlflow.*`) are left out."""
    return {name: value for name, value in run.data.tags.items() if not name.startswith("mlflow.")}
