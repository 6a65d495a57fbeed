"""Parts and outlines of parsed documents."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

from mlflow_mcp.tools.artifacts.formats.structured import Unparsable, one_line, to_json_value


def outline(value: Any, room: int) -> list[str]:
    """What a value consists of, level by level: `results.tasks."mmlu-pro": object of 3 keys`. In JMESPath's notation, in at
    most about `room` characters."""
    lines: list[str] = []
    level: list[tuple[str, Any]] = [("", value)]
    while level and room > 0:
        for path, part in level:
            lines.append(f"{path or '@'}: {_kind(part)}")
            room -= len(lines[-1]) + 3
            if room <= 0:
                lines.append("…")
                break
        level = list(chain.from_iterable(_children(path, part) for path, part in level)) if room > 0 else []
    return lines


def _children(path: str, part: Any) -> list[tuple[str, Any]]:
    if isinstance(part, dict):
        return [(f"{path}.{_step(key)}" if path else _step(key), inner) for key, inner in part.items()]
    if isinstance(part, list) and part and isinstance(part[0], (dict, list)):
        return [(f"{path}[0]", part[0])]
    return []


def _step(key: str) -> str:
    return key if key.isidentifier() and key.isascii() else json.dumps(key, ensure_ascii=False)


def _kind(part: Any) -> str:
    if isinstance(part, dict):
        return f"object of {len(part)} keys" if len(part) != 1 else "object of 1 key"
    if isinstance(part, list):
        return f"array of {len(part)}"
    if isinstance(part, str):
        return f"text of {len(part)} characters" if len(part) > 60 else json.dumps(part, ensure_ascii=False)
    return json.dumps(part)


def select(value: Any, expression: str) -> Any:
    """What a JMESPath expression takes out of a value. Raises Unparsable with JMESPath's words for a broken one, and for one
    that makes too much or takes too long."""
    from jmespath.exceptions import JMESPathError

    from mlflow_mcp.tools.artifacts.formats.interpreter import search

    try:
        return to_json_value(search(expression, value))
    except RecursionError as error:
        raise Unparsable("it is nested too deeply") from error
    except (JMESPathError, ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError) as error:
        raise Unparsable(one_line(error)) from error
