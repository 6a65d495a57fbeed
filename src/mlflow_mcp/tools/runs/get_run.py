"""One run whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import equals
from mlflow_mcp.client.ids import run_id_of
from mlflow_mcp.entities.metrics import headline
from mlflow_mcp.entities.run import user_tags
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import clip, iso, number, safe_uri, seconds, size
from mlflow_mcp.tools.arguments import RunId

if TYPE_CHECKING:
    from mlflow.entities import Run as Entity


class Run(Answer):
    """One run, with everything it logged. `metrics` are the latest values, whole; names are exact."""

    run_id: str
    name: str | None
    experiment: str
    experiment_id: str
    status: str
    start_time: str | None
    end_time: str | None = None
    duration_s: float | None = None
    deleted: bool | None = None
    user: str | None = None
    description: str | None = None
    source: str | None = None
    git_commit: str | None = None
    url: str | None = None
    parent: str | None = None
    children: Table | None = None
    metrics: dict[str, Any]
    params: dict[str, str]
    tags: dict[str, str]
    datasets: list[str] | None = None
    models: Annotated[list[str] | None, Field(description="Ids of the logged models it made or used.")] = None
    artifacts: Annotated[list[str] | None, Field(description="The root folder; folders end with '/'.")] = None


MOST_CHILDREN = 50


def get_run(client: Client, run_id: RunId) -> Run:
    """Show one run whole: metrics in full precision, params, tags, times, parent and children, datasets, logged models,
    the root of its artifacts and its URL. Use query_runs or get_invocation to compare several. get_artifact_content reads
    its files."""
    full_id = run_id_of(client, run_id)
    parts: list[Any] = client.run_concurrently(
        lambda: client.runs.get(full_id),
        lambda: client.experiments.names(),
        lambda: _children(client, full_id),
        lambda: _root_files(client, full_id),
    )
    entity, names, children, files = parts
    answer = _run(entity, names, client)
    answer.children = _children_table(children)
    if len(children) > MOST_CHILDREN:
        answer.note(
            f"Only {MOST_CHILDREN} children are shown; query_runs(query=\"tags.`mlflow.parentRunId` = '{full_id}'\") has all."
        )
    if isinstance(files, str):
        answer.note(files)
    else:
        answer.artifacts = files
    return answer


def _run(entity: Entity, names: dict[str, str], client: Client) -> Run:
    info, data = entity.info, entity.data
    return Run(
        run_id=info.run_id,
        name=info.run_name,
        experiment=names.get(info.experiment_id, info.experiment_id),
        experiment_id=info.experiment_id,
        status=info.status,
        start_time=iso(info.start_time),
        end_time=iso(info.end_time),
        duration_s=seconds(info.start_time, info.end_time),
        deleted=True if info.lifecycle_stage == "deleted" else None,
        user=data.tags.get("mlflow.user") or info.user_id or None,
        description=data.tags.get("mlflow.note.content"),
        source=data.tags.get("mlflow.source.name"),
        git_commit=data.tags.get("mlflow.source.git.commit"),
        url=run_url(client, info.experiment_id, info.run_id),
        parent=data.tags.get("mlflow.parentRunId"),
        metrics={name: number(value, None) for name, value in sorted(data.metrics.items())},
        params=dict(sorted(data.params.items())),
        tags=user_tags(entity),
        datasets=_datasets(entity),
        models=_models(entity),
    )


def run_url(client: Client, experiment_id: str, run_id: str) -> str | None:
    """The run's page in MLflow's UI; None for a store without a server."""
    if not client.is_http:
        return None
    return f"{safe_uri(client.uri).rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"


def _children(client: Client, run_id: str) -> list[Entity]:
    query = equals("tags", "mlflow.parentRunId", run_id)
    return client.experiments.search_all(lambda ids: client.runs.find(ids, query, at_most=MOST_CHILDREN + 1))


def _children_table(children: Sequence[Entity]) -> Table | None:
    if not children:
        return None
    rows = [
        [run.info.run_id, run.info.run_name, run.info.status, headline(run.data.metrics)]
        for run in children[:MOST_CHILDREN]
    ]
    return Table.of(["run_id", "name", "status", "metrics"], rows, keep=("run_id",))


def _root_files(client: Client, run_id: str) -> list[str] | str:
    """The names in the run's artifact root with their sizes, or a sentence when they cannot be listed: the rest of the run
    is worth showing all the same."""
    try:
        entries = client.artifacts(run_id).entries()
    except Problem as problem:
        return f"Its artifacts could not be listed: {problem}"
    return [f"{each.path}/" if each.is_dir else f"{each.path} ({size(each.size)})" for each in entries]


def _datasets(entity: Entity) -> list[str] | None:
    inputs = getattr(entity.inputs, "dataset_inputs", None) or ()
    told = []
    for each in inputs:
        context = next((tag.value for tag in each.tags or () if tag.key == "mlflow.data.context"), None)
        place = _source_of(each.dataset.source)
        parts = [each.dataset.name, f"digest {each.dataset.digest}", context and f"for {context}", place]
        told.append(", ".join(part for part in parts if part))
    return told or None


def _source_of(source: str | None) -> str:
    try:
        told = json.loads(source or "")
        return clip(str(next(iter(told.values()))), 200) if isinstance(told, dict) and told else ""
    except ValueError:
        return clip(source or "", 200)


def _models(entity: Entity) -> list[str] | None:
    made = getattr(entity.outputs, "model_outputs", None) or ()
    used = getattr(entity.inputs, "model_inputs", None) or ()
    return [f"{each.model_id} (made)" for each in made] + [f"{each.model_id} (used)" for each in used] or None
