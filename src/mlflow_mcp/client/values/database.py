"""Values read with SQL where this process opens MLflow's database itself: a hundred times faster than runs as entities.

Only what `runs/search` would answer: active runs of these experiments, under conditions that mean the same. Tables and
comparisons are MLflow's own. What cannot be said safely in SQL is left to `runs/search`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlflow_mcp.client.experiments import chunks
from mlflow_mcp.client.filters import explained
from mlflow_mcp.client.scan import PAGE
from mlflow_mcp.client.values.run import RunValues, Selection
from mlflow_mcp.entities.metrics import select_names
from mlflow_mcp.entities.run import own_tags

if TYPE_CHECKING:
    from sqlalchemy import Engine, Select

    from mlflow_mcp.client import Client

_DIALECTS = ("sqlite", "postgresql")

# In one statement, which databases allow a limited number of variables.
_NAMES_AT_ONCE = 1_000


@dataclass(frozen=True)
class Matching:
    """The runs of a search, as conditions in SQL."""

    engine: Engine
    experiment_ids: list[str]
    conditions: list[Any]

    def select(self, columns: Sequence[Any], part: list[str], *joined: Any) -> Select[Any]:
        """These columns of the matching runs in a part of the experiments; `joined` is a table and its condition."""
        from mlflow.store.tracking.dbmodels.models import SqlRun
        from sqlalchemy import select

        statement = select(*columns).select_from(SqlRun)
        if joined:
            statement = statement.join(*joined)
        statement = statement.where(SqlRun.lifecycle_stage == "active", *self.conditions)
        return statement.where(SqlRun.experiment_id.in_([int(each) for each in part]))

    def rows(self, client: Client, statement: Select[Any]) -> Sequence[Any]:
        """What the database answers."""

        def ask() -> Sequence[Any]:
            with self.engine.connect() as connection:
                return connection.execute(statement).all()

        return client.ask(ask)

    def count(self, client: Client) -> int:
        """How many runs match."""
        from sqlalchemy import func

        parts = (self.select([func.count()], part) for part in chunks(self.experiment_ids))
        return sum(number for part in parts for (number,) in self.rows(client, part))


def matching(client: Client, experiment_ids: list[str], query: str) -> Matching | None:
    """The runs of this search, or None where there is no database to ask or the filter cannot be said in SQL."""
    if not client.uri.lower().startswith(_DIALECTS) or not all(each.isdigit() for each in experiment_ids):
        return None

    def prepared() -> Matching | None:
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        store = client.connection.store
        if not isinstance(store, SqlAlchemyStore) or store.engine.dialect.name not in _DIALECTS:
            return None
        conditions = _conditions(query, store.engine.dialect.name)
        return None if conditions is None else Matching(store.engine, experiment_ids, conditions)

    with explained(query):
        return client.ask(prepared)


class DatabaseValues:
    """The matching runs in pages, each run once, with the values that are selected; see `ServerValues`."""

    def __init__(self, client: Client, runs: Matching, selection: Selection) -> None:
        self._client, self._matching, self._selection = client, runs, selection
        self.runs = 0
        self.has_all = True
        self.partial: str | None = None
        self.left_out: list[str] = []
        self.total: int | None = None
        self.stopped: str | None = None

    def names(self, kind: str) -> list[str]:
        """The names of metrics, params or tags that these runs have, without MLflow's own tags."""
        from mlflow.store.tracking.dbmodels.models import SqlRun

        table, found = _table(kind), set[str]()
        for part in chunks(self._matching.experiment_ids):
            statement = self._matching.select([table.key], part, table, table.run_uuid == SqlRun.run_uuid)
            found.update(name for (name,) in self._matching.rows(self._client, statement.distinct()))
        return sorted(own_tags(dict.fromkeys(found, "")) if kind == "tags" else found)

    def __iter__(self) -> Iterator[list[RunValues]]:
        names = self._selection.plain_metrics
        if names is None:
            names = select_names(self._selection.metrics, self.names("metrics"))
        parts = chunks(self._matching.experiment_ids)
        steps = self._client.call.steps("read", "run")
        for part in parts:
            runs = self._values(part, names)
            self.total = steps.total = len(runs) if len(parts) == 1 else None
            for start in range(0, len(runs), PAGE):
                page = runs[start : start + PAGE]
                self.runs += len(page)
                yield page
                steps.advance(len(page))

    def _values(self, part: list[str], names: list[str]) -> list[RunValues]:
        from mlflow.store.tracking.dbmodels.models import SqlRun

        columns = [SqlRun.run_uuid, SqlRun.experiment_id, SqlRun.status, SqlRun.name, SqlRun.user_id]
        columns += [SqlRun.start_time, SqlRun.end_time]
        # The runs first: one that is made meanwhile is left out, rather than counted without its values.
        rows = self._matching.rows(self._client, self._matching.select(columns, part))
        metrics = self._logged("metrics", part, names)
        params, tags = (
            self._logged("params", part, self._selection.params),
            self._logged("tags", part, self._selection.tags),
        )
        nothing: dict[str, Any] = {}
        found = []
        for run_id, experiment_id, status, name, user_id, start_time, end_time in rows:
            run_tags = tags.get(run_id, nothing)
            name, user = name or run_tags.get("mlflow.runName"), run_tags.get("mlflow.user") or user_id or None
            run_metrics, run_params = metrics.get(run_id, nothing), params.get(run_id, nothing)
            found.append(
                RunValues(
                    *(run_id, str(experiment_id), status, name, user, start_time, run_metrics, run_params, run_tags),
                    end_time,
                )
            )
        return found

    def _logged(self, kind: str, part: list[str], names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What the matching runs have under these names, by run and name."""
        from mlflow.store.tracking.dbmodels.models import SqlRun
        from sqlalchemy import literal

        table, found = _table(kind), dict[str, dict[str, Any]]()
        is_nan = table.is_nan if kind == "metrics" else literal(False)
        columns = [table.run_uuid, table.key, table.value, is_nan]
        for start in range(0, len(names), _NAMES_AT_ONCE):
            statement = self._matching.select(columns, part, table, table.run_uuid == SqlRun.run_uuid)
            named = statement.where(table.key.in_(names[start : start + _NAMES_AT_ONCE]))
            for run_id, name, value, nan in self._matching.rows(self._client, named):
                found.setdefault(run_id, {})[name] = math.nan if nan else value
        return found


def _table(kind: str) -> Any:
    from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlParam, SqlTag

    return {"metrics": SqlLatestMetric, "params": SqlParam, "tags": SqlTag}[kind]


def _conditions(query: str, dialect: str) -> list[Any] | None:
    """The filter as conditions on runs; None when a part of it might mean something else in SQL than in `runs/search`."""
    from mlflow.utils.search_utils import SearchUtils

    parsed = SearchUtils.parse_search_filter(query)  # type: ignore[no-untyped-call]  # MLflow has no types there
    conditions = [
        _condition(each["type"], each["key"], each["comparator"].upper(), each["value"], dialect) for each in parsed
    ]
    return None if any(each is None for each in conditions) else conditions


def _condition(kind: str, name: str, comparator: str, value: Any, dialect: str) -> Any:
    """One comparison of a filter, as `runs/search` makes it. Raises what that raises for a comparator it does not know."""
    from mlflow.store.tracking.dbmodels import models
    from mlflow.utils.search_utils import SearchUtils

    search: Any = SearchUtils  # MLflow has no types there
    sql_run: Any = models.SqlRun
    key = search.translate_key_alias(name)
    compared = search.get_sql_comparison_func(comparator, dialect)
    if search.is_attribute(kind, key, comparator):
        if key == "run_name":
            return _has("tags", "mlflow.runName", comparator, lambda column: compared(column, value))
        return compared(getattr(sql_run, sql_run.get_attribute_name(key)), value)
    if search.is_metric(kind, comparator):
        # NaN is stored as 0, and versions of MLflow differ in whether it passes where 0 does.
        agree = search.get_comparison_func(comparator)(0.0, float(value)) == (comparator == "!=")
        return _has("metrics", key, comparator, lambda column: compared(column, float(value))) if agree else None
    for table, is_meant in (("params", search.is_param), ("tags", search.is_tag)):
        if is_meant(kind, comparator):
            return _has(table, key, comparator, lambda column: compared(column, value))
    return None


def _has(kind: str, key: str, comparator: str, compared: Callable[[Any], Any]) -> Any:
    """Whether a run has a metric, param or tag of this name that compares so."""
    from mlflow.store.tracking.dbmodels.models import SqlRun
    from sqlalchemy import exists
    from sqlalchemy.orm import aliased

    table = aliased(_table(kind))  # the same table may be the one that values are selected from
    named = exists().where(table.run_uuid == SqlRun.run_uuid, table.key == key)
    if comparator in ("IS NULL", "IS NOT NULL"):
        return ~named if comparator == "IS NULL" else named
    return named.where(compared(table.value))
