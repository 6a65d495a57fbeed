"""Page tokens of searches for logged models, made short: MLflow's own hold all experiment ids of the search, which in a store of
500 experiments are 6,000 characters that an agent would have to read and to repeat."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

_FIELD = "experiment_ids"
_SHORTENED = "~"  # no character of base64


def shortened(token: str | None, experiment_ids: Sequence[str]) -> str | None:
    """The token without these experiment ids, when it is of MLflow's form and holds just them; any other as it is."""
    if token is None:
        return None
    try:
        content = json.loads(base64.b64decode(token))
    except ValueError:
        return token
    if not isinstance(content, dict) or content.get(_FIELD) != list(experiment_ids):
        return token
    return _SHORTENED + json.dumps(content | {_FIELD: None}, separators=(",", ":"))


def whole(token: str | None, experiment_ids: Sequence[str]) -> str | None:
    """The token that `shortened` was given. A broken one stays as it is, for MLflow to refuse."""
    if token is None or not token.startswith(_SHORTENED):
        return token
    try:
        content = json.loads(token[len(_SHORTENED) :])
    except ValueError:
        return token
    return base64.b64encode(json.dumps(content | {_FIELD: list(experiment_ids)}).encode()).decode()
