"""How a notation in which a secret stands is written down, and which of the values found in it are secrets."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mlflow_mcp.answers.secrets.names import is_secret, looks_made_up, names_a_secret
from mlflow_mcp.answers.secrets.randomness import is_random
from mlflow_mcp.answers.secrets.shapes import HIDDEN

# Names are taken whole and judged by their meaning: a pattern that tries all of them at each letter takes far longer.
NAME = r"(?P<name>[\w.-]{2,100})"
WORD = r"(?P<value>[^\s\"'`,;<>|()\[\]{}]{6,400})"
QUOTED = r"(?P<quote>\\*[\"'])(?P<value>[^\"'\n\\]{4,400})(?P=quote)"


def named(value: str, name: str) -> bool:
    return is_secret(value, name)


def named_and_no_word(value: str, name: str) -> bool:
    return is_secret(value, name) and names_a_secret(name) and looks_made_up(value)


def always(value: str, name: str) -> bool:
    return len(value) >= 4 and not value.startswith(("$", "{", "<", "[secret"))


def drawn(value: str, name: str) -> bool:
    return is_random(value)


def made_up(value: str, name: str) -> bool:
    return looks_made_up(value) and is_secret(value, "password")


def drawn_and_no_digest(value: str, name: str) -> bool:
    return len(value) >= 20 and is_random(value) and not re.fullmatch(r"[0-9a-f-]+", value)


def holds_private_key(value: str, name: str) -> bool:
    try:
        return b"PRIVATE KEY" in base64.b64decode(value[:80])
    except binascii.Error:
        return False


class Notation(NamedTuple):
    signs: tuple[str, ...]  # a text in lower case must hold one of them for the pattern to be tried
    pattern: re.Pattern[str]
    is_one: Callable[[str, str], bool]


def notation(sign: str | tuple[str, ...], pattern: str, is_one: Callable[[str, str], bool] = named) -> Notation:
    return Notation((sign,) if isinstance(sign, str) else sign, re.compile(pattern), is_one)


def hide_by(notations: Sequence[Notation], text: str) -> str:
    """The text without the secrets that stand in these notations."""
    lower = text.lower()
    for signs, pattern, is_one in notations:
        for sign in signs:
            if sign in lower:
                text = pattern.sub(replaced(is_one), text)
                break
    return text


def replaced(is_one: Callable[[str, str], bool]) -> Callable[[re.Match[str]], str]:
    """The function for `re.sub` that hides the group `value` where it is a secret."""

    def replace(match: re.Match[str]) -> str:
        value = match["value"]
        if HIDDEN in value or not is_one(value, match.groupdict().get("name") or "password"):
            return match[0]
        start, end = match.span("value")
        whole = match.string
        return whole[match.start() : start] + HIDDEN + whole[end : match.end()]

    return replace
