"""Secrets in notations of their own: lists of arguments, commands, sentences, encoded addresses, hashes."""

from __future__ import annotations

import re

from mlflow_mcp.answers.secrets.defaults import hide_in_defaults
from mlflow_mcp.answers.secrets.markup import hide_in_markup
from mlflow_mcp.answers.secrets.notation import (
    NAME,
    QUOTED,
    WORD,
    always,
    drawn,
    drawn_and_no_digest,
    hide_by,
    holds_private_key,
    made_up,
    named_and_no_word,
    notation,
    replaced,
)

# -- beside a name ---------------------------------------------------------------------------------------------------

_BESIDE_NAMES = [
    # ["--password", "…"]
    notation("-", rf"[\"']--?{NAME}\\*[\"']\s{{0,200}},\s{{0,200}}\\*{QUOTED}"),
    # - value: …, then name: DB_PASSWORD
    notation("value", rf"(?i)\bvalue[\"']?[ \t]*[:=][ \t]*[\"']?{WORD}[\"']?[ \t]*,?\s{{1,200}}[\"']?(?:name|key)[\"']?[ \t]*[:=][ \t]*[\"']?{NAME}"),
    # variable "db_password" { default = "…" }
    notation("default", rf"\bvariable[ \t]+\"{NAME}\"\s{{0,50}}\{{[^{{}}]{{0,1000}}?\bdefault\s{{0,50}}=\s{{0,50}}{QUOTED}"),
    # Content-Disposition: form-data; name="password"
    notation("form-data", rf"name=[\"']?{NAME}[\"']?\r?\n(?:[^\n]{{1,200}}\n){{0,5}}?\r?\n(?P<value>[^\n\r]{{4,400}})"),
    # password: """…""" and other texts of several lines
    notation(('"', "'"), rf"(?<![\w.-]){NAME}[\"']?[ \t]*[:=][ \t]*(?P<quote>\"\"\"|'''|\"|')(?P<value>[^\"'\n]{{0,400}}\n[^\"']{{0,2000}}?)(?P=quote)"),
    # ? password, then : …
    notation("? ", rf"(?m)^[ \t-]*\?[ \t]+[\"']?{NAME}[\"']?[ \t\r]*\n[ \t]*:[ \t]+[\"']?(?P<value>[^\s\"'][^\n]{{3,400}}?)[\"']?[ \t\r]*$"),
    # a name, and its value on the line below
    notation((":\n", " \n", "\t\n"), rf"(?m)^[ \t+-]*[\"']?{NAME}[\"']?[ \t]*:[ \t]*\n[ \t+-]{{1,100}}(?P<value>[^\s:-][^\s:]{{5,400}})[ \t\r]*$", named_and_no_word),
    # a CSV file of names and values
    notation("\n", rf"(?m)(?:^|[,;\t])[\"']?{NAME}[\"']?[,;\t][ \t]*[\"']?{WORD}", named_and_no_word),
    # ENV DB_PASSWORD …, setenv, a line of two words
    notation(" ", rf"(?m)(?:^[ \t]*|\b(?:ENV|ARG|setenv|setx|set|configure set|(?:set|env|configure set)(?:[ \t]-\w{{1,10}}){{1,3}})[ \t]+){NAME}[ \t]+[\"']?{WORD}[\"']?(?=[ \t\r]*(?:$|&&|\\))", named_and_no_word),
    notation("\t", rf"(?m)^[ \t]*{NAME}[ \t]+{WORD}[ \t\r]*$", named_and_no_word),
    # ?access_token=… in an address that is encoded
    notation("%3d", rf"(?i)(?:%3f|%26|%2c|%20|^){NAME}%3d(?P<value>(?:(?!%26|%0a|%20)[\w.~%!*-]){{6,400}})"),
]  # fmt: skip

_PGPASS = r"(?:\*|[A-Za-z0-9][\w.-]{0,100})"

# -- without one -----------------------------------------------------------------------------------------------------

_ALONE = [
    # host:port:database:user:password of a pgpass file: any password with PostgreSQL's ports, made-up ones with others
    notation((":54", ":64", ":*:"), rf"(?m)(?<![\w.:/@*-]){_PGPASS}:(?:54\d\d|64\d\d|\*):[^\s:]{{1,64}}:[^\s:]{{1,64}}:(?P<value>(?![\s$<{{])[^\s\"'`]{{4,400}})", always),
    notation(":", rf"(?m)^[ \t]*{_PGPASS}:\d{{4,5}}:[^\s:]{{1,64}}:[^\s:]{{1,64}}:(?P<value>[^\s\"'`:]{{4,400}})[ \t\r]*$", made_up),
    notation("password", r"(?i)\b(?:set_?password[ \t]?\([ \t]?|(?<!['\"])password[ \t]{1,20})'(?P<value>[^'\n]{4,400})'", always),
    notation("identified", r"(?i)\bidentified (?:with \S{1,50} )?by '(?P<value>[^'\n]{4,400})'", always),
    notation("auth", rf"(?i)(?:\bauth\s?[:=]\s?|auth)\(\s?[\"'][^\"'\n]{{1,100}}[\"']\s?,\s?{QUOTED}\s?\)", always),
    notation("login(", rf"\blogin\(\s?(?:\w{{1,30}}\s?=\s?)?{QUOTED}", drawn),
    notation("openssl", r"\bpass:(?P<value>[^\s\"']{4,400})", always),
    notation("zip -p", r"(?i)\b(?:un)?zip -P ?[\"']?(?P<value>[^\s\"']{4,400})", always),
    notation("otpauth", r"[?&]secret=(?P<value>[A-Z2-7]{16,})", always),
    notation(("?", "&", "%3f", "%26"), r"(?i)(?:[?&]|%3f|%26)(?:key|code|auth|sid|session|signature|credential|ticket|assertion)(?:=|%3d)(?P<value>[\w.~+/-]{16,400})", drawn),
    notation("%40", r"(?i)%3a%2f%2f[\w.-]{0,100}%3a(?P<value>(?:(?!%40|%2f)[\w.~%!*-]){4,200})%40", always),
    notation(("sessid", "sessionid", "connect.sid", "csrftoken", "xsrf-token"), r"(?i)(?<![a-z0-9])(?:phpsessid|jsessionid|sessionid|connect\.sid|asp\.net_sessionid|csrftoken|xsrf-token)\\*[\"']?\s?[:=]\s?\\*[\"']?(?P<value>[\w%.+/=-]{16,400})", drawn),
    notation("\t", r"\t(?:TRUE|FALSE)\t/[^\t\n]{0,200}\t(?:TRUE|FALSE)\t\d{1,12}\t[^\t\n]{1,200}\t(?P<value>[^\s]{6,4000})", always),
    notation("$", r"(?P<value>\$(?:apr1|1|5|6|y|2[abxy]|argon2(?:id|i|d))\$[\w./$=,+-]{20,400})", drawn),
    notation('"kty', r'"(?:d|p|q|dp|dq|qi|k)"\s{0,20}:\s{0,20}"(?P<value>[\w-]{20,4000})"', always),
    notation("ls0tls1crudjti", r"(?P<value>LS0tLS1CRUdJTi[A-Za-z0-9+/=]{30,})", holds_private_key),
    notation('"username', r'"username"\s{0,20}:\s{0,20}"[^"\n]{0,100}"\s{0,20},\s{0,20}"key"\s{0,20}:\s{0,20}"(?P<value>[0-9a-f]{32})"', always),
    # as people write: "The password for 'ana' is …", "API key: …"
    notation("pass", rf"(?i)\b(?:password|passphrase|passwort|passwd)[*`\"']{{0,3}}(?: for [^\s:]{{1,80}}| of [^\s:]{{1,80}})?(?: is| was| set to)?[ \t\u00a0]*[:=\uff1a(\u2013-]?[*`]{{0,3}}[ \t\u00a0]*[\"'`]?{WORD}", made_up),
    notation(" ", rf"(?i)\b(?:(?:api|(?:secret )?access|secret|private|auth|license|subscription|encryption) key|(?:access|auth|api|refresh|bearer|session|bot|personal access) token)[*`\"']{{0,3}}(?: is| was| set to|[ \t\u00a0]*[:=\uff1a])[*`]{{0,3}}[ \t\u00a0]*[\"'`]?{WORD}", made_up),
    notation(" ", rf"(?i)\b(?:(?:api|access|secret|private|auth) key|token)[ \t]{{1,40}}[\"'`(]?{WORD}", drawn_and_no_digest),
    notation("api key", r"(?i)\bapi key[ \t]{1,40}[\"'`(]?(?P<value>[0-9a-f]{32,64})\b", always),
]  # fmt: skip

_COOKIES = re.compile(
    r"(?i)(?<![a-z])cookies?\\*[\"']?\s?[:=]\s?[^\n]{0,2000}|\bcurl\b[^\n]{0,500}?\s(?:-b|--cookie)[^\n]{0,2000}"
)
_COOKIE_VALUE = re.compile(r"(?<=[=:'\"])\s?\\*[\"']?(?P<value>[\w.%+/-]{16,})")


def hide_in_notations(text: str) -> str:
    """The text without secrets beside their names, in notations in which other things than `:` and `=` stand between."""
    return hide_by(_BESIDE_NAMES, hide_in_defaults(hide_in_markup(text)))


def hide_without_names(text: str) -> str:
    """The text without what a command, an address, a hash or a sentence tells to be a secret."""
    text = hide_by(_ALONE, text)
    if "cookie" in text.lower() or "curl" in text:
        text = _COOKIES.sub(lambda found: _COOKIE_VALUE.sub(replaced(drawn), found[0]), text)
    return text
