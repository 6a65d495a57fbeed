"""Whether what was read of a task is what its config, metrics and counts say it has to be. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mlflow_mcp.entities.metrics import is_finite, same_value
from mlflow_mcp.entities.recorded_config import RecordedStatistics, asks_for_logs
from mlflow_mcp.entities.recorded_scores import recorded_scores
from mlflow_mcp.text import listed, number, plural
from mlflow_mcp.tools.evaluations.missing_files import lacking
from mlflow_mcp.tools.evaluations.verify_files import LOGS, STATISTICS, Read
from mlflow_mcp.tools.evaluations.verify_samples import check_samples
from mlflow_mcp.tools.evaluations.verify_task import DAMAGED, DIFFERING, RUN, SCORES, UNFINISHED, Copy, Task

_NAMED = 3
_NO_LOGS = "the export in their config asks for none"


def check(task: Task, configs: Sequence[Mapping[str, Any]], deleted: str | None) -> None:
    """Put the findings of all parts into the task. `configs` are the launcher's, of any copy; `deleted` says what is deleted of a
    task without a run."""
    if not task.copies:
        task.findings[RUN] = Read(
            "absent", f"no run in any of the experiments searched{f'; {deleted}' if deleted else ''}"
        )
        return
    canonical = task.copies[0]
    status = canonical.run.status
    checked = [_with_checked_results(copy) for copy in task.copies]
    task.findings[RUN] = (
        Read("ok") if status == "FINISHED" else Read("wrong", _unfinished(canonical, status, checked[0]))
    )
    task.findings[SCORES] = _scores(canonical.metrics)
    for part in checked[0]:
        task.findings[part] = _of_copies(task, part, [files[part] for files in checked])
    if task.findings.get(LOGS, Read("ok")).state == "absent":
        _judge_missing_logs(task, configs)
    check_samples(task, configs)
    for about, text in (remark for copy in task.copies for remark in copy.files.remarks):
        task.remark(about, f"({text})")
    for text in _differences(task.copies):
        task.remark(DIFFERING, f"({text})")
    for copy in task.copies[1:]:
        if copy.run.status != "FINISHED":
            task.remark(UNFINISHED, f"({copy.name} is {copy.run.status})")


def add_lacking(tasks: Sequence[Task]) -> None:
    """The files that a task of an unfinished run lacks, while tasks of finished ones have them, beside those that are parts."""
    whole = next((task for task in tasks if task.copies and _has_finished(task) and task.copies[0].files.names), None)
    for task in tasks if whole else ():
        if whole and task.copies and not _has_finished(task):
            own = {name for copy in task.copies for name in copy.files.names}
            names = [name for name in lacking(own, whole.copies[0].files.names) if name not in task.findings]
            task.findings |= {name: Read("absent", "which other tasks have") for name in names}


def _has_finished(task: Task) -> bool:
    return task.copies[0].run.status == "FINISHED"


def _unfinished(copy: Copy, status: str, files: Mapping[str, Read]) -> str:
    """What is known of why a run did not finish: an evaluation writes its results at its end, and an export sends them."""
    scored = files[copy.files.scored]
    if status == "FAILED" and scored.state == "ok" and scored.content is not None and copy.metrics:
        return (
            f"status FAILED; {copy.files.scored} is there with the scores of the metrics, so the evaluation had finished, and its "
            "export broke off"
        )
    return f"status {status}; whether the evaluation or its export did not finish cannot be told"


def _scores(metrics: Mapping[str, float]) -> Read:
    odd = [f"{name} is {number(value)}" for name, value in metrics.items() if not is_finite(value)]
    if not metrics:
        return Read("absent", "the run has no metric")
    return Read("wrong", ", ".join(odd[:_NAMED])) if odd else Read("ok", content=len(metrics))


def _with_checked_results(copy: Copy) -> dict[str, Read]:
    """The parts of a copy, its results.yml wrong where its scores are not those of the run."""
    parts = dict(copy.files.parts)
    results = parts[copy.files.scored]
    if results.state == "ok" and results.content is not None:
        parts[copy.files.scored] = _compared(results, copy.metrics)
    statistics = parts.get(STATISTICS)
    if statistics is not None and statistics.content is not None:
        known = RecordedStatistics.of(statistics.content)
        if known == RecordedStatistics():
            parts[STATISTICS] = Read("wrong", "it has neither responses nor times of an evaluation")
    return parts


def _compared(results: Read, metrics: Mapping[str, float]) -> Read:
    scores = recorded_scores(results.content) or _newer_scores(results.content)
    if not scores:
        return Read("wrong", "it holds no scores")
    missing, other = [], []
    for names, value in scores:
        name = next((name for name in names if name in metrics), None)
        if name is None:
            missing.append(names[0])
        elif not _are_equal(metrics[name], value):
            other.append(f"{name} is {number(value, None)} in the file, {number(metrics[name], None)} as metric")
    if other:
        more = f" and {len(other) - _NAMED} more" if len(other) > _NAMED else ""
        return Read("wrong", ", ".join(other[:_NAMED]) + more, results.content)
    if missing:
        return Read("wrong", f"scores of it that are no metric: {listed(missing, _NAMED)}", results.content)
    return results


def _are_equal(metric: float, value: float) -> bool:
    return same_value(metric, value) or math.isclose(metric, value, rel_tol=1e-9, abs_tol=1e-12)


def _newer_scores(bundle: Mapping[str, Any]) -> list[tuple[tuple[str, str], float]]:
    """The scores of a bundle of the newer launcher, which exports those that have a `value`."""
    benchmark = bundle.get("benchmark")
    scores = benchmark.get("scores") if isinstance(benchmark, Mapping) else None
    found = []
    for name, leaf in scores.items() if isinstance(scores, Mapping) else ():
        value = leaf.get("value") if isinstance(leaf, Mapping) else None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found.append(((str(name).replace("@", "_at_"), str(name)), float(value)))
    return found


def _of_copies(task: Task, part: str, reads: Sequence[Read]) -> Read:
    """A part over all copies: there when one has it right, absent when every copy was looked through."""
    right = next((at for at, read in enumerate(reads) if read.state == "ok"), None)
    if right is not None:
        for copy, read in zip(task.copies, reads):
            if read.state == "wrong":
                task.remark(DAMAGED, f"({part} of {copy.name}: {read.detail})")
        if right and part == task.copies[0].files.scored and _differing(task.copies[0], task.copies[right]):
            return Read("wrong", f"only {task.copies[right].name} has it, with other scores than those that count")
        if reads[right].detail:
            task.remark("Read and not parsed", f"({reads[right].detail})")
        return reads[right]
    for state in ("wrong", "unreachable"):
        for copy, read in zip(task.copies, reads):
            if read.state == state:
                is_one_of_several = state == "wrong" and len(reads) > 1
                return read._replace(detail=read.detail + (f" ({copy.name})" if is_one_of_several else ""))
    return Read("absent", f"in none of its {len(reads)} copies" if len(reads) > 1 else "")


def _judge_missing_logs(task: Task, configs: Sequence[Mapping[str, Any]]) -> None:
    """Logs that the export was not asked for are not missing."""
    asked = {asks_for_logs(config) for config in configs}
    for copy in task.copies:
        params = copy.run.entity.data.params
        own = {name: value for name, value in params.items() if name.startswith("config.export.mlflow.")}
        if own:
            section = {name.rpartition(".")[2]: value for name, value in own.items()}
            asked.add(asks_for_logs({"export": {"mlflow": section}}))
    if True in asked:
        read = task.findings[LOGS]
        task.findings[LOGS] = read._replace(detail="; ".join(filter(None, ["its config asks for them", read.detail])))
    elif False in asked:
        task.findings[LOGS] = Read("not exported", _NO_LOGS)
    else:
        task.findings[LOGS] = Read("not exported", "nothing records that they were to be")


def _differing(one: Copy, other: Copy) -> dict[str, float]:
    """The metrics of the other copy whose values differ from those of the first."""
    return {
        name: value
        for name, value in other.metrics.items()
        if name in one.metrics and not same_value(value, one.metrics[name])
    }


def _differences(copies: Sequence[Copy]) -> list[str]:
    sentences = []
    for copy in copies[1:]:
        different = _differing(copies[0], copy)
        if different:
            name, value = next(iter(sorted(different.items())))
            more = f" and {plural(len(different) - 1, 'more metric')}" if len(different) > 1 else ""
            counts = number(copies[0].metrics[name], None)
            sentences.append(f"{copy.name} has {name} {number(value, None)}, the one that counts {counts}{more}")
    return sentences
