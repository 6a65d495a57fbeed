"""THE table: every tool, its toolset and its effect. The whole surface on one screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.settings import Toolset
from mlflow_mcp.tools.artifacts import diff_artifacts, download_artifacts, list_artifacts, search_artifacts
from mlflow_mcp.tools.evaluations import get_invocation
from mlflow_mcp.tools.experiments import search_experiments
from mlflow_mcp.tools.metrics import get_metric_history, plot_metrics
from mlflow_mcp.tools.runs import best_runs, compare_runs, export_runs, query_runs
from mlflow_mcp.tools.session import get_server_info

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
    Entry(get_server_info.get_server_info, "tracking", "reads", "Which MLflow server"),
    Entry(get_server_info.resolve_id, "tracking", "reads", "What an id is"),
    Entry(search_experiments.search_experiments, "tracking", "reads", "Find experiments"),
    Entry(search_experiments.describe_experiment, "tracking", "reads", "What an experiment holds"),
    Entry(query_runs.query_runs, "tracking", "reads", "Query runs"),
    Entry(query_runs.search_runs_by_tags, "tracking", "reads", "Find runs by tags"),
    Entry(get_invocation.get_invocation, "tracking", "reads", "Scores of an invocation"),
    Entry(query_runs.get_run, "tracking", "reads", "One run"),
    Entry(best_runs.best_runs, "tracking", "reads", "Best runs"),
    Entry(compare_runs.compare_runs, "tracking", "reads", "Compare runs"),
    Entry(best_runs.aggregate_runs, "tracking", "reads", "Statistics over runs"),
    Entry(get_metric_history.get_metric_history, "tracking", "reads", "Metric curves"),
    Entry(plot_metrics.plot_metrics, "tracking", "reads", "Draw metrics"),
    Entry(export_runs.export_runs, "tracking", "writes files", "Export runs to a file"),
    Entry(list_artifacts.list_artifacts, "artifacts", "reads", "List a run's files"),
    Entry(list_artifacts.get_artifact_content, "artifacts", "reads", "Read a run's file"),
    Entry(search_artifacts.search_artifacts, "artifacts", "reads", "Search in files"),
    Entry(diff_artifacts.diff_artifacts, "artifacts", "reads", "Compare files"),
    Entry(download_artifacts.download_artifacts, "artifacts", "writes files", "Download files"),
)
