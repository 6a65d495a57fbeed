"""Sides whose values of one metric are of several datasets, laid out so that only values of one dataset meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mlflow_mcp.client import Client
from mlflow_mcp.client.models.measured import Measured
from mlflow_mcp.entities.metrics import select_names
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.text import listed
from mlflow_mcp.tools.runs.comparing.sides import Side
from mlflow_mcp.tools.runs.ranked.by_dataset import on_datasets, unnamed_values


@dataclass
class PerDataset:
    """The metrics that were split, with their names per dataset, `auc [test]`; and what is to be said of it."""

    names: dict[str, list[str]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)  # metrics whose values are of datasets that MLflow does not keep
    notes: list[str] = field(default_factory=list)

    def asked_for(self, metrics: Sequence[str] | None) -> list[str] | None:
        """The names or globs of the caller, with what they mean per dataset."""
        if metrics is None:
            return None
        return [
            name
            for pattern in metrics
            for name in [*(n for m in select_names([pattern], list(self.names)) for n in self.names[m]), pattern]
            if name not in self.names
        ]


def split_by_dataset(client: Client, sides: Sequence[Side]) -> PerDataset:
    """Puts a value for each dataset in the place of the metrics that the sides logged for unlike datasets: what MLflow has
    under the metric's name is the last one written."""
    found = on_datasets(client, [run for side in sides for run in side.runs.values()])
    measured = [each for part in found.values() for each in part]
    mixed = {metric for metric, datasets in _datasets(measured).items() if len(datasets) > 1}
    split = PerDataset()
    _note_unknown(client, sides, measured, split)
    if not mixed:
        return split
    names = _names([each for each in measured if each.metric in mixed])
    split.names = {metric: sorted(each for key, each in names.items() if key[0] == metric) for metric in mixed}
    split.notes.append(
        f"Logged for several datasets and compared on each, `metric [dataset]`: {listed(sorted(mixed))}."
    )
    for side in sides:
        for task, run in side.runs.items():
            own = [each for each in found.get(run.run_id, ()) if each.metric in mixed]
            unknown = sorted(mixed & set(run.metrics) - {each.metric for each in own})
            if unknown:
                split.notes.append(
                    f"Side {side.label}: MLflow keeps no dataset for its value of {listed(unknown)}: not compared with the others'."
                )
            side.runs[task] = _with_datasets(run, own, names)
    return split


def _note_unknown(client: Client, sides: Sequence[Side], measured: Sequence[Measured], split: PerDataset) -> None:
    """Say which values are the last of several, of datasets that MLflow does not keep."""
    for side in sides:
        runs = {
            f"Side {side.label}{f', task {task}' if task and len(side.runs) > 1 else ''}": run
            for task, run in side.runs.items()
            if len(run.datasets) > 1
        }
        metrics = sorted({name for run in runs.values() for name in run.metrics})
        unnamed = unnamed_values(client, runs, metrics, measured)
        split.unknown.update(each.metric for each in unnamed)
        split.notes += map(str, unnamed)


def _datasets(measured: Sequence[Measured]) -> dict[str, set[tuple[str, str]]]:
    """The datasets of each metric; two digests of one name are two datasets."""
    found: dict[str, set[tuple[str, str]]] = {}
    for each in measured:
        found.setdefault(each.metric, set()).add((each.dataset, each.digest))
    return found


def _key(each: Measured) -> tuple[str, str, str]:
    return each.metric, each.dataset, each.digest


def _names(measured: Sequence[Measured]) -> dict[tuple[str, str, str], str]:
    """`auc [test]`, with the digest where two datasets have the name."""
    keys = {_key(each) for each in measured}
    of_name = Counter(key[:2] for key in keys)
    return {key: f"{key[0]} [{key[1]}]" if of_name[key[:2]] == 1 else f"{key[0]} [{key[1]} ({key[2]})]" for key in keys}


def _with_datasets(run: RunView, own: Sequence[Measured], names: Mapping[tuple[str, str, str], str]) -> RunView:
    """The run with its values per dataset; of several models that it measured on one, a value for each."""
    models = Counter(_key(each) for each in own)
    values = {names[_key(each)] + (f" {each.model_id}" if models[_key(each)] > 1 else ""): each.value for each in own}
    kept = {name: value for name, value in run.metrics.items() if name not in {each.metric for each in own}}
    return replace(run, metrics=kept | values)
