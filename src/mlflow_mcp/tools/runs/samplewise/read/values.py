"""Single values of samples: a score as a number, a text as people compare it. Pure."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any

# Words that judges and harnesses write for right and wrong. `C` and `I` are Inspect's.
_RIGHT = {"yes", "true", "pass", "passed", "correct", "c", "right", "judgement: yes", "[[correct]]"}
_WRONG = {"no", "false", "fail", "failed", "incorrect", "i", "wrong", "judgement: no", "[[incorrect]]"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_LARGEST = 1e300


def score_of(value: Any) -> float | None:
    """A score as a number; right is 1 and wrong 0. None for what is no score, NaN among it."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, (int, float)):
        return float(value) if abs(value) < _LARGEST and not math.isnan(value) else None
    if isinstance(value, dict):  # as Inspect and judges nest it
        inner = next((value[key] for key in ("value", "score") if key in value), None)
        return None if isinstance(inner, dict) else score_of(inner)
    if not isinstance(value, str) or len(value) > 40:
        return None
    word = value.strip().lower()
    if word in _RIGHT or word in _WRONG:
        return float(word in _RIGHT)
    return float(word) if _NUMBER.fullmatch(word) and abs(float(word)) < _LARGEST else None


def is_verdict(value: Any) -> bool:
    """Whether a value says right or wrong by itself, whatever it is called: true, 'yes', 'C'."""
    if isinstance(value, dict):
        return any(is_verdict(value[key]) for key in ("value", "score") if key in value)
    return isinstance(value, bool) or (isinstance(value, str) and value.strip().lower() in _RIGHT | _WRONG)


def plain(value: Any) -> str:
    """A value as text: the only item of a list of one, the last message of a chat, JSON for the rest."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list) and value and isinstance(value[-1], dict) and "content" in value[-1]:
        value = value[-1]["content"]
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def digest(value: Any) -> bytes | None:
    """What two equal texts have in common, white space apart; None for an empty one."""
    text = " ".join(plain(value).split())
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).digest() if text else None
