"""Metrics as a caller writes them: `acc=0.91`, `loss@100=0.3`. Pure."""

from __future__ import annotations

import re
from typing import Any

from mlflow_mcp.client.run_log import Value
from mlflow_mcp.entities.metrics import same_value
from mlflow_mcp.text import as_number, clipped

_WRITTEN = re.compile(r"(?P<name>[^=@]+?)\s*(?:@\s*(?P<step>[+-]?[0-9]{1,19}))?\s*=\s*(?P<value>\S+)\s*")
_FORM = "Each metric is written 'name=value' or 'name@step=value', e.g. 'loss@100=0.3'"
# MLflow keeps these; they never win a ranking.
_WORDS = {"nan": float("nan"), "inf": float("inf"), "infinity": float("inf")}
_STEPS = 2**63


def metrics_of(value: Any) -> Any:
    """A list of texts, or an object of names and numbers, as values. Raises ValueError for what cannot be one."""
    if isinstance(value, dict):
        value = [f"{name}={number}" for name, number in value.items()]
    if not isinstance(value, list):
        return value
    found: dict[tuple[str, int], Value] = {}
    for text in value:
        new = _value(text)
        before = found.setdefault((new.name, new.step), new)
        if not same_value(before.value, new.value):
            raise ValueError(
                f"The metric '{clipped(new.name)}' is given twice for step {new.step}: {before.value!r} and {new.value!r}"
            )
    return list(found.values())


def _value(text: Any) -> Value:
    written = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    if written is None:
        raise ValueError(_FORM)
    word = written["value"]
    number = as_number(word)
    if number is None:
        sign = -1 if word.startswith("-") else 1
        number = _WORDS.get(word.lstrip("+-").lower())
        if number is None:
            raise ValueError(f"'{clipped(word)}' is no number. {_FORM}")
        number *= sign
    elif abs(number) == float("inf"):
        raise ValueError(f"'{clipped(word)}' is larger than any number that MLflow keeps")
    step = int(written["step"] or 0)
    if not -_STEPS <= step < _STEPS:
        raise ValueError(f"The step {step} is larger than any that MLflow keeps")
    return Value(written["name"].strip(), step, number)
