"""One run whole."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.parse import is_model
from mlflow_mcp.client.ids.runs import run_id_of
from mlflow_mcp.client.metrics import Activity
from mlflow_mcp.client.models.measured import measured_by
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.run import Dataset, RunView
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import iso, number, size, truncate
from mlflow_mcp.tools.arguments import RunId
from mlflow_mcp.tools.artifacts.owners import other_copies
from mlflow_mcp.tools.evaluations.inspection import model_of
from mlflow_mcp.tools.runs.children import Children, children_of, read_children
from mlflow_mcp.tools.runs.ranked.by_dataset import dataset_table, unnamed_values
from mlflow_mcp.tools.runs.recipe import recipe_of
from mlflow_mcp.tools.runs.run_url import run_url
from mlflow_mcp.tools.runs.tables.launcher_params import evaluation_params

if TYPE_CHECKING:
    from mlflow.entities import Run as Entity


class Run(Answer):
    """One run with what it logged. `metrics` are the latest values, whole; names are exact."""

    run_id: str
    name: str | None
    experiment: str
    experiment_id: str
    status: str
    start_time: str | None
    end_time: str | None = None
    duration_s: float | None = None
    times_are: Annotated[str | None, Field(description="Of an evaluation that was exported afterwards.")] = None
    deleted: bool | None = None
    user: str | None = None
    model: Annotated[str | None, Field(description="What was evaluated, and what names it.")] = None
    model_from: str | None = None
    description: str | None = None
    recipe: Annotated[
        dict[str, str] | None,
        Field(description="What is recorded to repeat it; `missing`: what an exact repeat needs besides."),
    ] = None
    url: str | None = None
    parent: str | None = None
    children: Children | None = None
    last_logged: Annotated[
        dict[str, Any] | None, Field(description="Of a run that MLflow calls RUNNING: its newest point.")
    ] = None
    metrics: dict[str, Any]
    metrics_by_dataset: Annotated[
        Table | None,
        Field(description="The latest value per dataset and model. What has several of them is not in `metrics`."),
    ] = None
    params: dict[str, str]
    more_params: Annotated[
        str | None, Field(description="Of an evaluation's flattened config, what is not shown; its config.yml has it.")
    ] = None
    tags: dict[str, str]
    datasets: list[str] | None = None
    models: Annotated[list[str] | None, Field(description="Ids of the logged models it made or used.")] = None
    artifacts: Annotated[list[str] | None, Field(description="The root folder; folders end with '/'.")] = None


_OF_THE_EXPORT = "those of the export; eval_factory_metrics.json has the evaluation's"


def _times_of_export(launched: LauncherRun) -> str:
    return _OF_THE_EXPORT + (f", param timestamp is {launched.timestamp}" if launched.timestamp else "")


def get_run(client: Client, run_id: RunId) -> Run:
    """Get full details of one run: metrics in full precision, params, tags, times, parent and children, datasets, logged models,
    the root of its artifacts and its URL. Use query_runs or get_invocation to compare several. get_artifact_content reads
    its files."""
    full_id = run_id_of(client, run_id)
    parts: list[Any] = client.run_concurrently(
        lambda: client.runs.get(full_id),
        lambda: client.experiments.names(),
        lambda: read_children(client, full_id),
        lambda: _root_files(client, full_id),
    )
    entity, names, children, files = parts
    run = RunView.of(entity, names)
    launched = LauncherRun.of(entity)
    answer = _run(run, client)
    answer.params, answer.more_params = evaluation_params(launched)
    answer.times_are = _times_of_export(launched) if launched.is_export else None
    if run.status == "RUNNING":
        client.parts("When it last logged", lambda: _tell_last_logged(answer, client, entity))
    if is_model(run_id):
        answer.note(f"This is the source run of {run_id}; get_model shows the model.")
    measured = measured_by(client, full_id, [*run.models_made, *run.models_used])
    answer.metrics_by_dataset = dataset_table(measured)
    times = Counter(each.metric for each in measured)
    answer.metrics = {name: value for name, value in answer.metrics.items() if times[name] < 2}
    answer.note(*map(str, unnamed_values(client, {"This run": run}, sorted(run.metrics), measured)))
    answer.children = children_of(client, run, children, names)
    if copies := other_copies(client, [launched]):
        answer.note(
            f"There are other copies of this job: {', '.join(copies.values())}. The latest finished export "
            "counts; get_invocation shows what differs."
        )
    names_of_files = None if isinstance(files, str) else [each.partition(" (")[0] for each in files]
    if launched.invocation_id and not launched.model:  # else tags or params show it
        answer.model, answer.model_from = model_of(client, launched)
    answer.recipe = recipe_of(client, run, launched, names_of_files)
    if isinstance(files, str):
        answer.note(files)
    else:
        answer.artifacts = files
    return answer


def _run(run: RunView, client: Client) -> Run:
    return Run(
        run_id=run.run_id,
        name=run.name,
        experiment=run.experiment,
        experiment_id=run.experiment_id,
        status=run.status,
        start_time=iso(run.start_time),
        end_time=iso(run.end_time),
        duration_s=run.duration,
        deleted=run.deleted or None,
        user=run.user,
        description=run.mlflow_tags.get("mlflow.note.content"),
        url=run_url(client, run.experiment_id, run.run_id),
        parent=run.parent_id,
        metrics={name: number(value, None) for name, value in sorted(run.metrics.items())},
        params=dict(sorted(run.params.items())),
        tags=dict(run.tags),
        datasets=[_dataset(client, each) for each in run.datasets] or None,
        models=[f"{each} (made)" for each in run.models_made] + [f"{each} (used)" for each in run.models_used] or None,
    )


def _tell_last_logged(answer: Run, client: Client, run: Entity) -> None:
    answer.last_logged = _last_logged(client.metrics.activity(run))


def _last_logged(activity: Activity | None) -> dict[str, Any] | None:
    """The newest point with its age: MLflow's word RUNNING stays when a process dies."""
    if activity is None:
        return None
    facts: dict[str, Any] = {
        "metric": activity.metric,
        "step": activity.step,
        "time": iso(activity.timestamp),
        "seconds_ago": round(time.time() - activity.timestamp / 1000),
    }
    return facts | ({} if activity.usual_gap is None else {"usual_gap_s": number(activity.usual_gap)})


def _root_files(client: Client, run_id: str) -> list[str] | str:
    """The names in the run's artifact root with their sizes, or a sentence when they cannot be listed: the rest of the run
    is worth showing all the same."""
    try:
        entries = client.part(client.artifacts(run_id).entries)
    except Problem as problem:
        return f"Its artifacts could not be listed: {problem}"
    return [f"{each.path}/" if each.is_dir else f"{each.path} ({size(each.size)})" for each in entries]


def _dataset(client: Client, dataset: Dataset) -> str:
    parts = [
        dataset.name,
        f"digest {dataset.digest}",
        dataset.context and f"for {dataset.context}",
        _place_of(client, dataset.source),
    ]
    return ", ".join(part for part in parts if part)


def _place_of(client: Client, source: str | None) -> str:
    """Where a dataset is, out of its source: the first value of an object of JSON, else the text."""
    try:
        content = json.loads(source or "")
    except ValueError:
        place = source or ""
    else:
        place = str(next(iter(content.values()))) if isinstance(content, dict) and content else ""
    return truncate(client.masked(place), 200)
