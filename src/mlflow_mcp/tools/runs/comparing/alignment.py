"""Two or more sides of runs laid next to each other: metrics aligned by task, and only what differs. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mlflow_mcp.entities.direction import better, is_share
from mlflow_mcp.entities.launcher import metrics_by_task
from mlflow_mcp.entities.metrics import is_finite, select_names
from mlflow_mcp.entities.recorded_scores import DERIVED, StandardError
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.entities.samples import Proof, Samples
from mlflow_mcp.entities.twins import without_twins
from mlflow_mcp.text import hint, number, plural


@dataclass
class Side:
    """One of the things compared: a run, or an invocation as its runs by task. `label` is A, B, C, …"""

    label: str
    id: str  # as the caller wrote it
    name: str
    runs: dict[str, RunView]  # by task; a run that is no task stands under ""
    samples: dict[str, Samples] = field(default_factory=dict)
    configs: dict[str, Mapping[str, str]] = field(default_factory=dict)  # the flattened config of each task alone
    model: str | None = None
    is_export: bool = False  # whether its times are those of exports
    errors: dict[str, Mapping[str, StandardError]] = field(default_factory=dict)  # of scores by run id and metric name

    def metrics(self, task: str) -> dict[str, float]:
        run = self.runs.get(task)
        return dict(run.metrics) if run is not None else {}


def align(sides: Sequence[Side]) -> None:
    """Let single runs of unlike or unnamed tasks meet: sides of one run each are compared as they are. An old run that holds
    a whole invocation meets the tasks of the others by the names of its metrics."""
    tasks = sorted({task for side in sides for task in side.runs if task})
    for side in sides:
        if tasks and "" in side.runs and len(sides) > 1:
            _split_by_task(side, tasks)
    if all(len(side.runs) == 1 for side in sides) and len({task for side in sides for task in side.runs}) > 1:
        for side in sides:
            side.runs = {"": next(iter(side.runs.values()))}
            side.samples = {"": next(iter(side.samples.values()), Samples())}
            side.configs = {"": next(iter(side.configs.values()), {})}


def _split_by_task(side: Side, tasks: Sequence[str]) -> None:
    whole = side.runs[""]
    by_task = metrics_by_task(whole.metrics, [task for task in tasks if task not in side.runs])
    for task, metrics in by_task.items():
        if task and metrics:
            side.runs[task] = replace(whole, metrics=metrics)
    if by_task[""]:
        side.runs[""] = replace(whole, metrics=by_task[""])
    elif len(side.runs) > 1:
        del side.runs[""]


def metric_rows(sides: Sequence[Side], base: Side, names: Sequence[str] | None) -> tuple[list[str], list[list[Any]]]:
    """A row per task and metric that two sides share at least: values, then delta and relative delta of each against the
    baseline (from full values), then the label of the best. `names` are metric names or globs; None means all."""
    others = [side for side in sides if side is not base]
    columns = ["task", "metric", *(side.label for side in sides)]
    for side in others:
        columns += [f"{side.label}-{base.label}", f"({side.label}-{base.label})/|{base.label}|"]
    columns.append("best")
    rows = []
    for task in _tasks(sides):
        values = [side.metrics(task) for side in sides]
        for name, also in without_twins(values, _shared(values, names), fold=names is None):
            row = [each.get(name) for each in values]
            reference = base.metrics(task).get(name)
            changes: list[Any] = []
            for side in others:
                changes += deltas(side.metrics(task).get(name), reference)
            rows.append(
                [
                    task or None,
                    " = ".join([name, *also]),
                    *(number(value) for value in row),
                    *changes,
                    best_label([side.label for side in sides], row, name),
                ]
            )
    return columns, rows


def with_errors(
    sides: Sequence[Side], columns: Sequence[str], rows: Sequence[Sequence[Any]]
) -> tuple[list[str], list[list[Any]], list[str]]:
    """The columns and rows of metrics with the standard error of each side's score before `best`; and a sentence on where they
    are from, when there are some."""
    found = [[_error_of(side, row[0] or "", row[1]) for side in sides] for row in rows]
    known = [error for of_row in found for error in of_row if error is not None]
    if not known:
        return list(columns), [list(row) for row in rows], []
    widened = [
        [*row[:-1], *(error and number(error.value, 3) for error in errors), row[-1]]
        for row, errors in zip(rows, found)
    ]
    source = f"; some are {DERIVED}" if any(error.source == DERIVED for error in known) else ""
    note = f"stderr: as each side's results.yml has it for this value{source}."
    return [*columns[:-1], *(f"stderr {side.label}" for side in sides), columns[-1]], widened, [note]


def _error_of(side: Side, task: str, names: str) -> StandardError | None:
    """The recorded standard error of the very value that is compared."""
    run = side.runs.get(task)
    recorded = side.errors.get(run.run_id, {}) if run else {}
    errors = (recorded.get(name) for name in names.split(" = "))
    value = side.metrics(task).get(names.partition(" = ")[0])
    return next((error for error in errors if error and error.is_of(value)), None)


def _tasks(sides: Sequence[Side]) -> list[str]:
    return sorted({task for side in sides for task in side.runs})


def _shared(values: Sequence[Mapping[str, float]], names: Sequence[str] | None) -> list[str]:
    counts: dict[str, int] = {}
    for each in values:
        for name in each:
            counts[name] = counts.get(name, 0) + 1
    shared = sorted(name for name, count in counts.items() if count > 1)
    return select_names(names, shared) if names is not None else [n for n in shared if not n.startswith("system/")]


def not_compared(sides: Sequence[Side], names: Sequence[str] | None) -> list[str]:
    """A sentence for each metric asked for that is not compared; when none was named, for the system metrics left out."""
    sets = [{name for task in side.runs for name in side.metrics(task)} for side in sides]
    known = sorted(set().union(*sets))
    if names is None:
        system = [name for name in known if name.startswith("system/") and sum(name in each for each in sets) > 1]
        return [f"Not compared: {plural(len(system), 'system metric')}; metrics=['system/*'] does."] if system else []
    sentences = []
    for pattern in names:
        found = select_names([pattern], known)
        if not found:
            sentences.append(f"None of these runs has metric '{pattern}'. {hint(pattern, known)}".strip())
        elif not any(_shared([side.metrics(task) for side in sides], found) for task in _tasks(sides)):
            labels = ", ".join(side.label for side, each in zip(sides, sets) if not each.isdisjoint(found))
            sentences.append(
                f"Metric '{pattern}' is not compared: no two sides have it for one task (it is in {labels})."
            )
    return sentences


def deltas(value: float | None, reference: float | None) -> list[Any]:
    """The difference to the reference and the relative one, from full values; None for what is no number."""
    if value is None or reference is None or not is_finite(value) or not is_finite(reference):
        return [None, None]
    delta = value - reference
    return [number(delta), _in_percent(delta / abs(reference)) if reference else None]


def _in_percent(share: float) -> str | None:
    """`+4.13%`; short also where the baseline is next to nothing, and None where the quotient is too large for a number."""
    if math.isinf(share):
        return None
    return f"{share:+.2%}" if abs(share) < 1_000 else f"{share * 100:+.3g}%"


def best_label(labels: Sequence[str], row: Sequence[float | None], name: str) -> str | None:
    """The label of the best value, of all that share it; None where all are equal, fewer than two are numbers, or the
    metric's name does not say which side is better."""
    ranked = [(value, label) for value, label in zip(row, labels) if value is not None and is_finite(value)]
    mode = better(_without_dataset(name))
    if len(ranked) < 2 or len({value for value, _ in ranked}) == 1 or mode is None:
        return None
    best = (min if mode == "min" else max)(value for value, _ in ranked)
    return "=".join(label for value, label in ranked if value == best)


def _without_dataset(name: str) -> str:
    """The metric of `metric [dataset]`; MLflow allows no brackets in a metric's name."""
    return name.partition(" [")[0]


def only_on_one_side(sides: Sequence[Side], names: Sequence[str] | None) -> dict[str, list[str]]:
    """By label, the tasks and metrics that no other side has: `task 'x'`, `task: metric` or `metric`. Of metrics that are
    named (`names`) only these, and no tasks without them."""
    found: dict[str, list[str]] = {}
    for side in sides:
        others = [other for other in sides if other is not side]
        for task in side.runs:
            own = _named(side.metrics(task), names)
            if task and not any(task in other.runs for other in others):
                if names is not None and not own:
                    continue
                found.setdefault(side.label, []).append(f"task '{task}'")
                continue
            theirs = {name for other in others for name in other.metrics(task)}
            mine = sorted(name for name in own if name not in theirs)
            found.setdefault(side.label, []).extend(f"{task}: {name}" if task else name for name in mine)
    return {label: names for label, names in found.items() if names}


def _named(metrics: Mapping[str, float], names: Sequence[str] | None) -> list[str]:
    return list(metrics) if names is None else select_names(names, sorted(metrics))


def unequal_samples(sides: Sequence[Side]) -> list[str]:
    """A sentence for each task whose sides are proved to have had unlike limits, counts or repeats of samples."""
    sentences = []
    for task in _tasks(sides):
        samples = {side.label: side.samples.get(task, Samples()) for side in sides if task in side.runs}
        about = f"Task {task}: " if task else ""
        limits = {
            label: None if each.is_below_limit and not each.is_trial else each.limit for label, each in samples.items()
        }
        if len({each and each.value for each in limits.values()}) > 1:
            small = any(each.is_trial or (each.limit and each.limit.value < 1) for each in samples.values())
            verdict = "do not compare" if small else "compare with care"
            sentences.append(f"{about}unequal sample limits ({_proofs(limits, 'no limit recorded')}): {verdict}.")
            continue
        for kind, proofs in (
            ("sample counts", {label: each.counted for label, each in samples.items()}),
            ("repeats per sample", {label: each.repeats for label, each in samples.items()}),
        ):
            if len({proof.value for proof in proofs.values() if proof}) > 1:
                known = {label: proof for label, proof in proofs.items() if proof}
                sentences.append(f"{about}unequal {kind} ({_proofs(known)}): compare with care.")
        sentences += _unequal_responses(about, samples)
    return sentences


def _unequal_responses(about: str, samples: Mapping[str, Samples]) -> list[str]:
    """Where not all sides' samples are counted, that their responses differ: the only sign of unlike samples then."""
    responses = {label: each.responses for label, each in samples.items() if each.responses}
    repeats = {each.repeats.value if each.repeats else 1 for each in samples.values()}
    counted = all(each.counted for each in samples.values())
    if counted or len(repeats) > 1 or len({proof.value for proof in responses.values()}) < 2:
        return []
    return [f"{about}unequal responses ({_proofs(responses)}), retries included; samples are not counted on all sides."]


def _proofs(proofs: Mapping[str, Proof | None], without: str = "") -> str:
    return ", ".join(f"{label} {proof.value:g}" if proof else f"{label} {without}" for label, proof in proofs.items())


def unlike_scales(sides: Sequence[Side]) -> list[str]:
    """A sentence for each metric that one side seems to give as a share (0 to 1) and another in percent."""
    sentences = []
    for task in _tasks(sides):
        values = [(side, side.metrics(task)) for side in sides]
        for name in _shared([each for _, each in values], None):
            row = {side.label: each[name] for side, each in values if is_finite(each.get(name))}
            if not row or not is_share(_without_dataset(name)):
                continue
            low, high = min(row.values()), max(row.values())
            if 0 < low <= 1 < high <= 100 and high / low > 20:
                small = ", ".join(label for label, value in row.items() if value <= 1)
                sentences.append(f"{name}: {small} looks like 0-1 and the rest like 0-100; its deltas mean nothing.")
    return sentences
