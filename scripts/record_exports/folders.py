"""Job folders on disk: what the launcher's environment writes, and beside it the logs, statistics and samples."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import log_text
from environments import Environment
from evaluations import Invocation, Task

SLURM_JOBS = (4815162, 4815977, 4816340)  # a resumed job runs as one Slurm job after the other
ADAPTER = {
    "use_caching": True,
    "use_response_logging": True,
    "use_reasoning": False,
    "params_to_remove": ["max_new_tokens"],
    "log_failed_requests": True,
}


def prepare(
    invocation: Invocation,
    environment: Environment,
    data: Path,
    export: dict[str, Any],
    *,
    auto_export: bool,
    only: int | None = None,
) -> None:
    """All folders of the invocation (or those of one job, again). `export` is the config's `export.mlflow` block."""
    arrived = [index for index, task in enumerate(invocation.tasks) if task.arrived and only in (None, index)]
    description = {
        "id": invocation.id,
        "executor": invocation.executor,
        "model": invocation.model,
        "timestamp": invocation.started.timestamp(),
        "command": f"nemo-evaluator-launcher run --config {data}/configs/{invocation.key}.yaml",
        "config_file": str(data / "configs" / f"{invocation.key}.yaml"),
        "config": user_config(invocation, data, export),
        "auto_export": auto_export,
        "register": not auto_export and only is None,
        "jobs": [job_description(invocation, index, data) for index in arrived],
    }
    script = Path(__file__).with_name("job_folders.py")
    environment.run(environment.program("python"), str(script), cwd=data, input=json.dumps(description))
    for index in arrived:
        folder = invocation.job_folder(data / "nel-results", index)
        write_artifacts(folder / "artifacts", invocation, index)
        write_logs(folder / "logs", invocation, index)
    started = invocation.started.timestamp()
    os.utime(invocation.folder(data / "nel-results"), (started, started))  # read as the jobs' `timestamp`


def job_description(invocation: Invocation, index: int, data: Path) -> dict[str, Any]:
    task = invocation.tasks[index]
    return {
        "job_id": invocation.job_id(index),
        "folder": str(invocation.job_folder(data / "nel-results", index)),
        "harness": task.harness,
        "type": task.type,
        "params": {**invocation.params, **task.params},
        "adapter_config": ADAPTER,
        "results": task.results,
    }


def user_config(invocation: Invocation, data: Path, export: dict[str, Any]) -> dict[str, Any]:
    """What the user wrote. The launcher adds its defaults for the executor and the deployment."""
    slurm = invocation.executor == "slurm"
    execution: dict[str, Any] = {"output_dir": str(data / "nel-results")}
    if slurm:
        execution |= {
            "hostname": "login.hpc.example",
            "username": "jdoe",
            "account": "llm_eval",
            "walltime": "04:00:00",
        }
        execution |= {"auto_export": {"destinations": ["mlflow"]}}
    config: dict[str, Any] = {
        "defaults": [
            {"execution": "slurm/default" if slurm else "local"},
            {"deployment": "vllm" if slurm else "none"},
            "_self_",
        ],
        "execution": execution,
    }
    if slurm:
        config["deployment"] = {
            "checkpoint_path": f"/lustre/models/{invocation.model}",
            "served_model_name": invocation.model,
            "tensor_parallel_size": 4,
            "extra_args": "--max-model-len 65536 --dtype bfloat16",
        }
    else:
        endpoint = {"url": "https://models.example.com/v1/chat/completions", "model_id": invocation.model}
        config["target"] = {"api_endpoint": {**endpoint, "api_key_name": "MODEL_API_KEY"}}
    config["evaluation"] = {
        "env_vars": {"HF_TOKEN": "host:HF_TOKEN", "JUDGE_API_KEY": "host:JUDGE_API_KEY"},
        "nemo_evaluator_config": {
            "config": {"params": invocation.params},
            "target": {"api_endpoint": {"adapter_config": ADAPTER}},
        },
        "tasks": [task_config(task) for task in invocation.tasks],
    }
    if invocation.exporters_under_execution:
        execution["auto_export"] = {"destinations": ["mlflow"], "configs": {"mlflow": export}}
    else:
        config["export"] = {"mlflow": export}
    return config


def task_config(task: Task) -> dict[str, Any]:
    return {"name": task.name, "nemo_evaluator_config": {"config": {"params": task.params}}}


def write_artifacts(folder: Path, invocation: Invocation, index: int) -> None:
    """What the evaluator's interceptors and the harness leave beside results.yml."""
    task = invocation.tasks[index]
    (folder / "eval_factory_metrics.json").write_text(json.dumps(metrics(invocation, task), indent=2))
    examples = [{"prompt": row["doc"]["prompt"], "response": row["resps"][0][0]} for row in task.samples[:8]]
    (folder / "report.json").write_text(json.dumps(examples, indent=2))
    items = "".join(f"<li>{example['prompt']}</li>" for example in examples)
    (folder / "report.html").write_text(f"<html><body><h1>{task.type}</h1><ul>{items}</ul></body></html>")
    (folder / "run_times").mkdir(exist_ok=True)
    (folder / "run_times" / "runtime_0.json").write_text(json.dumps({"run_id": "0", "runtime_seconds": 7560.0}))
    (folder / "cache").mkdir(exist_ok=True)
    (folder / "cache" / "responses.db").write_bytes(b"the exporters leave caches out")
    if task.samples:
        stamp = f"{invocation.started:%Y-%m-%dT%H-%M-%S}"
        samples = folder / invocation.model.replace("/", "__") / f"samples_{task.type}_{stamp}.jsonl"
        samples.parent.mkdir(exist_ok=True)
        samples.write_text("".join(json.dumps(row) + "\n" for row in task.samples))


def metrics(invocation: Invocation, task: Task) -> dict[str, Any]:
    """eval_factory_metrics.json: what the response_stats interceptor and the evaluator write to it."""
    runs, successful = task.client_logs, task.responses - min(task.retries, 3)
    ended = invocation.started + timedelta(hours=2, minutes=6)
    run_times = {
        str(run): {
            "run_start": f"{invocation.started + timedelta(hours=2 * run):%Y-%m-%dT%H:%M:%S}",
            "first_request_time": f"{invocation.started + timedelta(hours=2 * run, seconds=31):%Y-%m-%dT%H:%M:%S}",
            "last_request_time": f"{ended + timedelta(hours=2 * run):%Y-%m-%dT%H:%M:%S}",
            "inference_time": 7021.5,
            "time_to_first_request_seconds": 31.0,
        }
        for run in range(runs)
    }
    return {
        "response_stats": {
            "description": "Response statistics saved during processing",
            "avg_prompt_tokens": 412.7,
            "avg_total_tokens": 412.7 + task.avg_completion_tokens,
            "avg_completion_tokens": task.avg_completion_tokens,
            "avg_latency_ms": 9214.3,
            "max_prompt_tokens": 1944,
            "max_total_tokens": 34712,
            "max_completion_tokens": 32768,
            "max_latency_ms": 181204.9,
            "count": task.responses,
            "successful_count": successful,
            "tool_calls_count": 0,
            "function_calls_count": 0,
            "finish_reason": {"stop": successful - task.truncated, "length": task.truncated},
            "stop_reason": {},
            "status_codes": {"200": successful, "503": task.responses - successful},
            "inference_time": 7021.5 * runs,
            "run_id": runs - 1,
            "last_request_time": f"{ended:%Y-%m-%dT%H:%M:%S}",
            "inference_run_times": run_times,
        },
        "evaluation": {
            "runtime_seconds": 7560.0 * runs,
            "start_time": f"{invocation.started:%Y-%m-%dT%H:%M:%S}.000000Z",
            "end_time": f"{ended:%Y-%m-%dT%H:%M:%S}.000000Z",
            "peak_memory_bytes": 843214848,
            "peak_tree_memory_bytes": 2143289344,
            "total_runs": runs,
            "inference_time_seconds": 7021.5 * runs,
            "scoring_time_seconds": 538.5 * runs,
        },
    }


def errors_in_log(index: int) -> int:
    return 3 + index


def write_logs(folder: Path, invocation: Invocation, index: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    task = invocation.tasks[index]
    if invocation.executor == "local":
        text = log_text.client_log(index, invocation.started, task.type, task.responses, errors=2, ending="done")
        (folder / "client_stdout.log").write_text(text)
        (folder / "stdout.log").write_text(f"{invocation.started:%Y-%m-%dT%H:%M:%SZ} Running {task.type}\n")
        return
    for number in range(task.client_logs):
        started = invocation.started + timedelta(hours=4 * number)
        slurm_job = SLURM_JOBS[number] + index
        ending = "done" if number == task.client_logs - 1 else "timeout"
        text = log_text.client_log(
            10 * index + number, started, task.type, task.responses, errors=errors_in_log(index), ending=ending
        )
        (folder / f"client-{slurm_job}.log").write_text(text)
        (folder / f"server-0-{slurm_job}-0.log").write_text(log_text.server_log(index, started, invocation.model))
        (folder / f"slurm-{slurm_job}.log").write_text(f"Running job {slurm_job} on node-{17 + number}\n")
        (folder / f"proxy-{slurm_job}.log").write_text("[NOTICE] haproxy: new worker forked\n")
