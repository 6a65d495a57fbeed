"""Secrets in notations of their own: elements of XML, lists of arguments, commands, sentences, encoded addresses, hashes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import NamedTuple

from mlflow_mcp.answers.secrets.names import is_secret, looks_made_up, names_a_secret
from mlflow_mcp.answers.secrets.shapes import HIDDEN, is_random

# Names are taken whole and judged by their meaning: a pattern that tries all of them at each letter takes far longer.
_NAME = r"(?P<name>[\w.-]{2,100})"
_WORD = r"(?P<value>[^\s\"'`,;<>|()\[\]{}]{6,400})"
_QUOTED = r"(?P<quote>\\*[\"'])(?P<value>[^\"'\n\\]{4,400})(?P=quote)"


def _named(value: str, name: str) -> bool:
    return is_secret(value, name)


def _named_and_no_word(value: str, name: str) -> bool:
    return is_secret(value, name) and names_a_secret(name) and looks_made_up(value)


def _always(value: str, name: str) -> bool:
    return len(value) >= 4 and not value.startswith(("$", "{", "<", "[secret"))


def _drawn(value: str, name: str) -> bool:
    return is_random(value)


def _made_up(value: str, name: str) -> bool:
    return looks_made_up(value) and is_secret(value, "password")


def _drawn_and_no_digest(value: str, name: str) -> bool:
    return len(value) >= 20 and is_random(value) and not re.fullmatch(r"[0-9a-f-]+", value)


def _holds_private_key(value: str, name: str) -> bool:
    try:
        return b"PRIVATE KEY" in base64.b64decode(value[:80])
    except binascii.Error:
        return False


class _Notation(NamedTuple):
    sign: str  # what a text in lower case must hold for the pattern to be tried
    pattern: re.Pattern[str]
    is_one: Callable[[str, str], bool]


def _notation(sign: str, pattern: str, is_one: Callable[[str, str], bool] = _named) -> _Notation:
    return _Notation(sign, re.compile(pattern), is_one)


# -- beside a name ---------------------------------------------------------------------------------------------------

_BESIDE_NAMES = [
    # <db:password type="plain"><![CDATA[…]]></db:password>
    _notation("</", rf"<(?:[\w.-]{{1,50}}:)?{_NAME}(?:\s[^<>]{{0,300}})?>\s{{0,200}}(?:<!\[CDATA\[)?\s{{0,200}}(?P<value>[^<\s][^<]{{0,4000}}?)(?=\]\]>|\s{{0,200}}</)"),
    # <property name="password">…</property>
    _notation("</", rf"<[\w:.-]{{1,50}}\s[^<>]{{0,300}}?\b(?:name|key|id)=[\"']{_NAME}[\"'][^<>]{{0,300}}>\s{{0,200}}(?P<value>[^<\s][^<]{{0,4000}}?)\s{{0,200}}</"),
    # <dt>password</dt><dd>…</dd>
    _notation("</", rf">\s{{0,50}}{_NAME}\s?:?\s{{0,50}}</\w{{1,10}}>\s{{0,200}}<\w{{1,10}}[^<>]{{0,200}}>\s{{0,50}}(?P<value>[^<\s][^<]{{0,4000}}?)\s{{0,50}}</"),
    _notation("<input", r"(?i)<input\b(?=[^<>]{0,500}\btype=[\"']?password)[^<>]{0,500}?\bvalue=[\"'](?P<value>[^\"'<>]{4,400})", _always),
    # ["--password", "…"]
    _notation("-", rf"[\"']--?{_NAME}\\*[\"']\s{{0,200}},\s{{0,200}}\\*{_QUOTED}"),
    # - value: …, then name: DB_PASSWORD
    _notation("value", rf"(?i)\bvalue[\"']?[ \t]*[:=][ \t]*[\"']?{_WORD}[\"']?[ \t]*,?\s{{1,200}}[\"']?(?:name|key)[\"']?[ \t]*[:=][ \t]*[\"']?{_NAME}"),
    # variable "db_password" { default = "…" }
    _notation("default", rf"\bvariable[ \t]+\"{_NAME}\"\s{{0,50}}\{{[^{{}}]{{0,1000}}?\bdefault\s{{0,50}}=\s{{0,50}}{_QUOTED}"),
    # Content-Disposition: form-data; name="password"
    _notation("form-data", rf"name=[\"']?{_NAME}[\"']?\r?\n(?:[^\n]{{1,200}}\n){{0,5}}?\r?\n(?P<value>[^\n\r]{{4,400}})"),
    # password: """…""" and other texts of several lines
    _notation("\n", rf"(?<![\w.-]){_NAME}[\"']?[ \t]*[:=][ \t]*(?P<quote>\"\"\"|'''|\"|')(?P<value>[^\"'\n]{{0,400}}\n[^\"']{{0,2000}}?)(?P=quote)"),
    # a name, and its value on the line below
    _notation("\n", rf"(?m)^[ \t+-]*[\"']?{_NAME}[\"']?[ \t]*:[ \t]*\n[ \t+-]{{1,100}}(?P<value>[^\s:-][^\s:]{{5,400}})[ \t\r]*$", _named_and_no_word),
    # a CSV file of names and values
    _notation("\n", rf"(?m)(?:^|[,;\t])[\"']?{_NAME}[\"']?[,;\t][ \t]*[\"']?{_WORD}", _named_and_no_word),
    # ENV DB_PASSWORD …, setenv, a line of two words
    _notation(" ", rf"(?m)(?:^[ \t]*|\b(?:ENV|ARG|setenv|setx|set|configure set|(?:set|env|configure set)(?:[ \t]-\w{{1,10}}){{1,3}})[ \t]+){_NAME}[ \t]+[\"']?{_WORD}[\"']?(?=[ \t\r]*(?:$|&&|\\))", _named_and_no_word),
    _notation("\t", rf"(?m)^[ \t]*{_NAME}[ \t]+{_WORD}[ \t\r]*$", _named_and_no_word),
    # ?access_token=… in an address that is encoded
    _notation("%3d", rf"(?i)(?:%3f|%26|%2c|%20|^){_NAME}%3d(?P<value>(?:(?!%26|%0a|%20)[\w.~%!*-]){{6,400}})"),
]  # fmt: skip

# -- without one -----------------------------------------------------------------------------------------------------

_ALONE = [
    _notation("password", r"(?i)\b(?:set_?password[ \t]?\([ \t]?|(?<!['\"])password[ \t]{1,20})'(?P<value>[^'\n]{4,400})'", _always),
    _notation("identified", r"(?i)\bidentified (?:with \S{1,50} )?by '(?P<value>[^'\n]{4,400})'", _always),
    _notation("auth", rf"(?i)(?:\bauth\s?[:=]\s?|auth)\(\s?[\"'][^\"'\n]{{1,100}}[\"']\s?,\s?{_QUOTED}\s?\)", _always),
    _notation("login(", rf"\blogin\(\s?(?:\w{{1,30}}\s?=\s?)?{_QUOTED}", _drawn),
    _notation("openssl", r"\bpass:(?P<value>[^\s\"']{4,400})", _always),
    _notation("zip -p", r"(?i)\b(?:un)?zip -P ?[\"']?(?P<value>[^\s\"']{4,400})", _always),
    _notation("otpauth", r"[?&]secret=(?P<value>[A-Z2-7]{16,})", _always),
    _notation("=", r"(?i)(?:[?&]|%3f|%26)(?:key|code|auth|sid|session|signature|credential|ticket|assertion)(?:=|%3d)(?P<value>[\w.~+/-]{16,400})", _drawn),
    _notation("%40", r"(?i)%3a%2f%2f[\w.-]{0,100}%3a(?P<value>(?:(?!%40|%2f)[\w.~%!*-]){4,200})%40", _always),
    _notation("s", r"(?i)(?<![a-z0-9])(?:phpsessid|jsessionid|sessionid|connect\.sid|asp\.net_sessionid|csrftoken|xsrf-token)\\*[\"']?\s?[:=]\s?\\*[\"']?(?P<value>[\w%.+/=-]{16,400})", _drawn),
    _notation("\t", r"\t(?:TRUE|FALSE)\t/[^\t\n]{0,200}\t(?:TRUE|FALSE)\t\d{1,12}\t[^\t\n]{1,200}\t(?P<value>[^\s]{6,4000})", _always),
    _notation("$", r"(?P<value>\$(?:apr1|1|5|6|y|2[abxy]|argon2(?:id|i|d))\$[\w./$=,+-]{20,400})", _drawn),
    _notation('"kty', r'"(?:d|p|q|dp|dq|qi|k)"\s{0,20}:\s{0,20}"(?P<value>[\w-]{20,4000})"', _always),
    _notation("ls0tls1crudjti", r"(?P<value>LS0tLS1CRUdJTi[A-Za-z0-9+/=]{30,})", _holds_private_key),
    _notation('"username', r'"username"\s{0,20}:\s{0,20}"[^"\n]{0,100}"\s{0,20},\s{0,20}"key"\s{0,20}:\s{0,20}"(?P<value>[0-9a-f]{32})"', _always),
    # as people write: "The password for 'ana' is …", "API key: …"
    _notation("pass", rf"(?i)\b(?:password|passphrase|passwort|passwd)[*`\"']{{0,3}}(?: for [^\s:]{{1,80}}| of [^\s:]{{1,80}})?(?: is| was| set to)?[ \t\u00a0]*[:=\uff1a(\u2013-]?[*`]{{0,3}}[ \t\u00a0]*[\"'`]?{_WORD}", _made_up),
    _notation(" ", rf"(?i)\b(?:(?:api|(?:secret )?access|secret|private|auth|license|subscription|encryption) key|(?:access|auth|api|refresh|bearer|session|bot|personal access) token)[*`\"']{{0,3}}(?: is| was| set to|[ \t\u00a0]*[:=\uff1a])[*`]{{0,3}}[ \t\u00a0]*[\"'`]?{_WORD}", _made_up),
    _notation(" ", rf"(?i)\b(?:(?:api|access|secret|private|auth) key|token)[ \t]{{1,40}}[\"'`(]?{_WORD}", _drawn_and_no_digest),
    _notation("api key", r"(?i)\bapi key[ \t]{1,40}[\"'`(]?(?P<value>[0-9a-f]{32,64})\b", _always),
]  # fmt: skip

_COOKIES = re.compile(
    r"(?i)(?<![a-z])cookies?\\*[\"']?\s?[:=]\s?[^\n]{0,2000}|\bcurl\b[^\n]{0,500}?\s(?:-b|--cookie)[^\n]{0,2000}"
)
_COOKIE_VALUE = re.compile(r"(?<=[=:'\"])\s?\\*[\"']?(?P<value>[\w.%+/-]{16,})")


def hide_in_notations(text: str) -> str:
    """The text without secrets beside their names, in notations in which other things than `:` and `=` stand between."""
    return _hide(_BESIDE_NAMES, text)


def hide_without_names(text: str) -> str:
    """The text without what a command, an address, a hash or a sentence tells to be a secret."""
    text = _hide(_ALONE, text)
    if "cookie" in text.lower() or "curl" in text:
        text = _COOKIES.sub(lambda found: _COOKIE_VALUE.sub(_replaced(_drawn), found[0]), text)
    return text


def _hide(notations: list[_Notation], text: str) -> str:
    lower = text.lower()
    for sign, pattern, is_one in notations:
        if sign in lower:
            text = pattern.sub(_replaced(is_one), text)
    return text


def _replaced(is_one: Callable[[str, str], bool]) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        value = match["value"]
        if HIDDEN in value or not is_one(value, match.groupdict().get("name") or "password"):
            return match[0]
        start, end = match.span("value")
        whole = match.string
        return whole[match.start() : start] + HIDDEN + whole[end : match.end()]

    return replace
