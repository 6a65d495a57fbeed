"""Values read through `runs/search`: of a server only the runs that have the metrics, where these are few."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mlflow_mcp.client.scan import PAGE, EveryPage
from mlflow_mcp.client.values.run import RunValues, Selection, of_entity, of_json
from mlflow_mcp.entities.run import own_tags
from mlflow_mcp.text import quoted

if TYPE_CHECKING:
    from mlflow_mcp.client import Client

_SEARCH = "/api/2.0/mlflow/runs/search"

# Read apart, a metric that nearly all runs have would cost the same, and say nothing of the others.
_FEW = 0.8

# A run has a metric when its value is not this one, or is this one. No single comparison says it: NaN passes `!=` only.
_SOME_VALUE = "1.7182818284590453e-301"


class EveryRunValues(EveryPage[RunValues]):
    """All matching runs, as their values."""

    def _page(self, ids: list[str], token: str | None) -> tuple[list[RunValues], str | None]:
        if not self._client.is_http:
            runs, following = self._client.runs.search(ids, self._query, max_results=PAGE, page_token=token)
            return [of_entity(run) for run in runs], following
        asked = {"experiment_ids": ids, "filter": self._query, "run_view_type": "ACTIVE_ONLY", "max_results": PAGE}
        answer = self._client.http.post_json(_SEARCH, asked | ({"page_token": token} if token else {}))
        return [of_json(run) for run in answer.get("runs", ())], answer.get("next_page_token") or None

    def _id(self, run: RunValues) -> str:
        return run.run_id


class _RunsWithMetric(EveryRunValues):
    """All matching runs that have a metric: nobody is told exactly how many before they are read."""

    by_pages = True
    kind = "those that have a metric"


class ServerValues:
    """The matching runs in pages, each run once. After the last page:

    `runs` is how many match (with `partial`: how many were read), `has_all` whether the pages had all of them and not
    only those with the metrics, `left_out` the metrics that the time did not suffice for.
    """

    def __init__(self, client: Client, experiment_ids: list[str], query: str, selection: Selection, most: int) -> None:
        self._client, self._ids, self._query, self._selection, self._most = (
            client,
            experiment_ids,
            query,
            selection,
            most,
        )
        self._names: dict[str, set[str]] = {"metrics": set(), "params": set(), "tags": set()}
        self.runs = 0
        self.has_all = True
        self.partial: str | None = None
        self.left_out: list[str] = []
        self.total: int | None = None  # how many match, where that is known before all are read
        self.stopped: str | None = None  # why reading ended early

    def names(self, kind: str) -> list[str]:
        """The names of metrics, params or tags that were seen, without MLflow's own tags."""
        return sorted(self._names[kind])

    def __iter__(self) -> Iterator[list[RunValues]]:
        every = EveryRunValues(self._client, self._ids, self._query, self._most)
        first = self._seen(every.begin())
        names = self._worth_reading_apart(every, first)
        if names:
            self.has_all, self.runs = False, every.total or 0
            yield from self._with(names)
            return
        self.total = every.total
        if first:
            yield first
        for page in every.rest():
            yield self._seen(page)
        self.runs, self.total, self.stopped = every.read, every.total, every.stopped
        if every.stopped:
            of_all = f"of {every.total:,} matching runs" if every.total else "runs, and more match"
            self.partial = f"statistics over {every.read:,} {of_all}: {every.stopped}"

    def _worth_reading_apart(self, every: EveryRunValues, first: list[RunValues]) -> list[str]:
        """The metrics' names, when their runs are few among many that are counted; a glob needs all runs."""
        names = self._selection.plain_metrics
        if names is None or every.is_finished or every.total is None:
            return []
        shares = [sum(name in run.metrics for run in first) / max(1, len(first)) for name in names]
        return names if sum(shares) < _FEW else []

    def _with(self, names: Sequence[str]) -> Iterator[list[RunValues]]:
        """The runs that have one of these metrics, metric by metric."""
        seen: set[str] = set()
        parts = []
        for at, name in enumerate(names):
            read, total, is_whole = 0, 0, True
            for comparator in ("=", "!="):
                clause = f"metrics.`{name}` {comparator} {_SOME_VALUE}"
                query = f"{self._query} AND {clause}" if self._query else clause
                reading = _RunsWithMetric(self._client, self._ids, query, self._most)
                for page in reading if not self._client.call.is_late else ():
                    yield [run for run in self._seen(page) if run.run_id not in seen]
                    seen.update(run.run_id for run in page)
                is_whole = is_whole and reading.total is not None and not reading.stopped
                read, total = read + reading.read, total + (reading.total or 0)
            if not is_whole:
                if at == 0 and read:
                    of_all = f"of at most {total:,} runs that have it" if total > read else "runs, and more have it"
                    parts.append(f"'{name}' from {read:,} {of_all}")
                # What the runs read before have of the others is not what all their runs have.
                self.left_out = list(names[at + len(parts) :])
                break
        if parts or self.left_out:
            shown = [name for name in self.left_out if not name.startswith("metrics.")]  # how a filter names it
            self.partial = f"time was up: {'; '.join(parts + ([f'{quoted(shown)} left out'] if shown else []))}"
            self.runs = len(seen)
        else:
            self.has_all = len(seen) == self.runs

    def _seen(self, page: list[RunValues]) -> list[RunValues]:
        for run in page:
            self._names["metrics"].update(run.metrics)
            self._names["params"].update(run.params)
            self._names["tags"].update(own_tags(run.tags))
        return page
