"""What names a secret, and which values beside such a name are one."""

from __future__ import annotations

import re
from functools import lru_cache

from mlflow_mcp.answers.secrets.invisible import without_invisible
from mlflow_mcp.answers.secrets.randomness import is_random

_PASSWORDS = (
    r"passw(?:or)?d|passwort|passphrase|passcode|pwd"
    r"|(?<![a-z0-9])(?:db|user|smtp|mysql|pg|redis|mail|login|root|admin|ftp|proxy|ssh|sudo|become|vault|keystore)[_-]?pass"
)
# Whatever stands under these is a secret, unless it only refers to one.
STRONG = (
    rf"(?:{_PASSWORDS}|api[_-]?keys?|secret(?:[_-]?(?:access)?[_-]?key)?|secret[_-]?token|secret[_-]?key[_-]?base"
    r"|(?:access|account|private|openai|signing|encryption|subscription|license|auth|master|consumer|shared|hmac|ssh|storage)[_-]?key"
    r"|(?<![a-z0-9])(?:access|auth|api|hf|bearer|refresh|session|id|security|github|gitlab|ngc|wandb|slack|bot|service|deploy|personal"
    r"|huggingface|hub|csrf|jwt|oauth|private)[_-]?token|connection[_-]?string|(?:passw(?:or)?d|passphrase)s)"
)
# Under these only what looks drawn by lot: `token` and `key` name words of a language and entries of a cache more often.
WEAK = r"(?:(?<![a-z0-9])(?:token|cookie|credentials?|auth|pat|otp)|(?<=[a-z0-9])[_-]?(?:token|credentials?)|[_-]key(?:[_-]id)?|(?<![a-z0-9_.-])(?:pass|pw)|secret[_-]id)"
_STRONG = re.compile(rf"(?i)\S*?{STRONG}$")
_WEAK = re.compile(rf"(?i)\S*?{WEAK}$")
_OF_OTHER_THINGS = re.compile(
    r"(?i)(?:cache|primary|foreign|public|pub|sort|partition|group|unique|idempotency|object|index|row|dedup|experiment|metric|state|map"
    r"|dict|hash|s3|file|artifact|run|trace|request|config|content|lookup|host|result)[_-]?key(?:[_-]id)?$"
    r"|(?:page|next|continuation|cursor|sync|pad|eos|bos|image|stop)[_-]?token$"
)
_PASSWORD = re.compile(rf"(?i)(?:{_PASSWORDS}|(?:passw(?:or)?d|passphrase)s)$")
_LONGEST_NAME = 1_000


@lru_cache(maxsize=4096)
def names_a_secret(name: str) -> bool:
    """Whether a value under this name is a secret: `config.deployment.api_key`, `DB_PASSWORD`, `x-api-key`."""
    name = without_invisible(name)
    return len(name) < _LONGEST_NAME and _STRONG.match(name) is not None


@lru_cache(maxsize=4096)
def may_name_a_secret(name: str) -> bool:
    """Whether a value under this name is a secret when it looks drawn by lot: `token`, `KAGGLE_KEY`."""
    name = without_invisible(name)
    return len(name) < _LONGEST_NAME and _WEAK.match(name) is not None and _OF_OTHER_THINGS.search(name) is None


@lru_cache(maxsize=8192)
def may_stand_for_one(name: str) -> bool:
    """Whether a value under this name may be a secret: always, or when it looks drawn by lot."""
    return names_a_secret(name) or may_name_a_secret(name)


_REFERENCE = re.compile(
    r"""(?xs)
    \$[A-Za-z_]\w*(?:[^\w!-].*)? | \$[{(].* | %[A-Za-z_]\w*% | \{\{.*\}\} | \{[A-Za-z_][\w.\[\]'"]*\}\S* | <.*> | \*+ | [*.…\[\](){}]+ | [xX]{3,} | \[secret\ hidden\] | \(varies\ by\ (?:task|run)\)
    | (?:host|env|environ|runtime|secrets?|vault|os\.environ|os\.getenv|os\.environ\.get|getenv|ENV)[:./([]+["']?[A-Z][A-Z0-9_]*["']?[)\]]*
    | (?:str|bytes|bool|int|SecretStr|_?[A-Z][a-z]+[A-Za-z]*)(?:\ \|\ [\w.\[\],\ |]+)?(?:\ =\ (?:None|False|True|\.\.\.))?,? | self\.\w+
    | ![A-Za-z]+\s.* | arn:aws:secretsmanager:.* | (?:~|\.)?(?:/[\w.-]+){2,} | [\w-]{0,14}(?:\.\.\.|…)[\w-]{0,8} | sk-(?:x+|X+)
    | (?i:null|none|nil|true|false|undefined|empty|n/a|str|string|bytes|optional.*|required|redacted.*|hidden|masked|changeme|secretstr
      |(?:unused|dummy|fake|placeholder|not|no|your|example|token-abc)\b.*|sk-no-key-required)
    """
)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_VARIABLE_OF_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|PWD|CRED|AUTH")
_SHORTEST = 6
# Python that gets the secret: `os.getenv(`, `self.api_key`, `[_assert_string]`.
_CODE = re.compile(r"(?:[A-Za-z_][A-Za-z_.]*|[a-z_][\w.]*\.[\w.]*)[\[(].*|\[[A-Za-z_]\w*\]?,?", re.S)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_.]*|[A-Za-z_]\w*(?:[._][A-Za-z_]\w*)+")


def is_secret(value: str, name: str) -> bool:
    """Whether a value under a name of secrets is one, and not empty, a word for none, or the name of a variable or file
    that holds it."""
    if not may_stand_for_one(name):
        return False
    value = value.strip().strip("\"'`")
    if any(is_secret(each, name) for each in literals_instead(value)):
        return True
    if len(value) < _SHORTEST or _CODE.fullmatch(value) or (name.lower().endswith("pwd") and value[0] in "/~"):
        return False
    if not names_a_secret(name):
        made_up = (name.isupper() or name in ("pass", "pw")) and looks_made_up(value)
        return (made_up or is_random(value)) and not _is_reference(value)
    if _IDENTIFIER.fullmatch(value) and may_stand_for_one(value):
        return False
    if _is_reference(value):
        return False
    if not _VARIABLE.fullmatch(value):
        return True
    if _VARIABLE_OF_SECRET.search(value) and "_" in value:
        return False
    return bool(_PASSWORD.search(name)) or "_" not in value


# What an expression gives when what it refers to is not there: `${X:-…}`, `{{ x | default('…') }}`, `env.X || '…'`.
_INSTEAD = re.compile(
    r"""(?x) \$\{[\w.:]+(?::[-=]|[-=,:])\s?["']?(?P<braces>[^\s{}"'$]{4,})["']?\}
    | (?:\b(?:default|d)\s?\(\s?|(?:\|\||\?\?|\bor)\s?)(?P<mark>["'])(?P<literal>[^"'\s]{4,})(?P=mark)
    | ,\s?(?:default\s?=\s?)?(?P<quote>["'])(?P<argument>[^"'\s]{4,})(?P=quote)"""
)
_SIGNS_OF_EXPRESSIONS = ("${", "(", "||", "??", " or ")


def literals_instead(value: str) -> list[str]:
    """The literals that an expression stands for where what it refers to is missing."""
    if not any(sign in value for sign in _SIGNS_OF_EXPRESSIONS):
        return []
    found = []
    for match in _INSTEAD.finditer(value[:2_000]):
        if match["argument"] is None:
            found.append(match["braces"] or match["literal"])
        elif looks_made_up(match["argument"]):
            found.append(match["argument"])
    return found


def looks_made_up(value: str) -> bool:
    """Whether a value is no word, number or path of every day: of letters and digits, and of capitals or signs as well."""
    if not 8 <= len(value) <= 400 or (re.search(r"[\\/\s]|\.\w{1,4}$|[a-z]\.[a-z]", value) and not is_random(value)):
        return False
    kinds = (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9.,:]")
    found = [re.search(kind, value) is not None for kind in kinds]
    return is_random(value) or (found[2] and sum(found) >= 3)


def is_password(name: str) -> bool:
    return _PASSWORD.search(name) is not None


def _is_reference(value: str) -> bool:
    return _REFERENCE.fullmatch(value) is not None and not (value.startswith(("/", "~", ".")) and is_random(value))
