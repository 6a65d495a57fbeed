"""The page tokens of MLflow's own stores: places in a list, as base64 of JSON. Other servers have others, which stay as they are."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any


def token_at(place: int) -> str | None:
    """The token for the runs from this place on; there is none for the beginning."""
    from mlflow.utils.search_utils import SearchUtils

    token: bytes = SearchUtils.create_page_token(place)  # type: ignore[no-untyped-call]  # MLflow has no types there
    return token.decode() if place else None


def one_earlier(token: str) -> tuple[str | None, int]:
    """The token of the row before, with 1 as the rows to pass over; another token as itself with 0."""
    content = _content(token)
    place = content["offset"] if content else 0
    if place < 1:
        return token, 0
    return (_encoded({**content, "offset": place - 1}) if place > 1 else None), 1


def shortened(token: str | None, known: Mapping[str, Any]) -> str | None:
    """The token without what is `known` of the search: tokens of logged models repeat all of it, each experiment's id too."""
    content = _content(token) if token else {}
    return _encoded({k: v for k, v in content.items() if k not in known or known[k] != v}) if content else token


def completed(token: str | None, known: Mapping[str, Any]) -> str | None:
    """The token that was `shortened`, as the server gave it."""
    content = _content(token) if token else {}
    return _encoded({**known, **content}) if content else token


def _content(token: str) -> dict[str, Any]:
    """What a token says, its `offset` among it; empty for another token."""
    try:
        content = json.loads(base64.b64decode(token))
    except (ValueError, RecursionError):
        return {}
    is_place = isinstance(content, dict) and isinstance(content.get("offset"), int)
    return content if is_place and _encoded(content) == token else {}


def _encoded(content: Mapping[str, Any]) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()
