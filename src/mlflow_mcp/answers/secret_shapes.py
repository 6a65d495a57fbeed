"""What a key, a password or the mere name of one looks like in a text."""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache

HIDDEN = "[secret hidden]"

# -- values that are secrets by their shape --------------------------------------------------------------------------

# What keys begin with whose rest is random; longer beginnings first.
_BEGINNINGS = (
    r"github_pat_|gh[pousr]_|gl(?:pat|rt|dt|ptt|ft|cbt|imt|soat|agent)-|hf_|api_org_|nvapi-|sk-lf-|pk-lf-|[sprc]k[-_]|csk-|xox[a-z]-|xapp-|gsk_|r8_|xai-|pplx-"
    r"|hv[sbr]\.|npm_|pypi-|dckr_[a-z]{3}_|SG\.|ya29\.|GOCSPX-|AIza|dapi|pcsk_|lsv2_|fw_|tgp_v1_|glsa_|glc_|sntrys_|tskey-"
    r"|dop_v1_|figd_|lin_api_|shp[a-z]{2}_|PMAK-|ATATT|wandb_v1_|voy-|pa-"
)
_RANDOM_AFTER = re.compile(rf"(?<![A-Za-z0-9])(?:{_BEGINNINGS})[\w-]{{12,}}(?:\.[\w-]{{16,}})*")
_WHOLE = re.compile(
    r"""(?x)
    (?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])      # AWS
    | \beyJ[\w-]{10,4000}\.(?:eyJ)?[\w-]{10,}\.[\w-]{5,}          # JSON web tokens
    | (?<=hooks\.slack\.com/services/)[\w/]{20,}
    | (?<![A-Za-z0-9])SK[0-9a-f]{32}(?![0-9A-Za-z])               # Twilio
    | (?<![\w:])[0-9]{8,10}:AA[\w-]{33}(?![\w-])                  # Telegram
    | (?<=[?&]sig=)[\w%+/=-]{20,}                                 # Azure's signed addresses
    """
)
_RUNS = re.compile(r"[A-Za-z0-9]+")


def is_random(text: str) -> bool:
    """Whether a part of it looks drawn by lot: long, and of several kinds of characters in a row."""
    return any(_is_random_run(run) for run in _RUNS.findall(text))


def _is_random_run(run: str) -> bool:
    digits = sum(character.isdigit() for character in run)
    lower = sum(character.islower() for character in run)
    upper = len(run) - digits - lower
    if len(run) >= 10 and digits and lower and upper:
        return True
    if len(run) >= 16 and digits >= 3 and lower + upper >= 3:
        return True
    # Letters alone: a name in CamelCase has far fewer capitals.
    return len(run) >= 20 and 5 * min(lower, upper) >= len(run)


def hide_shapes(text: str) -> str:
    """The text without what is a key by its own look."""
    text = _RANDOM_AFTER.sub(_hide_random, text)
    return _WHOLE.sub(HIDDEN, text)


def _hide_random(match: re.Match[str]) -> str:
    token = match[0]
    if _ALSO_A_NAME.match(token):
        return HIDDEN if is_random(token) or _OF_LETTERS.fullmatch(token) or _UUID.search(token) else token
    return token if token == token.lower() and not any(map(str.isdigit, token)) else HIDDEN


# Beginnings of ordinary names too, such as `sk-learn-pipeline-with-scaler`.
_ALSO_A_NAME = re.compile(r"hf_|api_org_|[sprc]k[-_]|csk-|fw_|pa-|voy-|npm_|r8_|xai-|pplx-|gsk_|dapi|hv|ATATT|SG|tskey")
_OF_LETTERS = re.compile(r"hf_[A-Za-z]{34}")  # as Hugging Face makes them
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


# -- private keys ----------------------------------------------------------------------------------------------------

_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
)
_KEY_END = re.compile(r"-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----")
# A line from inside of a key, of which only a part of the file is shown.
_KEY_LINE = re.compile(r"(?m)^([ \t\"'|>]*)([A-Za-z0-9+/]{64}|[A-Za-z0-9+/]{70})(?=[\"',]?[ \t]*$)")
_KEY_LINE_BEFORE = re.compile(r"[ \t\"']*[A-Za-z0-9+/=]{1,76}(?:\\n)?[\"',]*")


def hide_private_keys(text: str) -> str:
    """The text without private keys, also where only their end or lines of their inside are in it."""
    if "PRIVATE KEY" in text:
        text = _KEY_BLOCK.sub(HIDDEN, text)
        if end := _KEY_END.search(text):
            lines = text[: end.start()].split("\n")
            while lines and _KEY_LINE_BEFORE.fullmatch(lines[-1] or "="):
                lines.pop()
            text = "\n".join([*lines, HIDDEN]) + text[end.end() :]
    return _KEY_LINE.sub(_hide_key_line, text)


def _hide_key_line(match: re.Match[str]) -> str:
    line = match[2]
    kinds = (any(map(str.isupper, line)), any(map(str.islower, line)), any(map(str.isdigit, line)))
    return match[1] + HIDDEN if all(kinds) else match[0]


# -- headers and addresses -------------------------------------------------------------------------------------------

_BEARER = re.compile(r"(?i)\b(bearer\s+)(?=[\w.~+/=-]*\d)[\w.~+/=-]{12,}")
_AUTHORIZATION = re.compile(
    r"(?i)(?<![a-z0-9])(authorization\\?[\"']?\s*[:=]\s*\\?[\"']?(?:bearer|basic|token|digest|apikey)\s+)(?!\[secret|\$|<|\{)"
    r"[\w.~+/=-]{6,}"
)
_BASIC = re.compile(r"(?i)\b(basic\s+)([A-Za-z0-9+/]{8,}={0,2})(?![\w-])")
# This and the patterns of names begin only where a word does: begun at each of its letters, one of 30,000 would take half a minute.
_URI_PASSWORD = re.compile(
    r"(?i)(?<![a-z0-9+.-])(?!docker:|oci:|tcp:|udp:)([a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s/\"'<>]+@"
)
_URI_TOKEN = re.compile(r"(?i)(?<![a-z0-9+.-])(https?|git|ssh)(://)([\w.~-]{16,})@")


def hide_in_headers(text: str) -> str:
    """The text without what stands after `Bearer`, in an Authorization header, or as a password in an address."""
    lower = text.lower()  # most texts hold none of these words, and to look for them is quick
    if "authorization" in lower:
        text = _AUTHORIZATION.sub(rf"\1{HIDDEN}", text)
    if "bearer" in lower:
        text = _BEARER.sub(rf"\1{HIDDEN}", text)
    if "basic" in lower:
        text = _BASIC.sub(_hide_basic, text)
    if "@" in text and "://" in text:
        text = _URI_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
        text = _URI_TOKEN.sub(lambda m: f"{m[1]}{m[2]}{HIDDEN}@" if is_random(m[3]) else m[0], text)
    return text


def _hide_basic(match: re.Match[str]) -> str:
    """`Basic` is followed by a user and a password, or it is a word like others."""
    try:
        decoded = base64.b64decode(match[2] + "=" * (-len(match[2]) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return match[0]
    return f"{match[1]}{HIDDEN}" if ":" in decoded and decoded.isprintable() else match[0]


# -- names of secrets ------------------------------------------------------------------------------------------------

_WORDS = r"passw(?:or)?d|passphrase|pwd"
TELLTALE = (  # a pattern of names, no secret
    rf"(?:{_WORDS}|api[_-]?key|secret(?:[_-]?(?:access)?[_-]?key)?|secret[_-]?token"
    r"|(?:access|account|private|openai|signing|encryption|subscription|license)[_-]?key"
    r"|(?<![a-z0-9])(?:access|auth|api|hf|bearer|refresh|session|id|security|github|gitlab|ngc|wandb|slack|bot|service|deploy|personal"
    r"|huggingface|hub|csrf|jwt|oauth)[_-]?token|connection[_-]?string)"
)
_NAMED = re.compile(rf"(?i)\S*?{TELLTALE}$")
_PASSWORD = re.compile(rf"(?i)(?:{_WORDS})$")


@lru_cache(maxsize=4096)
def names_a_secret(name: str) -> bool:
    """Whether a value under this name is a secret: `config.deployment.api_key`, `DB_PASSWORD`, `x-api-key`."""
    return len(name) < 1_000 and _NAMED.match(name) is not None


_REFERENCE = re.compile(
    r"""(?x)
    \$[A-Za-z_{(].* | %[A-Za-z_]\w*% | \{\{.*\}\} | \{[A-Za-z_]\w*\} | <.*> | \*+ | \.\.\.+ | [xX]{3,} | \[secret\ hidden\].*
    | (?:host|env|environ|runtime|secrets?|vault|os\.environ|os\.getenv|os\.environ\.get|getenv|ENV)[:./([]+["']?[A-Z][A-Z0-9_]*["']?[)\]]*
    | ![A-Za-z]+\s.* | arn:aws:secretsmanager:.* | (?:~|\.)?(?:/[\w.-]+){2,}
    | (?i:null|none|nil|true|false|undefined|empty|n/a|str|string|optional.*|required|redacted.*|hidden|masked|changeme
      |(?:unused|dummy|fake|placeholder|not|no|your|example|token-abc)\b.*|sk-no-key-required)
    """
)
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
_VARIABLE_OF_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASS|PWD|CRED|AUTH")
_SHORTEST = 6
# Python that gets the secret: `os.getenv(`, `self.api_key`.
_CODE = re.compile(r"[A-Za-z_][\w.]*[\[(]")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_.]*")


def is_secret(value: str, name: str) -> bool:
    """Whether a value under a name of secrets is one, and not empty, a word for none, or the name of a variable or file
    that holds it."""
    value = value.strip().strip("\"'")
    if (
        len(value) < _SHORTEST
        or _CODE.fullmatch(value)
        or (name.lower().endswith("pwd") and value.startswith(("/", "~")))
    ):
        return False
    if _IDENTIFIER.fullmatch(value) and names_a_secret(value):
        return False
    if _REFERENCE.fullmatch(value) and not (value.startswith(("/", "~", ".")) and is_random(value)):
        return False
    if not _VARIABLE.fullmatch(value):
        return True
    if _VARIABLE_OF_SECRET.search(value):
        return False
    return bool(_PASSWORD.search(name)) or "_" not in value
