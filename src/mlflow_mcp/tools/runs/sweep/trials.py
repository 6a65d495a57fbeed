"""The runs of a sweep: one value of the metric each, with their params."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlflow_mcp.client import Client
from mlflow_mcp.client.values import RunValues, Selection, Values, values_of
from mlflow_mcp.entities.flattened_config import own_config_of
from mlflow_mcp.entities.metrics import select_names
from mlflow_mcp.entities.run import PARENT_TAG
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.statistics.values import Statistics
from mlflow_mcp.text import hint, listed, plural
from mlflow_mcp.tools.runs.aggregates.jobs_once import JOB_TAGS, JobsOnce, Judged, job_of, judged_by_samples

MOST_RUNS = 20_000


@dataclass(frozen=True)
class Trial:
    """A run with a finite value."""

    run_id: str
    name: str
    status: str
    start_time: int | None
    value: float
    params: Mapping[str, str]


@dataclass
class Trials:
    """The runs that count, and what was passed over."""

    metric: str
    values: Values
    runs: list[Trial] = field(default_factory=list)
    odd: Statistics = field(default_factory=Statistics)  # its NaN and infinite values are counted
    copies: int = 0
    judged: Judged = field(default_factory=Judged)
    parents: list[tuple[str, str | None]] = field(default_factory=list)  # of the runs that count: name, parent's id

    @property
    def unfinished(self) -> Counter[str]:
        return Counter(run.status for run in self.runs if run.status != "FINISHED")


def read_trials(client: Client, ids: list[str], query: str, metrics: Sequence[str], least: int | None) -> Trials:
    """All matching runs that have the metric. Raises Problem where that is none or several."""
    # Of a database only the named params are read; a server sends all with every run.
    names = values_of(client, ids, query, Selection(metrics), MOST_RUNS).names("params")
    values = values_of(client, ids, query, Selection(metrics, names, (*JOB_TAGS, PARENT_TAG)), MOST_RUNS)
    once, found = JobsOnce(), dict[tuple[str, ...], list[str]]()
    for page in values:
        for run in page:
            own = tuple(run.metrics)
            if own not in found:
                found[own] = select_names(metrics, own)
            if found[own]:
                once.add((), run)
    metric = _the_one(metrics, values, {name for each in found.values() for name in each} - set(values.left_out))
    trials = Trials(metric, values, copies=once.copies)
    having = [run for _, run in once.runs() if metric in run.metrics]
    if least is not None:
        trials.judged = judged_by_samples(client, ids, [run.run_id for run in having], least)
    for run in having:
        if run.run_id not in trials.judged.too_small:
            _add(trials, run)
    # In one order wherever they are read: the permutations of equal runs are then equal.
    trials.runs.sort(key=lambda run: (run.start_time or 0, run.name, run.run_id))
    return trials


def _the_one(metrics: Sequence[str], values: Values, found: set[str]) -> str:
    if len(found) > 1:
        raise Problem(
            f"group_by=['each'] explains one metric; these are {len(found)}: {listed(sorted(found), 6)}.", "Name one."
        )
    if found:
        return found.pop()
    if not (values.runs or values.partial):
        raise NotFound("No runs match, so there is nothing to explain.", "Widen the query or leave experiment_id out.")
    known = values.names("metrics")
    raise NotFound(
        f"None of {plural(values.runs, 'run')} has a metric {listed(metrics)}.",
        f"{hint(metrics[0], known)} describe_experiment lists them.".strip(),
    )


def _add(trials: Trials, run: RunValues) -> None:
    value, before = run.metrics[trials.metric], len(trials.odd.values)
    trials.odd.add(value)
    if len(trials.odd.values) == before:
        return
    params = run.params
    if job_of(run) is not None:  # the flattened config of a launcher's run is that of all tasks of its invocation
        number = run.tags["job_id"].rpartition(".")[2]
        others = {name: text for name, text in params.items() if not name.startswith("config.")}
        params = {**others, **own_config_of(params, number)}
    trials.parents.append((run.name or run.run_id, run.tags.get(PARENT_TAG)))
    trials.runs.append(Trial(run.run_id, run.name or run.run_id[:8], run.status, run.start_time, value, params))
