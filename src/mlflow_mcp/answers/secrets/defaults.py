"""Secrets that stand in an expression for what it refers to being missing: `${API_KEY:-…}`, `{{ token | default('…') }}`."""

from __future__ import annotations

import re

from mlflow_mcp.answers.secrets.names import is_secret
from mlflow_mcp.answers.secrets.notation import NAME, QUOTED, hide_by, named_and_no_word, notation
from mlflow_mcp.answers.secrets.shapes import HIDDEN

_BRACED = r"(?P<value>[^\s{}\"'$?+=-][^\s{}\"']{3,400})"
_NOTATIONS = [
    # of shells, of Compose, of Spring, of OmegaConf: ${API_KEY:-…}, ${db.password:…}, ${oc.env:API_KEY,…}
    notation("${", rf"\$\{{(?:(?:oc\.)?env:)?(?!secrets?:|vault:){NAME}(?::[-=]?|[=,])[ ]?[\"']?{_BRACED}[\"']?\}}"),
    notation("${", rf"\$\{{(?P<name>\w{{2,100}})-[\"']?{_BRACED}[\"']?\}}"),
    notation("$(or ", rf"\$\(or \$[({{]{NAME}[)}}],\s?{_BRACED}\)"),
    # {{ token | default('…') }}
    notation("|", rf"(?<![\w.-]){NAME}[\"'\])]{{0,3}}\s{{0,5}}\|\s{{0,5}}(?:default|d)\s?\(\s?{QUOTED}"),
    # process.env.API_KEY || '…', os.environ.get('API_KEY') or '…', ENV.fetch('API_KEY') { '…' }
    notation(("||", "??"), rf"(?<![\w.-]){NAME}[\"'\])]{{0,3}}\s{{0,5}}(?:\|\||\?\?)\s{{0,5}}{QUOTED}"),
    notation(" or ", rf"(?<![\w.-]){NAME}[\"'\])]{{0,3}} or {QUOTED}", named_and_no_word),
    notation("fetch", rf"\bfetch\(\s?[\"']{NAME}[\"']\s?\)\s?(?:\{{|do)\s?{QUOTED}"),
]  # fmt: skip
# add_argument("--api-key", default="…"), config("DB_PASSWORD", default="…"), api_key: str = Field(default="…")
_ARGUMENT = re.compile(rf"\bdefault(?:_value)?\s?=\s?{QUOTED}")
_CALLED_FOR = re.compile(
    r"[\"']--?(?P<option>[\w-]{2,100})[\"']|\(\s{0,20}[\"'](?P<first>[\w.-]{2,100})[\"']"
    r"|(?<![\w.-])(?P<field>[\w.]{2,100})\s?(?::[^=\n]{1,60})?=\s?[\w.]{1,60}\("
)
_FURTHEST = 300


def hide_in_defaults(text: str) -> str:
    """The text without secrets in what expressions and declarations give by default."""
    text = hide_by(_NOTATIONS, text)
    return _hide_arguments(text) if "default" in text else text


def _hide_arguments(text: str) -> str:
    parts, done = [], 0
    for match in _ARGUMENT.finditer(text):
        names = list(_CALLED_FOR.finditer(text, max(0, match.start() - _FURTHEST), match.start()))
        name = next((group for group in names[-1].groups() if group), "") if names else ""
        if HIDDEN not in match["value"] and name and is_secret(match["value"], name):
            parts += [text[done : match.start("value")], HIDDEN]
            done = match.end("value")
    return "".join([*parts, text[done:]]) if parts else text
