"""The figures of a set of traces, wherever they were computed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from mlflow_mcp.entities.trace import TraceView
from mlflow_mcp.statistics.values import Statistics
from mlflow_mcp.text import number

TOKENS = ("total", "input", "output")
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
_FAILED = "ERROR"
_RUNNING = "IN_PROGRESS"


@dataclass
class Figures:
    """Latency in seconds by `mean`, `p50`, `p95`, `p99`, `max`; tokens by `total`, `input`, `output`, of a trace by
    `mean`, `p50`, `max`; cost in US dollars."""

    states: dict[str, int] = field(default_factory=dict)
    latency: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, float] = field(default_factory=dict)
    cost: float | None = None

    @property
    def traces(self) -> int:
        return sum(self.states.values())

    @property
    def errors(self) -> int:
        return self.states.get(_FAILED, 0)

    @property
    def ended(self) -> int:
        return self.traces - self.running

    @property
    def running(self) -> int:
        return self.states.get(_RUNNING, 0)

    @property
    def error_rate(self) -> float | None:
        """Of the traces that ended."""
        return self.errors / self.ended if self.ended else None


class Counted:
    """Figures in the making, from traces that are read one by one."""

    def __init__(self) -> None:
        self._states: dict[str, int] = {}
        self.seconds = Statistics()
        self._tokens: dict[str, list[int]] = {name: [] for name in TOKENS}
        self._costs: list[float] = []

    def add(self, trace: TraceView) -> None:
        self._states[trace.state] = self._states.get(trace.state, 0) + 1
        if trace.duration is not None:
            self.seconds.add(trace.duration)
        for name, values in self._tokens.items():
            tokens = trace.tokens.get(f"{name}_tokens")
            if isinstance(tokens, int):
                values.append(tokens)
        if trace.cost is not None:
            self._costs.append(trace.cost)

    @property
    def figures(self) -> Figures:
        seconds = self.seconds
        shares = {name: seconds.quantile(share) for name, share in PERCENTILES.items()}
        latency = {"mean": seconds.mean, **shares, "max": max(seconds.values, default=None)}
        tokens: dict[str, float] = {name: sum(values) for name, values in self._tokens.items() if values}
        if total := self._tokens["total"]:
            tokens |= {"mean": sum(total) / len(total), "p50": median(total), "max": max(total)}
        return Figures(
            dict(self._states),
            {name: value for name, value in latency.items() if value is not None},
            tokens,
            sum(self._costs) if self._costs else None,
        )


def seconds_shown(seconds: float | None) -> Any:
    """Four digits, and never less than the milliseconds that MLflow keeps."""
    return None if seconds is None else number(round(seconds, 3) if seconds < 10 else float(f"{seconds:.4g}"))


def rate_shown(rate: float | None) -> Any:
    return None if rate is None else number(rate, 4)


GROUP_COLUMNS = ("traces", "errors", "error_rate", "p50", "p95", "tokens", "cost")


def group_row(figures: Figures) -> list[Any]:
    """The cells of GROUP_COLUMNS."""
    return [
        figures.traces,
        figures.errors,
        rate_shown(figures.error_rate),
        seconds_shown(figures.latency.get("p50")),
        seconds_shown(figures.latency.get("p95")),
        number(figures.tokens.get("total")),
        number(figures.cost),
    ]


def most_first(groups: Mapping[str, Figures]) -> Sequence[tuple[str, Figures]]:
    return sorted(groups.items(), key=lambda each: (-each[1].traces, each[0]))
