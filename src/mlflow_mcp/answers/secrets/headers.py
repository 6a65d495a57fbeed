"""Secrets by their place: after `Bearer`, in an Authorization header, in an address, in the call of a program."""

from __future__ import annotations

import base64
import binascii
import re

from mlflow_mcp.answers.secrets.randomness import is_random
from mlflow_mcp.answers.secrets.shapes import HIDDEN

_BEARER = re.compile(r"(?i)\b(bearer\s+)(?=[\w.~+/=-]*\d)[\w.~+/=-]{12,}")
_AUTHORIZATION = re.compile(
    r"(?i)(?<![a-z0-9])(authorization\\*[\"']?\s*[:=]\s*\\*[\"']?(?:bearer|basic|token|digest|apikey|api-key|key|bot)\s+)"
    r"(?!\[secret|\$|<|\{)[\w.~+/=:-]{6,}"
)
# Without a scheme: what follows must look drawn by lot.
_RAW = re.compile(r"(?i)(?<![a-z0-9])(authorization\\*[\"']?\s*[:=]\s*\\*[\"']?)([\w.~+/=-]{16,})")
_BASIC = re.compile(r"(?i)\b(basic\s+)([A-Za-z0-9+/]{8,}={0,2})(?![\w-])")
_COOKIE = re.compile(r"(?i)(?<![a-z0-9])((?:set-)?cookie\\*[\"']?\s*:\s*[^\n]{0,2000})")
_COOKIE_VALUE = re.compile(r"(?<==)[\w.%+/-]{16,}")
# These and the patterns of names begin only where a word does: begun at each of its letters, one of 30,000 would take half a minute.
_URI_PASSWORD = re.compile(
    r"(?i)(?:(?<![a-z0-9+.-])|(?<=\[[0-9]m)|(?<=[\[;][0-9]{2}m)|(?<=\\n))(?!docker:|oci:|tcp:|udp:|models:|dbfs:)"
    r"([a-z][a-z0-9+.-]*://[^\s/:@]*):(?!\[secret)([^\s/\"'<>]+|(?!\d{1,5}/)[^\s/\"'<>@]{1,100}/[^\s\"'<>@]{1,100})@"
)
_URI_TOKEN = re.compile(r"(?i)(?<![a-z0-9+.-])(https?|git|ssh)(://)([\w.~-]{16,})(?=@|:)")
_EXAMPLES = re.compile(r"user(?:name)?:(?:pass|password|token)|.*:(?:\{.*\}|<.*|\$.*|\*+)", re.I)
_PROGRAM = re.compile(
    r"\b((?:sshpass|docker login|podman login|helm registry login|redis-cli|mysql|mysqldump|mysqladmin|mongosh?)\b[^\n]{0,200}?\s-[pa] ?)"
    r"(['\"]?)(?![-$\[])([^\s'\"]{6,})"
)
_USER = re.compile(
    r"\b((?:curl|wget|http)\b[^\n]{0,500}?\s(?:-u|--user)[ =]?['\"]?[\w.@+-]+:)(?!\[secret|[$<{])([^\s'\"]{4,})"
)
_NETRC = re.compile(r"\b(machine\s+\S+\s+login\s+\S+\s+password\s+)(?!\[secret)(\S+)")


def hide_in_headers(text: str) -> str:
    """The text without what stands after `Bearer`, in an Authorization header, or as a password in an address or a command."""
    lower = text.lower()  # most texts hold none of these words, and to look for them is quick
    if "authorization" in lower:
        text = _AUTHORIZATION.sub(rf"\1{HIDDEN}", text)
        text = _RAW.sub(lambda m: m[1] + HIDDEN if is_random(m[2]) else m[0], text)
    if "bearer" in lower:
        text = _BEARER.sub(rf"\1{HIDDEN}", text)
    if "basic" in lower:
        text = _BASIC.sub(_hide_basic, text)
    if "cookie" in lower:
        text = _COOKIE.sub(lambda m: _COOKIE_VALUE.sub(_hide_drawn, m[1]), text)
    if "@" in text and "://" in text:
        text = _URI_PASSWORD.sub(_hide_password, text)
        text = _URI_TOKEN.sub(lambda m: m[1] + m[2] + HIDDEN if is_random(m[3]) else m[0], text)
    return _hide_in_commands(text)


def _hide_in_commands(text: str) -> str:
    if " -" in text:
        text = _PROGRAM.sub(rf"\1\2{HIDDEN}", text)
        text = _USER.sub(rf"\1{HIDDEN}", text)
    return _NETRC.sub(rf"\1{HIDDEN}", text) if "machine" in text else text


def _hide_drawn(match: re.Match[str]) -> str:
    return HIDDEN if is_random(match[0]) else match[0]


def _hide_password(match: re.Match[str]) -> str:
    user = match[1].rpartition("/")[2]
    return match[0] if _EXAMPLES.fullmatch(f"{user}:{match[2]}") else f"{match[1]}:{HIDDEN}@"


def _hide_basic(match: re.Match[str]) -> str:
    """`Basic` is followed by a user and a password, or it is a word like others."""
    try:
        decoded = base64.b64decode(match[2] + "=" * (-len(match[2]) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return match[0]
    return f"{match[1]}{HIDDEN}" if ":" in decoded and decoded.isprintable() else match[0]
