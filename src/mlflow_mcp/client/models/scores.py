"""What MLflow's tables of models do not say: which zero is no number, and at which step of its run a model was made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from mlflow_mcp.entities.model import Measure, ModelView, Score
from mlflow_mcp.errors import NotFound

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client import Client

_METRICS_CHECKED = 10
_RUNS_READ = 100


class Logged(NamedTuple):
    """When a run logged a value."""

    run_id: str
    step: int
    timestamp: int

    @classmethod
    def of(cls, score: Score) -> Logged:
        return cls(str(score.run_id), score.step, score.timestamp)


def with_nan(client: Client, models: Sequence[ModelView]) -> list[ModelView]:
    """The models with NaN where it was logged."""
    zeros = [
        (measure.metric, Logged.of(score))
        for model in models
        for measure, score in model.scores.items()
        if score.value == 0 and score.run_id
    ]
    wrong = not_numbers(client, zeros)

    def checked(measure: Measure, score: Score) -> Score:
        is_nan = score.value == 0 and (measure.metric, Logged.of(score)) in wrong
        return score._replace(value=math.nan) if is_nan else score

    if not wrong:
        return list(models)
    return [replace(each, scores={m: checked(m, s) for m, s in each.scores.items()}) for each in models]


def not_numbers(client: Client, zeros: Sequence[tuple[str, Logged]]) -> set[tuple[str, Logged]]:
    """Of these zeros of logged models, by their metric, those that are NaN: MLflow's databases keep NaN as 0 for logged
    models, and as NaN only for runs. A request for each metric."""
    names = list(dict.fromkeys(metric for metric, _ in zeros))[:_METRICS_CHECKED]
    checks = (partial(_nan_of_runs, client, name, [at for metric, at in zeros if metric == name]) for name in names)
    found = client.run_concurrently(*checks)
    return {(name, at) for name, nan in zip(names, found) for at in nan}


def _nan_of_runs(client: Client, metric: str, zeros: Sequence[Logged]) -> set[Logged]:
    """Where the runs have NaN and no 0."""
    runs = list(dict.fromkeys(each.run_id for each in zeros))[:_RUNS_READ]
    steps = [each.step for each in zeros]
    with suppress(NotFound):
        histories = client.metrics.histories(runs, metric, start_step=min(steps), end_step=max(steps))
        points = [(run, point) for run, history in histories.items() for point in history.points]
        nan = {Logged(run, point.step, point.timestamp) for run, point in points if math.isnan(point.value)}
        return nan - {Logged(run, point.step, point.timestamp) for run, point in points if point.value == 0}
    return set()


def steps_of(client: Client, models: Sequence[ModelView]) -> dict[str, int]:
    """By model id, the step at which its run made the model, as the run's outputs say. One request, and none where every
    model has a run of its own."""
    runs = [model.source_run_id for model in models if model.source_run_id]
    different = list(dict.fromkeys(runs))[:_RUNS_READ]
    if len(set(runs)) == len(runs):
        return {}
    query = f"attributes.run_id IN ({', '.join(map(repr, different))})"
    experiments = list(dict.fromkeys(model.experiment_id for model in models))
    found = client.runs.find(experiments, query, at_most=_RUNS_READ)
    return {model_id: step for run in found for model_id, step in steps_of_run(run).items()}


def steps_of_run(run: Run) -> dict[str, int]:
    """By id, the steps at which a run made its models."""
    made = getattr(run.outputs, "model_outputs", None) or ()
    return {each.model_id: int(each.step) for each in made if each.step is not None}
