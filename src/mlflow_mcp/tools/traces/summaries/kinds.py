"""Kinds of failures: where they began, what they say, and whether a later call of the same span was OK."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mlflow_mcp.client import Client
from mlflow_mcp.entities.spans import SpanNode, SpanTree
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.tools.traces.shown import text_of
from mlflow_mcp.tools.traces.summaries.question import Question
from mlflow_mcp.tools.traces.summaries.sampled import Sample, spans_sampled

FAILED = "status = 'ERROR'"
SOME_SPAN = "span.status = 'ERROR'"
HIDDEN = f"status = 'OK' AND {SOME_SPAN}"
_MESSAGE = 240
_INPUTS = "mlflow.spanInputs"
_ATTEMPTS = frozenset({"attempt", "attempts", "attempt_number", "retry", "retries", "retry_count", "try", "tries"})
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
# A number in it tells an id of letters and digits from a word.
_ID = re.compile(
    r"(?i)\b(?=[\w-]*\d)(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z]+[-_][0-9a-f]{8,}|[0-9a-f]{6,})\b"
)
# What came after a failed span: a span of the same name and type that is OK, with the same inputs or with others.
Later = Literal["retried_ok", "other_call_ok", "no_later_ok"]
LATER: tuple[Later, ...] = ("retried_ok", "other_call_ok", "no_later_ok")
LATER_SAYS = (
    "retried_ok: a later span of that name with the same inputs is OK; other_call_ok: only one with other inputs is; "
    "no_later_ok: none is (whether another span made up for it is not checked)."
)


@dataclass
class Kind:
    """Failures that begin in spans of one name and say the same but for numbers and ids."""

    span: str
    type: str | None
    message: str
    traces: list[tuple[TraceView, Later]] = field(default_factory=list)
    """The newest first, each with the worst of what came after its failures of this kind."""

    @property
    def name(self) -> tuple[str, str]:
        return self.span, self.message

    @property
    def ended_ok(self) -> int:
        """How many of the traces ended OK."""
        return sum(trace.state == "OK" for trace, _ in self.traces)

    @property
    def later(self) -> Counter[Later]:
        return Counter(later for _, later in self.traces)


@dataclass
class Kinds:
    """The kinds of failures of the traces that were read, the most frequent first; `unnamed` have no span that failed."""

    sample: Sample
    ordered: Sequence[Kind]
    unnamed: int


def failing_kinds(client: Client, question: Question) -> Kinds:
    """Of traces that ended in ERROR. Of spans that failed and were tried again only those count from which the failure went
    up to the root, where there are such."""

    def began(tree: SpanTree) -> list[SpanNode]:
        # A retry that failed and the last try that failed are one failure, told by the last.
        return [node for node in tree.failing if all(above.failed for above in node.ancestors())] or tree.failing

    return _kinds(client, spans_sampled(client, question, FAILED, "failing trace"), began)


def hidden_kinds(client: Client, question: Question) -> Kinds:
    """Of traces that ended OK although a span in them failed."""
    sample = spans_sampled(client, question, HIDDEN, "OK trace with a failed span")
    return _kinds(client, sample, lambda tree: tree.failing)


def all_kinds(client: Client, question: Question, more: str) -> Kinds:
    """Of the traces that the further filter finds, FAILED or SOME_SPAN, with failures that were tried again."""
    return _kinds(client, spans_sampled(client, question, more, "trace with a failed span"), lambda tree: tree.failing)


def _kinds(client: Client, sample: Sample, began: Callable[[SpanTree], Sequence[SpanNode]]) -> Kinds:
    kinds: dict[tuple[str, str], Kind] = {}
    unnamed = 0
    for trace, tree in sample.trees:
        found: dict[tuple[str, str], tuple[SpanNode, list[Later]]] = {}
        for node in began(tree):
            name = (node.name, _message(client, node))
            found.setdefault(name, (node, []))[1].append(later_ok(tree, node))
        unnamed += not found
        for name, (node, each) in found.items():
            kind = kinds.setdefault(name, Kind(node.name, None if node.type == "UNKNOWN" else node.type, name[1]))
            kind.traces.append((trace, max(each, key=LATER.index)))
    return Kinds(sample, sorted(kinds.values(), key=lambda kind: (-len(kind.traces), *kind.name)), unnamed)


def later_ok(tree: SpanTree, failed: SpanNode) -> Later:
    """Whether a span of the same name and type that began after it had ended is OK."""
    later = list(_later(tree, failed))
    if not later:
        return "no_later_ok"
    inputs = _asked(failed)
    return "retried_ok" if any(_asked(node) == inputs for node in later) else "other_call_ok"


def _asked(node: SpanNode) -> Any:
    """Its inputs without the number of the attempt."""
    inputs = node.attribute(_INPUTS)
    if not isinstance(inputs, dict):
        return inputs
    return {key: value for key, value in inputs.items() if not (key in _ATTEMPTS and isinstance(value, int))}


def _later(tree: SpanTree, failed: SpanNode) -> Iterator[SpanNode]:
    end = failed.start if failed.end is None else failed.end
    for node in tree.nodes:
        is_alike = node.name == failed.name and node.type == failed.type and node is not failed
        if is_alike and not node.failed and node.end is not None and node.start >= end:
            yield node


def folded(message: str) -> str:
    """The message with its ids and numbers as `<id>` and `<n>`."""
    return _NUMBER.sub("<n>", _ID.sub("<id>", message))


def _message(client: Client, node: SpanNode) -> str:
    # Masked first: a secret whose numbers are folded is not recognised.
    text = text_of(client, node.message or node.exception, 2_000)
    line = folded(text) if text else "(no message)"
    return line if len(line) <= _MESSAGE else f"{line[: _MESSAGE - 1]}…"
