"""What to say when no logged model matches: what was searched, and the nearest thing that exists."""

from __future__ import annotations

from collections.abc import Sequence

from mlflow_mcp.client import Client
from mlflow_mcp.client.models import ModelSearch
from mlflow_mcp.client.models.query import Comparison, Dataset
from mlflow_mcp.entities.model import ModelView
from mlflow_mcp.text import every, hint, listed, truncate

# Models whose names are compared with those of the filter.
_LOOKED_AT = 200
_VALUES = 8


def searched_in(client: Client, search: ModelSearch, parts: Sequence[Comparison | str]) -> str:
    """The experiments, the filter and the dataset of a search, in words."""
    ids = search.experiment_ids
    if ids is None:
        where = every(len(client.experiments.names()), "experiment")
    else:
        where = listed([client.experiments.name_of(each) for each in ids], 3)
    query = " AND ".join(map(str, parts))
    on = f" on dataset {search.dataset}" if search.dataset else ""
    return f"logged models in {where}{f' where {query}' if query else ''}{on}"


def nearest_things(client: Client, search: ModelSearch, parts: Sequence[Comparison | str]) -> list[str]:
    """A sentence for each name in the search that no model has."""
    newest = [ModelView.of(each, {}) for each in client.models.find(ModelSearch(search.experiment_ids), _LOOKED_AT)]
    if not newest:
        return ["There are no logged models here at all; registered=true searches the registry."]
    among = "the only logged model" if len(newest) == 1 else f"the newest {len(newest):,} logged models"
    notes = [_nearest_dataset(newest, search.dataset, among)] if search.dataset else []
    return notes + [_nearest_field(client, newest, part, among) for part in parts if not isinstance(part, str)]


def _nearest_dataset(models: Sequence[ModelView], dataset: Dataset, among: str) -> str:
    known = {place for model in models for each in model.scores for place in (each.dataset, each.place) if place}
    if str(dataset) in known:
        return ""
    return f"None of {among} has a metric on '{dataset}'. {hint(str(dataset), known)}".strip()


def _nearest_field(client: Client, models: Sequence[ModelView], part: Comparison, among: str) -> str:
    """What models hold under a name that the filter used, or which name is like it."""
    if part.kind == "metrics":
        held: list[dict[str, str]] = [{measure.metric: "" for measure in model.scores} for model in models]
    elif part.kind == "attributes":
        held = [{"name": str(model.name), "model_type": str(model.type), "status": model.status} for model in models]
        held = held if part.name in held[0] else []
    else:
        held = [dict(model.params if part.kind == "params" else model.tags) for model in models]
    if not held:
        return ""
    known = {name for each in held for name in each}
    if part.name not in known:
        return f"None of {among} has {part.kind[:-1]} '{part.name}'. {hint(part.name, known)}".strip()
    found = (each[part.name] for each in held if each.get(part.name))
    values = list(dict.fromkeys(truncate(client.masked(value, part.name), 60) for value in found))
    what = f"{part.kind[:-1].capitalize()} '{part.name}'"
    return f"{what} has in {among} the values {listed(values, _VALUES)}." if values else ""
