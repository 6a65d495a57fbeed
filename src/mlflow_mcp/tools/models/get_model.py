"""One model whole, or two side by side."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.models import FoundModel, find_model
from mlflow_mcp.client.ids.parse import model_ref
from mlflow_mcp.errors import Problem
from mlflow_mcp.tools.arguments import as_text
from mlflow_mcp.tools.models.comparability import interface_changes, unknown_data
from mlflow_mcp.tools.models.compare import differences, metrics_table, sides_table
from mlflow_mcp.tools.models.describe import Model, all_versions, one_model
from mlflow_mcp.tools.models.facts import gather
from mlflow_mcp.tools.models.refused import refusals

ModelName = Annotated[
    str,
    BeforeValidator(as_text),
    Field(
        min_length=1,
        description="'m-…', a registered or logged model's name, 'models:/name/3', 'models:/name@champion', or a run that made one.",
    ),
]
CompareTo = Annotated[
    str | None,
    BeforeValidator(as_text),
    Field(description="Another model, the baseline: answers what changed since it, not one model."),
]


def get_model(client: Client, model: ModelName, compare_to: CompareTo = None) -> Model:
    """Get one model: a logged model, a registered model's version or alias, or all versions: metrics per dataset, params,
    tags, signature, requirements, source run with commit, datasets, what came of it. With compare_to what changed between
    two models. search_models finds models, get_artifact_content reads their files."""
    if compare_to is None:
        found = find_model(client, model)
        return all_versions(client, found) if _is_whole(found) else one_model(client, gather(client, found))
    other = _version_of(model, compare_to)
    both = client.run_concurrently(partial(find_model, client, model), partial(find_model, client, other))
    return _compared(client, [_single(client, each) for each in both])


def _version_of(model: str, text: str) -> str:
    """What to compare with: a number or `@alias` alone is a version of the same registered model."""
    ref = model_ref(model)
    is_alone = bool(re.fullmatch(r"@[^@/]+|\d+", text.strip()))
    return str(ref._replace(version=text.strip())) if is_alone and ref.name and ref.version else text


def _is_whole(found: FoundModel) -> bool:
    return found.registered is not None and found.version is None


def _single(client: Client, found: FoundModel) -> FoundModel:
    """One model to compare; of a registered model as a whole there is none."""
    if not _is_whole(found):
        return found
    name = str(found.ref.name)
    newest, _ = client.models.registry.versions(name, 1)
    example = f"models:/{name}/{newest[0].version}" if newest else "m-…"
    raise Problem(
        f"'{name}' is a registered model with versions, not one model.", f"Name a version or alias: '{example}'."
    )


def _compared(client: Client, found: list[FoundModel]) -> Model:
    if str(found[0].ref) == str(found[1].ref) or (
        found[0].logged and found[1].logged and found[0].logged.model_id == found[1].logged.model_id
    ):
        raise Problem(f"Both names stand for {found[0].ref}.", "Name two different models.")
    sides = client.run_concurrently(*(partial(gather, client, each) for each in found))
    metrics, notes = metrics_table(sides)
    table, equal, more_notes = differences(sides)
    answer = Model(
        model=sides[0].name,
        kind="comparison",
        sides=sides_table(sides),
        metrics=metrics,
        differences=table,
        equal=equal,
    )
    answer.note(
        *refusals([(facts.name, facts.tags) for facts in sides]),
        *interface_changes(sides),
        *unknown_data(sides),
        *notes,
        *more_notes,
    )
    return answer
