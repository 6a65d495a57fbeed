"""One entry put into, or taken out of, the text of a JSON file; every other character stays as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from mlflow_mcp.cli.setup.failure import NotReadable
from mlflow_mcp.cli.setup.json_parts import TEXT_OR_COMMENT, Part, Reader

_WIDEST = 100


def data(text: str) -> dict[str, Any]:
    """Everything that the text says. Raises NotReadable for what is no JSON."""
    plain = _plain(text)
    return dict(_read(text)[0].value) if plain is None else plain


def entries(text: str, keys: Sequence[str], refused: Sequence[str] = ()) -> dict[str, Any]:
    """What stands under these keys. Raises NotReadable for what is no JSON, and for a `refused` extension of it."""
    plain = _plain(text)
    if plain is not None and not keys[1:] and isinstance(plain.get(keys[0], {}), dict):
        return dict(plain.get(keys[0], {}))
    root, reader = _read(text)
    for extension in refused:
        if extension in reader.extensions:
            raise NotReadable(f"{extension} stands there", reader.line(reader.extensions[extension]))
    part: Part | None = root
    for key in keys:
        member = part.last(key) if part else None
        part = member.part if member else None
        if part and not isinstance(part.value, dict):
            raise NotReadable(f'"{key}" is not an object', reader.line(part.start))
    return dict(part.value) if part else {}


def with_entry(text: str, keys: Sequence[str], name: str, value: Any, newline: str = "\n") -> str:
    """The text with the entry, in the place of one of that name or else as the last."""
    if not text.strip():
        return rendered({keys[0]: {name: value}}, newline=newline) + newline
    part, _ = _read(text)
    unit = _unit(text, part)
    new_value: Any = value
    path = [*keys, name]
    for depth, key in enumerate(path):
        member = part.last(key)
        if member is None:
            for missing in reversed(path[depth + 1 :]):
                new_value = {missing: new_value}
            return _added(text, part, key, new_value, unit, newline)
        if depth == len(path) - 1:
            indent = _indent_at(text, member.start)
            return text[: member.part.start] + rendered(value, indent, unit, newline) + text[member.part.end :]
        part = member.part
    raise AssertionError("a path has a key")


def without_entry(text: str, keys: Sequence[str], name: str) -> str:
    """The text without the entry and the comma that parted it from its neighbour."""
    part, _ = _read(text)
    for key in keys:
        member = part.last(key)
        if member is None:
            return text
        part = member.part
    member = part.last(name)
    if member is None:
        return text
    at = part.members.index(member)
    is_last = at == len(part.members) - 1
    start = len(text[: member.start].rstrip())
    end = member.part.end
    if not is_last or part.trailing_comma is not None:
        end = _comma_after(text, end) + 1
    before, after = text[:start], text[end:]
    if is_last and at and part.trailing_comma is None:
        comma = _comma_after(text, part.members[at - 1].part.end)
        before = text[:comma] + text[comma + 1 : start]
    if len(before) == part.start + 1 and after.lstrip().startswith("}"):  # nothing is left in the object
        after = after.lstrip()
    if _ends_in_line_comment(before) and not after.lstrip(" \t\r").startswith("\n"):
        after = ("\r\n" if "\r\n" in text else "\n") + after  # else the comment would swallow what follows
    return before + after


def _ends_in_line_comment(text: str) -> bool:
    """Whether the last thing in the text is a comment that only the end of its line closes."""
    parts = TEXT_OR_COMMENT.findall(text)
    return bool(parts) and parts[-1].startswith("//") and text.endswith(parts[-1])


def rendered(value: Any, indent: str = "", unit: str = "  ", newline: str = "\n") -> str:
    """The value as people write it: what is flat and short in one line, the rest with a line for each member."""
    flat = json.dumps(value, ensure_ascii=False)
    is_flat = not isinstance(value, (dict, list)) or not any(isinstance(each, (dict, list)) for each in _parts(value))
    if not value or not isinstance(value, (dict, list)) or (is_flat and len(flat) <= _WIDEST):
        return flat
    inner = indent + unit
    lines = [
        f"{json.dumps(key, ensure_ascii=False)}: {rendered(each, inner, unit, newline)}"
        for key, each in (value.items() if isinstance(value, dict) else ())
    ] or [rendered(each, inner, unit, newline) for each in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}{newline}{inner}" + f",{newline}{inner}".join(lines) + f"{newline}{indent}{closing}"


def _parts(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def _plain(text: str) -> dict[str, Any] | None:
    """What the standard library, which is a hundred times as fast, reads; None for what is more or less than JSON."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _read(text: str) -> tuple[Part, Reader]:
    reader = Reader(text if text.strip() else "{}")
    root = reader.document()
    if not isinstance(root.value, dict):
        raise NotReadable("it is not an object, in { }", reader.line(root.start))
    return root, reader


def _added(text: str, part: Part, key: str, value: Any, unit: str, newline: str) -> str:
    """The text with a new last member of an object."""
    base = _indent_at(text, part.start)
    first = part.members[0] if part.members else None
    indent = _indent_at(text, first.start) if first and _begins_line(text, first.start) else base + unit
    member = f"{json.dumps(key, ensure_ascii=False)}: {rendered(value, indent, unit, newline)}"
    closing = part.end - 1
    end = len(text[:closing].rstrip())  # after the last value, comma or comment
    rest = text[end:closing] if "\n" in text[end:closing] else newline + base
    comma = ""
    if part.trailing_comma is not None:
        comma = ","
    elif part.members:
        last = part.members[-1].part.end
        text, end, closing = text[:last] + "," + text[last:], end + 1, closing + 1
    return text[:end] + newline + indent + member + comma + rest + text[closing:]


def _comma_after(text: str, at: int) -> int:
    reader = Reader(text)
    reader.at = at
    reader._skip()
    return reader.at


def _unit(text: str, root: Part) -> str:
    """How the file indents: by what stands before its first key."""
    first = root.members[0] if root.members else None
    return (_indent_at(text, first.start) if first and _begins_line(text, first.start) else "") or "  "


def _indent_at(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 :]
    return re.match(r"[ \t]*", line)[0]  # type: ignore[index]  # it matches nothing, too


def _begins_line(text: str, at: int) -> bool:
    return not text[text.rfind("\n", 0, at) + 1 : at].strip()
