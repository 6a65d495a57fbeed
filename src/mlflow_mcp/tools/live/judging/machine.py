"""What MLflow's system metrics say of the machine: idle GPUs, a full disk, full memory."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence

from mlflow_mcp.text import number
from mlflow_mcp.tools.live.judging.series import Series

PREFIX = "system/"
_UTILIZATION = re.compile(r"system/(?:(.+)/)?gpu_(\d+)_utilization_percentage$")
_FULL = re.compile(r"system/(?:(.+)/)?(disk|system_memory|gpu_(\d+)_memory)_usage_percentage$")
_WHAT = {"disk": "disk", "system_memory": "memory"}
# GPUs keep their memory full on purpose; a disk or a machine's memory that full soon ends a run.
_FULL_FROM = 95.0
# A GPU idles when the middle one of its last points is below this percentage.
_IDLE, _LAST = 5.0, 10
MOST_GPUS = 8


def gpu_metrics(names: Sequence[str]) -> list[str]:
    return sorted(name for name in names if _UTILIZATION.match(name))[:MOST_GPUS]


def full(latest: Mapping[str, float]) -> list[str]:
    """Sentences about a disk and memory whose latest value is at the end of what there is."""
    found = []
    for name, value in sorted(latest.items()):
        match = _FULL.match(name)
        if match and match[3] is None and value >= _FULL_FROM:
            found.append(f"{_WHAT[match[2]]}{_at_node(match[1])} {number(value, 4)}% full")
    return found


def idle(gpus: Sequence[Series]) -> list[str]:
    """Sentences about GPUs that do nothing, with what they did before."""
    sentences = []
    for series in gpus:
        match, values = _UTILIZATION.match(series.name), [point.value for point in series.logged]
        if match is None or len(values) < _LAST or statistics.median(values[-_LAST:]) >= _IDLE:
            continue
        before = statistics.median(values[:-_LAST]) if len(values) >= 2 * _LAST else None
        seconds = (series.logged[-1].timestamp - series.logged[-_LAST].timestamp) / 1000
        now = f"GPU {match[2]}{_at_node(match[1])} at {number(statistics.median(values[-_LAST:]), 3)}% for its last {_LAST} points"
        sentences.append(
            f"{now} ({round(seconds)} s)" + (f", {number(before, 3)}% before" if before is not None else "")
        )
    return sentences


def _at_node(node: str | None) -> str:
    return f" of {node}" if node else ""
