"""What a version of a registered model scored, as far as something proves it: its logged model's metrics, or its run's."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from mlflow_mcp.client import Client
from mlflow_mcp.client.models.lineage import run_of
from mlflow_mcp.client.models.query import Dataset
from mlflow_mcp.client.models.scores import with_nan
from mlflow_mcp.entities.metrics import headline
from mlflow_mcp.entities.model import ModelView, model_of_version
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.errors import UnsupportedByServer
from mlflow_mcp.text import number

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

_RUNS_READ = 40


@dataclass(frozen=True)
class VersionScores:
    """The headline metrics of a version and whose they are; without evidence neither."""

    metrics: dict[str, float | int | str | None] = field(default_factory=dict)
    evidence: str | None = None


def scores_of_versions(
    client: Client, versions: Sequence[ModelVersion], dataset: Dataset | None = None
) -> dict[tuple[str, str], VersionScores]:
    """By (name, number): the scores of the logged model that a version was made of; for a version of which no logged model
    with metrics is known, those of its source run, unless that run has other models, which they could be of."""
    by_model = {key: model_of_version(version) for version in versions if (key := _key(version))}
    models = _models(client, [id_ for id_ in by_model.values() if id_])
    found: dict[tuple[str, str], VersionScores] = {}
    of_run: dict[tuple[str, str], str] = {}
    for version in versions:
        model = models.get(by_model[_key(version)] or "")
        scores = model.headline(dataset.name if dataset else None) if model else {}
        if scores:
            found[_key(version)] = VersionScores(_numbers(scores), "its logged model")
        elif version.run_id and dataset is None:
            of_run[_key(version)] = version.run_id
    runs = _runs(client, list(of_run.values()))
    for key, run_id in of_run.items():
        run = runs.get(run_id)
        if run and run.metrics and not {*run.models_made, *run.models_used} - {by_model[key]}:
            found[key] = VersionScores(_numbers(headline(run.metrics)), "its source run")
    return found


def _key(version: ModelVersion) -> tuple[str, str]:
    return version.name, str(version.version)


def _numbers(scores: dict[str, float]) -> dict[str, float | int | str | None]:
    return {name: number(value) for name, value in scores.items()}


def _models(client: Client, ids: Sequence[str]) -> dict[str, ModelView]:
    with suppress(UnsupportedByServer):  # versions that came from a newer server
        found = client.models.by_ids(ids)
        return {each.model_id: each for each in with_nan(client, [ModelView.of(m, {}) for m in found.values()])}
    return {}


def _runs(client: Client, ids: Sequence[str]) -> dict[str, RunView]:
    """The runs by id. Each is read alone: a search does not tell which models a run used."""
    distinct = list(dict.fromkeys(ids))[:_RUNS_READ]
    found = client.run_concurrently(*(partial(run_of, client, run_id) for run_id in distinct))
    return {run.info.run_id: RunView.of(run, {}) for run in found if run}
