"""Models that a tag says were refused: whoever compares metrics should know it first. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mlflow_mcp.answers.masking import mask_at
from mlflow_mcp.tools.models.compare import SIDES

# Of a tag's name and the beginning of its value.
_ABOUT = frozenset(
    [
        "validation",
        "validated",
        "approval",
        "approved",
        "review",
        "reviewed",
        "gate",
        "qa",
        "check",
        "status",
        "quality",
        "release",
        "signoff",
    ]
)
_REFUSED = re.compile(r"(?i)(rejected|refused|failed|fail|blocked|denied|revoked)\b")
_GRANTED = frozenset({"validated", "approved", "reviewed"})
_LONGEST = 200


def refusals(sides: Sequence[tuple[str, Mapping[str, str]]]) -> Iterator[str]:
    """Of each side, its name and tags, that has such a tag, the tag as stored and those below it: `validation.reason`."""
    for label, (model, tags) in zip(SIDES, sides):
        for name, value in sorted(tags.items()):
            if _is_refusal(name, value):
                below = {key: text for key, text in tags.items() if re.match(rf"{re.escape(name)}[._]", key)}
                shown = ", ".join(_told({name: value, **below}))
                yield f"{label} ({model}) has the {'tags' if below else 'tag'} {shown}."


def _is_refusal(name: str, value: str) -> bool:
    words = set(re.findall(r"[a-z]+", name.lower()))
    if words & _GRANTED and value.strip().lower() in ("false", "no"):
        return True
    return bool(words & _ABOUT) and _REFUSED.match(value.strip()) is not None


def _told(tags: Mapping[str, str]) -> Iterator[str]:
    for name, value in tags.items():
        masked = mask_at(value, name)
        yield f"{name}={masked}" if len(masked) <= _LONGEST else f"{name} (see differences)"
