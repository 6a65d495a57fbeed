"""Columns by dot path into a trace: `info.trace_metadata.key`, `spans.name`, `search.outputs.items`, as MLflow's own tools write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlflow_mcp.answers.masking import mask_at
from mlflow_mcp.client import Client
from mlflow_mcp.entities.spans import SpanNode, StoredSpan, as_json
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.text import hint, listed

if TYPE_CHECKING:
    from mlflow.entities import TraceInfo

_STEP = re.compile(r"`([^`]+)`|([^.`\[\]]+)|\[(\d+|\*)\]")
# Values of one path in one trace; the rest is counted.
_MOST_VALUES = 8
# What every span has: no name of a span where a path could mean either.
_OF_A_SPAN = frozenset(
    [
        "name",
        "span_id",
        "parent_id",
        "span_type",
        "status",
        "status_message",
        "duration",
        "inputs",
        "outputs",
        "attributes",
        "events",
    ]
)
_NAMES = ("spans.name", "data.spans.name")
# What filters call parts of `info`.
_OF_INFO = {
    "tag": "tags",
    "tags": "tags",
    "metadata": "trace_metadata",
    "request_metadata": "trace_metadata",
    "trace_metadata": "trace_metadata",
}
# Short ones, which stand beside the span's name in one list.
_BESIDE_NAMES = frozenset({"status", "status_message", "span_type", "duration"})


@dataclass(frozen=True)
class FieldPaths:
    """The paths that a caller named. `problems` says of those that found nothing what there is."""

    paths: list[str]
    beside: tuple[str, ...] = ()
    """What `spans.name` was asked with: one list says `search: ERROR, timed out` where two would have to be matched."""
    _found: set[str] = field(default_factory=set)
    _known: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: str | None) -> FieldPaths:
        """Of `a, b`; a name with a comma stands in backticks."""
        texts = re.findall(r"(?:`[^`]*`|[^,`])+", paths or "")
        named = list(dict.fromkeys(text.strip() for text in texts if text.strip()))
        beside = [path for path in named if _beside(path)] if any(path in _NAMES for path in named) else []
        return cls([path for path in named if path not in beside], tuple(map(_beside, beside)))

    @property
    def columns(self) -> list[str]:
        """The paths as headings."""
        more = f": {', '.join(self.beside)}" if self.beside else ""
        return [path + more if path in _NAMES else path for path in self.paths]

    def values(self, client: Client, infos: Sequence[TraceInfo]) -> list[list[Any]]:
        """The values of all paths, for each trace. Spans are fetched only when a path leads into them."""
        of_spans = any(_steps(path)[:1] != ["info"] and not _of_info(_steps(path)) for path in self.paths)
        jobs = [(lambda info=info: client.traces.spans(info).spans) for info in infos] if of_spans else []
        spans = client.run_concurrently(*jobs) if jobs else [()] * len(infos)
        masked = client.settings.mask_secrets
        return [self._of_trace(_document(info, found), masked) for info, found in zip(infos, spans)]

    def problems(self) -> Iterator[str]:
        for path in self.paths:
            if path not in self._found and (known := self._known.get(path)):
                last = _steps(path)[-1]
                there = listed(sorted(known, key=lambda name: (not name.startswith("tags."), name)), 12)
                yield f"No trace here has '{path}'. {hint(last, known)} There are: {there}.".replace("  ", " ")

    def _of_trace(self, document: dict[str, Any], masked: bool) -> list[Any]:
        return [self._of_path(document, path, masked) for path in self.paths]

    def _of_path(self, document: dict[str, Any], path: str, masked: bool) -> Any:
        start, steps = self._start(document, path)
        if self.beside and path in _NAMES:
            found: list[Any] = [_with_beside(span, self.beside) for span in document["spans"]]
        else:
            found = list(self._walked(start, steps, path))
        if found:
            self._found.add(path)
        shown = [mask_at(value, path) if masked else value for value in found[:_MOST_VALUES]]
        if len(found) <= 1:
            return shown[0] if shown else None
        return [*shown, *([f"and {len(found) - _MOST_VALUES} more"] if len(found) > _MOST_VALUES else [])]

    def _start(self, document: dict[str, Any], path: str) -> tuple[Any, Sequence[str]]:
        """Where the path begins and what is left of it: `search.outputs` and `spans.search.outputs` begin at the spans of
        that name, which may have dots in it."""
        steps = _steps(path.removeprefix("data."))
        if steps and steps[0] in document:
            ahead = steps[1:2]
            if steps[0] != "spans" or not ahead or ahead[0] in _OF_A_SPAN or ahead[0] == "*" or ahead[0].isdigit():
                return document, steps
            steps = steps[1:]
        elif inside := _of_info(steps):
            return document, inside
        names = {span["name"] for span in document["spans"]}
        taken = next((count for count in range(len(steps), 0, -1) if ".".join(steps[:count]) in names), 0)
        if not taken:
            self._known.setdefault(path, set()).update(names | {"info", "spans"} | _own_tags(document))
            return [], steps
        return [span for span in document["spans"] if span["name"] == ".".join(steps[:taken])], steps[taken:]

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
            taken = next((count for count in range(len(steps), 0, -1) if ".".join(steps[:count]) in value), 0)
            if taken:
                yield from self._walked(value[".".join(steps[:taken])], steps[taken:], path)
            elif steps[0] == "*":
                for part in value.values():
                    yield from self._walked(part, steps[1:], path)
            else:
                self._known.setdefault(path, set()).update(value)


def _of_info(steps: Sequence[str]) -> Sequence[str]:
    """`tags.release`, as filters say it, as the steps from the whole trace; empty for another path."""
    return ["info", _OF_INFO[steps[0]], *steps[1:]] if len(steps) > 1 and steps[0] in _OF_INFO else ()


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


def _steps(path: str) -> list[str]:
    return [next(filter(None, found)) for found in _STEP.findall(path)]


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
