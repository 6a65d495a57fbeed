"""Rank runs by a metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.filters import quoted_order, quoted_query
from mlflow_mcp.client.ids import experiment_ids
from mlflow_mcp.client.pages import search
from mlflow_mcp.entities import launcher
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import every, hint, plural
from mlflow_mcp.tools.arguments import ExperimentId, Metrics, Params, Query
from mlflow_mcp.tools.evaluations import inspection
from mlflow_mcp.tools.runs.table import RunTable, run_table

if TYPE_CHECKING:
    from mlflow.entities import Run


MetricName = Annotated[str, Field(min_length=1, description="Exact metric name, e.g. 'val/loss'.")]


Mode = Annotated[Literal["max", "min"], Field(description="'max': highest first; 'min': lowest first.")]


MinSamples = Annotated[int | None, Field(ge=1, description="Leave out runs that say they had fewer samples.")]


Top = Annotated[int, Field(ge=1, le=100, description="Rows at most.")]


# How many rows of a ranking are read in search of valid ones.
_MOST_READ = 5_000


class Ranking(RunTable):
    """The best runs by one metric, best first."""

    metric: str
    mode: str


def best_runs(  # noqa: PLR0913  # one parameter per argument of the tool
    client: Client,
    metric: MetricName,
    mode: Mode = "max",
    experiment_id: ExperimentId = None,
    query: Query = "",
    min_samples: MinSamples = None,
    metrics: Metrics = None,
    params: Params = None,
    limit: Top = 5,
) -> Ranking:
    """Rank runs by a metric and return the top N with what tells them apart; NaN, infinite and missing values never win,
    and a winner of few samples is pointed out. Within a filter, in one, several or all experiments. compare_runs shows
    the differences of the winners, aggregate_runs statistics over all."""
    ids = experiment_ids(client, experiment_id)
    wanted = quoted_query(query)
    found, passed = client.experiments.search_in(
        ids, lambda each: _top(client, each, wanted, metric, mode, min_samples, limit)
    )
    if not found:
        raise _nobody(client, ids, wanted, metric, min_samples, passed)
    shown = [metric, *(metrics or ())]
    table = run_table(found, client.experiments.names(), metrics=shown, params=params)
    answer = Ranking(metric=metric, mode=mode, **dict(table))
    facts = inspection.look_at(client, [run for run in found if launcher.invocation_id_of(run)], history=False)
    for place, run in enumerate(found, 1):
        samples = facts[run.info.run_id].samples if run.info.run_id in facts else launcher.sample_count(run)
        if samples is not None and samples <= launcher.CANARY:
            answer.note(
                f"Number {place} ({run.info.run_name}) had only {plural(samples, 'sample')}: not comparable with full "
                f"runs; {_remedy(run)}"
            )
        if run.info.status != "FINISHED":
            answer.note(f"Number {place} ({run.info.run_name}) is {run.info.status}, not FINISHED.")
    for job, count in Counter(launcher.job_of(run) for run in found).items():
        if job and count > 1:
            answer.note(f"{count} of these runs are exports of one job, {job}: it takes {count} places.")
    if passed:
        answer.note(f"{plural(passed, 'run')} with fewer than {min_samples} samples left out.")
    return answer


def _remedy(run: Run) -> str:
    if launcher.sample_count(run) is None:
        return "only its results.yml says so, so that min_samples cannot leave it out."
    return f"min_samples={launcher.CANARY + 1} leaves out runs whose params say so."


def _top(
    client: Client, ids: list[str], query: str, metric: str, mode: str, min_samples: int | None, limit: int
) -> tuple[list[Run], int]:
    """The first `limit` runs by rank that have a finite value and enough samples; and how many had too few samples.

    The server orders and leaves out infinities (stored as +-1.797e308), but keeps NaN: those are passed over here.
    """
    name = f"metrics.`{metric}`" if "`" not in metric else f'metrics."{metric}"'
    clauses = [query, f"{name} > -1.7e308", f"{name} < 1.7e308"]
    whole = " AND ".join(clause for clause in clauses if clause)
    order = quoted_order([f"metrics.{metric} {'DESC' if mode == 'max' else 'ASC'}"])
    found: list[Run] = []
    passed, read, cursor = 0, 0, None
    while True:
        page = search(client, ids, whole, order, max(limit, 20), cursor)
        for run in page.runs:
            if not is_finite(run.data.metrics.get(metric)):
                continue
            samples = launcher.sample_count(run)
            if min_samples is not None and samples is not None and samples < min_samples:
                passed += 1
            elif len(found) < limit:
                found.append(run)
        read += len(page.runs)
        if len(found) >= limit or not page.more or read >= _MOST_READ:
            return found, passed
        cursor = page.cursor_after(len(page.runs))


def _nobody(
    client: Client, ids: list[str] | None, query: str, metric: str, min_samples: int | None, passed: int
) -> Problem:
    if passed:
        return NotFound(
            f"All {passed} runs with a finite '{metric}' had fewer than {min_samples} samples.", "Lower min_samples."
        )
    some, _ = client.experiments.search_in(ids, lambda each: client.runs.search(each[:1_000], query, max_results=1_000))
    where = f" match '{query}'" if query else " are here"
    if not some:
        return NotFound(f"No runs{where}.", "Widen the query or leave experiment_id out.")
    holders = [run for run in some if metric in run.data.metrics]
    if holders:
        return NotFound(
            f"'{metric}' is NaN or infinite in {every(len(holders), 'run')} that {'has' if len(holders) == 1 else 'have'} it.",
            "Choose another metric; describe_experiment lists them with their ranges.",
        )
    return unknown_metric(metric, some)


def unknown_metric(metric: str, runs: Sequence[Run]) -> NotFound:
    """The sentence for a metric that none of these runs has."""
    known = {name for run in runs for name in run.data.metrics}
    return NotFound(
        f"None of {plural(len(runs), 'run')} looked at has a metric '{metric}'.",
        f"{hint(metric, known)} describe_experiment lists all metrics.".strip(),
    )
