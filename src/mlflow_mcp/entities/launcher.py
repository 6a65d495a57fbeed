"""What an evaluation launcher leaves in MLflow, read back: tasks, jobs, sample counts, duplicates. Pure functions.

Facts seen on real exports, old and new: one run per task with tags `invocation_id`, `job_id` (`<invocation_id>.<n>`),
`task_name`, `harness`; very old ones put a whole invocation into one run without `task_name`; a job can be exported
twice, or again in place; trial runs of a few samples ("canaries") look like full ones but for their sample limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import Run

_LIMITS = ("limit_samples", "limit", "max_samples", "num_samples", "n_samples", "num_examples")
_SAMPLE_METRICS = re.compile(r"(?i)(^|_)(n(um)?_samples|sample_count|samples)$")
# The last two say where its weights come from, which names it too.
_MODEL = ("model_id", "model_name", "served_model_name", "model", "hf_model_handle", "checkpoint_path")
CANARY = 50


def task_of(run: Run) -> str | None:
    """The task of a launcher run; None for a run that holds a whole invocation, or is no launcher run."""
    tags = run.data.tags
    return tags.get("task_name") or tags.get("benchmark") or _task_in_name(run)


def _task_in_name(run: Run) -> str | None:
    found = re.fullmatch(r"eval-[0-9a-f]{8,16}-(.+)", run.info.run_name or "")
    return found[1] if found else None


def named_by_launcher(run: Run) -> tuple[str, str] | None:
    """(invocation id, task) of a run whose name `eval-<invocation_id>-<task>` says just these two; None for any other."""
    found = re.fullmatch(r"eval-([0-9a-f]{8,16})-(.+)", run.info.run_name or "")
    if found and (found[1], found[2]) == (invocation_id_of(run), task_of(run)):
        return found[1], found[2]
    return None


def job_of(run: Run) -> str | None:
    job: str | None = run.data.tags.get("job_id") or run.data.params.get("job_id")
    return job


def invocation_id_of(run: Run) -> str:
    """The run's invocation id, by tag or by param; empty for a run that no launcher exported."""
    return str(run.data.tags.get("invocation_id") or run.data.params.get("invocation_id") or "")


def results_folder(run: Run) -> str | None:
    """Where the run's own files should be: `<harness>.<task>/artifacts`."""
    harness, task = run.data.tags.get("harness"), task_of(run)
    return f"{harness}.{task}/artifacts" if harness and task else None


def same_job(runs: Sequence[Run]) -> list[list[Run]]:
    """The runs grouped into jobs, the run to believe first in each: finished before failed, then the latest export."""
    groups: dict[tuple[str | None, str | None], list[Run]] = {}
    for run in runs:
        task = task_of(run)
        key = (task, job_of(run)) if task else (None, run.info.run_id)
        groups.setdefault(key, []).append(run)
    _fold_jobless(groups)
    return [sorted(group, key=_belief, reverse=True) for group in groups.values()]


def _fold_jobless(groups: dict[tuple[str | None, str | None], list[Run]]) -> None:
    """A run without a job id belongs to the job of its task, when there is just one."""
    for task, job in [key for key in groups if key[0] and key[1] is None]:
        others = [key for key in groups if key[0] == task and key[1] is not None]
        if len(others) == 1:
            groups[others[0]] += groups.pop((task, job))


def _belief(run: Run) -> tuple[bool, int, tuple[int, str], str]:
    info = run.info
    # Of exports made at the same moment, the experiment decides: all tasks of an invocation then come from one.
    experiment = (len(info.experiment_id), info.experiment_id)
    return info.status == "FINISHED", info.end_time or info.start_time or 0, experiment, info.run_id


def sample_count(run: Run) -> int | None:
    """How many samples the run was limited to or had, as far as its params and metrics say; None when they do not."""
    for name, value in run.data.params.items():
        if name.rpartition(".")[2] in _LIMITS and (count := _count(value)) is not None:
            return count
    counts = [value for name, value in run.data.metrics.items() if _SAMPLE_METRICS.search(name)]
    return int(max(counts)) if counts and max(counts) < 1e15 else None


def tells_its_config(run: Run) -> bool:
    """Whether the run's params hold the flattened config, so that a missing sample limit means that there was none."""
    return any(name.startswith("config.") for name in run.data.params)


def _count(value: Any) -> int | None:
    text = str(value).strip()
    if not re.fullmatch(r"\d+(\.0+)?", text):
        return None
    return int(float(text)) or None


def model_of(run: Run) -> str | None:
    """The evaluated model as far as tags and params say."""
    if model := run.data.tags.get("model"):
        return str(model)
    for ending in _MODEL:
        for name, value in run.data.params.items():
            if name.rpartition(".")[2] == ending and value not in ("", "None", "null"):
                return str(value)
    return None


def read_results(content: Any) -> dict[str, Any]:
    """`samples` and `model` out of a parsed results.yml or config.yml, each only when the file says it."""
    told: dict[str, Any] = {}
    for name, value in _leaves(content):
        if name in _LIMITS and (count := _count(value)) is not None:
            told["samples"] = count
        elif name in ("model_id", "served_model_name") and isinstance(value, str):
            told.setdefault("model", value)
    counts = [value for name, value in _leaves(content) if name == "count" and isinstance(value, int)]
    if counts and "samples" not in told:
        told["samples"] = max(counts)
    return told


def _leaves(part: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(part, Mapping):
        for key, inner in part.items():
            yield from _leaves(inner, str(key))
    elif isinstance(part, list):
        for inner in part:
            yield from _leaves(inner, name)
    else:
        yield name, part
