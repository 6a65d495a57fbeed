"""Hides values that look like secrets in whatever is sent to an agent."""

from __future__ import annotations

import re
from typing import Any

HIDDEN = "[secret hidden]"

# Well-known shapes of keys; the part that must not leave is replaced as a whole.
_TOKENS = re.compile(
    r"""(?x)
    \bAKIA[0-9A-Z]{16}\b | \bASIA[0-9A-Z]{16}\b          # AWS access keys
    | \bhf_[A-Za-z0-9]{20,}\b                            # Hugging Face
    | \b(?:sk|rk|pk)[-_](?:[A-Za-z0-9]{1,20}[-_]){0,5}[A-Za-z0-9]{20,}\b  # OpenAI, Anthropic, Stripe and others
    | \bnvapi-[A-Za-z0-9_-]{20,}                         # NVIDIA
    | \bgh[pousr]_[A-Za-z0-9]{30,}\b | \bgithub_pat_\w{30,}\b | \bglpat-[\w-]{20,}
    | \bxox[abprs]-[\w-]{10,} | \bdapi[0-9a-f]{32}\b | \bAIza[\w-]{35}\b
    | \beyJ[\w-]{10,4000}\.eyJ[\w-]{10,}\.[\w-]{5,}      # JSON web tokens
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----[\s\S]*?(?:-----END\ [A-Z ]*PRIVATE\ KEY-----|\Z)
    """
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)(\s+)(?=[\w.~+/=-]*\d)[\w.~+/=-]{12,}")
# This and `_ASSIGNED` begin only where a word does: begun at each of its letters, one of 30,000 would take half a minute.
_URI_PASSWORD = re.compile(r"(?i)(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s/@]+@")
_TELLTALE = (  # a pattern of names, no secret
    r"(?:api[_-]?key|apikey|passw(?:or)?d|secret(?:[_-]?(?:access)?[_-]?key)?"
    r"|(?:access|auth|api|hf|bearer)[_-]?token|private[_-]?key)"
)
_ASSIGNED = re.compile(
    rf"""(?i)(?<![\w.-])(["']?[\w.-]*{_TELLTALE}["']?\s*[:=]\s*)(["']?)(?!\s|null\b|none\b|true\b|false\b|\$|\{{|<|\*|\[secret)([^\s"',;&}}]{{6,}})\2"""
)
_NAMED = re.compile(rf"(?i)(?:^|[\w.-]*[._-]){_TELLTALE}$")


def mask(value: Any, name: str = "") -> Any:
    """The same value with what looks like a secret replaced by `[secret hidden]`, at any depth.

    `name` is the key that the value stands under: a text under `api_key` or `password` is hidden whatever its shape,
    unless it is short or the name of a variable that holds the key.
    """
    if isinstance(value, str):
        return _mask_named(value) if name and _NAMED.match(name) else mask_text(value)
    if isinstance(value, dict):
        masked = {mask_text(str(key)): mask(inner, str(key)) for key, inner in value.items()}
        columns, rows = value.get("columns"), value.get("rows")
        if isinstance(columns, list) and isinstance(rows, list):
            masked["rows"] = [[mask(part, str(column)) for column, part in zip(columns, row)] for row in rows]
        return masked
    if isinstance(value, list):
        return [mask(inner) for inner in value]
    return value


def mask_at(value: Any, path: str) -> Any:
    """A part of a document, masked as it would be in the whole: by the last key of the path that leads to it, such as
    `model.api_key` or `servers[*]."api-key"`. Answers are masked by the keys that they hold, not by those they were found under."""
    keys = re.findall(r"[\w-]+", path)
    return mask(value, keys[-1] if keys else "")


def _mask_named(text: str) -> str:
    # `api_key: OPENAI_API_KEY` names a variable, which is worth showing.
    return text if len(text) < 6 or re.fullmatch(r"\$?\{?[A-Z][A-Z0-9_]*\}?", text) else HIDDEN


def mask_text(text: str) -> str:
    text = _TOKENS.sub(HIDDEN, text)
    text = _BEARER.sub(rf"\1\2{HIDDEN}", text)
    text = _URI_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    return _ASSIGNED.sub(_hide_assigned, text)


def _hide_assigned(match: re.Match[str]) -> str:
    before, quote, value = match.groups()
    return f"{before}{quote}{_mask_named(value)}{quote}"
