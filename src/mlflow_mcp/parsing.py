"""Parsing what strangers wrote: nothing is executed, nothing runs away."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

# A document of more values than this, aliases counted as often as they are used, is not taken apart.
MOST_VALUES = 2_000_000


class Unparsable(Exception):
    """The text is not of its kind. The message says what is wrong and where."""


def load_yaml(text: str) -> Any:
    """The parsed document, or None when it is not plain YAML."""
    try:
        return parse("yaml", text)
    except Unparsable:
        return None


def parse(kind: str, text: str) -> Any:
    """The values of a "json", "yaml" or "toml" text, as JSON can carry them: dates as text, NaN and infinities too.

    Raises Unparsable. YAML's tags are never executed, and aliases that would unfold into bulk are refused.
    """
    try:
        value = _PARSERS[kind](text)
    except (ValueError, RecursionError) as error:
        raise Unparsable(_first_line(error)) from error
    except Exception as error:
        if type(error).__module__.startswith("yaml"):
            raise Unparsable(_first_line(error)) from error
        raise
    budget = [MOST_VALUES]
    try:
        return _plain(value, budget)
    except RecursionError as error:
        raise Unparsable("it is nested too deeply") from error


def _first_line(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return " ".join(str(error).split())[:200]


def _yaml(text: str) -> Any:
    import yaml

    documents = list(yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    return documents[0] if len(documents) == 1 else documents


def _toml(text: str) -> Any:
    # Python has it from 3.11 on; for 3.10 the same code is a dependency.
    library = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    return library.loads(text)


_PARSERS: dict[str, Callable[[str], Any]] = {"json": json.loads, "yaml": _yaml, "toml": _toml}


def _plain(value: Any, budget: list[int]) -> Any:
    budget[0] -= 1
    if budget[0] < 0:
        raise Unparsable("it unfolds into millions of values")
    if isinstance(value, dict):
        return {str(key): _plain(inner, budget) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(inner, budget) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, (str, int, float)):
        return value
    return str(value)  # dates and times, YAML's binaries


def outline(value: Any, room: int) -> list[str]:
    """What a value consists of, level by level: `results.tasks."mmlu-pro": object of 3 keys`. In JMESPath's notation, in at
    most about `room` characters."""
    lines: list[str] = []
    level: list[tuple[str, Any]] = [("", value)]
    while level and room > 0:
        following: list[tuple[str, Any]] = []
        for path, part in level:
            lines.append(f"{path or '@'}: {_kind(part)}")
            room -= len(lines[-1]) + 3
            if room <= 0:
                lines.append("…")
                break
            following += _children(path, part)
        level = following
    return lines


def _children(path: str, part: Any) -> list[tuple[str, Any]]:
    if isinstance(part, dict):
        return [(f"{path}.{_step(key)}" if path else _step(key), inner) for key, inner in part.items()]
    if isinstance(part, list) and part and isinstance(part[0], (dict, list)):
        return [(f"{path}[0]", part[0])]
    return []


def _step(key: str) -> str:
    return key if key.isidentifier() and key.isascii() else json.dumps(key)


def _kind(part: Any) -> str:
    if isinstance(part, dict):
        return f"object of {len(part)} keys"
    if isinstance(part, list):
        return f"array of {len(part)}"
    if isinstance(part, str):
        return f"text of {len(part)} characters" if len(part) > 60 else json.dumps(part, ensure_ascii=False)
    return json.dumps(part)


def select(value: Any, expression: str) -> Any:
    """What a JMESPath expression takes out of a value. Raises Unparsable with JMESPath's words for a broken one."""
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(expression, value)
    except (JMESPathError, ValueError, TypeError, RecursionError) as error:
        raise Unparsable(_first_line(error)) from error
