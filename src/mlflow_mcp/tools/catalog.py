"""THE table: every tool, its toolset and its effect. The whole surface on one screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.settings import Toolset
from mlflow_mcp.tools.artifacts import diff_artifacts, download_artifacts
from mlflow_mcp.tools.artifacts.get_artifact_content import get_artifact_content
from mlflow_mcp.tools.artifacts.list_artifacts import list_artifacts
from mlflow_mcp.tools.artifacts.search_artifacts import search_artifacts
from mlflow_mcp.tools.evaluations import get_invocation
from mlflow_mcp.tools.experiments.describe_experiment import describe_experiment
from mlflow_mcp.tools.experiments.search_experiments import search_experiments
from mlflow_mcp.tools.metrics import plot_metrics
from mlflow_mcp.tools.metrics.get_metric_history import get_metric_history
from mlflow_mcp.tools.runs import compare_runs, export_runs
from mlflow_mcp.tools.runs.aggregate_runs import aggregate_runs
from mlflow_mcp.tools.runs.best_runs import best_runs
from mlflow_mcp.tools.runs.get_run import get_run
from mlflow_mcp.tools.runs.query_runs import query_runs
from mlflow_mcp.tools.runs.search_runs_by_tags import search_runs_by_tags
from mlflow_mcp.tools.session.get_server_info import get_server_info
from mlflow_mcp.tools.session.resolve_id import resolve_id

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
    Entry(get_server_info, "tracking", "reads", "Which MLflow server"),
    Entry(resolve_id, "tracking", "reads", "What an id is"),
    Entry(search_experiments, "tracking", "reads", "Find experiments"),
    Entry(describe_experiment, "tracking", "reads", "What an experiment holds"),
    Entry(query_runs, "tracking", "reads", "Query runs"),
    Entry(search_runs_by_tags, "tracking", "reads", "Find runs by tags"),
    Entry(get_invocation.get_invocation, "tracking", "reads", "Scores of an invocation"),
    Entry(get_run, "tracking", "reads", "One run"),
    Entry(best_runs, "tracking", "reads", "Best runs"),
    Entry(compare_runs.compare_runs, "tracking", "reads", "Compare runs"),
    Entry(aggregate_runs, "tracking", "reads", "Statistics over runs"),
    Entry(get_metric_history, "tracking", "reads", "Metric curves"),
    Entry(plot_metrics.plot_metrics, "tracking", "reads", "Draw metrics"),
    Entry(export_runs.export_runs, "tracking", "writes files", "Export runs to a file"),
    Entry(list_artifacts, "artifacts", "reads", "List a run's files"),
    Entry(get_artifact_content, "artifacts", "reads", "Read a run's file"),
    Entry(search_artifacts, "artifacts", "reads", "Search in files"),
    Entry(diff_artifacts.diff_artifacts, "artifacts", "reads", "Compare files"),
    Entry(download_artifacts.download_artifacts, "artifacts", "writes files", "Download files"),
)
