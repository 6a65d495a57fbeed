"""Secrets in texts of several lines: blocks and lists of YAML."""

from __future__ import annotations

import re

from mlflow_mcp.answers.secrets.names import STRONG, WEAK, is_secret
from mlflow_mcp.answers.secrets.shapes import HIDDEN

_NAME = rf"[\w.-]*?(?:{STRONG}|{WEAK})"
_BLOCK = re.compile(rf"""(?im)^(?P<indent>[ \t+-]*)["']?(?P<name>{_NAME})["']?[ \t]*:[ \t]*[|>][-+0-9]*[ \t]*\n""")
_BEGINS_BLOCK = re.compile(r":[ \t]*[|>]")
_ENDS_OF_NAMES = (":\n", " \n", "\t\n")
_LIST = re.compile(
    rf"""(?im)^(?P<indent>[ \t+-]*)["']?(?P<name>[\w.-]*{STRONG})["']?[ \t]*:[ \t]*\n(?P<items>(?:[ \t+-]*-[ \t]+[^\n:]*(?:\n|\Z))+)"""
)


def hide_in_blocks(text: str) -> str:
    """The text without what stands in a block or list below the name of a secret."""
    if _BEGINS_BLOCK.search(text):
        text = _hide_blocks(text)
    return _LIST.sub(_hide_items, text) if any(sign in text for sign in _ENDS_OF_NAMES) else text


def _hide_items(match: re.Match[str]) -> str:
    def hide(item: re.Match[str]) -> str:
        return item[1] + HIDDEN if is_secret(item[2], match["name"]) else item[0]

    shown = re.sub(r"(?m)^([ \t+-]*-[ \t]+)(.*\S)", hide, match["items"])
    return match[0][: match.start("items") - match.start()] + shown


def _hide_blocks(text: str) -> str:
    """The text without the lines of YAML blocks under names of secrets."""
    parts, done = [], 0
    for match in _BLOCK.finditer(text):
        if match.start() < done:
            continue
        indent, end = len(re.sub("[-+]", " ", match["indent"])), match.end()
        first = end
        while end < len(text):
            line_end = text.find("\n", end) + 1 or len(text)
            line = re.sub(r"^[+-]", " ", text[end:line_end])
            if line.strip() and len(line) - len(line.lstrip()) <= indent:
                break
            end = line_end
        if is_secret(text[first:end], match["name"]):
            parts += [text[done:first], " " * (indent + 2), HIDDEN, "\n"]
            done = end
    return "".join([*parts, text[done:]])
