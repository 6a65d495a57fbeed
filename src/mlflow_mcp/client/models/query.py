"""Filters and orders of models, as MLflow's stores really read them.

Where a store would answer wrongly without a word, the filter is rewritten: values in double quotes match nothing, a status is
kept as a number, an unknown attribute is an internal error. Quoting of names is as in `client.filters`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mlflow_mcp.client.filters import parts_of
from mlflow_mcp.client.moments import moment_of
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import hint, quoted

# The one place that spells the language of models out; `REGISTRY_EXAMPLE` is that of registered models.
EXAMPLE = "metrics.acc > 0.9 AND params.lr = '0.01' AND name LIKE '%bert%' AND status = 'READY'"
REGISTRY_EXAMPLE = "name LIKE '%bert%' AND tags.team = 'nlp'"

_TIMES = {
    "creation_time": "creation_timestamp",
    "created": "creation_timestamp",
    "last_updated": "last_updated_timestamp",
}
_NUMBERS = ("creation_timestamp", "last_updated_timestamp")
_TEXTS = ("name", "model_id", "model_type", "status", "source_run_id", "experiment_id", "status_message")
_ATTRIBUTES = (*_NUMBERS, *_TEXTS)
_KINDS = {
    "metric": "metrics", "metrics": "metrics",
    "param": "params", "params": "params",
    "tag": "tags", "tags": "tags",
    "attribute": "attributes", "attributes": "attributes",
}  # fmt: skip
# How MLflow's databases keep the status of a logged model.
_STATUS = {"PENDING": "1", "READY": "2", "FAILED": "3"}
_COMPARISON = re.compile(
    r"(?is)(?P<field>(?:\w+\.)?(?:`[^`]+`|\"[^\"]+\"|[^'\"`]+?))\s*"
    r"(?P<op>!=|>=|<=|=|<|>|\bNOT\s+I?LIKE\b|\bI?LIKE\b|\bNOT\s+IN\b|\bIN\b)\s*(?P<value>.+)"
)


class Dataset(NamedTuple):
    """A dataset that metrics were measured on, as a caller names it; without a digest all digests of the name are meant."""

    name: str
    digest: str | None

    def __str__(self) -> str:
        return f"{self.name} ({self.digest})" if self.digest else self.name

    @classmethod
    def of(cls, text: str) -> Dataset:
        """`val`, or one of several digests: `val (5be1f20c)`, as answers show them."""
        found = re.fullmatch(r"(.+?)\s+\(([^()\s]+)\)", text.strip())
        return cls(found[1], found[2]) if found else cls(text.strip(), None)


@dataclass(frozen=True)
class Comparison:
    """One part of a filter: `metrics`, `acc`, `>`, `0.9`; the value as MLflow is to read it."""

    kind: str
    name: str
    operator: str
    value: str

    def __str__(self) -> str:
        name = self.name if re.fullmatch(r"[A-Za-z_]\w*", self.name) else f"`{self.name}`"
        return f"{name if self.kind == 'attributes' else f'{self.kind}.{name}'} {self.operator} {self.value}"

    def holds(self, value: float) -> bool | None:
        """Whether a metric's value passes; None for what is no comparison of numbers."""
        try:
            limit = float(self.value)
        except ValueError:
            return None
        passes: dict[str, Callable[[float], bool]] = {
            "=": lambda x: x == limit, "!=": lambda x: x != limit,
            ">": lambda x: x > limit, ">=": lambda x: x >= limit,
            "<": lambda x: x < limit, "<=": lambda x: x <= limit,
        }  # fmt: skip
        return passes[self.operator](value) if self.operator in passes else None


def comparisons_of(query: str) -> list[Comparison | str]:
    """The parts of a filter of logged models; a part that is no comparison stays a text, for MLflow to judge.

    Raises Problem for OR, for an attribute that logged models do not have, and for a value that MLflow cannot search for.
    """
    return [_comparison(part) for part in parts_of(query)]


def written(parts: Sequence[Comparison | str], *, numbers_for_status: bool) -> str:
    """The filter for MLflow. Its databases compare the status with a number, its folders with the word."""
    return " AND ".join(str(_with_number(part) if numbers_for_status else part) for part in parts)


def order_of(order_by: Sequence[str] | None, dataset: Dataset | None) -> list[dict[str, Any]]:
    """`order_by` clauses as MLflow takes them for logged models, a metric on this dataset alone."""
    return [_clause(text, dataset) for text in order_by or ()]


def _comparison(text: str) -> Comparison | str:
    found = _COMPARISON.fullmatch(text)
    if not found:
        return text
    kind, name = _field(found["field"].strip())
    operator = re.sub(r"\s+", " ", found["op"].upper())
    value = found["value"].strip()
    if kind == "attributes" and name in _NUMBERS:
        value = _milliseconds(value)
    elif kind != "metrics":
        value = _single_quoted(value)
    return Comparison(kind, name, operator, value)


def _field(text: str) -> tuple[str, str]:
    """The kind and the plain name of a field. Raises Problem for an attribute that logged models do not have."""
    before, dot, name = text.partition(".")
    kind = _KINDS.get(before.lower()) if dot else None
    name = (name if kind else text).strip().strip('`"')
    if kind is None or kind == "attributes":
        kind, name = "attributes", _TIMES.get(name, name)
        if name not in _ATTRIBUTES:
            raise Problem(
                f"Logged models have no attribute '{name}'; theirs are {quoted(_ATTRIBUTES[:-1])}.",
                f"{hint(name, _ATTRIBUTES)} Metrics, params and tags are written metrics.{name}, params.{name}, tags.{name}.".strip(),
            )
    return kind, name


def _single_quoted(value: str) -> str:
    """The value in the only quotes that logged models know. Raises Problem for one that holds such a quote itself."""
    if value.startswith("("):
        return re.sub(r'"([^"\']*)"', r"'\1'", value)
    if len(value) > 1 and value[0] == value[-1] == '"':
        if "'" in value:
            raise Problem(
                f"MLflow cannot search models for a value that holds a single quote: {value}.",
                "Use LIKE with `_` in place of the quote.",
            )
        return f"'{value[1:-1]}'"
    return value


def _milliseconds(value: str) -> str:
    """A time as MLflow compares it: milliseconds since 1970, also of an ISO-8601 date or time (UTC)."""
    text = value.strip("'\"")
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return text
    moment = moment_of(text)
    if moment is None:
        raise Problem(f"{value} is no time.", "Write milliseconds since 1970, or a date such as '2026-11-20'.")
    return str(moment.start)


def _with_number(part: Comparison | str) -> Comparison | str:
    if isinstance(part, str) or (part.kind, part.name) != ("attributes", "status"):
        return part
    value = re.sub(r"'(\w+)'", lambda word: f"'{_STATUS.get(word[1].upper(), word[1])}'", part.value)
    return Comparison(part.kind, part.name, part.operator, value)


def _clause(text: str, dataset: Dataset | None) -> dict[str, Any]:
    found = re.fullmatch(r"(?is)(.+?)(?:\s+(asc|desc)(?:ending)?)?", text.strip())
    field, direction = (found[1], (found[2] or "").lower()) if found else (text, "")
    kind, _, name = field.partition(".")
    kind = _KINDS.get(kind.lower(), "") if name else ""
    ascending = {"ascending": direction != "desc"}
    if kind == "metrics":
        on = {"dataset_name": dataset.name} if dataset else {}
        if dataset and dataset.digest:
            on["dataset_digest"] = dataset.digest
        return {"field_name": f"metrics.{name.strip().strip('`')}", **ascending, **on}
    if kind in ("params", "tags"):
        raise Problem(
            f"order_by cannot use '{text}': MLflow orders logged models by metrics and attributes.",
            f"Write 'metrics.<name> DESC', or one of {quoted(_ATTRIBUTES[:4])}; query filters by {kind}.",
        )
    plain = (name if kind == "attributes" else field).strip("`")
    plain = _TIMES.get(plain, plain)
    if plain not in _ATTRIBUTES:
        raise Problem(
            f"order_by cannot use '{text}': MLflow orders logged models by metrics and attributes.",
            f"Write 'metrics.{plain} DESC', or one of {quoted(_ATTRIBUTES[:4])}.",
        )
    return {"field_name": plain, **ascending}
