"""Exports of evaluations with the files that a test is about, in a local store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.raw_store import RawRun, run_id

INVOCATION = "a1" * 8


def evaluated(
    folder: Path,
    number: int,
    task: str = "ifeval",
    *,
    harness: str = "lm-evaluation-harness",
    files: Mapping[str, Any] | None = None,
    invocation: str = INVOCATION,
    **fields: Any,
) -> RawRun:
    """Job `number % 10` of the invocation. `files` are paths below the task's folder with what they hold."""
    home = folder / run_id(number)
    for path, content in (files or {}).items():
        file = home / f"{harness}.{task}" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        is_text = isinstance(content, str)
        file.write_text(
            content if is_text else json.dumps(content) if path.endswith("json") else yaml.safe_dump(content)
        )
    tags = {
        "invocation_id": invocation,
        "job_id": f"{invocation}.{number % 10}",
        "task_name": task,
        "benchmark": task,
        "harness": harness,
    }
    return RawRun(
        run_id(number),
        name=f"eval-{invocation}-{task}",
        artifact_uri=home.as_uri(),
        **{**fields, "tags": {**tags, **fields.get("tags", {})}},
    )


def results(
    scores: Mapping[str, Mapping[str, Any]] | None = None, task: str = "ifeval", **params: Any
) -> dict[str, Any]:
    """A results.yml: `scores` are the scores of a metric of the same name, as `{"value": …, "stats": {…}}`."""
    metrics = {name: {"scores": {name: score}} for name, score in (scores or {}).items()}
    return {
        "config": {"params": params, "type": task},
        "results": {"groups": {}, "tasks": {task: {"metrics": metrics}}},
        "target": {"api_endpoint": {"model_id": "acme/nova"}},
    }


def statistics(count: int, **evaluation: Any) -> dict[str, Any]:
    """An eval_factory_metrics.json of responses of which none failed."""
    return {"response_stats": {"count": count, "successful_count": count}, "evaluation": evaluation}
