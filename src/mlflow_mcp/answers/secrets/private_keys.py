"""Private keys in a text, whole or in part."""

from __future__ import annotations

import re

from mlflow_mcp.answers.secrets.shapes import HIDDEN

_KEY_BEGIN = r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
_KEY_BLOCK = re.compile(
    rf"{_KEY_BEGIN}(?:(?!-----BEGIN)[\s\S]){{0,20000}}?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
)
_LINE = r"[-+]?[ \t\"'|>]*(?:[A-Za-z0-9+/=]{1,76}|[A-Z][A-Za-z-]+: [^\n]*)?(?:\\n)?[\"',]*[ \t]*"
_KEY_WITHOUT_END = re.compile(rf"{_KEY_BEGIN}(?:\\n[A-Za-z0-9+/=\\]*|(?:[ \t\"',]*(?:\r?\n{_LINE}(?=\r?\n|\Z))+)?)")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
# A line from inside of a key, of which only a part of the file is shown.
_KEY_LINE = re.compile(r"(?m)^([-+]?[ \t\"'|>]*)([A-Za-z0-9+/]{64}|[A-Za-z0-9+/]{70})(?=(?:\\n)?[\"',]*[ \t]*$)")
_KEY_LINE_BEFORE = re.compile(r"[-+]?[ \t\"']*[A-Za-z0-9+/=]{1,76}(?:\\n)?[\"',]*")


def hide_private_keys(text: str) -> str:
    """The text without private keys, also where only their end or lines of their inside are in it."""
    if "PRIVATE KEY" in text:
        text = _KEY_WITHOUT_END.sub(HIDDEN, _KEY_BLOCK.sub(HIDDEN, text))
        if end := _KEY_END.search(text):
            lines = text[: end.start()].split("\n")
            while lines and _KEY_LINE_BEFORE.fullmatch(lines[-1] or "="):
                lines.pop()
            text = "\n".join([*lines, HIDDEN]) + text[end.end() :]
    elif "CERTIFICATE-----" in text or "PUBLIC KEY-----" in text:
        return text
    return _KEY_LINE.sub(_hide_key_line, text) if len(text) >= 64 else text


def _hide_key_line(match: re.Match[str]) -> str:
    line = match[2]
    kinds = (any(map(str.isupper, line)), any(map(str.islower, line)), any(map(str.isdigit, line)))
    return match[1] + HIDDEN if all(kinds) else match[0]
