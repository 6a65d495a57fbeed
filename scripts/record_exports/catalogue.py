"""catalogue.json: what is in the recorded store, by names that tests can use, with the truth about each job."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import evaluations
import log_text
from environments import PACKAGES
from evaluations import Invocation
from exports import Recorder
from folders import errors_in_log
from tracking_store import Run, all_experiments, all_runs, metric_points, traces

INVOCATIONS = (
    *(evaluations.CANDIDATE, evaluations.BASELINE, evaluations.RESUMED, evaluations.TRIAL),
    *(evaluations.PARTLY_LIMITED, evaluations.BROKEN),
    *(evaluations.OLD_WHOLE, evaluations.OLD_JOBS, evaluations.OLDEST),
)


def describe(recorder: Recorder, store: Path) -> dict[str, Any]:
    runs, experiments = all_runs(recorder.server), all_experiments(recorder.server)
    described = [described_run(run, experiments, recorder.notes, store) for run in runs.values()]
    described.sort(key=lambda run: (run["started"], run["run_id"]))
    return {
        "recorded": f"{datetime.now(timezone.utc):%Y-%m-%d}",
        "packages": {name: list(which) for name, which in PACKAGES.items()},
        "experiments": {name: number for number, name in experiments.items() if name != "Default"},
        "invocations": {invocation.key: described_invocation(invocation) for invocation in INVOCATIONS},
        "runs": described,
        "corrected": corrected(recorder.server, described),
        "old_duplicate": old_duplicate(described),
        "log_phrase": log_phrase(),
        "paired_samples": paired_samples(),
        "traces": trace_counts(recorder.server, experiments),
    }


def described_run(run: Run, experiments: dict[str, str], notes: list[dict[str, Any]], store: Path) -> dict[str, Any]:
    own = [note for note in notes if note["run_id"] == run.run_id]
    artifacts = store / "artifacts" / run.experiment_id / run.run_id / "artifacts"
    files = sorted(str(path.relative_to(artifacts)) for path in artifacts.rglob("*") if path.is_file())
    return {
        "run_id": run.run_id,
        "name": run.name,
        "experiment": experiments[run.experiment_id],
        "status": run.status,
        "started": instant(run.start_time),
        "ended": instant(run.end_time) if run.end_time else None,
        "exported_by": own[0]["exported_by"],
        "exports": len(own),
        "traits": [trait for note in own for trait in note["traits"]],
        "invocation_id": run.tag.get("invocation_id"),
        "job_id": run.tag.get("job_id"),
        "task": run.tag.get("task_name"),
        "files": files,
    }


def instant(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, timezone.utc):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def described_invocation(invocation: Invocation) -> dict[str, Any]:
    return {
        "id": invocation.id,
        "model": invocation.model,
        "executor": invocation.executor,
        "jobs": [described_job(invocation, index) for index in range(len(invocation.tasks))],
    }


def described_job(invocation: Invocation, index: int) -> dict[str, Any]:
    """`samples` is the true number of questions. `count_sources` are the places where the exported data says it."""
    task = invocation.tasks[index]
    if not task.arrived:
        return {"job_id": invocation.job_id(index), "task": task.type, "arrived": False}
    limit = task.params.get("limit_samples", invocation.params.get("limit_samples"))
    return {
        "job_id": invocation.job_id(index),
        "task": task.type,
        "arrived": True,
        "samples": task.questions,
        "repeats": task.repeats,
        "limit": limit,
        "responses": task.responses,
        "count_sources": count_sources(task.results),
        "client_logs": 1 if invocation.executor == "local" else task.client_logs,
    }


def count_sources(results: dict[str, Any]) -> list[str]:
    text = json.dumps(results)
    return [source for source in ("num_entries", "count") if f'"{source}"' in text]


def corrected(server: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The score that a re-export changed, in one of the job's two copies."""
    job_id, metric = evaluations.CANDIDATE.job_id(3), "AIME_2025_score_micro"
    copies = [run for run in runs if run["job_id"] == job_id]
    points = {run["run_id"]: metric_points(server, run["run_id"], metric) for run in copies}
    return {
        "job_id": job_id,
        "metric": metric,
        "old": 0.7133,
        "new": 0.7433,
        "points": {
            run_id: [
                {"value": point["value"], "step": point.get("step", 0), "time": point["timestamp"]} for point in found
            ]
            for run_id, found in points.items()
        },
        "overwritten": next(run_id for run_id, found in points.items() if len(found) > 1),
        "not_overwritten": next(run_id for run_id, found in points.items() if len(found) == 1),
    }


def old_duplicate(runs: list[dict[str, Any]]) -> dict[str, Any]:
    job_id = evaluations.OLD_JOBS.job_id(0)
    first, second = [run["run_id"] for run in runs if run["job_id"] == job_id]
    return {
        "job_id": job_id,
        "metric": "gpqa_diamond_score_micro",
        "first": {"run_id": first, "value": 0.4545},
        "second": {"run_id": second, "value": 0.4697},
    }


def log_phrase() -> dict[str, Any]:
    """A phrase whose count in a client's log is known; only one of the candidate's two copies has logs."""
    counts = {evaluations.CANDIDATE.job_id(index): errors_in_log(index) for index in range(5)}
    return {"phrase": log_text.CONNECTION_ERROR, "in_client_log_of": counts}


def paired_samples() -> dict[str, Any]:
    candidate, baseline = evaluations.CANDIDATE.tasks[2].samples, evaluations.BASELINE.tasks[2].samples
    pairs = [(new["prompt_level_strict_acc"], old["prompt_level_strict_acc"]) for new, old in zip(candidate, baseline)]
    return {
        "task": "ifeval",
        "candidate": evaluations.CANDIDATE.job_id(2),
        "baseline": evaluations.BASELINE.job_id(2),
        "field": "prompt_level_strict_acc",
        "rows": len(pairs),
        "both": pairs.count((True, True)),
        "only_candidate": pairs.count((True, False)),
        "only_baseline": pairs.count((False, True)),
        "neither": pairs.count((False, False)),
    }


def trace_counts(server: str, experiments: dict[str, str]) -> dict[str, int]:
    """How many traces each run has."""
    counts: dict[str, int] = {}
    for trace in traces(server, list(experiments)):
        run_id = trace["trace_metadata"].get("mlflow.sourceRun", "")
        counts[run_id] = counts.get(run_id, 0) + 1
    return counts
