"""Columns by dot path into a trace: `info.trace_metadata.key`, `spans.name`, `search.outputs.items`, as MLflow's own tools write them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from mlflow_mcp.answers.masking import mask_at
from mlflow_mcp.client import Client
from mlflow_mcp.entities.spans import SpanNode, StoredSpan, as_json
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.text import hint, listed
from mlflow_mcp.tools.traces.paths import at_spans, from_the_trace, longest, steps_of

if TYPE_CHECKING:
    from mlflow.entities import TraceInfo

# Values of one path in one trace that are always shown; more of them while there is room; the rest is counted.
_FEWEST_VALUES = 8
_MOST_VALUES = 100
# Characters of one value in a table, and of all.
_ROOM_OF_ONE = 2_000
_ROOM = 12_000
_NAMES = ("spans.name", "data.spans.name")
# Short ones, which stand beside the span's name in one list.
_BESIDE_NAMES = frozenset({"status", "status_message", "span_type", "duration"})


@dataclass(frozen=True)
class FieldPaths:
    """The paths that a caller named. `problems` says of those that found nothing what there is."""

    paths: list[str]
    beside: tuple[str, ...] = ()
    """What `spans.name` was asked with: one list says `search: ERROR, timed out` where two would have to be matched."""
    _found: set[str] = field(default_factory=set)
    _known: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    """Of a path what there is where it ends, by how many of its steps were left."""
    _calls: dict[str, str] = field(default_factory=dict)
    """Of a path that leads into spans of one name their name."""

    @classmethod
    def of(cls, paths: str | None) -> FieldPaths:
        """Of `a, b`; a name with a comma stands in backticks."""
        texts = re.findall(r"(?:`[^`]*`|[^,`])+", paths or "")
        named = list(dict.fromkeys(text.strip() for text in texts if text.strip()))
        beside = [path for path in named if _beside(path)] if any(path in _NAMES for path in named) else []
        return cls([path for path in named if path not in beside], tuple(map(_beside, beside)))

    @property
    def columns(self) -> list[str]:
        """The headings, once the values are known: of calls `book_slot: inputs, outputs`."""
        more = f": {', '.join(self.beside)}" if self.beside else ""
        return [
            f"{self._calls[paths[0]]}: {', '.join(map(self._part, paths))}"
            if len(paths) > 1
            else paths[0] + (more if paths[0] in _NAMES else "")
            for paths in self._columns()
        ]

    def values(self, client: Client, infos: Sequence[TraceInfo]) -> list[list[Any]]:
        """The values of all columns, for each trace. Spans are fetched only when a path leads into them."""
        of_spans = any(from_the_trace(steps_of(path))[:1] != ["info"] for path in self.paths)
        jobs = [(lambda info=info: client.traces.spans(info).spans) for info in infos] if of_spans else []
        spans = client.run_concurrently(*jobs) if jobs else [()] * len(infos)
        documents = [_document(info, found) for info, found in zip(infos, spans)]
        names = {span["name"] for document in documents for span in document["spans"]}
        for path in self.paths:
            steps = steps_of(path)
            name, left = ("", steps) if from_the_trace(steps) else at_spans(steps, names)
            if name and left:
                self._calls[path] = name
        columns, masked = self._columns(), client.settings.mask_secrets
        room = min(_ROOM_OF_ONE, _ROOM // max(1, len(columns) * len(infos)))
        return [[_shown(self._cell(each, paths, masked), room) for paths in columns] for each in documents]

    def problems(self) -> Iterator[str]:
        for path in self.paths:
            if path not in self._found and (ends := self._known.get(path)):
                known = ends[min(ends)]
                last = steps_of(path)[-1]
                there = listed(sorted(known, key=lambda name: (not name.startswith("tags."), name)), 12)
                yield f"No trace here has '{path}'. {hint(last, known)} There are: {there}.".replace("  ", " ")

    def _columns(self) -> list[list[str]]:
        """The paths of each column: those into spans of one name are one, so that inputs stand beside their outputs."""
        together: dict[str, list[str]] = {}
        for path in self.paths:
            key = f"spans.{self._calls[path]}." if path in self._calls else path
            together.setdefault(key, []).append(path)
        return list(together.values())

    def _part(self, path: str) -> str:
        """What a path leads to in its spans."""
        return ".".join(at_spans(steps_of(path), {self._calls[path]})[1])

    def _cell(self, document: dict[str, Any], paths: Sequence[str], masked: bool) -> list[Any]:
        """The values of a column in a trace; of several paths, each call of their span with what it has of each."""
        found = [
            [mask_at(value, path) if masked else value for value in self._of_path(document, path)] for path in paths
        ]
        if len(paths) == 1:
            return found[0]
        name, parts = self._calls[paths[0]], list(map(self._part, paths))
        calls = [span for span in document["spans"] if span["name"] == name]
        return [
            dict(zip(parts, (each[at] if each else None for each in found)))
            | ({} if call["status"] == "OK" else {"status": call["status"]})
            for at, call in enumerate(calls)
        ]

    def _of_path(self, document: dict[str, Any], path: str) -> list[Any]:
        """The values of a path; in spans of one name one for each, None for a span without it; empty when none has it."""
        steps = steps_of(path)
        names = {span["name"] for span in document["spans"]}
        if self.beside and path in _NAMES:
            found: list[Any] = [_with_beside(span, self.beside) for span in document["spans"]]
        elif from_start := from_the_trace(steps):
            found = list(self._walked(document, from_start, path))
        else:
            name, left = at_spans(steps, names)
            if not name:
                self._saw(path, steps, names | {"info", "spans"} | _own_tags(document))
            each = [list(self._walked(span, left, path)) for span in document["spans"] if span["name"] == name]
            found = [part[0] if len(part) == 1 else part or None for part in each] if any(each) else []
        if found:
            self._found.add(path)
        return found

    def _saw(self, path: str, left: Sequence[str], names: Iterable[str]) -> None:
        self._known.setdefault(path, {}).setdefault(len(left), set()).update(names)

    def _walked(self, value: Any, steps: Sequence[str], path: str) -> Iterator[Any]:
        if not steps:
            yield value
        elif isinstance(value, list):
            if steps[0] == "*":
                inner: Sequence[Any] = value
                rest = steps[1:]
            elif steps[0].isdigit():
                inner, rest = value[int(steps[0]) :][:1], steps[1:]
            else:
                inner, rest = value, steps
            for part in inner:
                yield from self._walked(part, rest, path)
        elif isinstance(value, dict):
            if taken := longest(steps, value):
                yield from self._walked(value[".".join(steps[:taken])], steps[taken:], path)
            elif steps[0] == "*":
                for part in value.values():
                    yield from self._walked(part, steps[1:], path)
            else:
                self._saw(path, steps, value)


def _shown(values: Sequence[Any], room: int) -> Any:
    """A single value as it is, several as a list, cut to what there is room for."""
    if len(values) <= 1:
        return values[0] if values else None
    lengths = accumulate(len(json.dumps(value, ensure_ascii=False, default=str)) + 2 for value in values)
    fitting = sum(length <= room for length in lengths)
    count = min(_MOST_VALUES, max(_FEWEST_VALUES, fitting))
    return [*values[:count], *([f"and {len(values) - count} more"] if len(values) > count else [])]


def _own_tags(document: dict[str, Any]) -> set[str]:
    """The paths of the tags that are not MLflow's."""
    return {f"tags.{name}" for name in document["info"].get("tags") or () if not name.startswith("mlflow.")}


def _beside(path: str) -> str:
    """The part of a span that stands beside its name; empty for another path."""
    part = path.removeprefix("data.").removeprefix("spans.")
    return part if part in _BESIDE_NAMES and path != part else ""


def _with_beside(span: dict[str, Any], parts: Sequence[str]) -> str:
    said = ", ".join(str(span[part]) for part in parts if span.get(part) not in (None, ""))
    return f"{span['name']}: {said}" if said else str(span["name"])


def _document(info: TraceInfo, spans: Sequence[StoredSpan]) -> dict[str, Any]:
    """What paths lead into."""
    trace = TraceView(info)
    values = {**info.to_dict(), "name": trace.name, "session": trace.session, "run_id": trace.run_id}
    return {"info": values, "spans": [_span(span) for span in spans]}


def _span(span: StoredSpan) -> dict[str, Any]:
    node = SpanNode.of(span)
    return {
        "name": node.name,
        "span_id": node.id,
        "parent_id": node.parent_id,
        "span_type": node.type,
        "status": node.status,
        "status_message": node.message,
        "duration": node.duration,
        **as_json(span),
    }
