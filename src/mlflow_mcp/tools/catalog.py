"""THE table: every tool, its toolset and its effect. The whole surface on one screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.settings import Settings, SettingsError, Toolset, WriteToolset
from mlflow_mcp.text import nearest
from mlflow_mcp.tools.artifacts import diff_artifacts, download_artifacts
from mlflow_mcp.tools.artifacts.get_artifact_content import get_artifact_content
from mlflow_mcp.tools.artifacts.list_artifacts import list_artifacts
from mlflow_mcp.tools.artifacts.read_file import read_file
from mlflow_mcp.tools.artifacts.search_artifacts import search_artifacts
from mlflow_mcp.tools.evaluations import get_invocation
from mlflow_mcp.tools.experiments.describe_experiment import describe_experiment
from mlflow_mcp.tools.experiments.search_experiments import search_experiments
from mlflow_mcp.tools.genai.get_dataset import get_dataset
from mlflow_mcp.tools.genai.get_prompt import get_prompt
from mlflow_mcp.tools.genai.search_genai import search_genai
from mlflow_mcp.tools.live.check_run import check_run
from mlflow_mcp.tools.metrics import plot_metrics
from mlflow_mcp.tools.metrics.get_metric_history import get_metric_history
from mlflow_mcp.tools.models.get_model import get_model
from mlflow_mcp.tools.models.search_models import search_models
from mlflow_mcp.tools.runs import compare_runs, compare_samples, export_runs
from mlflow_mcp.tools.runs.aggregate_runs import aggregate_runs
from mlflow_mcp.tools.runs.best_runs import best_runs
from mlflow_mcp.tools.runs.find_similar_runs import find_similar_runs
from mlflow_mcp.tools.runs.get_run import get_run
from mlflow_mcp.tools.runs.query_runs import query_runs
from mlflow_mcp.tools.runs.search_runs_by_tags import search_runs_by_tags
from mlflow_mcp.tools.session.get_server_info import get_server_info
from mlflow_mcp.tools.session.resolve_id import resolve_id
from mlflow_mcp.tools.traces.get_trace import get_trace
from mlflow_mcp.tools.traces.search_traces import search_traces
from mlflow_mcp.tools.traces.summarize_traces import summarize_traces
from mlflow_mcp.tools.writes.annotate import annotate
from mlflow_mcp.tools.writes.delete import delete
from mlflow_mcp.tools.writes.log_assessment import log_assessment
from mlflow_mcp.tools.writes.log_run import log_run
from mlflow_mcp.tools.writes.register_model import register_model
from mlflow_mcp.tools.writes.restore import restore
from mlflow_mcp.tools.writes.set_model_alias import set_model_alias


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
# What only adds; what may put a new value in place of another.
ADDS = Effect("adds to MLflow", is_read_only=False, is_destructive=False, is_idempotent=True, changes_mlflow=True)
CHANGES = Effect("changes MLflow", is_read_only=False, is_destructive=True, is_idempotent=True, changes_mlflow=True)
DELETES = Effect(
    "deletes from MLflow", is_read_only=False, is_destructive=True, is_idempotent=True, changes_mlflow=True
)
EFFECTS = (READS, WRITES_FILES, ADDS, CHANGES, DELETES)


@dataclass(frozen=True)
class Entry:
    function: Callable[..., Answer]
    toolset: Toolset | WriteToolset
    effect: Effect
    title: str
    # The tool for the same question that takes more arguments: the error for one that this tool does not take names it.
    wider: Callable[..., Answer] | None = None
    # Arguments that are about files of this machine: over HTTP the tool is offered without them.
    of_files: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.function.__name__


CATALOG: tuple[Entry, ...] = (
    Entry(get_server_info, "tracking", READS, "Which MLflow server"),
    Entry(resolve_id, "tracking", READS, "What an id is"),
    Entry(search_experiments, "tracking", READS, "Find experiments"),
    Entry(describe_experiment, "tracking", READS, "What an experiment holds"),
    Entry(query_runs, "tracking", READS, "Query runs"),
    Entry(search_runs_by_tags, "tracking", READS, "Find runs by tags", wider=query_runs),
    Entry(get_invocation.get_invocation, "tracking", READS, "Scores of an invocation"),
    Entry(get_run, "tracking", READS, "One run"),
    Entry(best_runs, "tracking", READS, "Best runs"),
    Entry(compare_runs.compare_runs, "tracking", READS, "Compare runs"),
    Entry(find_similar_runs, "tracking", READS, "Runs like this one"),
    Entry(compare_samples.compare_samples, "tracking", READS, "Compare samples"),
    Entry(aggregate_runs, "tracking", READS, "Statistics over runs"),
    Entry(get_metric_history, "tracking", READS, "Metric curves"),
    Entry(export_runs.export_runs, "tracking", WRITES_FILES, "Export runs to a file"),
    Entry(list_artifacts, "artifacts", READS, "List a run's files"),
    Entry(get_artifact_content, "artifacts", READS, "Read a run's file"),
    Entry(search_artifacts, "artifacts", READS, "Search in files"),
    Entry(diff_artifacts.diff_artifacts, "artifacts", READS, "Compare files"),
    Entry(download_artifacts.download_artifacts, "artifacts", WRITES_FILES, "Download files"),
    Entry(check_run, "live", READS, "How runs are doing"),
    Entry(search_models, "models", READS, "Find models"),
    Entry(get_model, "models", READS, "One model"),
    Entry(search_traces, "traces", READS, "Find traces"),
    Entry(get_trace, "traces", READS, "One trace"),
    Entry(summarize_traces, "traces", READS, "Figures of traces"),
    Entry(search_genai, "genai", READS, "Find prompts, datasets, scorers"),
    Entry(get_prompt, "genai", READS, "One prompt"),
    Entry(get_dataset, "genai", READS, "One evaluation dataset"),
    Entry(plot_metrics.plot_metrics, "plots", WRITES_FILES, "Draw metrics", of_files=("path", "overwrite")),
    Entry(annotate, "annotate", CHANGES, "Write notes and tags"),
    Entry(log_assessment, "annotate", CHANGES, "Judge a trace"),
    Entry(log_run, "log", ADDS, "Record a run", of_files=("files",)),
    Entry(register_model, "registry", CHANGES, "Register a model"),
    Entry(set_model_alias, "registry", CHANGES, "Move a model's alias"),
    Entry(delete, "delete", DELETES, "Delete"),
    Entry(restore, "delete", ADDS, "Restore what was deleted"),
)


@dataclass(frozen=True)
class Resource:
    """What a person attaches to a conversation by its URI: the answer of a function that a tool calls too.

    `uri` is an RFC 6570 template; `arguments` are the function's, written with the template's variables."""

    uri: str
    function: Callable[..., Answer]
    arguments: Mapping[str, str]
    toolset: Toolset
    title: str
    description: str
    mime_type: str | None = "application/json"

    @property
    def name(self) -> str:
        return self.uri.removeprefix("mlflow://")


RESOURCES: tuple[Resource, ...] = (
    Resource("mlflow://server", get_server_info, {}, "tracking", "MLflow server", "Which MLflow server is read, and with which settings."),
    Resource(
        "mlflow://experiments/{experiment_id}", describe_experiment, {"experiment_id": "{experiment_id}"}, "tracking",
        "An experiment", "What an experiment holds: by its id or name.",
    ),
    Resource(
        "mlflow://runs/{run_id}", get_run, {"run_id": "{run_id}"}, "tracking",
        "A run", "A run's params, metrics, tags and files: by its id, a prefix of it, or its name.",
    ),
    Resource(
        "mlflow://runs/{run_id}/artifacts/{+path}", read_file, {"run_id": "{run_id}", "artifact_path": "{path}"}, "artifacts",
        "A run's file", "A text file or picture of a run, whole; the path may be the end of one.", None,
    ),
    Resource(
        "mlflow://invocations/{invocation_id}", get_invocation.get_invocation, {"invocation_id": "{invocation_id}"}, "tracking",
        "An evaluation invocation", "Every task's scores, by the invocation's id or a prefix.",
    ),
    Resource(
        "mlflow://models/{name}", get_model, {"model": "{name}"}, "models",
        "A model", "A registered model with its versions and aliases, or a logged model ('m-…').",
    ),
    Resource(
        "mlflow://models/{name}/{version}", get_model, {"model": "models:/{name}/{version}"}, "models",
        "A model version", "A version of a registered model, by its number.",
    ),
    Resource(
        "mlflow://traces/{trace_id}", get_trace, {"trace_id": "{trace_id}"}, "traces",
        "A trace", "The outline of a trace, or a session's turns.",
    ),
)  # fmt: skip


def offered_resources(settings: Settings) -> tuple[Resource, ...]:
    return tuple(resource for resource in RESOURCES if resource.toolset in settings.toolsets)


def offered(settings: Settings) -> tuple[Entry, ...]:
    """The tools of a session, in the catalog's order. Raises SettingsError for one that does not exist, or when none is left."""
    names = [entry.name for entry in CATALOG]
    not_allowed = {entry.name: entry.toolset for entry in CATALOG if not _may_be_offered(entry, settings)}
    for name in settings.tools:
        if name in not_allowed:
            raise SettingsError(
                f"MLFLOW_MCP_TOOLS names '{name}', which changes MLflow. Allow it with MLFLOW_MCP_ALLOW_WRITE={not_allowed[name]}."
            )
        if name not in names:
            close = nearest(name, names, 1)
            hint = f" Nearest: {close[0]}." if close else ""
            raise SettingsError(
                f"MLFLOW_MCP_TOOLS names '{name}', which is no tool.{hint} There are: {', '.join(names)}."
            )
    chosen = (*settings.toolsets, *settings.allow_write)
    entries = [entry for entry in CATALOG if entry.toolset in chosen or entry.name in settings.tools]
    # Effects of files on this machine count, too: who says "read only" means both.
    if settings.over_http:  # whoever calls cannot see the files of the machine where the server runs
        entries = [_without_files(entry) for entry in entries if entry.effect is not WRITES_FILES or entry.of_files]
    kept = tuple(entry for entry in entries if entry.effect is READS or not settings.read_only)
    if not kept:
        named = ", ".join([*chosen, *settings.tools])
        raise SettingsError(
            f"No tool is left of '{named}'{' with MLFLOW_MCP_READ_ONLY' if settings.read_only else ''}."
        )
    return kept


def _without_files(entry: Entry) -> Entry:
    effect = READS if entry.effect is WRITES_FILES else entry.effect
    return replace(entry, effect=effect, without=entry.of_files) if entry.of_files else entry


def _may_be_offered(entry: Entry, settings: Settings) -> bool:
    return not entry.effect.changes_mlflow or entry.toolset in settings.allow_write


def access_of(entries: Sequence[Entry]) -> str:
    """What a session with these tools may change, in a few words: `reads MLflow; writes files: export_runs`."""
    changing = {
        effect: [entry.name for entry in entries if entry.effect is effect] for effect in EFFECTS if effect is not READS
    }
    parts = [f"{effect.name}: {', '.join(names)}" for effect, names in changing.items() if names]
    return "; ".join(["reads MLflow", *parts])
