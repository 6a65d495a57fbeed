"""The name of a server before ids, in answers and sentences about a server that is not the default one: one place for all tools.

An id stands in a field or column of a known name, or in our own sentences: as an argument of a call, or as a whole id. What
people logged (params, tags, files) is left as it is, also where a sentence quotes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from mlflow_mcp.errors import Problem

# Fields and columns that hold ids, and nothing else.
IDS = frozenset(
    [
        "run_id",
        "run_ids",
        "experiment_id",
        "invocation_id",
        "job_id",
        "trace_id",
        "model_id",
        "parent_run_id",
        "source_run",
        "registered_model",
        "next_cursor",
    ]
)
# Those that hold our own sentences.
SENTENCES = frozenset(
    ["notes", "next", "partial", "summary", "verdict", "undo", "unequal", "target", "evidence", "models"]
)
_ID = r"[0-9a-f]{32}|(?:tr|m|d)-[0-9a-f]{32}"
_WHOLE_ID = re.compile(rf"(?<![\w:/.=-])(?:{_ID})(?![\w/-])")
_ARGUMENTS = "run_id|experiment_id|invocation_id|trace_id|model|compare_to|prompt|dataset|target|id"
_IN_CALL = re.compile(rf"(\b(?:{_ARGUMENTS})=|\bset_model_alias\(name=)(['\"])(.+?)\2")
_LIST_IN_CALL = re.compile(r"(\b(?:run_ids|targets)=)\[([^\]]*)\]")
# What a sentence quotes: not an argument (`run_id='…'`), nor the value of a filter (`tags.x = '…'`).
_QUOTED = re.compile(r"(?<![\w=(\[])(?<!= )(['\"])(.+?)\1(?!\w)")
# Before a quoted id of ours: run 'a', ids 'a' and 'b'; and a sentence may begin with what was asked for.
_NAMES_ID = re.compile(r"(?:\b(?:id|run|trace|model|dataset)s?:? (?:'[^']*'(?:, | and | or ))*|^|[.] )$")
_COMMAND = re.compile(r"(`[^`]*`)")
# What people logged: their names may be those of our fields.
_LOGGED = frozenset(["params", "tags", "metrics", "content", "fields", "settings", "request", "response"])
_MODEL_OR_DATASET = re.compile(r"(?:tr|m|d)-[0-9a-f]{32}|models:/.+")


def located(content: dict[str, Any], name: str, verbatim: Collection[str] = ()) -> dict[str, Any]:
    """The answer with the server's name first, and before its ids. The fields of `verbatim` hold what is in files."""
    ours = {key: value for key, value in content.items() if key not in verbatim}
    return {
        "server": name,
        **{key: _value(key, value, f"{name}:") if key in ours else value for key, value in content.items()},
    }


def located_text(text: str, prefix: str) -> str:
    """Our own sentence with `prefix` before its ids. Commands for a shell stay as they are."""
    if not prefix:
        return text
    parts = _COMMAND.split(text)
    return "".join(part if part.startswith("`") else _sentence(part, prefix) for part in parts)


@contextmanager
def ids_located(prefix: str) -> Iterator[None]:
    """A Problem raised inside has `prefix` before the ids in its sentences."""
    try:
        yield
    except Problem as problem:
        if not prefix:
            raise
        raise located_problem(problem, prefix) from problem


def located_problem(problem: Problem, prefix: str) -> Problem:
    """The same kind of Problem with `prefix` before its ids."""
    return type(problem)(located_text(problem.failed, prefix), located_text(problem.next_step, prefix))


def _sentence(text: str, prefix: str) -> str:
    parts, end = [], 0
    for quote in _quotes(text):
        is_id = _WHOLE_ID.fullmatch(quote[2]) and _NAMES_ID.search(text[: quote.start()])
        shown = f"{quote[1]}{_prefixed(quote[2], prefix)}{quote[1]}" if is_id else quote[0]
        parts += [_own_words(text[end : quote.start()], prefix), shown]
        end = quote.end()
    return "".join([*parts, _own_words(text[end:], prefix)])


def _quotes(text: str) -> Iterator[re.Match[str]]:
    """What a sentence quotes, without the items of lists in calls."""
    in_lists = [found.span() for found in _LIST_IN_CALL.finditer(text)]
    for quote in _QUOTED.finditer(text):
        if not any(start <= quote.start() < end for start, end in in_lists):
            yield quote


def _own_words(text: str, prefix: str) -> str:
    text = _IN_CALL.sub(lambda found: f"{found[1]}{found[2]}{_prefixed(found[3], prefix)}{found[2]}", text)
    text = _LIST_IN_CALL.sub(lambda found: f"{found[1]}[{_items(found[2], prefix)}]", text)
    return _WHOLE_ID.sub(lambda found: prefix + found[0], text)


def _items(text: str, prefix: str) -> str:
    return re.sub(r"(['\"])(.+?)\1", lambda found: f"{found[1]}{_prefixed(found[2], prefix)}{found[1]}", text)


def _prefixed(value: str, prefix: str) -> str:
    return value if value.startswith(prefix) else prefix + value


def _value(name: str, value: Any, prefix: str) -> Any:
    """A field of an answer or of a part of it."""
    if isinstance(value, dict):
        if {"columns", "rows"} <= value.keys():
            return _table(value, prefix)
        return value if name in _LOGGED else _fields(value, prefix, is_of_sides=name == "sides")
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return [_fields(each, prefix) if isinstance(each, dict) else each for each in value]
    return _cell(name, value, prefix)


def _fields(part: dict[str, Any], prefix: str, *, is_of_sides: bool = False) -> dict[str, Any]:
    # A, B, … say in words which files of which runs they are.
    found = {key: _value("target" if is_of_sides else key, value, prefix) for key, value in part.items()}
    # One of the things that an id stands for: only there is `id` the id of anything.
    return found | {"id": _prefixed(part["id"], prefix)} if {"kind", "id"} <= part.keys() else found


def _table(table: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Of its cells only those under names of ours: what a cell holds inside is of others."""
    columns = table["columns"]
    found = {
        **table,
        "rows": [[_cell(name, each, prefix) for name, each in zip(columns, row)] for row in table["rows"]],
    }
    if "common" in table:
        found["common"] = {name: _cell(name, each, prefix) for name, each in table["common"].items()}
    return found


def _cell(name: str, value: Any, prefix: str) -> Any:
    if name in IDS:
        return _each(value, lambda text: _prefixed(text, prefix))
    if name in SENTENCES:
        return _each(value, lambda text: located_text(text, prefix))
    is_id = name in ("id", "model") and isinstance(value, str) and _MODEL_OR_DATASET.fullmatch(value)
    return _prefixed(value, prefix) if is_id else value


def _each(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    return [_each(inner, change) for inner in value] if isinstance(value, list) else value
