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
_NOTHING = object()


@dataclass(frozen=True)
class FieldPaths:
    """The paths that a caller named. `problems` says of those that found nothing what there is."""

    paths: list[str]
    _found: set[str] = field(default_factory=set)
    _known: dict[str, set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, paths: str | None) -> FieldPaths:
        """Of `a, b`; a name with a comma stands in backticks."""
        texts = re.findall(r"(?:`[^`]*`|[^,`])+", paths or "")
        return cls(list(dict.fromkeys(text.strip() for text in texts if text.strip())))

    def values(self, client: Client, infos: Sequence[TraceInfo]) -> list[list[Any]]:
        """The values of all paths, for each trace. Spans are fetched only when a path leads into them."""
        of_spans = any(not path.startswith("info.") for path in self.paths)
        jobs = [(lambda info=info: client.traces.spans(info).spans) for info in infos] if of_spans else []
        spans = client.run_concurrently(*jobs) if jobs else [()] * len(infos)
        masked = client.settings.mask_secrets
        return [self._of_trace(_document(info, found), masked) for info, found in zip(infos, spans)]

    def problems(self) -> Iterator[str]:
        for path in self.paths:
            if path not in self._found and (known := self._known.get(path)):
                last = _steps(path)[-1]
                yield f"No trace here has '{path}'. {hint(last, known)} There are: {listed(sorted(known), 12)}.".replace(
                    "  ", " "
                )

    def _of_trace(self, document: dict[str, Any], masked: bool) -> list[Any]:
        return [self._of_path(document, path, masked) for path in self.paths]

    def _of_path(self, document: dict[str, Any], path: str, masked: bool) -> Any:
        steps = _steps(path.removeprefix("data."))
        if steps and steps[0] not in document:  # the name of a span
            steps = ["spans", *steps]
            named = [span for span in document["spans"] if span["name"] == steps[1]]
            start: Any = named
            if not named:
                self._known.setdefault(path, set()).update(
                    {span["name"] for span in document["spans"]} | {"info", "spans"}
                )
                return None
            steps = steps[2:]
        else:
            start = document
        found = list(self._walked(start, steps, path))
        if found:
            self._found.add(path)
        shown = [mask_at(value, path) if masked else value for value in found[:_MOST_VALUES]]
        if len(found) <= 1:
            return shown[0] if shown else None
        return [*shown, *([f"and {len(found) - _MOST_VALUES} more"] if len(found) > _MOST_VALUES else [])]

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
