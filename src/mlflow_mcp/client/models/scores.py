"""What MLflow's tables of models do not say: which zero is no number, and at which step of its run a model was made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from mlflow_mcp.entities.model import Measure, ModelView, Score
from mlflow_mcp.errors import NotFound

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client import Client

_METRICS_CHECKED = 10
_RUNS_READ = 100


def with_nan(client: Client, models: Sequence[ModelView]) -> list[ModelView]:
    """The models with NaN where it was logged: MLflow's databases keep it as 0 for logged models, and as NaN only for runs.
    A request for each metric that is exactly 0."""
    zeros = [
        (model.model_id, measure, score)
        for model in models
        for measure, score in model.scores.items()
        if score.value == 0 and score.run_id
    ]
    names = list(dict.fromkeys(measure.metric for _, measure, _ in zeros))[:_METRICS_CHECKED]
    checks = (partial(_not_numbers, client, name, [s for _, m, s in zeros if m.metric == name]) for name in names)
    wrong = {name: found for name, found in zip(names, client.run_concurrently(*checks)) if found}

    def checked(measure: Measure, score: Score) -> Score:
        is_nan = (score.run_id, score.step, score.timestamp) in wrong.get(measure.metric, ()) and score.value == 0
        return score._replace(value=math.nan) if is_nan else score

    if not wrong:
        return list(models)
    return [replace(each, scores={m: checked(m, s) for m, s in each.scores.items()}) for each in models]


def _not_numbers(client: Client, metric: str, scores: Sequence[Score]) -> set[tuple[str | None, int, int]]:
    """Of these points those that the run has as NaN and not as a number too: (run id, step, time)."""
    runs = list(dict.fromkeys(str(score.run_id) for score in scores))[:_RUNS_READ]
    steps = [score.step for score in scores]
    with suppress(NotFound):
        histories = client.metrics.histories(runs, metric, start_step=min(steps), end_step=max(steps))
        points = [(run, point) for run, history in histories.items() for point in history.points]
        nan: set[tuple[str | None, int, int]] = {
            (run, point.step, point.timestamp) for run, point in points if math.isnan(point.value)
        }
        return nan - {(run, point.step, point.timestamp) for run, point in points if not math.isnan(point.value)}
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
