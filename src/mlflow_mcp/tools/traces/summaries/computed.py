"""Figures that the server computes, as they are in its answer: nothing is read trace by trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mlflow_mcp.client import Client
from mlflow_mcp.client.traces.metric_filters import Scope
from mlflow_mcp.client.traces.metrics import TIME, Figure, Measure
from mlflow_mcp.tools.traces.summaries.figures import TOKENS, Figures
from mlflow_mcp.tools.traces.summaries.question import Question

_LATENCY = {"AVG": "mean", "P50": "p50", "P95": "p95", "P99": "p99", "MAX": "max"}
# The 100th percentile is the greatest: the first servers that compute figures of tokens know no MAX.
_TOKENS_OF_A_TRACE = {"AVG": "mean", "P50": "p50", "P100": "max"}
_COUNT = Measure("TRACES", "trace_count", by=("trace_status",))
_SPAN_COUNT = Measure("SPANS", "span_count")
_MOST_PAIRS = 3_000_000
NOT_ASKED = "Failures inside of traces that ended OK were not looked for: this server or store does not tell which traces have one."
TOO_MANY = "Failures inside of traces that ended OK were not looked for among so many traces: a shorter `when` or a narrower query does."
_SECONDS = Measure("TRACES", "latency", tuple(_LATENCY))
_TOKENS = [
    Measure("TRACES", f"{name}_tokens", ("SUM", *_TOKENS_OF_A_TRACE) if name == "total" else ("SUM",), is_optional=True)
    for name in TOKENS
]
_COST = Measure("SPANS", "total_cost", ("SUM",), is_optional=True)


WHOLE = (_COUNT, _SECONDS, *_TOKENS, _COST)


def whole_of(found: Sequence[Sequence[Figure]]) -> Figures:
    """The figures of all traces, from what the measures of WHOLE found."""
    counts, latency, *tokens, cost = found
    return Figures(_states(counts), _latency(latency), _tokens(tokens), _only(cost, "SUM"))


def states(client: Client, scope: Scope) -> dict[str, int]:
    """How many traces are in each state."""
    return _states(client.trace_metrics.query(scope, _COUNT))


def why_not_searched(client: Client, question: Question) -> str:
    """Why traces are not searched for failed spans; empty where they are. MLflow compares each trace with each failed span of
    its experiment: of 40,000 traces and 20,000 such spans that took 45 s on sqlite, of 4,000 with a certain tag and 4,000 spans 8 s."""
    scope = question.scope or Scope(tuple(question.ids), (), question.window)
    failed = Scope(scope.experiment_ids).where("span.status = 'ERROR'")

    def counted() -> str:
        spans = client.trace_metrics.query(failed, _SPAN_COUNT)
        pairs = sum(states(client, scope).values()) * sum(each.values["COUNT"] for each in spans)
        return TOO_MANY if pairs > _MOST_PAIRS else ""

    return client.trace_metrics.or_else(counted, lambda: NOT_ASKED)


def states_of_each(client: Client, scopes: Sequence[Scope]) -> list[dict[str, int]]:
    """The same for several scopes at once."""
    return [_states(found) for found in client.trace_metrics.all(*((scope, _COUNT) for scope in scopes))]


def by_filter(client: Client, scope: Scope, filters: Mapping[str, str]) -> dict[str, Figures]:
    """The figures of several parts of the scope, each by a filter of its own, without costs."""
    measures = (_COUNT, _SECONDS, _TOKENS[0])
    asked = [(scope.where(each), measure) for each in filters.values() for measure in measures]
    found = iter(client.trace_metrics.all(*asked))
    return {label: Figures(_states(next(found)), _latency(next(found)), _tokens([next(found)])) for label in filters}


def by_dimension(client: Client, scope: Scope, dimension: str | None, seconds: int | None = None) -> dict[str, Figures]:
    """The figures of the groups that the server makes: by name, or by buckets of time."""
    by = (dimension,) if dimension else ()
    key = dimension or TIME
    counts, latency, tokens = client.trace_metrics.all(
        (scope, Measure("TRACES", "trace_count", by=(*by, "trace_status"), seconds=seconds)),
        (scope, Measure("TRACES", "latency", tuple(_LATENCY), by, seconds)),
        (scope, Measure("TRACES", "total_tokens", ("SUM", "AVG"), by, seconds, is_optional=True)),
    )
    seconds_of, tokens_of = _parted(latency, key), _parted(tokens, key)
    return {
        label: Figures(_states(figures), _latency(seconds_of.get(label, [])), _tokens([tokens_of.get(label, [])]))
        for label, figures in _parted(counts, key).items()
    }


def latency_at(client: Client, scope: Scope, ways: Sequence[str]) -> list[float]:
    """Latencies in seconds at percentiles written as `P49.5`."""
    (found,) = client.trace_metrics.all((scope, Measure("TRACES", "latency", ways)))
    return [each / 1000 for figure in found for each in sorted(figure.values.values())]


@dataclass
class SpanFigures:
    """The spans of one name, type or model; seconds by `p50` and `p95`."""

    spans: int = 0
    errors: int = 0
    latency: Mapping[str, float] = field(default_factory=dict)
    cost: float | None = None


def spans_by(client: Client, scope: Scope, dimension: str) -> dict[str, SpanFigures]:
    """Spans by `span_name`, `span_type` or `span_model_name`, with what the server knows of each of these."""
    count = Measure("SPANS", "span_count", by=(dimension, "span_status"))
    more = {
        "span_name": [Measure("SPANS", "latency", ("P50", "P95"), (dimension,))],
        "span_model_name": [Measure("SPANS", "total_cost", ("SUM",), (dimension,), is_optional=True)],
    }.get(dimension, [])
    counts, *others = client.trace_metrics.all(*((scope, each) for each in (count, *more)))
    found = {label: _spans(figures) for label, figures in _parted(counts, dimension).items()}
    if dimension == "span_type":
        measure = Measure("SPANS", "latency", ("P50", "P95"))
        others = client.trace_metrics.all(*((scope.where(f"span.type = '{each}'"), measure) for each in found))
        others = [[Figure({dimension: label}, each.values) for label, (each,) in zip(found, others) if each]]
    for label, (figure,) in _parted([each for figures in others for each in figures], dimension).items():
        if label in found:
            found[label].latency, found[label].cost = _latency([figure]), figure.values.get("SUM")
    return found


def _spans(figures: Iterable[Figure]) -> SpanFigures:
    counts = {each.by["span_status"]: int(each.values["COUNT"]) for each in figures}
    return SpanFigures(sum(counts.values()), counts.get("ERROR", 0))


def _states(figures: Iterable[Figure]) -> dict[str, int]:
    return {each.by["trace_status"]: int(each.values["COUNT"]) for each in figures}


def _latency(figures: Sequence[Figure]) -> dict[str, float]:
    """Milliseconds as seconds, in one order whatever the server's."""
    values = figures[0].values if figures else {}
    return {name: values[way] / 1000 for way, name in _LATENCY.items() if way in values}


def _tokens(found: Sequence[Sequence[Figure]]) -> dict[str, float]:
    tokens = {name: figures[0].values["SUM"] for name, figures in zip(TOKENS, found) if figures}
    if found and found[0]:
        values = found[0][0].values
        tokens |= {name: values[way] for way, name in _TOKENS_OF_A_TRACE.items() if way in values}
    return tokens


def _only(figures: Sequence[Figure], way: str) -> float | None:
    return figures[0].values.get(way) if figures else None


def _parted(figures: Iterable[Figure], key: str) -> dict[str, list[Figure]]:
    parts: dict[str, list[Figure]] = {}
    for each in figures:
        parts.setdefault(each.by[key], []).append(each)
    return parts
