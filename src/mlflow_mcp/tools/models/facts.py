"""Everything that is known of one model, gathered from the registry, the logged model, its files and its source run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.models import FoundModel
from mlflow_mcp.client.models.lineage import run_of
from mlflow_mcp.client.models.scores import steps_of_run, with_nan
from mlflow_mcp.entities.model import Measure, ModelView, Score
from mlflow_mcp.entities.run import RunView, own_tags
from mlflow_mcp.tools.models.package import Package, read_package

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel


@dataclass(frozen=True)
class ModelFacts:
    """A logged model or a version. What a version was not proved to be made of is missing."""

    name: str  # `models:/shop/3`, or `m-…`
    model: ModelView | None
    version: ModelVersion | None
    registered: RegisteredModel | None
    package: Package
    run: RunView | None
    step: int | None
    missing: str | None

    @property
    def aliases(self) -> list[str]:
        if self.version is None or self.registered is None:
            return []
        number = int(self.version.version)
        return sorted(alias for alias, each in (self.registered.aliases or {}).items() if int(each) == number)

    @property
    def tags(self) -> dict[str, str]:
        """The version's tags, then the logged model's: a name in both has the version's value."""
        of_version = own_tags(self.version.tags or {}) if self.version else {}
        return of_version | {k: v for k, v in (self.model.tags if self.model else {}).items() if k not in of_version}

    @property
    def params(self) -> Mapping[str, str]:
        """The logged model's, which MLflow copies from its run; without a logged model those of the run."""
        if self.model is not None:
            return self.model.params
        return self.run.params if self.run else {}

    @property
    def scores(self) -> Mapping[Measure, Score]:
        """The logged model's; without any, the run's latest values, if that run has no other model they could be of."""
        if self.model is not None and self.model.scores:
            return self.model.scores
        return self.scores_of_run

    @property
    def scores_of_run(self) -> dict[Measure, Score]:
        if self.run is None or (self.model is not None and self.model.scores):
            return {}
        own = {self.model.model_id} if self.model else set()
        if {*self.run.models_made, *self.run.models_used} - own:
            return {}
        return {
            Measure(name): Score(value, 0, 0, self.run.run_id, 1)
            for name, value in sorted(self.run.metrics.items())
            if not name.startswith("system/")
        }


def gather(client: Client, found: FoundModel) -> ModelFacts:
    """The facts of a logged model or a version: its files and its run are read at the same time."""
    model = None
    if found.logged is not None:
        (model,) = with_nan(client, [ModelView.of(found.logged, client.experiments.names())])
    version = found.version
    run_id = (model.source_run_id if model else None) or (version.run_id if version else None)
    parts: list[Any] = client.run_concurrently(
        partial(_package, client, str(found.ref), model), partial(run_of, client, run_id)
    )
    package, run = parts
    return ModelFacts(
        name=str(found.ref),
        model=model,
        version=version,
        registered=found.registered,
        package=package,
        run=RunView.of(run, client.experiments.names()) if run else None,
        step=_step(run, model),
        missing=found.missing,
    )


def _package(client: Client, owner: str, model: ModelView | None) -> Package:
    if model is not None and model.is_external:
        return Package()
    return read_package(client, model.model_id if model else owner)


def _step(run: Run | None, model: ModelView | None) -> int | None:
    """The step of the checkpoint; 0 says nothing, as MLflow notes it where none is given."""
    return (steps_of_run(run).get(model.model_id) or None) if run and model else None
