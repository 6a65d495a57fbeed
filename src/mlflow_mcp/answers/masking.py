"""Hides values that look like secrets in whatever is sent to an agent."""

from __future__ import annotations

import re
from typing import Any

from mlflow_mcp.answers.secret_shapes import (
    HIDDEN,
    TELLTALE,
    hide_in_headers,
    hide_private_keys,
    hide_shapes,
    is_random,
    is_secret,
    names_a_secret,
)

__all__ = ["HIDDEN", "hide_named", "mask", "mask_at", "mask_text"]

# A name and its value in a text: YAML, JSON, also JSON in a text, shell, addresses, command lines. The value ends with its quote;
# without one, with the word.
_VALUE = r"""(?:\\"(?P<escaped>[^"\\\n]*)\\"|"(?P<double>(?:[^"\\\n]|\\.)*)"|'(?P<single>(?:[^'\n]|'')*)'|(?P<bare>(?!\[secret)[^\s"',;&}\])\\]+))"""
_ASSIGNED = re.compile(
    rf"""(?i)(?<![\w.-])(?P<before>(?:\\?["'])?(?P<name>[\w.-]*?{TELLTALE})(?:\\?["'])?[ \t]*(?::=|=>|[:=])[ \t]*)"""
    rf"{_VALUE}"
)
_OPTION = re.compile(rf"(?i)(?<![\w-])(?P<before>(?P<name>--?[\w.-]*?{TELLTALE})[ \t]+(?!-)){_VALUE}")
# `token` alone names words of a language more often than keys.
_TOKEN = re.compile(rf"""(?i)(?<![\w.-])(?P<before>(?:\\?["'])?token(?:\\?["'])?[ \t]*[:=][ \t]*){_VALUE}""")
# A password may have spaces, where a line of YAML begins with its name; a YAML block has its value in the lines below.
_LINE = re.compile(
    r"(?im)^(?P<before>[ \t-]*(?P<name>[\w.-]*(?:passw(?:or)?d|passphrase))[ \t]*:[ \t]+)(?P<bare>[^\s\"'|>#&{\[$][^\n#]*? [^\n#]*)"
)
_BLOCK = re.compile(
    rf"""(?im)^(?P<indent>[ \t-]*)["']?(?P<name>[\w.-]*(?:{TELLTALE}|\btoken))["']?[ \t]*:[ \t]*[|>][-+0-9]*[ \t]*\n"""
)
_NAME_AND_VALUE = re.compile(
    rf"""(?i)(?P<before>["']?(?:name|key)["']?[ \t]*[:=][ \t]*["']?(?P<name>[\w.-]*{TELLTALE})["']?[ \t]*,?\s{{1,200}}["']?value["']?[ \t]*[:=][ \t]*)"""
    rf"{_VALUE}"
)
# As notes quote them: Param 'db_password' has in all 5 runs the values 'a', 'b'.
_QUOTED_VALUES = re.compile(
    rf"(?i)(['\"`][\w.-]*{TELLTALE}['\"`][^'\"\n]{{0,120}}values? )((?:'[^'\n]*'(?:, | and )?)+)"
)
# One of these is in every name of a secret.
_WORDS_OF_NAMES = ("key", "pass", "pwd", "secret", "token", "connection")
_SHORTEST_TEXT = 6
# Columns whose cells are names of what stands beside them.
_COLUMNS_OF_NAMES = frozenset(("name", "key", "param", "tag", "field", "path", "setting", "variable", "column"))
# Columns of ours that never hold what was named beside them.
_COLUMNS_OF_OURS = frozenset(("change", "side", "run", "run_id", "file", "status"))


def mask(value: Any, name: str = "") -> Any:
    """The same value with what looks like a secret replaced by `[secret hidden]`, at any depth.

    `name` is the key that the value stands under: a text under `api_key` or `password` is hidden whatever its shape,
    unless it is short or only names what holds the key.
    """
    if isinstance(value, str):
        if name and names_a_secret(name):
            return HIDDEN if is_secret(value, name) else value
        return HIDDEN if _is_named_token(name) and is_random(value) else mask_text(value)
    if isinstance(value, dict):
        value = _hide_pair(value)
        masked = _masked_keys({key: mask(inner, str(key)) for key, inner in value.items()})
        columns, rows = value.get("columns"), value.get("rows")
        if isinstance(columns, list) and isinstance(rows, list):
            masked["rows"] = [_masked_row(columns, row) for row in rows]
        return masked
    if isinstance(value, list):
        return [mask(inner, name) for inner in value]
    return value


def hide_named(value: Any, name: str = "") -> Any:
    """The same document without the values under names of secrets: what is taken out of it later does not show its name."""
    if isinstance(value, str):
        return HIDDEN if name and names_a_secret(name) and is_secret(value, name) else value
    if isinstance(value, dict):
        return {key: hide_named(inner, str(key)) for key, inner in _hide_pair(value).items()}
    return [hide_named(inner, name) for inner in value] if isinstance(value, list) else value


def mask_at(value: Any, path: str) -> Any:
    """A part of a document, masked as it would be in the whole: by the last key of the path that leads to it, such as
    `model.api_key` or `servers[*]."api-key"`. Answers are masked by the keys that they hold, not by those they were found under."""
    keys = re.findall(r"[\w-]+", re.sub(r"\[\d*\*?\]", "", path))
    return mask(value, keys[-1] if keys else "")


def mask_text(text: str) -> str:
    if len(text) < _SHORTEST_TEXT:
        return text
    text = hide_in_headers(hide_private_keys(text))
    lower = text.lower()
    if not any(word in lower for word in _WORDS_OF_NAMES):  # most texts, and to look for the words is quick
        return hide_shapes(text)
    if "value" in lower:
        text = _NAME_AND_VALUE.sub(_hide_assigned, text)
        text = _QUOTED_VALUES.sub(_hide_quoted, text)
    if "|" in text or ">" in text:
        text = _hide_blocks(text)
    if "pass" in lower:
        text = _LINE.sub(_hide_assigned, text)
    text = _ASSIGNED.sub(_hide_assigned, hide_shapes(text))
    if " -" in lower or lower.startswith("-"):
        text = _OPTION.sub(_hide_assigned, text)
    return _TOKEN.sub(_hide_token, text) if "token" in lower else text


def _is_named_token(name: str) -> bool:
    return name.lower() == "token" or name.lower().endswith(("_token", ".token", "-token"))


def _masked_keys(masked: dict[Any, Any]) -> dict[str, Any]:
    """The keys are masked too, and stay as many as they were."""
    renamed: dict[str, Any] = {}
    for key, inner in masked.items():
        shown = mask_text(str(key))
        number = 2
        while shown in renamed:
            shown, number = f"{mask_text(str(key))} {number}", number + 1
        renamed[shown] = inner
    return renamed


def _hide_pair(value: dict[Any, Any]) -> dict[Any, Any]:
    """`{"name": "DB_PASSWORD", "value": "…"}` without the value."""
    for key in ("name", "key"):
        name, inner = value.get(key), value.get("value")
        if isinstance(name, str) and isinstance(inner, str) and names_a_secret(name) and is_secret(inner, name):
            return {**value, "value": HIDDEN}
    return value


def _masked_row(columns: list[Any], row: list[Any]) -> list[Any]:
    """The cells under the names of their columns, and beside a cell that is a name under that one."""
    name = next(
        (
            cell
            for column, cell in zip(columns, row)
            if column in _COLUMNS_OF_NAMES and isinstance(cell, str) and names_a_secret(cell)
        ),
        "",
    )
    return [
        mask(cell, str(column)) if not name or column in _COLUMNS_OF_NAMES | _COLUMNS_OF_OURS else mask(cell, name)
        for column, cell in zip(columns, row)
    ]


def _hide_assigned(match: re.Match[str]) -> str:
    found = match.groupdict()
    kind = next(kind for kind in ("escaped", "double", "single", "bare") if found.get(kind) is not None)
    value, name = found[kind], found["name"]
    if kind == "bare" and _is_prose(match, value):
        return match[0]
    if not is_secret(value, name):
        return match[0]
    quote = {"escaped": '\\"', "double": '"', "single": "'", "bare": ""}[kind]
    return f"{found['before']}{quote}{HIDDEN}{quote}"


def _is_prose(match: re.Match[str], value: str) -> bool:
    """Whether a word in the middle of a sentence follows: `No api_key: falling back`."""
    if not re.fullmatch(r"[a-z]+", value) or "pass" in match["name"].lower():
        return False
    text, start = match.string, match.start()
    line_start = text.rfind("\n", 0, start) + 1
    return bool(text[line_start:start].strip(" \t-")) and bool(
        re.match(r" [a-z]+", text[match.end() : match.end() + 3])
    )


def _hide_token(match: re.Match[str]) -> str:
    value = next(
        text for text in (match["escaped"], match["double"], match["single"], match["bare"]) if text is not None
    )
    return match[0].replace(value, HIDDEN) if value and is_random(value) else match[0]


def _hide_quoted(match: re.Match[str]) -> str:
    return match[1] + re.sub(r"'[^'\n]{6,}'", f"'{HIDDEN}'", match[2])


def _hide_blocks(text: str) -> str:
    """The text without the lines of YAML blocks under names of secrets."""
    parts, done = [], 0
    for match in _BLOCK.finditer(text):
        if match.start() < done:
            continue
        indent, end = len(match["indent"].replace("-", " ")), match.end()
        first = end
        while end < len(text):
            line_end = text.find("\n", end) + 1 or len(text)
            line = text[end:line_end]
            if line.strip() and len(line) - len(line.lstrip()) <= indent:
                break
            end = line_end
        if text[first:end].strip():
            parts += [text[done:first], " " * (indent + 2), HIDDEN, "\n"]
            done = end
    return "".join([*parts, text[done:]])
