"""Sides of a comparison, without a store."""

from __future__ import annotations

from collections.abc import Mapping

from mlflow_mcp.entities.run import RunView


def run(metrics: Mapping[str, float]) -> RunView:
    """A finished run with these metrics and nothing else."""
    nothing = dict.fromkeys(
        ("name", "start_time", "end_time", "user", "models_made", "models_used"),
    )
    return RunView(
        **nothing,
        run_id="r",
        experiment_id="0",
        experiment="e",
        status="FINISHED",
        ended=0,
        deleted=False,
        metrics=metrics,
        params={},
        tags={},
        mlflow_tags={},
        datasets=(),
    )
