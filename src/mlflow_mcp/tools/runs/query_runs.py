"""Runs: finding them, and one run whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from mlflow_mcp.answers.base import Answer, Table, clip, iso, number, plural, seconds, size
from mlflow_mcp.client import runs
from mlflow_mcp.client.artifacts.source import ArtifactSource
from mlflow_mcp.client.filters import equals, fields_of, quoted_order, quoted_query
from mlflow_mcp.client.ids import experiment_ids, run_id_of
from mlflow_mcp.client.transport.connection import Tracking
from mlflow_mcp.errors import hint, listed, safe_uri
from mlflow_mcp.tools.arguments import (
    Cursor,
    ExperimentId,
    Limit,
    Metrics,
    OrderBy,
    Params,
    Query,
    RunId,
    TagColumns,
    Tags,
)
from mlflow_mcp.tools.runs.table import RunTable, headline, run_table, user_tags

if TYPE_CHECKING:
    from mlflow.entities import Run as Entity

Deleted = Annotated[bool, Field(description="Search the deleted runs instead.")]


def query_runs(
    tracking: Tracking,
    experiment_id: ExperimentId = None,
    query: Query = "",
    order_by: OrderBy = None,
    metrics: Metrics = None,
    params: Params = None,
    tags: TagColumns = None,
    deleted: Deleted = False,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> RunTable:
    """Search runs in one, several or all experiments with an MLflow filter and an order; returns a table with the metrics
    that most runs have and the params and tags that differ. For exact tag values search_runs_by_tags is simpler; for an
    invocation id call get_invocation. get_run shows one run whole."""
    ids = experiment_ids(tracking, experiment_id)
    wanted, order = quoted_query(query), quoted_order(order_by)
    page = runs.search(tracking, ids, wanted, order, limit, cursor, deleted)
    # Who names the metrics wants them and no more, unless the runs are asked for in the order of their times.
    times = metrics is None or any("_time" in clause for clause in order)
    answer = run_table(page.runs, tracking.experiment_names(), metrics=metrics, params=params, tags=tags, times=times)
    answer.continue_with(page.cursor_after, len(page.runs), page.more)
    if not page.runs:
        _explain_nothing(tracking, answer, ids, wanted, deleted)
    return answer


def search_runs_by_tags(
    tracking: Tracking,
    experiment_id: ExperimentId = None,
    tags: Tags = Field(),  # noqa: B008  # required, though it stands behind an optional argument
    order_by: OrderBy = None,
    metrics: Metrics = None,
    params: Params = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> RunTable:
    """Find runs by exact tag values, such as {"invocation_id": "71f3f3199ea5e1f0"} or {"task_name": "gpqa", "team": "nlp"}
    (all must hold), in one, several or all experiments; same table as query_runs. For parts of values, params or metrics
    use query_runs. get_run shows one run whole, get_artifact_content its files."""
    query = " AND ".join(equals("tags", name, value) for name, value in tags.items())
    return query_runs(tracking, experiment_id, query, order_by, metrics, params, limit=limit, cursor=cursor)


def _explain_nothing(tracking: Tracking, answer: RunTable, ids: list[str] | None, query: str, deleted: bool) -> None:
    """Say what was searched and the nearest thing that exists."""
    names = tracking.experiment_names()
    where = (
        f"all {plural(len(names), 'experiment')}" if ids is None else listed([names.get(each, each) for each in ids], 3)
    )
    answer.searched = f"{'deleted' if deleted else 'active'} runs in {where}" + (f" where {query}" if query else "")
    for kind, name in fields_of(query):
        if kind == "tags" and name == "invocation_id":
            answer.note("get_invocation finds an invocation in all experiments, by prefix and by param too.")
    some, _ = tracking.within_experiments(ids, lambda each: tracking.search_runs(each[:1_000], max_results=200))
    if not some:
        answer.note("There are no active runs here at all.")
        return
    for kind, name in fields_of(query):
        answer.note(_nearest_field(some, kind, name))


def _nearest_field(runs: Sequence[Entity], kind: str, name: str) -> str:
    """What the newest runs hold under a name that the filter used, or which name is like it."""
    if kind not in ("metrics", "params", "tags"):
        return ""
    told = [getattr(run.data, kind) for run in runs]
    known = {key for each in told for key in each}
    among = f"the newest {plural(len(runs), 'run')}"
    if name not in known:
        return f"None of {among} has {kind[:-1]} '{name}'. {hint(name, known)}".strip()
    if kind == "metrics":
        return ""
    values = list(dict.fromkeys(each[name] for each in told if name in each))
    return f"{kind[:-1].capitalize()} '{name}' has in {among} the values {listed([clip(v, 60) for v in values], 8)}."


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


def get_run(tracking: Tracking, run_id: RunId) -> Run:
    """Show one run whole: metrics in full precision, params, tags, times, parent and children, datasets, logged models,
    the root of its artifacts and its URL. Use query_runs or get_invocation to compare several. get_artifact_content reads
    its files."""
    full_id = run_id_of(tracking, run_id)
    parts: list[Any] = tracking.side_by_side(
        lambda: tracking.get_run(full_id),
        lambda: tracking.experiment_names(),
        lambda: _children(tracking, full_id),
        lambda: _root_files(tracking, full_id),
    )
    entity, names, children, files = parts
    answer = _run(entity, names, tracking)
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


def _run(entity: Entity, names: dict[str, str], tracking: Tracking) -> Run:
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
        url=run_url(tracking, info.experiment_id, info.run_id),
        parent=data.tags.get("mlflow.parentRunId"),
        metrics={name: number(value, None) for name, value in sorted(data.metrics.items())},
        params=dict(sorted(data.params.items())),
        tags=user_tags(entity),
        datasets=_datasets(entity),
        models=_models(entity),
    )


def run_url(tracking: Tracking, experiment_id: str, run_id: str) -> str | None:
    """The run's page in MLflow's UI; None for a store without a server."""
    if not tracking.is_http:
        return None
    return f"{safe_uri(tracking.known_uri).rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"


def _children(tracking: Tracking, run_id: str) -> list[Entity]:
    query = equals("tags", "mlflow.parentRunId", run_id)
    return tracking.across_experiments(lambda ids: tracking.find_runs(ids, query, at_most=MOST_CHILDREN + 1))


def _children_table(children: Sequence[Entity]) -> Table | None:
    if not children:
        return None
    rows = [
        [run.info.run_id, run.info.run_name, run.info.status, headline(run.data.metrics)]
        for run in children[:MOST_CHILDREN]
    ]
    return Table.of(["run_id", "name", "status", "metrics"], rows, keep=("run_id",))


def _root_files(tracking: Tracking, run_id: str) -> list[str] | str:
    """The names in the run's artifact root with their sizes, or a sentence when they cannot be listed: the rest of the run
    is worth showing all the same."""
    entries = tracking.attempt(lambda: ArtifactSource(tracking, run_id).entries())
    if isinstance(entries, Exception):
        return f"Its artifacts could not be listed: {tracking.problem(entries)}"
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
