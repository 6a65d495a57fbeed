"""Secrets below a name that stands for several: `passwords: {ana: …}`, `api_keys: […]`, the data of a Kubernetes Secret."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mlflow_mcp.answers.secrets.names import is_secret, looks_made_up, names_a_secret
from mlflow_mcp.answers.secrets.randomness import is_random
from mlflow_mcp.answers.secrets.shapes import HIDDEN

_GROUP = re.compile(r"(?i)(?:^|.*[^a-z0-9])(?:passw(?:or)?ds|api[_-]?keys|secrets|tokens|credentials|cookies)")
_NAME = r"(?<![\w.-])[\"']?(?P<name>[\w.-]{2,100})[\"']?[ \t]*"
_IN_BRACKETS = re.compile(
    rf"{_NAME}[:=][ \t]*(?P<body>\[(?!secret hidden)[^\[\]{{}}]{{4,4000}}\]|\{{[^{{}}\[\]]{{4,4000}}\}})"
)
_BELOW = re.compile(
    r"(?m)^(?P<indent>[ \t]*)(?:-[ \t]+)?[\"']?(?P<name>[\w.-]{2,100})[\"']?[ \t]*:[ \t]*\n(?P<body>(?:(?P=indent)(?:[ \t]+|-[ \t]+)[^\n]+(?:\n|\Z)){1,200})"
)
_ENDS_OF_NAMES = (":\n", " \n", "\t\n")
_ITEM = re.compile(
    r"(?m)(?P<before>(?:^[ \t]*-[ \t]+|[:=,\[][ \t\n]*)[\"']?)(?P<value>(?!secret hidden)[^\s\"',:\[\]{}]{4,4000})(?=[\"']?(?:[ \t]*[,\]}\r\n]|\Z))"
)
_IS_SECRET_OBJECT = re.compile(r"(?m)(?:^[ \t]*|\")kind\"?[ \t]*:[ \t]*\"?Secret\b")
_DATA = ("data", "stringData")


def hide_in_groups(text: str) -> str:
    """The text without secrets in lists and objects of which only the name around them tells what they hold."""
    is_object_of_secrets = "Secret" in text and _IS_SECRET_OBJECT.search(text) is not None

    def hide(match: re.Match[str]) -> str:
        name = match["name"]
        if is_object_of_secrets and name in _DATA:
            hidden = _items_hidden(match["body"], lambda value: True)
        elif names_several(name) or names_a_secret(name):
            hidden = _items_hidden(match["body"], lambda value: is_in_group(value, name))
        else:
            return match[0]
        return match[0][: match.start("body") - match.start()] + hidden

    if "[" in text or "{" in text:
        text = _IN_BRACKETS.sub(hide, text)
    return _BELOW.sub(hide, text) if any(sign in text for sign in _ENDS_OF_NAMES) else text


def names_several(name: str) -> bool:
    """Whether what stands below this name are secrets with names of their own."""
    return len(name) < 200 and _GROUP.fullmatch(name) is not None


def is_in_group(value: str, name: str) -> bool:
    """Whether a value below such a name is a secret: `tokens` may be words, and `api_keys` hold a description."""
    if names_a_secret(name):
        return looks_made_up(value) and is_secret(value, name)
    return len(value) >= 16 and is_random(value) and not re.fullmatch(r"[0-9a-f-]+|[/\\].*", value)


def without_data_of_secrets(value: dict[Any, Any], hidden: Callable[[str], str]) -> dict[Any, Any]:
    """A Kubernetes Secret without its data: their names say nothing."""
    if value.get("kind") != "Secret":
        return value
    parts = {key: inner for key in _DATA if isinstance(inner := value.get(key), dict)}
    return value | {key: {name: hidden(str(each)) for name, each in part.items()} for key, part in parts.items()}


def _items_hidden(body: str, is_one: Callable[[str], bool]) -> str:
    return _ITEM.sub(lambda item: item["before"] + HIDDEN if is_one(item["value"]) else item[0], body)
