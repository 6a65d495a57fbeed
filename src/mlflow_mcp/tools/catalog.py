"""THE table: every tool, its toolset and its effect. The whole surface on one screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.settings import Settings, Toolset
from mlflow_mcp.tools.artifacts import diff_artifacts, download_artifacts
from mlflow_mcp.tools.artifacts.get_artifact_content import get_artifact_content
from mlflow_mcp.tools.artifacts.list_artifacts import list_artifacts
from mlflow_mcp.tools.artifacts.search_artifacts import search_artifacts
from mlflow_mcp.tools.evaluations import get_invocation
from mlflow_mcp.tools.experiments.describe_experiment import describe_experiment
from mlflow_mcp.tools.experiments.search_experiments import search_experiments
from mlflow_mcp.tools.metrics import plot_metrics
from mlflow_mcp.tools.metrics.get_metric_history import get_metric_history
from mlflow_mcp.tools.models.get_model import get_model
from mlflow_mcp.tools.models.search_models import search_models
from mlflow_mcp.tools.runs import compare_runs, export_runs
from mlflow_mcp.tools.runs.aggregate_runs import aggregate_runs
from mlflow_mcp.tools.runs.best_runs import best_runs
from mlflow_mcp.tools.runs.get_run import get_run
from mlflow_mcp.tools.runs.query_runs import query_runs
from mlflow_mcp.tools.runs.search_runs_by_tags import search_runs_by_tags
from mlflow_mcp.tools.session.get_server_info import get_server_info
from mlflow_mcp.tools.session.resolve_id import resolve_id
from mlflow_mcp.tools.traces.get_trace import get_trace
from mlflow_mcp.tools.traces.search_traces import search_traces
from mlflow_mcp.tools.traces.summarize_traces import summarize_traces


@dataclass(frozen=True)
class Effect:
    """What a call changes. Hints, instructions, doctor, `access` and the docs follow from it."""

    name: str
    is_read_only: bool
    # Whether something that existed may be gone afterwards, and whether a second call changes nothing more.
    is_destructive: bool
    is_idempotent: bool
    changes_mlflow: bool


READS = Effect("reads", is_read_only=True, is_destructive=False, is_idempotent=True, changes_mlflow=False)
# A file is replaced only where the call says so; then its old content is gone.
WRITES_FILES = Effect(
    "writes files", is_read_only=False, is_destructive=True, is_idempotent=False, changes_mlflow=False
)
WRITES = Effect("writes", is_read_only=False, is_destructive=False, is_idempotent=False, changes_mlflow=True)
DELETES = Effect("deletes", is_read_only=False, is_destructive=True, is_idempotent=True, changes_mlflow=True)
EFFECTS = (READS, WRITES_FILES, WRITES, DELETES)


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
    Entry(get_server_info, "tracking", READS, "Which MLflow server"),
    Entry(resolve_id, "tracking", READS, "What an id is"),
    Entry(search_experiments, "tracking", READS, "Find experiments"),
    Entry(describe_experiment, "tracking", READS, "What an experiment holds"),
    Entry(query_runs, "tracking", READS, "Query runs"),
    Entry(search_runs_by_tags, "tracking", READS, "Find runs by tags"),
    Entry(get_invocation.get_invocation, "tracking", READS, "Scores of an invocation"),
    Entry(get_run, "tracking", READS, "One run"),
    Entry(best_runs, "tracking", READS, "Best runs"),
    Entry(compare_runs.compare_runs, "tracking", READS, "Compare runs"),
    Entry(aggregate_runs, "tracking", READS, "Statistics over runs"),
    Entry(get_metric_history, "tracking", READS, "Metric curves"),
    Entry(export_runs.export_runs, "tracking", WRITES_FILES, "Export runs to a file"),
    Entry(list_artifacts, "artifacts", READS, "List a run's files"),
    Entry(get_artifact_content, "artifacts", READS, "Read a run's file"),
    Entry(search_artifacts, "artifacts", READS, "Search in files"),
    Entry(diff_artifacts.diff_artifacts, "artifacts", READS, "Compare files"),
    Entry(download_artifacts.download_artifacts, "artifacts", WRITES_FILES, "Download files"),
    Entry(search_models, "models", READS, "Find models"),
    Entry(get_model, "models", READS, "One model"),
    Entry(search_traces, "traces", READS, "Find traces"),
    Entry(get_trace, "traces", READS, "One trace"),
    Entry(summarize_traces, "traces", READS, "Figures of traces"),
    Entry(plot_metrics.plot_metrics, "plots", WRITES_FILES, "Draw metrics"),
)


def offered(settings: Settings) -> tuple[Entry, ...]:
    """The tools of a session, in the catalog's order."""
    return tuple(entry for entry in CATALOG if entry.toolset in settings.toolsets)


def access_of(entries: Sequence[Entry]) -> str:
    """What a session with these tools may change, in a few words: `reads MLflow; writes files: export_runs`."""
    changing = {
        effect: [entry.name for entry in entries if entry.effect is effect] for effect in EFFECTS if effect is not READS
    }
    parts = [f"{effect.name}: {', '.join(names)}" for effect, names in changing.items() if names]
    return "; ".join(["reads MLflow", *parts])
