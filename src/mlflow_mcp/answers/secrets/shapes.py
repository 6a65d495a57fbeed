"""Keys that are known by their own look, wherever they stand."""

from __future__ import annotations

import re
from functools import cache

from mlflow_mcp.answers.secrets.randomness import is_random
from mlflow_mcp.answers.secrets.signs import OF_KEYS, OF_NAMES_TOO

HIDDEN = "[secret hidden]"

# A key begins where no word goes on: after an escape (`\n` in JSON), a code of a URL or a terminal's colour it does as well.
_START = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2})|(?<=\[[0-9]m)|(?<=[\[;][0-9]{2}m))"
_NO_DIGEST = "(?<!256=)(?<!256-)(?<!256:)(?<!384-)(?<!512=)(?<!512-)(?<!512:)"
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

_REST = r"[\w-]{12,}(?:[.=~][\w-]{16,})*(?:\.[0-9a-z]{9}(?![\w-])|=[0-9A-Z]{8}(?!\w))?"

# Others have a form of their own. The first text must be there for one to be looked for.
_WHOLE = [
    (sign, re.compile(_START + form))
    for sign, form in (
        ("A", r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}(?![0-9A-Za-z])"),  # AWS
        ("ABSK", r"ABSK[A-Za-z0-9+/]{60,}={0,2}"),
        ("bedrock-api-key-", r"bedrock-api-key-[\w+/=%-]{20,}"),
        ("IQoJ", r"IQoJb3JpZ2lu[\w+/=-]{40,}"),
        ("FwoG", r"FwoGZXIvYXdz[\w+/=-]{40,}"),
        ("eyJ", r"eyJ[\w-]{10,4000}\.(?:eyJ)?[\w-]{10,}\.[\w-]{5,}"),  # JSON web tokens
        ("sntrys_", r"sntrys_eyJ[\w+/=-]{20,}"),
        ("glc_", r"glc_eyJ[\w+/=-]{20,}"),
        ("hooks.slack.com/", r"(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[\w/]{20,}"),
        ("discord", r"(?<=/api/webhooks/)[0-9]{15,}/[\w-]{40,}"),
        ("webhook.office.com/", r"(?<=webhook\.office\.com/)webhookb2/[\w@/-]{60,}"),
        ("SK", r"SK[0-9a-f]{32}(?![0-9A-Za-z])"),  # Twilio
        (":AA", r"[0-9]{8,10}:AA[\w-]{33}(?![\w-])"),  # Telegram
        ("sig=", r"(?<=[?&;]sig=)[\w%+/=-]{20,}"),  # Azure's signed addresses
        ("Signature=", r"(?<=[?&;]X-Amz-Signature=)[0-9a-f]{32,}"),
        ("Signature=", r"(?<=[?&;]Signature=)[\w%+/=-]{20,}"),
        ("Q~", r"[\w~.]{3}[0-9]Q~[\w~.-]{31,34}(?![\w~-])"),  # Azure
        (".", r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,38}(?![\w-])"),  # Discord
        (".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,70}"),  # Terraform
        ("pat", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),  # Airtable
        ("dt0", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),  # Dynatrace
        ("AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
        ("sha256~", r"sha256~[\w-]{43}(?![\w-])"),  # OpenShift
        ("key-", r"(?<![_-])key-[0-9a-f]{32}(?![\w-])"),  # Mailgun
        ("-us", r"(?<![_-])[0-9a-f]{32}-us[0-9]{1,2}(?![\w-])"),  # Mailchimp
        ("-", rf"(?<![_-])(?:api|sdk)-{_UUID}(?![\w-])"),  # LaunchDarkly
        ("ak-", r"(?<![_-])ak-(?=[\w]*[0-9])[A-Za-z0-9]{22}(?![\w-])"),  # Modal
        ("as-", r"(?<![_-])as-(?=[\w]*[0-9])[A-Za-z0-9]{22}(?![\w-])"),
        ("s.", r"(?<![_.-])s\.(?=[A-Za-z]*[0-9])[A-Za-z0-9]{24}(?![\w.-])"),  # Vault before 1.10
        ("v1.0-", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}"),  # Cloudflare
        ("bce-v3/", r"bce-v3/ALTAK-[\w-]{10,}/[0-9a-f]{40}"),
    )
]
# Behind letters, as after a missing space; a form that is rare enough in words.
_WHOLE += [
    ("AKIA", re.compile(r"(?<=[a-z_])AKIA[0-9A-Z]{16}(?![0-9A-Za-z])")),
    ("eyJ", re.compile(r"(?<=[A-Za-z])eyJ[\w-]{10,4000}\.eyJ[\w-]{10,}\.[\w-]{5,}")),
]
_LONG = re.compile(r"[\w+/~-]{14}")  # in every key
# One search for all signs is the quicker way in a short text.
_ANY_SIGN = re.compile("|".join(map(re.escape, (*OF_KEYS, *OF_NAMES_TOO, *(sign for sign, _ in _WHOLE)))))
_SHORT = 100
_OF_LETTERS = re.compile(r"(?:hf|api_org)_[A-Za-z]{34}")  # as Hugging Face makes them
_HAS_UUID = re.compile(_UUID)


def hide_shapes(text: str) -> str:
    """The text without what is a key by its own look."""
    if not _LONG.search(text) or (len(text) < _SHORT and not _ANY_SIGN.search(text)):
        return text
    for sign, form in _WHOLE:
        if sign in text:  # most texts hold none of them, and to look is quick
            text = form.sub(HIDDEN, text)
    for sign in OF_KEYS:
        if sign in text:
            text = _after(sign).sub(_hide_key, text)
            if sign[-1] in "-_":
                text = _behind_letters(sign).sub(_hide_glued, text)
            if "…" in text:
                text = _cut_after(sign).sub(HIDDEN, text)
    for sign in OF_NAMES_TOO:
        if sign in text:
            text = _after(sign).sub(_hide_random, text)
            text = _behind_names(sign).sub(_hide_glued, text)
    return text


@cache
def _after(sign: str) -> re.Pattern[str]:
    return re.compile(_START + _NO_DIGEST + re.escape(sign) + _REST)


@cache
def _cut_after(sign: str) -> re.Pattern[str]:
    """The beginning of a key that was cut off."""
    return re.compile(_START + re.escape(sign) + r"[\w-]+(?=…)")


@cache
def _behind_letters(sign: str) -> re.Pattern[str]:
    """A key that follows a word without anything between: `keysk-proj-…`."""
    return re.compile(rf"(?<![\w-])(?P<word>\w{{1,30}}?)(?P<key>{re.escape(sign)}[\w-]{{16,}})")


@cache
def _behind_names(sign: str) -> re.Pattern[str]:
    """The same for the beginnings of names: only behind a word for secrets, as `task-…` ends in `sk-…`."""
    return re.compile(rf"(?P<word>(?i:key|token|secret|bearer|password))(?P<key>{re.escape(sign)}[\w-]{{20,}})")


def _hide_glued(match: re.Match[str]) -> str:
    return match["word"] + HIDDEN if is_random(match["key"]) or _OF_LETTERS.fullmatch(match["key"]) else match[0]


def _hide_key(match: re.Match[str]) -> str:
    token = match[0]
    return token if token == token.lower() and not any(map(str.isdigit, token[4:])) else HIDDEN


def _hide_random(match: re.Match[str]) -> str:
    token = match[0]
    return HIDDEN if is_random(token) or _OF_LETTERS.fullmatch(token) or _HAS_UUID.search(token) else token
