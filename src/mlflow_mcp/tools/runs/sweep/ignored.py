"""Params that say which run it is and not how it was made: seeds, paths, times, ids. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlflow_mcp.entities.labels import names_a_place
from mlflow_mcp.text import as_number

_SEEDS = {"seed", "seeds", "rng"}
_TIMES = {"time", "timestamp", "date", "datetime", "created", "started", "finished"}
# What names a run by itself, and what does where nearly every run has one of its own.
_NAMED = {"run", "job", "invocation", "trial", "experiment", "session", "process"}
_NAMES = {"id", "ids", "name", "number"}
_ALONE = {"uuid", "guid", "pid", "host", "hostname"}
_OFTEN_OWN = {"id", "hash", "sha", "digest", "commit", "port", "trial", "index", "idx"}
# A choice, however it is written: `model_id`.
_CHOICES = {"model", "tokenizer", "dataset", "checkpoint", "base"}
_FEWEST = 5
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T _].*)?|\d{8}[-_T]\d{4,6}")
_RANDOM_ID = re.compile(r"[0-9a-f]{16,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Seconds and milliseconds of 2008 to 2039.
_EPOCHS = ((1.2e9, 2.2e9), (1.2e12, 2.2e12))
# Of the runs that have one of their own: below that, an id is a choice among some.
_MOSTLY = 0.8


def reason_to_ignore(name: str, values: Sequence[str]) -> str | None:
    """`seeds`, `paths`, `times` or `ids`, where the param's name or all its values (one for each run) say that it is one."""
    words = _words(name)
    if _SEEDS & set(words) or words[-2:] == ["random", "state"]:
        return "seeds"
    if all(map(names_a_place, set(values))):
        return "paths"
    if _are_times(words, values):
        return "times"
    return "ids" if _are_ids(words, values) else None


def _are_ids(words: Sequence[str], values: Sequence[str]) -> bool:
    *before, last = words or [""]
    if last in _ALONE or (last in _NAMES and before and before[-1] in _NAMED):
        return True
    if len(values) < _FEWEST or len(set(values)) < _MOSTLY * len(values):
        return False
    return all(map(_RANDOM_ID.fullmatch, values)) or (last in _OFTEN_OWN and not _CHOICES & set(before))


def _are_times(words: Sequence[str], values: Sequence[str]) -> bool:
    distinct = set(values)
    if all(map(_DATE.fullmatch, distinct)):
        return True
    numbers = map(as_number, distinct)
    in_epoch = all(
        number is not None and (number == 0 or any(low <= number <= high for low, high in _EPOCHS))
        for number in numbers
    )
    return in_epoch and (bool(_TIMES & set(words)) or len(distinct) == len(values) > 2)


def _words(name: str) -> list[str]:
    """The words of a flattened name's last part: `model.runName` is `run name`."""
    last = re.split(r"[./]", name)[-1] or name
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", last)]
