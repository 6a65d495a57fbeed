"""Figures of this process in the text format that Prometheus reads: counters, histograms, gauges.

A hundred lines of our own: the format is a page long, and the usual library would be a dependency of everybody who starts
this server over stdio, where nobody asks for figures.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext

from mlflow_mcp.settings import Settings
from mlflow_mcp.tools.catalog import offered

# Seconds up to which calls are counted together.
_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0)
_Labels = tuple[tuple[str, str], ...]


class Counter:
    """How often something happened, by its labels."""

    kind = "counter"

    def __init__(self) -> None:
        self._counts: dict[_Labels, int] = {}
        self._lock = threading.Lock()

    def add(self, **labels: str) -> None:
        key = tuple(labels.items())
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + 1

    def lines(self, name: str) -> Iterator[str]:
        with self._lock:
            counts = dict(self._counts)
        yield from (f"{name}{_shown(labels)} {count}" for labels, count in sorted(counts.items()))


class Histogram:
    """How long something took, by its labels."""

    kind = "histogram"

    def __init__(self) -> None:
        self._counts: dict[_Labels, list[int]] = {}
        self._sums: dict[_Labels, float] = {}
        self._lock = threading.Lock()

    def add(self, seconds: float, **labels: str) -> None:
        key = tuple(labels.items())
        with self._lock:
            self._counts.setdefault(key, [0] * (len(_BOUNDS) + 1))[bisect_left(_BOUNDS, seconds)] += 1
            self._sums[key] = self._sums.get(key, 0.0) + seconds

    def lines(self, name: str) -> Iterator[str]:
        with self._lock:
            found = {labels: (list(counts), self._sums[labels]) for labels, counts in self._counts.items()}
        for labels, (counts, total) in sorted(found.items()):
            for bound, count in zip((*map(str, _BOUNDS), "+Inf"), accumulate(counts)):
                yield f"{name}_bucket{_shown((*labels, ('le', bound)))} {count}"
            yield f"{name}_sum{_shown(labels)} {total:.6f}"
            yield f"{name}_count{_shown(labels)} {sum(counts)}"


class Gauge:
    """What something is now."""

    kind = "gauge"

    def __init__(self, value: Callable[[], float]) -> None:
        self._value = value

    def lines(self, name: str) -> Iterator[str]:
        yield f"{name} {self._value():g}"


class Metrics:
    """The figures of one server."""

    def __init__(self) -> None:
        self.calls = Counter()
        self.call_seconds = Histogram()
        self.mlflow_requests = Counter()
        self.mlflow_seconds = Histogram()
        self.responses = Counter()
        self._families: dict[str, tuple[str, Counter | Histogram | Gauge]] = {
            "mlflow_mcp_calls_total": ("Tool calls by outcome.", self.calls),
            "mlflow_mcp_call_seconds": ("Seconds of tool calls.", self.call_seconds),
            "mlflow_mcp_mlflow_requests_total": ("Answers of MLflow by status.", self.mlflow_requests),
            "mlflow_mcp_mlflow_request_seconds": ("Seconds until MLflow answered.", self.mlflow_seconds),
            "mlflow_mcp_http_responses_total": ("Answers of this server to MCP requests by status.", self.responses),
        }

    def show(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        self._families[name] = (meaning, Gauge(value))

    def asked_mlflow(self, status: int, seconds: float) -> None:
        self.mlflow_requests.add(status=str(status))
        self.mlflow_seconds.add(seconds)

    def text(self) -> str:
        lines: list[str] = []
        for name, (meaning, family) in self._families.items():
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {family.kind}", *family.lines(name)]
        return "\n".join([*lines, ""])


def timed(metrics: Metrics, settings: Settings) -> ServerMiddleware[Any]:
    """A middleware that counts and times the calls of tools."""
    names = {entry.name for entry in offered(settings)}

    async def run(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method != "tools/call":
            return await call_next(ctx)
        asked = (ctx.params or {}).get("name")
        # Names that callers make up would be figures without end.
        tool = asked if asked in names else "unknown"
        started, outcome = time.monotonic(), "failed"
        try:
            result = await call_next(ctx)
            outcome = "error" if _is_error(result) else "ok"
        finally:
            metrics.calls.add(tool=tool, outcome=outcome)
            metrics.call_seconds.add(time.monotonic() - started, tool=tool)
        return result

    return run


def _is_error(result: HandlerResult) -> bool:
    return bool(result.get("isError") if isinstance(result, Mapping) else getattr(result, "is_error", False))


def _shown(labels: _Labels | Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in dict(labels).items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
