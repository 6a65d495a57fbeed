"""The first runs of an order by a metric: each job once, ties counted, trial runs left out where that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlflow_mcp.client import Client
from mlflow_mcp.client.pages import RunSearch, search
from mlflow_mcp.entities.launcher import LauncherRun, are_copies, group_jobs
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.entities.samples import Samples
from mlflow_mcp.tools.evaluations.inspection import inspect_samples
from mlflow_mcp.tools.runs.aggregates.jobs_once import unjudged_name

_MOST_READ = 2_000
# Runs read beyond those that are shown: copies and equals among them are counted.
_READ_FURTHER = 20


@dataclass
class Ranked:
    """The runs in their order, and what was passed over."""

    metric: str
    limit: int
    least: int | None  # samples
    runs: list[LauncherRun] = field(default_factory=list)
    too_few_samples: int = 0
    uncounted: list[str] = field(default_factory=list)  # names of runs whose samples nothing counts or limits
    copies: int = 0  # further exports of jobs that are in the ranking
    tied: int = 0  # runs left out that have the value of the last one
    more_tied: bool = False  # whether there may be further ones
    read: list[tuple[str | None, float]] = field(
        default_factory=list
    )  # the names of the runs that were read, and values
    values: Mapping[str, float] | None = None  # by run id, where they are not the runs' latest

    def value(self, run: LauncherRun) -> float:
        """What the run is ranked by."""
        return run.metrics[self.metric] if self.values is None else self.values[run.run_id]

    @property
    def is_full(self) -> bool:
        return len(self.runs) == self.limit

    def add(self, run: LauncherRun, samples: Mapping[str, Samples]) -> None:
        """Put the next run of the order where it belongs: in the ranking, or to those passed over."""
        copy = next((each for each in self.runs if are_copies(run, each)), None)
        if copy is not None:
            self.copies += 1
            if group_jobs([copy, run])[0].canonical is run:  # the one ranked before is a stale copy
                self.runs.remove(copy)
                self.runs.append(run)
        elif self.is_full:
            self.tied += self.value(run) == self.value(self.runs[-1])
        elif self._has_enough_samples(run, samples.get(run.run_id)):
            self.runs.append(run)

    def _has_enough_samples(self, run: LauncherRun, samples: Samples | None) -> bool:
        if self.least is None:
            return True
        enough = samples.has_at_least(self.least) if samples else None
        if enough is None:
            self.uncounted.append(unjudged_name(run.name or run.run_id, samples))
        self.too_few_samples += enough is False
        return enough is not False


def add_all(client: Client, ranked: Ranked, runs: Sequence[LauncherRun]) -> None:
    """Put the next runs of the order where they belong; files are read only while the ranking is not full."""
    for start in range(0, len(runs), ranked.limit):
        batch = runs[start : start + ranked.limit]
        counts = ranked.least is not None and not ranked.is_full
        samples = inspect_samples(client, batch) if counts else {}
        for run in batch:
            ranked.add(run, samples)


def _field(metric: str) -> str:
    # Not quoted_order, which takes off the spaces around a name.
    return f"metrics.`{metric}`" if "`" not in metric else f'metrics."{metric}"'


def with_finite(query: str, metric: str) -> str:
    """The filter, and that a run has the metric with a value that is not infinite."""
    clauses = [query, f"{_field(metric)} > -1.7e308", f"{_field(metric)} < 1.7e308"]
    return " AND ".join(clause for clause in clauses if clause)


def rank(client: Client, ids: list[str], query: str, metric: str, mode: str, least: int | None, limit: int) -> Ranked:
    """The first `limit` runs of these experiments that have a finite value and, where `least` is given, so many samples.

    The server orders and leaves out infinities (stored as +-1.797e308), but keeps NaN: those are passed over here.
    """
    name, whole = _field(metric), with_finite(query, metric)
    # MLflow takes one pair of quotes off an order, and then the spaces.
    ordered = name if metric == metric.strip() else f"metrics.`'{metric}'`"
    runs = RunSearch(ids, whole, [f"{ordered} {'DESC' if mode == 'max' else 'ASC'}"])
    ranked = Ranked(metric, limit, least)
    cursor = None
    steps = client.call.steps("read", "run")
    while True:
        page = search(client, runs, limit + _READ_FURTHER, cursor)
        finite = [run for run in map(LauncherRun.of, page.rows) if is_finite(run.metrics.get(metric))]
        ranked.read += [(run.name, run.metrics[metric]) for run in finite]
        add_all(client, ranked, finite)
        steps.advance(len(page.rows))
        if ranked.is_full or not page.more or steps.done >= _MOST_READ:
            last = page.rows[-1].data.metrics.get(metric) if page.rows else None
            ranked.more_tied = page.more and bool(ranked.tied) and last == ranked.runs[-1].metrics[metric]
            return ranked
        cursor = page.cursor_after(len(page.rows))
