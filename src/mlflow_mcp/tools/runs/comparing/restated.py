"""Differences that only say again what stands elsewhere: a server's command line, and names of the model. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mlflow_mcp.entities.command_options import CUT_AT

# A command line of fewer characters is shown whole.
_LONG_COMMAND = 120
# An option with its value, or another word.
_OPTION = re.compile(r"--?[A-Za-z][^\s=]*[= ](?!-)\S+|\S+")


def without_models(rows: Sequence[Sequence[Any]], models: Sequence[str | None]) -> list[list[Any]]:
    """The rows without those whose values are the sides' models, by themselves, below one folder or without one owner."""
    return [list(row) for row in rows if not _are_models(row[1:], models)]


def _are_models(values: Sequence[Any], models: Sequence[str | None]) -> bool:
    pairs = [(value, model) for value, model in zip(values, models) if isinstance(value, str) and model]
    if len(pairs) < len(values):
        return False
    owners = {model.removesuffix(value) if model.endswith(value) else None for value, model in pairs}
    folders = {value.removesuffix(model) if value.endswith(model) else None for value, model in pairs}
    return any(
        len(rest) == 1 and all(each is not None and each[-1:] in ("", "/") for each in rest)
        for rest in (owners, folders)
    )


def unlike_options(texts: Sequence[str]) -> list[str]:
    """Of long commands, which all have options, only those words and options with their values that not all of them have;
    none where this would not tell all of them apart."""
    parts = [" ".join(units) for units in _unlike_units(texts)]
    is_told = all(parts) and all(
        (one == other) == (a == b) for one, a in zip(texts, parts) for other, b in zip(texts, parts)
    )
    return [f"… {part}" for part in parts] if is_told else []


def _unlike_units(texts: Sequence[str]) -> list[list[str]]:
    """Of long commands the words and options that not all of them have."""
    if len(texts) < 2 or any(len(text) < _LONG_COMMAND or " --" not in text for text in texts):
        return []
    units = [_OPTION.findall(text) for text in texts]
    shared = set.intersection(*map(set, units))
    return [[unit for unit in of_text if unit not in shared] for of_text in units]


def without_told_commands(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The rows without the commands that differ only in what other rows show: a server's options have params of their own."""
    kept = [list(row) for row in rows]
    for name, *values in rows:
        units = _unlike_units([value for value in values if isinstance(value, str)])
        others = [other for other in kept if other[0] != name]
        if len(units) == len(values) and all(
            any(_tells(other[1 + at], unit, is_cut=len(values[at]) >= CUT_AT) for other in others)
            for at, of_side in enumerate(units)
            for unit in of_side
        ):
            kept = others
    return kept


def _tells(value: Any, unit: str, *, is_cut: bool) -> bool:
    """Whether a value is that of an option, or names the option with it; `unit` may lack its end when the command was cut."""
    if not isinstance(value, str):
        return False
    options = _OPTION.findall(value)
    whole = unit in options or re.split("[= ]", unit, maxsplit=1)[-1] == value
    return whole or (is_cut and any(option.startswith(unit) for option in options))
