"""Fill a tracking server with the same data, whatever its version: runs in that version's own environment.

    python fill.py http://…

Prints the ids of what it made as one line of JSON. Times are fixed, ids are the server's. Traces came with MLflow 2.14 and logged
models with 3.0: older versions are filled without them, and their names get ids that nothing has.
"""

from __future__ import annotations

import json
import os
import sys

# Traces are sent while this script waits, not by a thread of their own.
os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

UNKNOWN = "0" * 32
START = 1_790_000_000_000  # 2026-09-21, in milliseconds
HOUR = 3_600_000
INVOCATION = "c0ffee71f3f3199e"
LOG = "".join(f"line {number}: {'ERROR 500' if number % 50 == 0 else 'ok'}\n" for number in range(1, 401))

client = MlflowClient(sys.argv[1])
ids: dict[str, str] = {"trace": f"tr-{UNKNOWN}", "logged": f"m-{UNKNOWN}"}


def run(
    name: str,
    experiment: str,
    hour: int,
    tags: dict[str, str],
    params: dict[str, str],
    metrics: dict[str, list[float]],
    status: str = "FINISHED",
) -> str:
    begun = START + hour * HOUR
    tags = {"mlflow.runName": name, "mlflow.user": "jdoe", **tags}
    run_id: str = client.create_run(experiment, start_time=begun, tags=tags).info.run_id
    client.log_batch(
        run_id,
        [
            Metric(key, value, begun + step * 1_000, step)
            for key, values in metrics.items()
            for step, value in enumerate(values)
        ],
        [Param(key, value) for key, value in params.items()],
        [RunTag("team", "nlp")],
    )
    if status != "RUNNING":
        client.set_terminated(run_id, status, begun + HOUR // 2)
    ids[name] = run_id
    return run_id


def evaluation(number: int, task: str, score: float) -> None:
    """A run as the launcher exports it."""
    job = f"{INVOCATION}.{number}"
    tags = {"invocation_id": INVOCATION, "job_id": job, "task_name": task, "benchmark": task, "harness": "simple_evals", "executor": "slurm"}  # fmt: skip
    name = f"eval-{INVOCATION}-{task}"
    metrics = {f"{task}_pass_at_1": [score], "eval_seconds": [12.5 + number]}
    run_id = run(name, ids["evaluations"], number, tags, {"invocation_id": INVOCATION, "executor": "slurm"}, metrics)
    ids[f"job{number}"] = ids.pop(name)
    results = {"results": {"tasks": {task: {"metrics": {"pass@1": {"scores": {"pass@1": {"value": score, "stats": {"stderr": 0.01, "count": 198}}}}}}}}}  # fmt: skip
    client.log_text(run_id, f"execution:\n  type: slurm\ntask: {task}\n", "config.yml")
    client.log_text(run_id, json.dumps(results), f"simple_evals.{task}/artifacts/results.yml")
    client.log_text(run_id, "config:\n  params:\n    limit_samples: null\n", f"simple_evals.{task}/artifacts/run_config.yml")  # fmt: skip
    client.log_text(run_id, LOG, f"simple_evals.{task}/logs/client-4815.log")


def training() -> None:
    experiment = ids["training"]
    parent = run("sweep", experiment, 10, {}, {"grid": "2"}, {})
    for number, rate in enumerate((0.1, 0.01)):
        losses = [round(2.0 / (1 + step * rate), 6) for step in range(200)]
        if number:
            losses[150] = float("nan")
        tags = {"mlflow.parentRunId": parent}
        params = {"lr": str(rate), "model": "nova-30b"}
        metrics = {"loss": losses, "accuracy": [0.5 + number / 10, 0.75 + number / 10]}
        run(f"trial-{number}", experiment, 11 + number, tags, params, metrics)
    run("failed", experiment, 13, {}, {"lr": "1.0"}, {"loss": [float("inf")]}, status="FAILED")
    run("still", experiment, 14, {}, {"lr": "0.5"}, {}, status="RUNNING")
    gone = run("gone", experiment, 15, {}, {"lr": "0.3"}, {"loss": [1.0]})
    client.delete_run(gone)


def model() -> None:
    client.log_text(ids["trial-0"], "flavors: {}\n", "model/MLmodel")
    source = f"{client.get_run(ids['trial-0']).info.artifact_uri}/model"
    client.create_registered_model("shop")
    client.create_model_version("shop", source, ids["trial-0"])
    client.set_registered_model_alias("shop", "best", "1")
    if hasattr(client, "create_logged_model"):
        logged = client.create_logged_model(ids["training"], name="checkpoint", source_run_id=ids["trial-1"], params={"depth": "4"})  # fmt: skip
        client.finalize_logged_model(logged.model_id, "READY")
        ids["logged"] = logged.model_id


def samples() -> None:
    """What each of two runs answered to ten questions."""
    for number in range(2):
        rows = [{"id": question, "correct": int(question % 4 != number)} for question in range(10)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        client.log_text(ids[f"trial-{number}"], text, "samples.jsonl")


def genai() -> None:
    """A prompt in two versions, and a dataset of questions. Prompts came with MLflow 2.21, these datasets with 3.4."""
    if hasattr(client, "register_prompt"):
        for text in ("Greet {{name}}.", "Greet {{name}} warmly."):
            client.register_prompt("greeting", text)
        client.set_prompt_alias("greeting", "live", 2)
    if hasattr(client, "create_dataset"):
        dataset = client.create_dataset("questions", experiment_id=ids["traced"], tags={"team": "nlp"})
        dataset.merge_records([{"inputs": {"question": "2 + 2"}, "expectations": {"answer": "4"}}])


def traces() -> None:
    """Three questions to an agent that searches and writes, of which the second fails in its search."""
    if not hasattr(client, "start_trace"):
        return
    for number in range(3):
        begun, is_failed = (START + number * HOUR) * 1_000_000, number == 1
        question, second = {"question": f"what is {number}?"}, 1_000_000_000
        status = "ERROR" if is_failed else "OK"
        root = client.start_trace("agent", inputs=question, tags={"team": "nlp"}, experiment_id=ids["traced"], start_time_ns=begun)  # fmt: skip
        # MLflow 3 calls the first id trace_id, MLflow 2 request_id.
        trace_id = getattr(root, "trace_id", None) or root.request_id
        span = client.start_span(
            "search", trace_id, root.span_id, span_type="TOOL", inputs=question, start_time_ns=begun
        )
        client.end_span(trace_id, span.span_id, outputs={"hits": number}, status=status, end_time_ns=begun + second)
        client.end_trace(trace_id, outputs={"answer": str(number)}, status=status, end_time_ns=begun + (2 + number) * second)  # fmt: skip
    ids["trace"] = trace_id


ids["evaluations"] = client.create_experiment("evaluations")
ids["training"] = client.create_experiment("training")
ids["traced"] = client.create_experiment("traced")
ids["old plans"] = client.create_experiment("old plans")
client.delete_experiment(ids["old plans"])
evaluation(0, "gpqa", 0.5125)
evaluation(1, "mmlu", 0.7375)
training()
model()
samples()
traces()
genai()
print(json.dumps(ids))
