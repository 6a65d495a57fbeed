"""The spans of the newest traces: for where failures began and what they say, and where no server computes figures of spans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from mlflow_mcp.client import Client
from mlflow_mcp.entities.spans import SpanNode, SpanTree
from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.statistics.values import Statistics
from mlflow_mcp.text import plural
from mlflow_mcp.tools.traces.summaries.computed import SpanFigures
from mlflow_mcp.tools.traces.summaries.question import Question

MOST_TRACES = 100
_AT_ONCE = 8
_MODEL = "mlflow.llm.model"


@dataclass
class Sample:
    """The span trees of some traces; `without` counts those whose spans could not be read."""

    trees: list[tuple[TraceView, SpanTree]] = field(default_factory=list)
    without: int = 0
    partial: str | None = None

    @property
    def traces(self) -> int:
        return len(self.trees) + self.without

    def by(self, key: str) -> dict[str, SpanFigures]:
        """The spans of all of them by `span`, `tool`, `span_type` or `model`."""
        label_of = LABELS[key]
        found: dict[str, tuple[SpanFigures, Statistics]] = {}
        for _, tree in self.trees:
            for node in tree.nodes:
                if (label := label_of(node)) is not None:
                    figures, seconds = found.setdefault(label, (SpanFigures(), Statistics()))
                    figures.spans += 1
                    figures.errors += node.failed
                    seconds.add(node.duration)
        for figures, seconds in found.values():
            shares = {"p50": seconds.quantile(0.5), "p95": seconds.quantile(0.95)}
            figures.latency = {name: value for name, value in shares.items() if value is not None}
        return {label: figures for label, (figures, _) in found.items()}


def _model(node: SpanNode) -> str | None:
    value = node.attribute(_MODEL)
    return str(value) if value else None


LABELS: dict[str, Callable[[SpanNode], str | None]] = {
    "span": lambda node: node.name,
    "tool": lambda node: node.name if node.type == "TOOL" else None,
    "span_type": lambda node: node.type,
    "model": _model,
}


def spans_sampled(client: Client, question: Question, more: str = "", noun: str = "matching trace") -> Sample:
    """The spans of the newest traces, `more` being a further filter that makes them what `noun` says; one trace more is asked for, to know whether these are all."""
    traces = [TraceView(info) for info in question.newest(client, MOST_TRACES + 1, more)]
    sample = Sample()
    for start in range(0, min(len(traces), MOST_TRACES), _AT_ONCE):
        _read(client, traces[start : min(start + _AT_ONCE, MOST_TRACES)], sample)
        if client.call.is_late:
            break
    if sample.traces < len(traces):
        nouns = noun.replace("trace", "traces", 1)
        kind = plural(sample.traces, noun, nouns)
        sample.partial = f"Only the spans of the newest {kind} were read, back to {traces[sample.traces - 1].time}."
    return sample


def _read(client: Client, traces: Sequence[TraceView], sample: Sample) -> None:
    found = client.run_concurrently(*(partial(client.traces.spans, each.info) for each in traces))
    for trace, spans in zip(traces, found):
        if spans.spans:
            sample.trees.append((trace, SpanTree.of(spans.spans)))
        else:
            sample.without += 1
