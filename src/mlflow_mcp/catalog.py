"""THE table: every tool, its toolset and its effect. The whole surface on one screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mlflow_mcp.output import Answer
from mlflow_mcp.settings import Toolset
from mlflow_mcp.tools import (
    artifact_diff,
    artifact_search,
    artifacts,
    comparisons,
    downloads,
    experiments,
    exports,
    invocations,
    metrics,
    plots,
    rankings,
    runs,
    server,
)

# What a call changes: nothing, or files in the one folder that may be written to (MLflow itself is never changed).
Effect = Literal["reads", "writes files"]


@dataclass(frozen=True)
class Entry:
    function: Callable[..., Answer]
    toolset: Toolset
    effect: Effect
    title: str

    @property
    def name(self) -> str:
        return self.function.__name__


CATALOG: tuple[Entry, ...] = (
    Entry(server.get_server_info, "tracking", "reads", "Which MLflow server"),
    Entry(server.resolve_id, "tracking", "reads", "What an id is"),
    Entry(experiments.search_experiments, "tracking", "reads", "Find experiments"),
    Entry(experiments.describe_experiment, "tracking", "reads", "What an experiment holds"),
    Entry(runs.query_runs, "tracking", "reads", "Query runs"),
    Entry(runs.search_runs_by_tags, "tracking", "reads", "Find runs by tags"),
    Entry(invocations.get_invocation, "tracking", "reads", "Scores of an invocation"),
    Entry(runs.get_run, "tracking", "reads", "One run"),
    Entry(rankings.best_runs, "tracking", "reads", "Best runs"),
    Entry(comparisons.compare_runs, "tracking", "reads", "Compare runs"),
    Entry(rankings.aggregate_runs, "tracking", "reads", "Statistics over runs"),
    Entry(metrics.get_metric_history, "tracking", "reads", "Metric curves"),
    Entry(plots.plot_metrics, "tracking", "reads", "Draw metrics"),
    Entry(exports.export_runs, "tracking", "writes files", "Export runs to a file"),
    Entry(artifacts.list_artifacts, "artifacts", "reads", "List a run's files"),
    Entry(artifacts.get_artifact_content, "artifacts", "reads", "Read a run's file"),
    Entry(artifact_search.search_artifacts, "artifacts", "reads", "Search in files"),
    Entry(artifact_diff.diff_artifacts, "artifacts", "reads", "Compare files"),
    Entry(downloads.download_artifacts, "artifacts", "writes files", "Download files"),
)
