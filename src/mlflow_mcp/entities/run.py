"""A run as the agent sees it: parsed once, and the same for every tool. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlflow_mcp.entities.metrics import METRICS_IN_A_CELL, headline
from mlflow_mcp.text import safe_uri, seconds

if TYPE_CHECKING:
    from mlflow.entities import Run

PARENT_TAG = "mlflow.parentRunId"
_SOURCE_TAGS = {
    "name": "mlflow.source.name",
    "type": "mlflow.source.type",
    "run_type": "mlflow.runType",
    "entry_point": "mlflow.project.entryPoint",
    "git_branch": "mlflow.source.git.branch",
    "git_dirty": "mlflow.source.git.dirty",
    "git_repository": "mlflow.source.git.repoURL",
    "docker_image": "mlflow.docker.image.uri",
}


@dataclass(frozen=True)
class Dataset:
    """A dataset that a run used. `source` is MLflow's text, usually JSON."""

    name: str
    digest: str
    context: str | None
    source: str | None

    def __str__(self) -> str:
        return f"{self.name} ({self.digest})"


@dataclass(frozen=True)
class RunView:
    """A run with its experiment's name. Times are MLflow's milliseconds; metrics are the latest values."""

    run_id: str
    name: str | None
    experiment_id: str
    experiment: str
    status: str
    start_time: int | None
    end_time: int | None
    ended: int  # the end, or the start of a run that has none; 0 when it has neither
    deleted: bool
    user: str | None
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]  # those that people set
    mlflow_tags: Mapping[str, str]  # those that MLflow sets, `mlflow.*`
    datasets: tuple[Dataset, ...]
    models_made: tuple[str, ...]
    models_used: tuple[str, ...]

    @classmethod
    def of(cls, run: Run, experiments: Mapping[str, str]) -> RunView:
        """The view of MLflow's run. `experiments` are the names of the active experiments by id."""
        info, tags = run.info, own_tags(run.data.tags)
        mlflow_tags = {name: value for name, value in run.data.tags.items() if name not in tags}
        return cls(
            run_id=info.run_id,
            name=info.run_name,
            experiment_id=info.experiment_id,
            experiment=experiment_name(experiments, info.experiment_id),
            status=info.status,
            start_time=info.start_time,
            end_time=info.end_time,
            ended=ended(run),
            deleted=info.lifecycle_stage == "deleted",
            user=mlflow_tags.get("mlflow.user") or info.user_id or None,
            metrics=run.data.metrics,
            params=run.data.params,
            tags=tags,
            mlflow_tags=mlflow_tags,
            datasets=_datasets(run),
            models_made=tuple(each.model_id for each in getattr(run.outputs, "model_outputs", None) or ()),
            models_used=tuple(each.model_id for each in getattr(run.inputs, "model_inputs", None) or ()),
        )

    @property
    def duration(self) -> float | None:
        """Seconds from the start to the end; None for a run that has not ended."""
        return seconds(self.start_time, self.end_time)

    def tag(self, name: str) -> str | None:
        """A tag's value, whoever set it."""
        return self.tags.get(name, self.mlflow_tags.get(name))

    @property
    def parent_id(self) -> str | None:
        return self.mlflow_tags.get(PARENT_TAG)

    @property
    def git_commit(self) -> str | None:
        return self.mlflow_tags.get("mlflow.source.git.commit")

    @property
    def source(self) -> str | None:
        """The script or notebook that made the run."""
        return self.mlflow_tags.get("mlflow.source.name")

    @property
    def made_by(self) -> dict[str, str]:
        """What MLflow noted of the code that made the run, by what it is."""
        noted = {name: self.mlflow_tags.get(tag) for name, tag in _SOURCE_TAGS.items()}
        return {name: safe_uri(value) for name, value in noted.items() if value}

    def headline(self, most: int = METRICS_IN_A_CELL) -> dict[str, float]:
        """The run's first scores; none of a run of several datasets, of which MLflow keeps the value written last as if it were
        the run's."""
        return headline(self.metrics, most) if len(self.datasets) < 2 else {}


def own_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that people set; MLflow's own (`mlflow.*`) are left out."""
    return {name: value for name, value in tags.items() if not name.startswith("mlflow.")}


def experiment_name(experiments: Mapping[str, str], experiment_id: str) -> str:
    """The experiment's name, or its id when it is not among the active ones."""
    return experiments.get(experiment_id, experiment_id)


def ended(run: Run) -> int:
    """When the run ended, in milliseconds; of one that has not ended, when it started; 0 when neither is known."""
    return run.info.end_time or run.info.start_time or 0


def _datasets(run: Run) -> tuple[Dataset, ...]:
    inputs = getattr(run.inputs, "dataset_inputs", None) or ()
    return tuple(
        Dataset(
            each.dataset.name,
            each.dataset.digest,
            next((tag.value for tag in each.tags or () if tag.key == "mlflow.data.context"), None),
            each.dataset.source,
        )
        for each in inputs
    )
