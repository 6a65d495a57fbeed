"""The spans of a trace as a tree that survives what clients write: missing parents, cycles, ids used twice. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

# A span as MLflow stores and its `Span.to_dict` writes it: ids in base64, the values of attributes as JSON texts. MLflow's
# own objects would parse all of it, seconds for a large trace.
StoredSpan = dict[str, Any]
_TYPE = "mlflow.spanType"
_USAGE = "mlflow.chat.tokenUsage"


@dataclass(eq=False)
class SpanNode:
    """A span of a tree. Times are nanoseconds since 1970."""

    id: str
    parent_id: str | None
    name: str
    type: str
    start: int
    end: int | None
    status: str
    """As MLflow says: OK, ERROR or UNSET."""
    message: str
    tokens: int | None
    stored: StoredSpan = field(repr=False, default_factory=dict)
    children: list[SpanNode] = field(default_factory=list, repr=False)
    parent: SpanNode | None = field(default=None, repr=False)
    busy: list[tuple[int, int]] = field(default_factory=list, repr=False)
    """In a tree: when it or a span below it ran, in order and without overlaps. A child may outlast its parent."""

    @classmethod
    def of(cls, stored: StoredSpan) -> SpanNode:
        attributes = stored["attributes"]
        usage = _loaded(attributes.get(_USAGE))
        total = usage.get("total_tokens") if isinstance(usage, dict) else None
        status = stored["status"]
        end = stored.get("end_time_unix_nano")
        return cls(
            id=_hexadecimal(stored["span_id"]) or "",
            parent_id=_hexadecimal(stored.get("parent_span_id")),
            name=str(stored["name"]),
            type=str(_loaded(attributes.get(_TYPE)) or "UNKNOWN"),
            start=int(stored["start_time_unix_nano"] or 0),
            end=int(end) if end else None,
            status=str(status["code"]).removeprefix("STATUS_CODE_"),
            message=status.get("message") or "",
            tokens=total if isinstance(total, int) else None,
            stored=stored,
        )

    def attribute(self, name: str) -> Any:
        return _loaded((self.stored.get("attributes") or {}).get(name))

    @property
    def exception(self) -> str | None:
        """The message of the first exception among its events."""
        events = self.stored.get("events") or ()
        messages = ((event.get("attributes") or {}).get("exception.message") for event in events)
        return next((str(words) for words in messages if words), None)

    @property
    def failed(self) -> bool:
        return self.status == "ERROR"

    @property
    def duration(self) -> float | None:
        return None if self.end is None else max(0, self.end - self.start) / 1e9

    @property
    def own_time(self) -> float:
        """Seconds in which no span below it ran; of a span that has not ended, none."""
        if self.end is None:
            return 0.0
        below = merged(times for child in self.children for times in child.busy)
        covered = sum(max(0, min(end, self.end) - max(start, self.start)) for start, end in below)
        return max(0, self.end - self.start - covered) / 1e9

    @property
    def outlasted_by(self) -> float:
        """Seconds that spans below it went on after its end."""
        last = max((child.busy[-1][1] for child in self.children if child.busy), default=0)
        return 0.0 if self.end is None else max(0, last - self.end) / 1e9

    def ancestors(self) -> Iterator[SpanNode]:
        """Its parent, the parent's parent, and so on."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    @property
    def path(self) -> list[SpanNode]:
        """From its root to itself."""
        return [*reversed(list(self.ancestors())), self]


@dataclass(frozen=True)
class SpanTree:
    """All spans, the trees they form, and what was wrong with them."""

    nodes: Sequence[SpanNode]
    """In the order of their starts."""
    roots: Sequence[SpanNode]
    orphans: int
    """Roots whose parent is not among the spans."""
    cycles: int
    """Roots that are their own ancestors."""

    @classmethod
    def of(cls, spans: Iterable[StoredSpan]) -> SpanTree:
        return cls.of_nodes([SpanNode.of(span) for span in spans])

    @classmethod
    def of_nodes(cls, nodes: Iterable[SpanNode]) -> SpanTree:
        ordered = sorted(nodes, key=lambda node: (node.start, node.id))
        by_id = {node.id: node for node in reversed(ordered)}
        for node in ordered:
            above = by_id.get(node.parent_id) if node.parent_id else None
            if above is not None:
                node.parent = above
        cycles = _cut_cycles(ordered)
        for node in ordered:
            if node.parent is not None:
                node.parent.children.append(node)
        _fill_busy(ordered)
        roots = [node for node in ordered if node.parent is None]
        orphans = sum(1 for node in roots if node.parent_id and node.parent_id not in by_id)
        return cls(ordered, roots, orphans, cycles)

    @property
    def failing(self) -> list[SpanNode]:
        """The spans where failures began: those that failed and have no child that did."""
        return [node for node in self.nodes if node.failed and not any(child.failed for child in node.children)]

    @property
    def slowest(self) -> SpanNode | None:
        """Below the roots, the span with the most time of its own."""
        return max((node for node in self.nodes if node.parent), key=lambda node: node.own_time, default=None)


def merged(times: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The times in order, those that overlap or touch as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(times):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _fill_busy(nodes: Sequence[SpanNode]) -> None:
    """From the leaves up: a child need not begin after its parent, so the order is that of the tree."""
    order = [node for node in nodes if node.parent is None]
    for node in order:  # grows while it is walked
        order += node.children
    for node in reversed(order):
        own = [] if node.end is None else [(node.start, max(node.start, node.end))]
        node.busy = merged([*own, *(times for child in node.children for times in child.busy)])


def _cut_cycles(nodes: Sequence[SpanNode]) -> int:
    """Make roots of the spans where chains of parents run in a circle: of each circle the one that began first."""
    settled: set[int] = set()
    cut = 0
    for node in nodes:
        chain: list[SpanNode] = []
        on_chain: set[int] = set()
        at: SpanNode | None = node
        while at is not None and id(at) not in settled and id(at) not in on_chain:
            chain.append(at)
            on_chain.add(id(at))
            at = at.parent
        if at is not None and id(at) in on_chain:
            circle = chain[next(place for place, each in enumerate(chain) if each is at) :]
            min(circle, key=lambda each: (each.start, each.id)).parent = None
            cut += 1
        settled |= on_chain
    return cut


def _hexadecimal(written: str | None) -> str | None:
    """The id of a span as MLflow's UI shows it, of one in base64."""
    if not written or re.fullmatch(r"[0-9a-f]{16}", written):
        return written or None
    return base64.b64decode(written).hex()


def _loaded(text: Any) -> Any:
    """An attribute's value; as it is when it is no JSON."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text


def pattern_of(name: str) -> str:
    """The name with its numbers as `*`, which repeated steps share: `step_*`."""
    return re.sub(r"\d+", "*", name)


def as_json(span: StoredSpan) -> dict[str, Any]:
    """A span's inputs, outputs, other attributes and events, parsed where they are JSON, as they are where not."""
    attributes = {str(key): _loaded(value) for key, value in span["attributes"].items()}
    content = {
        "inputs": attributes.pop("mlflow.spanInputs", None),
        "outputs": attributes.pop("mlflow.spanOutputs", None),
    }
    for name in ("mlflow.traceRequestId", _TYPE, "mlflow.spanLogLevel"):
        attributes.pop(name, None)
    events = [{"name": event["name"], **(event.get("attributes") or {})} for event in span.get("events") or ()]
    found = {**content, "attributes": attributes, "events": events}
    return {key: value for key, value in found.items() if value not in (None, {}, [])}
