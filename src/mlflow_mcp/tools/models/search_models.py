"""Find models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from mlflow_mcp.answers.base import Page
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.experiments import experiment_ids
from mlflow_mcp.client.ids.parse import is_run_id
from mlflow_mcp.client.ids.runs import run_id_of
from mlflow_mcp.client.models import ModelSearch
from mlflow_mcp.client.models.query import Comparison, Dataset, comparisons_of, order_of, written
from mlflow_mcp.client.models.scores import steps_of, with_nan
from mlflow_mcp.entities.model import Measure, ModelView
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import iso
from mlflow_mcp.tools.arguments import Cursor, ExperimentId, Limit, one_or_many
from mlflow_mcp.tools.models.columns import ModelColumns, best_of
from mlflow_mcp.tools.models.nothing import nearest_things, searched_in
from mlflow_mcp.tools.models.ranking import Ranking, doubts, earlier_values, is_on
from mlflow_mcp.tools.models.registered import registered_models

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

_SHORT_ID = 8  # every tool takes a run id by its first 6 or more
_MOST_BEST = 4

ModelQuery = Annotated[
    str,
    Field(description="\"metrics.acc > 0.9 AND name LIKE '%bert%' AND source_run_id = '<id>'\". Registry: name, tags."),
]
Registered = Annotated[bool, Field(description="Search the registry.")]
OnDataset = Annotated[str | None, Field(description="Only metrics on 'val', or one digest: 'val (5be1f2)'.")]
ModelOrder = Annotated[
    list[str] | None,
    BeforeValidator(one_or_many),
    Field(description="['metrics.acc DESC']. Default: newest first."),
]


class ModelTable(Page):
    """Models, one a row. A metric's column names its dataset: `metrics.acc on val`."""

    models: Table
    best: Annotated[dict[str, str] | None, Field(description="By metric: the best of all that match.")] = None
    datasets: Annotated[dict[str, str] | None, Field(description="Digests of the datasets named in columns.")] = None
    also_logged: str | None = None
    searched: Annotated[str | None, Field(description="What an empty result was looked for in.")] = None


def search_models(  # noqa: PLR0913  # one parameter per argument of the tool
    client: Client,
    query: ModelQuery = "",
    experiment_id: ExperimentId = None,
    registered: Registered = False,
    dataset: OnDataset = None,
    order_by: ModelOrder = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> ModelTable:
    """Find logged models and checkpoints with metrics per dataset, or with registered=true the registry's models with
    versions, aliases and tags. get_model shows one or compares two."""
    on = Dataset.of(dataset) if dataset else None
    if registered:
        if experiment_id:
            raise Problem("Registered models belong to no experiment.", "Leave experiment_id or registered out.")
        found = registered_models(client, query, order_by or (), on, limit, cursor)
        answer = ModelTable(models=found.table)
        answer.note(*found.notes)
        answer.continue_with(found.cursor_after, len(found.table.rows), found.more)
        return answer
    parts = [_with_run_id(client, part) for part in comparisons_of(query)]
    text = written(parts, numbers_for_status=client.models.numbers_for_status)
    search = ModelSearch(experiment_ids(client, experiment_id), text, order_of(order_by, on), on)
    page = client.models.page(search, limit, cursor)
    models = _views(client, page.rows)
    ranking = Ranking.of(search)
    kept = [at for at, model in enumerate(models) if ranking is None or ranking.has_place(model)]
    shown = [models[at] for at in kept]
    answer = _table(client, shown, on, times=ranking is None, is_whole=not cursor and not page.more)
    without_place = [model for at, model in enumerate(models) if at not in kept]
    answer.note(page.what_shifted("models"))
    answer.note(*doubts(ranking, models, without_place), *earlier_values(parts, models, on))
    answer.continue_with(
        lambda count: page.cursor_after(kept[count] if count < len(kept) else len(models)), len(kept), page.more
    )
    if not models:
        answer.searched = searched_in(client, search, parts)
        answer.note(*nearest_things(client, search, parts))
    return answer


def _with_run_id(client: Client, part: Comparison | str) -> Comparison | str:
    """A source run may be named as everywhere: by a prefix, a name, a URL."""
    if isinstance(part, str) or (part.name, part.operator) != ("source_run_id", "="):
        return part
    named = part.value.strip("'")
    return part if is_run_id(named) else replace(part, value=f"'{run_id_of(client, named)}'")


def _views(client: Client, models: Sequence[LoggedModel]) -> list[ModelView]:
    names = client.experiments.names()
    return with_nan(client, [ModelView.of(model, names) for model in models])


def _table(
    client: Client, models: Sequence[ModelView], on: Dataset | None, *, times: bool, is_whole: bool
) -> ModelTable:
    measures = sorted({measure for model in models for measure in model.scores if is_on(measure, on)})
    columns = ModelColumns.of(models, measures)
    steps = steps_of(client, models)
    if not any(steps.values()):  # what was logged without a step has step 0
        steps = {}
    created = [iso(model.created) if times else None for model in models]  # a ranking needs no times
    rows = [[*_identity(m, steps, measures), when, *columns.cells(m)] for m, when in zip(models, created)]
    names = ["model_id", "name", "experiment", "status", "type", "step", "measured_at_step", "source_run", "registered"]
    return ModelTable(
        models=Table.of([*names, "created", *columns.names()], rows, keep=("model_id",)),
        best=_best(models, columns) if is_whole else None,
        datasets=_digests(columns.measures),
        also_logged=columns.also_logged,
    )


def _identity(model: ModelView, steps: dict[str, int], measures: Sequence[Measure]) -> list[Any]:
    measured = {score.step for measure, score in model.scores.items() if measure in measures}
    step = steps.get(model.model_id)
    return [
        model.model_id,
        model.name,
        model.experiment,
        model.status,
        model.type,
        step,
        measured.pop() if step is None and len(measured) == 1 and measured != {0} else None,
        model.source_run_id[:_SHORT_ID] if model.source_run_id else None,
        ", ".join(model.versions) or None,
    ]


def _best(models: Sequence[ModelView], columns: ModelColumns) -> dict[str, str] | None:
    """The best by the first metrics shown."""
    if columns.in_cells:
        return None
    found = {label: best_of(models, measure) for measure, label in list(columns.measures.items())[:_MOST_BEST]}
    return {label: best for label, best in found.items() if best} or None


def _digests(measures: dict[Measure, str]) -> dict[str, str] | None:
    """The digests of datasets that columns name without them."""
    digests: dict[str, str] = {}
    for measure, label in measures.items():
        if measure.digest and measure.place not in label:
            digests[measure.dataset] = measure.digest
    return digests or None
