"""Logged models in the order of a metric: what the order rests on, and what speaks against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_mcp.client.models import ModelSearch
from mlflow_mcp.client.models.query import Comparison, Dataset
from mlflow_mcp.entities.direction import better
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.entities.model import Measure, ModelView
from mlflow_mcp.text import listed, plural

_NAMED = 5


@dataclass(frozen=True)
class Ranking:
    """The metric that models are ordered by, on one dataset or on any."""

    metric: str
    mode: str
    dataset: Dataset | None

    @classmethod
    def of(cls, search: ModelSearch) -> Ranking | None:
        """The ranking of a search; None when its first order is no metric."""
        first = search.order[0] if search.order else {"field_name": ""}
        kind, _, metric = first["field_name"].partition(".")
        return cls(metric, "min" if first["ascending"] else "max", search.dataset) if kind == "metrics" else None

    def has(self, measure: Measure) -> bool:
        return measure.metric == self.metric and is_on(measure, self.dataset)

    def has_place(self, model: ModelView) -> bool:
        """Whether a model's place is one: what MLflow orders by, the last value on whichever dataset, may be NaN."""
        scores = [score for measure, score in model.scores.items() if self.has(measure)]
        last = max(scores, key=lambda score: (score.timestamp, score.step), default=None)
        return last is None or is_finite(last.value)


def is_on(measure: Measure, dataset: Dataset | None) -> bool:
    return dataset is None or (measure.dataset == dataset.name and dataset.digest in (None, measure.digest))


def doubts(ranking: Ranking | None, models: Sequence[ModelView], without_place: Sequence[ModelView]) -> list[str]:
    """What speaks against reading the order as a ranking."""
    if ranking is None:
        return []
    notes = []
    direction = better(ranking.metric)
    if direction and direction != ranking.mode:
        notes.append(
            f"The order is {'lowest' if ranking.mode == 'min' else 'highest'} first, but the name '{ranking.metric}' says that "
            f"{'higher' if direction == 'max' else 'lower'} is better."
        )
    places = sorted({measure for model in models for measure in model.scores if ranking.has(measure)})
    if len(places) > 1:
        held = Counter(each.place for model in models for each in model.scores if ranking.has(each) and each.place)
        named = listed([each.place or "no dataset" for each in places], _NAMED)
        notes.append(
            f"MLflow orders by each model's last '{ranking.metric}', on whichever of {named} that was; "
            f"dataset='{held.most_common(1)[0][0]}' orders on that one."
        )
    if without_place:
        ids = listed([model.model_id for model in without_place], _NAMED)
        notes.append(
            f"{plural(len(without_place), 'model')} left out, whose '{ranking.metric}' is NaN or infinite: {ids}."
        )
    return notes


def earlier_values(parts: Sequence[Comparison | str], models: Sequence[ModelView], on: Dataset | None) -> list[str]:
    """A sentence for each comparison of a metric that only an earlier value of a model passes."""
    notes = []
    for part in parts:
        if isinstance(part, str) or part.kind != "metrics":
            continue
        late = [model.model_id for model in models if not _passes(model, part, on)]
        if late:
            notes.append(
                f"Only an earlier value passes {part} in {listed(late, _NAMED)}: MLflow compares every value logged, "
                "the table has the latest."
            )
    return notes


def _passes(model: ModelView, part: Comparison, on: Dataset | None) -> bool:
    return any(
        part.holds(score.value) is not False
        for measure, score in model.scores.items()
        if measure.metric == part.name and is_on(measure, on)
    )
