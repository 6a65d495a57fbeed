"""Which metrics, params and tags of models are columns, and which model is best by a metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlflow_mcp.entities.direction import better
from mlflow_mcp.entities.metrics import headline, is_finite
from mlflow_mcp.entities.model import Measure, ModelView, label_of
from mlflow_mcp.text import number, plural
from mlflow_mcp.tools.runs.tables.columns import families, telling_columns

_MOST_MEASURES = 8
_MOST_OTHERS = 4
# More rows than this are an overview: fewer params and tags.
_LONG, _MOST_IN_OVERVIEW = 10, 2


@dataclass(frozen=True)
class ModelColumns:
    """What a table of models shows: measures in columns or, where rows have too little in common, in a cell."""

    measures: dict[Measure, str]  # by their column's name
    in_cells: bool
    params: list[str]
    tags: list[str]
    also_logged: str | None

    @classmethod
    def of(cls, models: Sequence[ModelView], measures: Sequence[Measure]) -> ModelColumns:
        """The columns of these models. `wanted` are the measures that may be shown, those of an order first."""
        counts = Counter(measure for model in models for measure in model.scores if measure in measures)
        labels = {measure: label_of(measure, measures) for measure in counts}
        most = {measure: label for measure, label in labels.items() if counts[measure] * 2 > len(models)}
        in_cells = bool(counts) and not most
        shown = _ordered(most, _MOST_MEASURES)
        hidden = [label for measure, label in labels.items() if measure not in shown]
        params, of_params = _telling([model.params for model in models])
        tags, of_tags = _telling([model.tags for model in models])
        left_out = [("metrics", [] if in_cells else hidden), ("params", of_params), ("tags", of_tags)]
        also = "; ".join(families(kind, names) for kind, names in left_out if names)
        return cls(labels if in_cells else shown, in_cells, params, tags, also or None)

    def names(self) -> list[str]:
        measures = ["metrics"] if self.in_cells else [f"metrics.{label}" for label in self.measures.values()]
        return [*measures, *(f"params.{name}" for name in self.params), *(f"tags.{name}" for name in self.tags)]

    def cells(self, model: ModelView) -> list[Any]:
        """The model's values under `names`."""
        values = {
            label: model.scores[measure].value for measure, label in self.measures.items() if measure in model.scores
        }
        scores: list[Any] = (
            [headline(values) or None] if self.in_cells else [values.get(label) for label in self.measures.values()]
        )
        return [
            *scores,
            *(model.params.get(name) for name in self.params),
            *(model.tags.get(name) for name in self.tags),
        ]


def best_of(models: Sequence[ModelView], measure: Measure, mode: str | None = None) -> str | None:
    """`m-… 0.91 (highest of 4)`; None where nothing says which side is better, or fewer than two have a number."""
    mode = mode or better(measure.metric)
    ranked = [(each.scores[measure].value, each.model_id) for each in models if measure in each.scores]
    finite = [(value, id_) for value, id_ in ranked if is_finite(value)]
    if mode is None or len({value for value, _ in finite}) < 2:
        return None
    top = (max if mode == "max" else min)(value for value, _ in finite)
    winners = [id_ for value, id_ in finite if value == top]
    tied = f", {plural(len(winners) - 1, 'more')} equal" if len(winners) > 1 else ""
    return f"{winners[0]} {number(top)} ({'highest' if mode == 'max' else 'lowest'} of {len(finite)}{tied})"


def _ordered(labels: Mapping[Measure, str], most: int) -> dict[Measure, str]:
    """The scores first, then what accompanies them."""
    by_label = {label: measure for measure, label in labels.items()}
    first = list(headline(dict.fromkeys(by_label, 0.0), most))
    rest = [label for label in sorted(by_label) if label not in first]
    return {by_label[label]: label for label in (first + rest)[:most]}


def _telling(rows: Sequence[Mapping[str, str]]) -> tuple[list[str], list[str]]:
    """The names that are columns, and those that are not."""
    counts = Counter(name for row in rows for name in row)
    shown = telling_columns(counts, rows)[: _MOST_IN_OVERVIEW if len(rows) > _LONG else _MOST_OTHERS]
    return shown, [name for name in counts if name not in shown]
