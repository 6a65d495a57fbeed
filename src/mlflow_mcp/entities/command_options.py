"""Options of a command line, and values as they are compared. Pure."""

from __future__ import annotations

import re
from typing import Any

from mlflow_mcp.text import as_number

# The launcher cuts params there.
CUT_AT = 250
# An option with its value, which may stand in quotes.
OPTION = re.compile(r"""(?<!\S)--([A-Za-z][\w-]*)(?:=|\s+(?!--))("[^"]*"|'[^']*'|[^\s"']\S*)""")
# One without a value.
_FLAG = re.compile(r"(?<!\S)--([A-Za-z][\w-]*)(?=\s+--|\s*$)")


def plain_value(value: Any) -> str:
    """The value as text, a number alike however it was written: `1e-05` and `0.00001`, `True` and `true`."""
    text = str(value).strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    figure = as_number(text)
    return text if figure is None else f"{figure:.15g}"


def options_in(command: str, *, is_whole: bool = False) -> dict[str, str]:
    """The options of a command line that have values, `--max-model-len 4096` as `max_model_len`. The last one of a command
    that the launcher cut is left out."""
    whole = is_whole or len(command) < CUT_AT
    found = [each for each in OPTION.finditer(command) if whole or each.end() < len(command)]
    return {_name(each[1]): plain_value(each[2].strip("\"'")) for each in found}


def flags_in(command: str, *, is_whole: bool = False) -> dict[str, str]:
    """The options without a value, as `true`; as above of a command that was cut."""
    whole = is_whole or len(command) < CUT_AT
    return {_name(each[1]): "true" for each in _FLAG.finditer(command) if whole or each.end() < len(command)}


def _name(option: str) -> str:
    return option.replace("-", "_")
