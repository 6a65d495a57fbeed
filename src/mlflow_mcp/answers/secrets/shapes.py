"""Keys that are known by their own look, wherever they stand."""

from __future__ import annotations

import itertools
import re
from functools import cache

HIDDEN = "[secret hidden]"

# A key begins where no word goes on: after an escape (`\n` in JSON), a code of a URL or a terminal's colour it does as well.
_START = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])|(?<=%[0-9A-Fa-f]{2})|(?<=\[[0-9]m)|(?<=[\[;][0-9]{2}m))"
_NO_DIGEST = "(?<!256=)(?<!256-)(?<!256:)(?<!384-)(?<!512=)(?<!512-)(?<!512:)"
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

# Beginnings of nothing but keys: what follows may be all capitals, digits or hex.
_OF_KEYS = [
    "github_pat_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "glpat-",
    "glrt-",
    "gldt-",
    "glptt-",
    "glft-",
    "glcbt-",
    "glimt-",
    "glsoat-",
    "glagent-",
    "gloas-",
    "glffct-",
    "nvapi-",
    "sk-lf-",
    "pk-lf-",
    "sk-proj-",
    "sk-svcacct-",
    "sk-admin-",
    "sk-ant-",
    "sk-or-v1-",
    "xoxa-",
    "xoxb-",
    "xoxc-",
    "xoxd-",
    "xoxe-",
    "xoxo-",
    "xoxp-",
    "xoxr-",
    "xoxs-",
    "xapp-",
    "pypi-AgE",
    "dckr_pat_",
    "dckr_oat_",
    "GOCSPX-",
    "AIza",
    "ya29.",
    "AQ.Ab",
    "pcsk_",
    "lsv2_",
    "tgp_v1_",
    "glsa_",
    "glc_",
    "sntrys_",
    "sntryu_",
    "dop_v1_",
    "doo_v1_",
    "dor_v1_",
    "figd_",
    "figo_",
    "figu_",
    "lin_api_",
    "lin_oauth_",
    "shpat_",
    "shpca_",
    "shppa_",
    "shpss_",
    "PMAK-",
    "wandb_v1_",
    "whsec_",
    "sb_secret_",
    "pscale_tkn_",
    "pscale_pw_",
    "pscale_oauth_",
    "xkeysib-",
    "xsmtpsib-",
    "NRAK-",
    "rubygems_",
    "sq0atp-",
    "sq0csp-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "rk_test_",
    "pnu_",
    "HRKU-AA",
    "duffel_live_",
    "shippo_live_",
    "ntn_",
    "GR1348941",
    "ATATT3",
    "ATCTT3",
    "ATBB",
    "tskey-",
    "api_org_",
    "nfp_",
    "gsk_",
    "hvs.",
    "hvb.",
    "hvr.",
    "dp.pt.",
    "dp.st.",
    "dp.ct.",
    "dp.sa.",
    "vcp_",
    "vck_",
]
# Beginnings of ordinary names too, such as `sk-learn-pipeline-with-scaler`: what follows must look drawn by lot.
_OF_NAMES_TOO = [
    "hf_",
    "sk-",
    "sk_",
    "pk-",
    "pk_",
    "rk-",
    "rk_",
    "csk-",
    "fw_",
    "pa-",
    "voy-",
    "npm_",
    "r8_",
    "xai-",
    "pplx-",
    "dapi",
    "dose",
    "SG.",
    "rpa_",
    "tvly-",
    "jina_",
    "sbp_",
    "pul-",
    "squ_",
    "sqp_",
    "sqa_",
    "fc-",
    "e2b_",
    "secret_",
    "re_",
    "AKCp",
    "cmVmd",
    "LTAI",
    "AKID",
    "fo1_",
    "fm1r_",
    "fm2_",
    "esecret_",
    "cpk_",
    "sgp_",
    "EAAA",
    "EZAK",
    "EZTK",
    "phx_",
    "BSA",
    "ico-",
    "rdme_",
    "API-",
    "cfut_",
    "cfat_",
    "xwfp-",
    "pat-",
    "ops_eyJ",
    "tk-us-",
    "fio-u-",
    "lip_",
    "hfr_",
    "hf_oauth_",
    "oy2",
    "p8e-",
    "CLOJARS_",
]
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
_LONG = re.compile(r"[\w+/~-]{14}")  # in every key
# One search for all signs is the quicker way in a short text.
_ANY_SIGN = re.compile("|".join(map(re.escape, (*_OF_KEYS, *_OF_NAMES_TOO, *(sign for sign, _ in _WHOLE)))))
_SHORT = 100
_RUNS = re.compile(r"[A-Za-z0-9]+")
_OF_LETTERS = re.compile(r"(?:hf|api_org)_[A-Za-z]{34}")  # as Hugging Face makes them
_HAS_UUID = re.compile(_UUID)


def hide_shapes(text: str) -> str:
    """The text without what is a key by its own look."""
    if not _LONG.search(text) or (len(text) < _SHORT and not _ANY_SIGN.search(text)):
        return text
    for sign, form in _WHOLE:
        if sign in text:  # most texts hold none of them, and to look is quick
            text = form.sub(HIDDEN, text)
    for sign in _OF_KEYS:
        if sign in text:
            text = _after(sign).sub(_hide_key, text)
            if "…" in text:
                text = _cut_after(sign).sub(HIDDEN, text)
    for sign in _OF_NAMES_TOO:
        if sign in text:
            text = _after(sign).sub(_hide_random, text)
    return text


@cache
def _after(sign: str) -> re.Pattern[str]:
    return re.compile(_START + _NO_DIGEST + re.escape(sign) + _REST)


@cache
def _cut_after(sign: str) -> re.Pattern[str]:
    """The beginning of a key that was cut off."""
    return re.compile(_START + re.escape(sign) + r"[\w-]+(?=…)")


def _hide_key(match: re.Match[str]) -> str:
    token = match[0]
    return token if token == token.lower() and not any(map(str.isdigit, token[4:])) else HIDDEN


def _hide_random(match: re.Match[str]) -> str:
    token = match[0]
    return HIDDEN if is_random(token) or _OF_LETTERS.fullmatch(token) or _HAS_UUID.search(token) else token


# -- what is drawn by lot --------------------------------------------------------------------------------------------


def is_random(text: str) -> bool:
    """Whether a part of it looks drawn by lot: long, and of several kinds of characters that change often."""
    return any(map(_is_random_run, _RUNS.findall(text))) or _changes_often(text)


def _is_random_run(run: str) -> bool:
    digits = sum(character.isdigit() for character in run)
    lower = sum(character.islower() for character in run)
    upper = len(run) - digits - lower
    if len(run) >= 10 and digits and lower and upper:
        return True
    if len(run) >= 16 and digits >= 3 and lower + upper >= 3:
        return True
    # Letters alone: a name in CamelCase has far fewer capitals.
    return len(run) >= 20 and 4 * min(lower, upper) > len(run)


def _changes_often(text: str) -> bool:
    """Of drawn letters and digits six in ten follow one of another kind; in names some three."""
    kinds = [0 if each.islower() else 1 if each.isupper() else 2 for each in text if each.isalnum()]
    return len(kinds) >= 20 and sum(a != b for a, b in itertools.pairwise(kinds)) >= 0.45 * len(kinds)
