"""Hides values that look like secrets in whatever is sent to an agent."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from mlflow_mcp.answers.secrets.groups import is_in_group, names_several, without_data_of_secrets
from mlflow_mcp.answers.secrets.markup import hide_in_markup
from mlflow_mcp.answers.secrets.names import is_password, is_secret, may_stand_for_one, names_a_secret
from mlflow_mcp.answers.secrets.randomness import is_random
from mlflow_mcp.answers.secrets.shapes import HIDDEN
from mlflow_mcp.answers.secrets.texts import mask_lines, mask_part, mask_text

__all__ = [
    "HIDDEN",
    "hide_in_markup",
    "hide_named",
    "mark_named",
    "mask",
    "mask_at",
    "mask_lines",
    "mask_part",
    "mask_text",
]

# Columns whose cells are names of what stands beside them.
_COLUMNS_OF_NAMES = frozenset(("name", "key", "param", "tag", "field", "path", "setting", "variable", "column"))
# Columns of ours that never hold what was named beside them.
_COLUMNS_OF_OURS = frozenset(("change", "side", "run", "run_id", "file", "status"))
_KEYS_OF_NAMES = ("name", "key", "param", "variable", "field", "env", "header", "option", "Name", "Key")
_KEYS_OF_VALUES = ("value", "default", "val", "content", "Value", "data")
# A table of ours, and one of pandas in JSON.
_KEYS_OF_ROWS = ("rows", "data")
_LEAST_NUMBER = 100_000


class _Marked(str):
    """A text that is known to be a secret, whatever it will be found under."""


def mask(value: Any, name: str = "") -> Any:
    """The same value with what looks like a secret replaced by `[secret hidden]`, at any depth.

    `name` is the key that the value stands under: a text under `api_key` or `password` is hidden whatever its shape,
    unless it is short or only names what holds the key.
    """
    if isinstance(value, str):
        if isinstance(value, _Marked) or (name and is_secret(value, name)):
            return HIDDEN
        return value if name and names_a_secret(name) else mask_text(value)
    if isinstance(value, dict):
        return _masked_object(value, name)
    if isinstance(value, list):
        return [mask(inner, name) for inner in _marked_pair(value)]
    return HIDDEN if _is_secret_number(value, name) else value


def hide_named(value: Any, name: str = "") -> Any:
    """The same document without the values under names of secrets: what is taken out of it later does not show its name."""
    return _named(value, name, lambda _: HIDDEN)


def mark_named(value: Any, name: str = "") -> Any:
    """The same document, in which the values under names of secrets are hidden by `mask` also when they are taken out of it."""
    return _named(value, name, _Marked)


def mask_at(value: Any, path: str) -> Any:
    """A part of a document, masked as it would be in the whole: by the last key of the path that leads to it, such as
    `model.api_key` or `servers[*]."api-key"`. Answers are masked by the keys that they hold, not by those they were found under."""
    keys = re.findall(r"[\w-]+", re.sub(r"\[\d*\*?\]", "", path))
    return mask(value, keys[-1] if keys else "")


def _named(value: Any, name: str, hidden: Any) -> Any:
    if isinstance(value, str):
        return hidden(value) if name and is_secret(value, name) else value
    if isinstance(value, dict):
        value = _with_pair(_with_group(value, name, hidden), hidden)
        inside = {key: _named(inner, _name_of(str(key), name), hidden) for key, inner in value.items()}
        columns = value.get("columns")
        for key in _KEYS_OF_ROWS:
            rows = value.get(key)
            if isinstance(columns, list) and isinstance(rows, list):
                inside[key] = [_named_row(columns, row, hidden) for row in rows]
        return inside
    if isinstance(value, list):
        return [_named(inner, name, hidden) for inner in _marked_pair(value, hidden)]
    return hidden(str(value)) if _is_secret_number(value, name) else value


def _named_row(columns: list[Any], row: Any, hidden: Any) -> Any:
    if not isinstance(row, list) or len(row) != len(columns):
        return _named(row, "", hidden)
    return [_named(cell, str(column), hidden) for column, cell in zip(columns, row)]


def _name_of(key: str, outer: str) -> str:
    """What a value stands under: `value` and the like say less than the key around them."""
    return outer if key in _KEYS_OF_VALUES and outer and names_a_secret(outer) else key


def _is_secret_number(value: Any, name: str) -> bool:
    """Whether a password was written without quotes: `password: 12345678`."""
    return type(value) is int and abs(value) >= _LEAST_NUMBER and is_password(name)


def _masked_object(value: dict[Any, Any], name: str) -> dict[str, Any]:
    value = _with_pair(_with_group(value, name, _Marked), _Marked)
    columns = value.get("columns")
    return _masked_keys(
        {
            key: [_masked_row(columns, row) for row in inner]
            if key in _KEYS_OF_ROWS and isinstance(columns, list) and isinstance(inner, list)
            else mask(inner, _name_of(str(key), name))
            for key, inner in value.items()
        }
    )


def _masked_keys(masked: dict[Any, Any]) -> dict[str, Any]:
    """The keys are masked too, and stay as many as they were."""
    renamed: dict[str, Any] = {}
    for key, inner in masked.items():
        shown = first = mask_text(str(key))
        number = 2
        while shown in renamed:
            shown, number = f"{first} {number}", number + 1
        renamed[shown] = inner
    return renamed


def _with_group(value: dict[Any, Any], name: str, hidden: Any) -> dict[Any, Any]:
    """What stands below `passwords`, each under a name of its own, hidden."""
    if not names_several(name):
        return value
    return {
        key: hidden(inner) if isinstance(inner, str) and is_in_group(inner, name) else inner
        for key, inner in value.items()
    }


def _with_pair(value: dict[Any, Any], hidden: Any) -> dict[Any, Any]:
    """`{"name": "DB_PASSWORD", "value": "…"}` with its value hidden."""
    value = without_data_of_secrets(value, hidden)
    name = next((value[key] for key in _KEYS_OF_NAMES if isinstance(value.get(key), str)), "")
    if not name:
        return value
    return {
        key: hidden(inner) if key in _KEYS_OF_VALUES and isinstance(inner, str) and is_secret(inner, name) else inner
        for key, inner in value.items()
    }


def _marked_pair(value: list[Any], hidden: Any = _Marked) -> list[Any]:
    """`["DB_PASSWORD", "…"]` with its value hidden, where that is no list of names; and what follows `"--password"`."""
    if len(value) > 1 and any(isinstance(part, str) and part.startswith("-") for part in value[:-1]):
        return [value[0], *(_after_option(before, part, hidden) for before, part in pairwise(value))]
    if len(value) != 2 or not all(isinstance(part, str) for part in value):
        return value
    name, inner = value
    return [name, hidden(inner)] if names_a_secret(name) and is_secret(inner, name) and _is_no_name(inner) else value


def _after_option(before: Any, part: Any, hidden: Any) -> Any:
    if not isinstance(before, str) or not before.startswith("-") or not isinstance(part, str):
        return part
    return hidden(part) if is_secret(part, before.lstrip("-")) else part


def _is_no_name(value: str) -> bool:
    return not re.fullmatch(r"[A-Za-z_]\w*", value) or is_random(value)


def _masked_row(columns: list[Any], row: Any) -> Any:
    """The cells under the names of their columns, and beside a cell that is a name under that one."""
    if not isinstance(row, list):
        return mask(row)
    # Two names of one value stand in one cell: `params.password = tags.db_password`.
    names = (
        part.partition(" (")[0]  # a param of one task: `params.password (mmlu)`
        for column, cell in zip(columns, row)
        if str(column) in _COLUMNS_OF_NAMES and isinstance(cell, str)
        for part in cell.split(" = ")
    )
    name = next((part for part in names if may_stand_for_one(part)), "")
    columns = [*columns, *[""] * (len(row) - len(columns))]
    return [
        mask(cell, str(column)) if not name or str(column) in _COLUMNS_OF_NAMES | _COLUMNS_OF_OURS else mask(cell, name)
        for column, cell in zip(columns, row)
    ]
