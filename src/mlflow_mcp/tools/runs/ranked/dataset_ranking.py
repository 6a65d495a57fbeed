"""The first runs of an order by a metric's value on one dataset.

MLflow keeps a metric's dataset with the logged model that was measured. A search of logged models orders by the value on a
dataset, but by that of the run which measured a model last: so all of them are read, up to a bound, and ordered here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import quoted_value
from mlflow_mcp.client.models.measured import Measured, measured_on
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import listed, plural
from mlflow_mcp.tools.runs.ranked.ranking import Ranked, add_all, with_finite

_RUNS_AT_ONCE = 100
_WITH_DIGEST = re.compile(r"(.+?) ?\((\S+)\)")


@dataclass(frozen=True)
class RankingRequest:
    """What is ranked: active runs of these experiments that pass the filter, by a metric on a dataset."""

    experiment_ids: list[str] | None  # None: all active ones
    query: str
    metric: str
    dataset: str
    mode: str


@dataclass
class RankedOnDataset(Ranked):
    """A ranking by the values on one dataset."""

    dataset: str = ""  # `name (digest)`
    partial: str | None = None  # of which values it is, where not of all
    elsewhere: list[str] = field(
        default_factory=list
    )  # names of runs with the metric and no value of it on this dataset
    several_models: int = 0  # runs that measured several models on it, of which the best counts


def rank_on_dataset(client: Client, request: RankingRequest, least: int | None, limit: int) -> RankedOnDataset:
    """The first `limit` runs by their value on the dataset. Raises NotFound with the known datasets where no run has one, and
    Problem where several datasets have the name and no digest is given."""
    # Models of any experiment may have been measured by a run of this one.
    everywhere = list(client.experiments.checked_names())
    measured, is_whole = _measured(client, everywhere, request)
    if not measured and (whole := _whole_name(client, everywhere, request)):
        request = replace(request, dataset=whole)
        measured, is_whole = _measured(client, everywhere, request)
    runs = _runs(client, everywhere, request, [each.run_id for each in measured])
    measured = [each for each in measured if each.run_id in runs]
    datasets = sorted({named(each) for each in measured})
    if len(datasets) > 1:
        raise Problem(
            f"'{request.dataset}' is the name of {len(datasets)} datasets: {listed(datasets)}.",
            "Pass one of these as dataset.",
        )
    if not measured:
        raise _nothing_measured(client, everywhere, request)
    best = _best_of_each_run(measured, request.mode)
    ranked = RankedOnDataset(request.metric, limit, least, values=best, dataset=datasets[0])
    ranked.elsewhere = _without_value(client, everywhere, request, set(best))
    ranked.several_models = sum(len(values) > 1 for values in _by_run(measured).values())
    if not is_whole:
        ranked.partial = f"of the values of {plural(len(measured), 'logged model')} on this dataset; there are more"
    sign = -1 if request.mode == "max" else 1
    order = sorted(runs, key=lambda id_: (sign * best.get(id_, 0), -(runs[id_].entity.info.start_time or 0), id_))
    add_all(client, ranked, [runs[run_id] for run_id in order if run_id in best])
    return ranked


def named(measured: Measured) -> str:
    """A dataset as the argument takes it: two digests of one name are two datasets."""
    return f"{measured.dataset} ({measured.digest})" if measured.digest else measured.dataset


def _measured(client: Client, ids: list[str], request: RankingRequest) -> tuple[list[Measured], bool]:
    """The values on the dataset, which may be called by its name or as `name (digest)`."""
    ascending = request.mode == "min"
    found, is_whole = measured_on(client, ids, request.metric, request.dataset, ascending=ascending)
    with_digest = _WITH_DIGEST.fullmatch(request.dataset)
    if not found and with_digest:
        found, is_whole = measured_on(client, ids, request.metric, with_digest[1], ascending=ascending)
        found = [each for each in found if each.digest == with_digest[2]]
    return [each for each in found if is_finite(each.value)], is_whole


def _runs(
    client: Client, everywhere: list[str], request: RankingRequest, run_ids: Sequence[str]
) -> dict[str, LauncherRun]:
    """Those of these runs that are asked for, by their ids."""
    ids = list(dict.fromkeys(run_ids))
    found: dict[str, LauncherRun] = {}
    for start in range(0, len(ids), _RUNS_AT_ONCE):
        listed_ids = ", ".join(quoted_value(each) for each in ids[start : start + _RUNS_AT_ONCE])
        clauses = [request.query, f"attributes.run_id IN ({listed_ids})"]
        runs = client.runs.find(
            request.experiment_ids or everywhere, " AND ".join(clause for clause in clauses if clause)
        )
        found |= {run.info.run_id: LauncherRun.of(run) for run in runs}
    return found


def _whole_name(client: Client, everywhere: list[str], request: RankingRequest) -> str | None:
    """The name of the only dataset of this metric whose name begins so, in any case."""
    every, _ = measured_on(client, everywhere, request.metric, None, ascending=True)
    names = {each.dataset for each in every if each.dataset.lower().startswith(request.dataset.lower())}
    return names.pop() if len(names) == 1 else None


def _without_value(client: Client, everywhere: list[str], request: RankingRequest, with_value: set[str]) -> list[str]:
    """The names of the runs that are asked for and have the metric, but no value of it that MLflow keeps for the dataset."""
    runs = client.runs.find(request.experiment_ids or everywhere, with_finite(request.query, request.metric))
    return [str(run.info.run_name or run.info.run_id) for run in runs if run.info.run_id not in with_value]


def _by_run(measured: Sequence[Measured]) -> dict[str, list[float]]:
    ordered = sorted(measured, key=lambda each: each.run_id)
    return {run_id: [each.value for each in part] for run_id, part in groupby(ordered, key=lambda each: each.run_id)}


def _best_of_each_run(measured: Sequence[Measured], mode: str) -> dict[str, float]:
    best = max if mode == "max" else min
    return {run_id: best(values) for run_id, values in _by_run(measured).items()}


def _nothing_measured(client: Client, ids: list[str], request: RankingRequest) -> NotFound:
    every, _ = measured_on(client, ids, request.metric, None, ascending=True)
    known = sorted({named(each) for each in every})
    return NotFound(
        f"No run here has a finite '{request.metric}' on a dataset '{request.dataset}'.",
        f"It was logged for {listed(known)}."
        if known
        else "It was logged with no dataset for any logged model; leave dataset out.",
    )
