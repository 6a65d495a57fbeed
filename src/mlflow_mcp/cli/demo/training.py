"""The ordinary half of the demo's data: training runs with loss curves, and a sweep of nested runs."""

from __future__ import annotations

import contextlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

OCTOBER = int(datetime(2026, 10, 1, 8, tzinfo=timezone.utc).timestamp() * 1000)
"""The demo's first moment in milliseconds. Runs are placed relative to it, so that the data never changes."""

HOUR = 3_600_000

STEPS = 400
SPIKE_STEP = 237
NAN_FROM_STEP = 385
BASE_RUN, SPIKE_RUN, DIVERGED_RUN = "sft-8b-base", "sft-8b-bs512", "sft-8b-lr3e-3"
SWEEP_PARENT = "lr-batch-optimizer-grid"


def record_run(  # noqa: PLR0913  # one keyword per thing that a run records
    client: MlflowClient,
    experiment_id: str,
    name: str,
    *,
    start: int,
    end: int,
    status: str = "FINISHED",
    tags: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    metrics: Sequence[Metric] = (),
    artifacts: Path | None = None,
) -> str:
    """Write one whole run in as few requests as MLflow allows, and return its id. Prints nothing."""
    from mlflow.entities import Param

    run_id: str = client.create_run(experiment_id, start_time=start, tags=dict(tags or {}), run_name=name).info.run_id
    pairs = [Param(key, value) for key, value in (params or {}).items()]
    # A batch holds at most 1,000 things, of which 100 params: 900 points leave room for them.
    for first in range(0, max(len(metrics), 1), 900):
        client.log_batch(run_id, metrics=metrics[first : first + 900], params=[] if first else pairs)
    if artifacts is not None:
        client.log_artifacts(run_id, str(artifacts))
    # Against a server, set_terminated prints a link to the run on stdout, which may be carrying JSON-RPC.
    with contextlib.redirect_stdout(io.StringIO()):
        client.set_terminated(run_id, status=status, end_time=end)
    return run_id


def seed_training(client: MlflowClient, experiment_id: str) -> dict[str, str]:
    """Three fine-tuning runs of 400 steps: one smooth, one with a single-step spike, one that ends in NaN.

    Returns run name -> run id. All are FINISHED: only the values tell that the last one failed.
    """
    runs = {}
    for index, (name, peak_lr, batch) in enumerate(
        [(BASE_RUN, 3e-4, 256), (SPIKE_RUN, 3e-4, 512), (DIVERGED_RUN, 3e-3, 256)]
    ):
        start = OCTOBER + (24 * index + 30) * HOUR
        runs[name] = record_run(
            client,
            experiment_id,
            name,
            start=start,
            end=start + 3 * HOUR,
            tags={
                "mlflow.user": "ana",
                "mlflow.source.git.commit": f"{0x9C1E5A7B30D2 + index:012x}" + "4f" * 14,
                "mlflow.note.content": f"Fine-tuning, peak learning rate **{peak_lr:g}**, batch {batch}.",
                "team": "post-training",
            },
            params={
                "learning_rate": f"{peak_lr:g}",
                "batch_size": str(batch),
                "optimizer": "adamw",
                "warmup_steps": "40",
                "max_steps": str(STEPS),
                "base_model": "meta/llama-3.1-8b",
            },
            metrics=_curves(name, peak_lr, start),
        )
        _log_dataset(client, runs[name])
    return runs


def _curves(name: str, peak_lr: float, start: int) -> list[Metric]:
    """The five curves of one run; val/loss is measured every tenth step."""
    from mlflow.entities import Metric

    rng = Random(name)  # noqa: S311 - a made-up curve, not a secret
    points: list[Metric] = []
    for step in range(STEPS):
        loss = 1.1 + 1.6 * math.exp(-step / 90) + rng.gauss(0, 0.02)
        norm = 0.8 + 2 * math.exp(-step / 60) + rng.uniform(0, 0.2)
        if name == SPIKE_RUN and step == SPIKE_STEP:
            loss, norm = 9.75, 88.5
        if name == DIVERGED_RUN and step >= 320:
            loss = math.nan if step >= NAN_FROM_STEP else loss + 1.06 ** (step - 320) - 1
            norm = math.nan if step >= NAN_FROM_STEP else norm * 1.08 ** (step - 320)
        values = {
            "train/loss": loss,
            "grad_norm": norm,
            "lr": peak_lr * min(step / 40, 0.5 + 0.5 * math.cos(math.pi * step / STEPS)),
            "system/gpu_0_utilization_percentage": rng.uniform(91, 99),
        }
        if step % 10 == 9:
            values["val/loss"] = loss + 0.08 + rng.gauss(0, 0.01)
        points += [Metric(key, value, start + step * 25_000, step) for key, value in values.items()]
    return points


def _log_dataset(client: MlflowClient, run_id: str) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name="sft-mix-v3",
        digest="5be1f20c",
        source_type="local",
        source=json.dumps({"uri": "/data/sft-mix-v3.jsonl"}),
        profile=json.dumps({"num_rows": 184_320}),
    )
    client.log_inputs(run_id, datasets=[DatasetInput(dataset, tags=[InputTag("mlflow.data.context", "training")])])


def seed_sweep(client: MlflowClient, experiment_id: str) -> tuple[dict[str, str], str]:
    """A parent with twelve children over lr, batch_size and optimizer.

    Child 5's accuracy is NaN, child 8 has none, child 11 was KILLED. Returns run name -> run id, and the
    name of the child with the greatest accuracy.
    """
    from mlflow.entities import Metric

    start, user = OCTOBER + 200 * HOUR, {"mlflow.user": "ben"}
    runs = {SWEEP_PARENT: record_run(client, experiment_id, SWEEP_PARENT, start=start, end=start + 9 * HOUR, tags=user)}
    grid = [(lr, batch, opt) for lr in (1e-4, 3e-4, 1e-3) for batch in (32, 64) for opt in ("adamw", "sgd")]
    accuracies: dict[str, float] = {}
    for child, (lr, batch, optimizer) in enumerate(grid):
        name, begin = f"trial-{child:02d}", start + child * HOUR // 2
        accuracy = 0.86 - 0.09 * abs(math.log10(lr / 3e-4)) - 0.03 * (optimizer == "sgd") - 0.012 * (batch == 64)
        if child == 5:
            accuracy = math.nan
        end = begin + HOUR // 2
        metrics = [
            Metric("loss", round(1 - accuracy, 6), end, 0),
            Metric("accuracy", round(accuracy, 6), end, 0),
        ]
        runs[name] = record_run(
            client,
            experiment_id,
            name,
            start=begin,
            end=end,
            status="KILLED" if child == 11 else "FINISHED",
            tags={**user, "mlflow.parentRunId": runs[SWEEP_PARENT]},
            params={"lr": f"{lr:g}", "batch_size": str(batch), "optimizer": optimizer},
            metrics=metrics[:1] if child == 8 else metrics,
        )
        if child != 8 and not math.isnan(accuracy):
            accuracies[name] = accuracy
    return runs, max(accuracies, key=accuracies.__getitem__)
