"""Conditions on params and tags that MLflow's filters do not know, written as ones that they know.

MLflow keeps params and tags as text and compares them with =, != and LIKE alone. Where there are few values,
`params.batch_size <= 16` is the same as leaving out the greater ones: `params.batch_size != '32' AND params.batch_size != '64'`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from mlflow_mcp.client.filters import blanked, fields_in, quote_unless_quoted, quoted_query, quoted_value
from mlflow_mcp.client.moments import with_milliseconds
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import as_number, listed, truncate

if TYPE_CHECKING:
    from mlflow_mcp.client import Client

# Each value left out is a join in the server's database.
_MOST_VALUES = 20
_RUNS_AT_ONCE = 200
_LISTED = 12
_COMPARES: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "==": operator.eq,
    "!=": operator.ne,
}  # fmt: skip
_REST = re.compile(r"(?i)\s*(<=|>=|!=|==|=|<|>|(?:NOT\s+)?IN\b)\s*(\([^()]*\)|'[^']*'|\"[^\"]*\"|[^\s'\"()]+)")
_ITEM = re.compile(r"'[^']*'|\"[^\"]*\"|[^\s,()]+")


@dataclass(frozen=True)
class _Condition:
    """`params.x <= 16` or `tags.x IN ('a', 'b')` with its place in the filter."""

    start: int
    end: int
    field: str  # as MLflow takes it
    comparator: str
    values: list[str]

    @property
    def is_list(self) -> bool:
        return self.comparator.endswith("IN")

    def allows(self, value: str) -> bool:
        """Whether a run with this value passes."""
        if self.is_list:
            return (value in self.values) == (self.comparator == "IN")
        number, bound = as_number(value), as_number(self.values[0])
        return number is not None and bound is not None and _COMPARES[self.comparator](number, bound)


def searchable(client: Client, experiment_ids: list[str] | None, query: str, *, deleted: bool = False) -> str:
    """The filter as MLflow takes it, quoted. Raises Problem for what cannot be expressed, with the values that there are."""
    text = with_milliseconds(query.strip())
    for condition in reversed(list(_conditions(text))):
        written = _written(client, experiment_ids, condition, deleted)
        text = text[: condition.start] + written + text[condition.end :]
    return quoted_query(text)


def _conditions(text: str) -> Iterator[_Condition]:
    """The conditions on params and tags that MLflow does not know."""
    bare = blanked(text)
    for found in fields_in(text):
        rest = _REST.match(bare, found.end())
        if rest is None or found[1].lower()[0] not in "pt":  # params, parameters, tags
            continue
        comparator = re.sub(r"\s+", " ", rest[1].upper())
        written = text[rest.start(2) : rest.end(2)]
        items = _ITEM.findall(written) if comparator.endswith("IN") else [written]
        is_number = as_number(items[0].strip("'\"")) is not None if items else False
        is_quoted = bool(items) and items[0][0] in "'\""
        if comparator.endswith("IN") or (is_number and (comparator in ("<", "<=", ">", ">=") or not is_quoted)):
            field = f"{found[1]}.{quote_unless_quoted(text[found.start(2) : found.end(2)].strip())}"
            values = [item[1:-1] if item[0] in "'\"" else item for item in items]
            yield _Condition(found.start(), rest.end(), field, comparator, values)


def _written(client: Client, experiment_ids: list[str] | None, condition: _Condition, deleted: bool) -> str:
    """The condition in comparisons that MLflow knows."""
    field, values = condition.field, list(dict.fromkeys(condition.values))
    if condition.is_list and (condition.comparator != "IN" or len(values) == 1):
        sign = "=" if condition.comparator == "IN" else "!="
        return _joined(field, sign, values)
    known = _values(client, experiment_ids, condition, deleted)
    passing = [value for value in known if condition.allows(value)]
    if len(passing) == 1:
        return _joined(field, "=", passing)
    failing = [value for value in known if not condition.allows(value)]
    return _joined(field, "!=", failing) if failing else f"{field} LIKE '%'"


def _joined(field: str, sign: str, values: Sequence[str]) -> str:
    return " AND ".join(f"{field} {sign} {quoted_value(value)}" for value in values)


def _values(client: Client, experiment_ids: list[str] | None, condition: _Condition, deleted: bool) -> list[str]:
    """All values of a param or tag in these experiments. Raises Problem, with some of them, where there are too many."""
    kind, _, name = condition.field.partition(".")
    kind, name = ("tags" if kind.lower().startswith("t") else "params"), name.strip('`"')
    known: list[str] = []
    while len(known) <= _MOST_VALUES:
        query = _joined(condition.field, "!=", known) or f"{condition.field} LIKE '%'"
        find = partial(client.runs.find, query=query, at_most=_RUNS_AT_ONCE, deleted=deleted)
        runs = client.experiments.search_in(experiment_ids, find)
        new = {getattr(run.data, kind).get(name) for run in runs} - {None, *known}
        if not new:
            return known
        known += sorted(new)
    shown = [truncate(value, 60) for value in sorted(known, key=_in_order)]
    raise Problem(
        f"MLflow compares {kind} as text, with =, != and LIKE, and '{name}' has more than {_MOST_VALUES} values, "
        f"{listed(shown, _LISTED)}: {condition.comparator} cannot be written so.",
        "Call once for each value, use LIKE 'part%', or narrow experiment_id.",
    )


def _in_order(value: str) -> tuple[float, str]:
    number = as_number(value)
    return (float("inf") if number is None else number), value
