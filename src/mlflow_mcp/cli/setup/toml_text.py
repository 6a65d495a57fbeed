"""One table put into, or taken out of, the text of a TOML file; every other line stays as it is.

A table with its whole name (`[mcp_servers.mlflow]`) may stand at the end of any TOML file, so no library that rewrites the
file is needed. What is written with this is read again and compared before it is kept.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from mlflow_mcp.cli.setup.failure import NotReadable

_TOML = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")


def data(text: str) -> dict[str, Any]:
    """Everything that the text says. Raises NotReadable for what is no TOML."""
    try:
        return dict(_TOML.loads(text.replace("\r\n", "\n")))
    except _TOML.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))  # a field only since Python 3.14
        raise NotReadable("it is not written as TOML", int(line[1]) if line else text.count("\n") + 1) from error


def entries(text: str, keys: Sequence[str], refused: Sequence[str] = ()) -> dict[str, Any]:
    """What stands under these keys. Raises NotReadable for what is no TOML."""
    found: Any = data(text)
    for key in keys:
        found = found.get(key, {})
        if not isinstance(found, dict):
            raise NotReadable(f"{key} is not a table", 1)
    return dict(found)


def with_entry(text: str, keys: Sequence[str], name: str, value: Any, newline: str = "\n") -> str:
    """The text with the table, in the place of one of that name or else at the end."""
    table = rendered({".".join([*keys, name]): value}, newline)
    if name in entries(text, keys):
        lines = _lines(text)
        places = _lines_of(lines, keys, name)
        if not places:
            return text
        kept = [line for at, line in enumerate(lines) if at not in places]
        first = min(places)
        return "".join([*kept[:first], table, *kept[first:]])
    if not text.strip():
        return table
    return text + ("" if text.endswith("\n") else newline) + newline + table


def without_entry(text: str, keys: Sequence[str], name: str) -> str:
    lines = _lines(text)
    places = _lines_of(lines, keys, name)
    if not places:
        return text
    first = min(places)
    kept = [line for at, line in enumerate(lines) if at not in places]
    if first and first <= len(kept) and not kept[first - 1].strip():
        del kept[first - 1]
    return "".join(kept)


def rendered(tables: Mapping[str, Mapping[str, Any]], newline: str = "\n") -> str:
    """Tables of texts, lists of texts and one more level of tables."""
    lines = []
    for name, members in tables.items():
        lines += [f"[{name}]", *(f"{key} = {_value(each)}" for key, each in members.items())]
    return "".join(line + newline for line in lines)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    # A JSON text is a TOML text, but for what JSON leaves unescaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def _lines(text: str) -> list[str]:
    """The lines with their ends. str.splitlines also breaks where TOML does not."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _lines_of(lines: list[str], keys: Sequence[str], name: str) -> set[int]:
    """The lines of the table and of those below it, without blank lines and comments that stand before the next table."""
    dot = r"\s*\.\s*"
    words = dot.join(rf"""(?:{re.escape(key)}|"{re.escape(key)}"|'{re.escape(key)}')""" for key in [*keys, name])
    own = re.compile(rf"\s*\[\s*{words}\s*(?:\.[^\]]*)?\]\s*(?:#.*)?$")
    places: set[int] = set()
    is_inside = False
    waiting: set[int] = set()  # blank lines and comments: of this table only if more of it follows
    for at, line in enumerate(lines):
        if re.match(r"\s*\[", line) and not _is_inside_list(lines, at):
            is_inside = own.match(line.rstrip("\r\n")) is not None
            waiting = waiting if is_inside else set()
        if is_inside and (not line.strip() or line.lstrip().startswith("#")):
            waiting.add(at)
        elif is_inside:
            places |= waiting | {at}
            waiting = set()
    return places


def _is_inside_list(lines: list[str], at: int) -> bool:
    """Whether the line goes on with a value that began above it: what stands before it is then no TOML by itself."""
    try:
        _TOML.loads("".join(lines[:at]).replace("\r\n", "\n"))
    except _TOML.TOMLDecodeError:
        return True
    return False
