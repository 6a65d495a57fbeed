"""JMESPath with bounds: an expression of a hundred characters can ask for more than any machine has."""

from __future__ import annotations

import time
from typing import Any

import jmespath
from jmespath.functions import Functions
from jmespath.visitor import Options, TreeInterpreter

from mlflow_mcp.errors import Problem

LONGEST_EXPRESSION = 2_000
# Of all that the steps of an expression make together, and of each with its parts counted as often as they stand in it:
# characters, and eight for each value.
MOST_MADE = 64_000_000
SECONDS = 5.0
_TOO_MUCH = f"makes more than {MOST_MADE:,} characters on its way"
_VALUE = 8
# Steps whose result is a part of what they were given.
_FINDING = frozenset(
    (
        "current",
        "expref",
        "field",
        "identity",
        "index",
        "index_expression",
        "key_val_pair",
        "literal",
        "pipe",
        "subexpression",
    )
)


def search(expression: str, value: Any) -> Any:
    """What `expression` takes out of `value`. Raises Problem beyond the bounds, and JMESPath's own errors."""
    if len(expression) > LONGEST_EXPRESSION:
        raise _beyond(f"has {len(expression):,} characters; {LONGEST_EXPRESSION:,} are the most")
    return _Bounded().visit(jmespath.compile(expression).parsed, value)


class _Bounded(TreeInterpreter):  # type: ignore[misc]  # jmespath has no types
    """Looks at the time before each step and at the size of what a step has made after it."""

    def __init__(self) -> None:
        super().__init__(Options(custom_functions=_Functions()))
        self._end = time.monotonic() + SECONDS
        self._made = 0
        # The measured size of each container, which is kept so that its id stays its own.
        self._sizes: dict[int, tuple[int, Any]] = {}

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() > self._end:
            raise _beyond(f"takes longer than {SECONDS:g} s")
        result = super().visit(node, *args, **kwargs)
        if node["type"] not in _FINDING and isinstance(result, (list, dict, str)):
            self._made += len(result) * (1 if isinstance(result, str) else _VALUE)
            if self._made > MOST_MADE or self._size_of(result) > MOST_MADE:
                raise _beyond(_TOO_MUCH)
        return result

    def _size_of(self, value: Any) -> int:
        if isinstance(value, str):
            return _VALUE + len(value)
        if not isinstance(value, (list, dict)):
            return _VALUE
        known = self._sizes.get(id(value))
        if known is None:
            parts = value if isinstance(value, list) else [*value, *value.values()]
            known = self._sizes[id(value)] = (_VALUE + sum(map(self._size_of, parts)), value)
        return known[0]


class _Functions(Functions):  # type: ignore[misc]
    """JMESPath's functions. `join` is the only one that makes much more than it is given."""

    def call_function(self, function_name: str, resolved_args: list[Any]) -> Any:
        if function_name == "join" and len(resolved_args) == 2 and isinstance(resolved_args[1], list):
            texts = [text for text in (resolved_args[0], *resolved_args[1]) if isinstance(text, str)]
            if sum(map(len, texts)) + len(texts[0] if texts else "") * len(texts) > MOST_MADE:
                raise _beyond(_TOO_MUCH)
        return super().call_function(function_name, resolved_args)


def _beyond(what: str) -> Problem:
    return Problem(f"This select {what}.", "Take out one part with a short path, such as results.tasks.")
