"""What came before a logged model and what came of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mlflow_mcp.client.filters import quoted_value
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.model import ModelView, model_of_version
from mlflow_mcp.errors import NotFound, UnsupportedByServer

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

    from mlflow_mcp.client import Client

_TRACES_COUNTED = 100
_RUNS_READ = 20
# Where the launcher's runs say which checkpoint was evaluated.
_CHECKPOINT_PARAM = "config.deployment.checkpoint_path"


class TraceCount(NamedTuple):
    """How many traces a model has; `more` when there are more than were counted."""

    counted: int
    more: bool


@dataclass(frozen=True)
class Descendants:
    """What came of a logged model."""

    versions: list[ModelVersion]
    traces: TraceCount | None  # None where the server has no traces of models
    evaluations: list[LauncherRun]  # launcher runs whose config names the model's id in the checkpoint's path


def run_of(client: Client, run_id: str | None) -> Run | None:
    """The run; None when there is none of that id any more."""
    with suppress(NotFound):
        return client.runs.get(run_id) if run_id else None
    return None


def descendants(client: Client, model: ModelView) -> Descendants:
    """What came of the model: three kinds of searches at the same time."""
    sources = [f"models:/{model.model_id}", model.artifact_location or ""]
    parts: list[Any] = client.run_concurrently(
        lambda: client.models.registry.made_of([source for source in sources if source]),
        partial(_traces, client, model),
        partial(_evaluations, client, model.model_id),
    )
    versions, traces, evaluations = parts
    made = {(each.name, int(each.version)): each for each in versions if model_of_version(each) == model.model_id}
    return Descendants([made[key] for key in sorted(made)], traces, evaluations)


def _traces(client: Client, model: ModelView) -> TraceCount | None:
    mlflow = client.connection.mlflow
    with suppress(UnsupportedByServer):
        page = client.ask_feature(
            lambda: mlflow.search_traces(
                locations=[model.experiment_id],
                filter_string=f"metadata.`mlflow.modelId` = '{model.model_id}'",
                max_results=_TRACES_COUNTED,
                include_spans=False,
            ),
            "traces of models",
            since="3.0",
        )
        return TraceCount(len(page), bool(page.token))
    return None


def _evaluations(client: Client, model_id: str) -> list[LauncherRun]:
    query = f"params.`{_CHECKPOINT_PARAM}` LIKE {quoted_value(f'%{model_id}%')}"
    found = client.experiments.search_all(lambda ids: client.runs.find(ids, query, at_most=_RUNS_READ))
    return [LauncherRun.of(run) for run in found]
