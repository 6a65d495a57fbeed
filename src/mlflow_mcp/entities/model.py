"""Logged models and versions of registered models as the agent sees them: parsed once. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mlflow_mcp.entities.metrics import headline
from mlflow_mcp.entities.run import experiment_name, own_tags

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Metric
    from mlflow.entities.model_registry import ModelVersion

MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
_EXTERNAL_TAG = "mlflow.model.isExternal"
_VERSIONS_TAG = "mlflow.modelVersions"


class Measure(NamedTuple):
    """What was measured: a metric on a dataset. Two digests of one name are two datasets; both are empty without a dataset."""

    metric: str
    dataset: str = ""
    digest: str = ""

    @property
    def place(self) -> str:
        """`val (5be1f20c)`; empty without a dataset."""
        return f"{self.dataset} ({self.digest})" if self.digest else self.dataset


class Score(NamedTuple):
    """The latest value of a measure of one model, and how many values it has in all."""

    value: float
    step: int
    timestamp: int
    run_id: str | None
    points: int


@dataclass(frozen=True)
class ModelView:
    """A logged model with its experiment's name. Times are MLflow's milliseconds."""

    model_id: str
    name: str | None
    experiment_id: str
    experiment: str
    status: str
    status_message: str | None
    type: str | None
    created: int | None
    source_run_id: str | None
    artifact_location: str | None
    params: Mapping[str, str]
    tags: Mapping[str, str]  # those that people set
    mlflow_tags: Mapping[str, str]
    scores: Mapping[Measure, Score]

    @classmethod
    def of(cls, model: LoggedModel, experiments: Mapping[str, str]) -> ModelView:
        """The view of MLflow's model. `experiments` are the names of the active experiments by id."""
        tags = dict(model.tags or {})
        own = own_tags(tags)
        return cls(
            model_id=model.model_id,
            name=model.name,
            experiment_id=str(model.experiment_id),
            experiment=experiment_name(experiments, str(model.experiment_id)),
            status=str(model.status),
            status_message=model.status_message or None,
            type=model.model_type or None,
            created=model.creation_timestamp,
            source_run_id=model.source_run_id or None,
            artifact_location=model.artifact_location,
            params=dict(model.params or {}),
            tags=own,
            mlflow_tags={name: value for name, value in tags.items() if name not in own},
            scores=latest_scores(model.metrics or ()),
        )

    @property
    def is_external(self) -> bool:
        """Whether MLflow keeps only facts of it: its files are elsewhere, and the MLmodel beside them is a placeholder."""
        return self.mlflow_tags.get(_EXTERNAL_TAG, "").lower() == "true"

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of registered models made of it, `shop/3`, as MLflow's tag says."""
        try:
            noted = json.loads(self.mlflow_tags.get(_VERSIONS_TAG) or "[]")
            # MLflow notes a version twice when a model is registered as it is logged.
            return tuple(dict.fromkeys(f"{each['name']}/{each['version']}" for each in noted))
        except (ValueError, TypeError, KeyError):
            return ()

    @property
    def evaluated_by(self) -> tuple[str, ...]:
        """The other runs that measured it, by the metrics that they logged for it."""
        others = (score.run_id for score in self.scores.values() if score.run_id not in (None, self.source_run_id))
        return tuple(dict.fromkeys(str(run_id) for run_id in others))

    def headline(self, dataset: str | None = None) -> dict[str, float]:
        """Its first scores, each with its dataset; only those on the dataset, when one is named."""
        scores = {measure: score.value for measure, score in self.scores.items() if dataset in (None, measure.dataset)}
        return headline({label_of(measure, scores): value for measure, value in scores.items()})


def label_of(measure: Measure, others: Iterable[Measure]) -> str:
    """`acc`, `acc on val`; where `others` have another digest of the dataset, `acc on val (5be1f20c)`."""
    if not measure.dataset:
        return measure.metric
    digests = {each.digest for each in others if each.dataset == measure.dataset}
    return f"{measure.metric} on {measure.place if len(digests) > 1 else measure.dataset}"


def latest_scores(metrics: Iterable[Metric]) -> dict[Measure, Score]:
    """The latest value of each measure, in the order that MLflow ranks by: the time of logging, then the step."""
    found: dict[Measure, Score] = {}
    for each in sorted(metrics, key=lambda each: (each.timestamp, each.step)):
        measure = Measure(each.key, each.dataset_name or "", each.dataset_digest or "")
        points = found[measure].points if measure in found else 0
        found[measure] = Score(each.value, each.step, each.timestamp, each.run_id, points + 1)
    return found


def model_of_version(version: ModelVersion) -> str | None:
    """The id of the logged model that a version was made of: named by the version, or in the path of its source."""
    if named := getattr(version, "model_id", None):
        return str(named)
    found = MODEL_ID.search(version.source or "")
    return found[0] if found else None
