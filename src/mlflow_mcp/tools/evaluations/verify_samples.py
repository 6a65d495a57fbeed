"""Whether an evaluation answered as many samples as its config sets and its counts say. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.recorded_config import RecordedConfig, RecordedStatistics, flattened
from mlflow_mcp.entities.samples import Samples
from mlflow_mcp.text import plural
from mlflow_mcp.tools.evaluations.remarks import not_reached
from mlflow_mcp.tools.evaluations.verify_files import ROWS, STATISTICS, Read
from mlflow_mcp.tools.evaluations.verify_task import FAILED, LIMITED, SAMPLES, Task


def check_samples(task: Task, configs: Sequence[Mapping[str, Any]]) -> None:
    """Set the finding only where something can be compared: the limit, the count and the responses with one another."""
    rows = task.findings.get(ROWS)
    if rows is not None:
        if rows.state == "ok":
            task.findings[SAMPLES] = _rows_as_counted(task.copies[0].run, rows.content)
        return
    samples, statistics = _recorded(task)
    configured = _configured_limit(task, configs)
    limit = samples.limit.value if samples.limit else None
    if samples.limit:
        below = not_reached(samples | statistics.samples, statistics)
        task.remark(LIMITED, f"({samples.limit.evidence}{', ' if below else ''}{below})")
    if configured is not None and _has_results(task) and limit != configured:
        has = "no limit" if limit is None else f"{limit:g}"
        task.findings[SAMPLES] = Read("wrong", f"limit_samples={configured:g} in its config, {has} in results.yml")
        return
    if statistics.responses and statistics.successful is not None and statistics.successful < statistics.responses:
        failed = statistics.responses - statistics.successful
        task.remark(FAILED, f"{failed:,} of {statistics.responses:,}")
    if read := _counts_agree(samples, statistics, limit):
        task.findings[SAMPLES] = read


def _rows_as_counted(run: LauncherRun, rows: int | None) -> Read:
    results = run.entity.data.params.get("n_results", "")
    if rows is None or not str(results).isdigit():
        return Read("ok")
    counts = f"{rows:,} rows in {ROWS}, param n_results is {results}"
    return Read("ok", counts) if rows == int(results) else Read("wrong", counts)


def _recorded(task: Task) -> tuple[Samples, RecordedStatistics]:
    """What params, metrics, results.yml and the statistics of the copies prove."""
    samples, statistics = Samples(), RecordedStatistics()
    for copy in task.copies:
        parts = copy.files.parts
        if copy.run.task is not None:
            samples |= copy.run.samples
        samples |= Samples.of_metrics(copy.metrics)
        if (content := parts[copy.files.scored].content) is not None:
            samples |= RecordedConfig.of(content).samples
        if statistics.responses is None and STATISTICS in parts and parts[STATISTICS].content is not None:
            statistics = RecordedStatistics.of(parts[STATISTICS].content)
    return samples, statistics


def _has_results(task: Task) -> bool:
    contents = [copy.files.parts[copy.files.scored].content for copy in task.copies]
    return any(isinstance(content, dict) and "config" in content for content in contents)


def _configured_limit(task: Task, configs: Sequence[Mapping[str, Any]]) -> float | None:
    """The limit that the launcher's config sets for the task; None without one."""
    for config in configs:
        found = Samples.of_params(flattened(config), task.number)
        if found.limit and task.number is not None:
            return found.limit.value
    return None


def _counts_agree(samples: Samples, statistics: RecordedStatistics, limit: float | None) -> Read | None:
    """None where nothing counts the samples."""
    repeats = samples.repeats.value if samples.repeats else 1
    if samples.scored and limit and limit >= 1 and samples.scored.value > limit:
        return Read(
            "wrong", f"{samples.scored.value:,.0f} samples ({samples.scored.evidence}), limit_samples={limit:g}"
        )
    expected = samples.scored.value if samples.scored else limit if limit and limit >= 1 else None
    # A resumed evaluation answers some samples from its cache, and some twice.
    if expected is None or statistics.responses is None or (statistics.runs or 1) > 1:
        return None
    answered = statistics.responses if statistics.successful is None else statistics.successful
    if answered >= expected * repeats:
        return Read("ok")
    times = f" x {plural(int(repeats), 'repeat')}" if repeats > 1 else ""
    counts = f"{answered:,} successful responses for {expected:,.0f} samples{times}"
    # Fewer than a limit allows may be a small dataset; fewer than are counted are lost.
    return Read("wrong", counts) if samples.scored else None
