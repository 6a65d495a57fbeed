"""JSON with comments and trailing commas (JSONC), read with the place of every part, so that a part can be changed alone.

No library that keeps comments is maintained for Python. What is written with this is read again and compared before it is kept.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from mlflow_mcp.cli.setup.failure import NotReadable

COMMENT, TRAILING_COMMA = "a comment", "a comma before a closing bracket"
_SPACE = re.compile(r"[ \t\r\n]*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_PLAIN = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_DEEPEST = 100


@dataclass
class Part:
    """A value with its place in the text. `members` are those of an object, in their order; a key may stand twice."""

    start: int
    end: int
    value: Any
    members: list[Member] = field(default_factory=list)
    trailing_comma: int | None = None

    def last(self, key: str) -> Member | None:
        """The member that readers take: of two with one key the last."""
        return next((member for member in reversed(self.members) if member.key == key), None)


@dataclass
class Member:
    key: str
    start: int
    part: Part


class Reader:
    """Reads one text. `extensions` are what JSON itself has not, with the place of the first of each kind."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.extensions: dict[str, int] = {}

    def document(self) -> Part:
        self._skip()
        part = self._value(0)
        self._skip()
        if self.at < len(self.text):
            raise self._wrong("something stands after the end of the value")
        return part

    def line(self, at: int) -> int:
        return self.text.count("\n", 0, at) + 1

    def _value(self, depth: int) -> Part:
        if depth > _DEEPEST:
            raise self._wrong(f"it is nested more than {_DEEPEST} deep")
        start, sign = self.at, self.text[self.at : self.at + 1]
        if sign == "{":
            return self._object(depth)
        if sign == "[":
            return self._list(depth)
        found = (_STRING if sign == '"' else _PLAIN).match(self.text, self.at)
        if found is None:
            raise self._wrong("a value is missing or not written as JSON")
        self.at = found.end()
        try:
            return Part(start, self.at, json.loads(found[0]))
        except ValueError as error:
            raise self._wrong("a text has an escape that JSON does not know") from error

    def _object(self, depth: int) -> Part:
        part = Part(self.at, self.at, {})
        self.at += 1
        while self._goes_on(part, "}"):
            start, key = self.at, _STRING.match(self.text, self.at)
            if key is None:
                raise self._wrong('a key in "quotes" or a closing } is missing')
            self.at = key.end()
            self._skip()
            self._take(":")
            self._skip()
            value = self._value(depth + 1)
            part.members.append(Member(json.loads(key[0]), start, value))
            part.value[part.members[-1].key] = value.value
        return part

    def _list(self, depth: int) -> Part:
        part = Part(self.at, self.at, [])
        self.at += 1
        while self._goes_on(part, "]"):
            part.value.append(self._value(depth + 1).value)
        return part

    def _goes_on(self, part: Part, closing: str) -> bool:
        """Whether a further element stands here, past the comma before it; else the closing bracket is taken."""
        self._skip()
        if part.value and self.text[self.at : self.at + 1] == ",":
            comma = self.at
            self.at += 1
            self._skip()
            if self.text[self.at : self.at + 1] == closing:
                part.trailing_comma = comma
                self.extensions.setdefault(TRAILING_COMMA, comma)
        elif part.value and self.text[self.at : self.at + 1] != closing:
            raise self._wrong(f"a comma or a closing {closing} is missing")
        if self.text[self.at : self.at + 1] != closing:
            return True
        self.at += 1
        part.end = self.at
        return False

    def _skip(self) -> None:
        """Past white space and comments."""
        self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches nothing, too
        while comment := _COMMENT.match(self.text, self.at):
            self.extensions.setdefault(COMMENT, self.at)
            self.at = _SPACE.match(self.text, comment.end()).end()  # type: ignore[union-attr]

    def _take(self, sign: str) -> None:
        if self.text[self.at : self.at + 1] != sign:
            raise self._wrong(f"a {sign} is missing")
        self.at += 1

    def _wrong(self, what: str) -> NotReadable:
        return NotReadable(what, self.line(min(self.at, len(self.text))))
