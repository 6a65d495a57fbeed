"""What the launcher writes for one evaluation: its config, and the folder of each task with its texts."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import yaml

from mlflow_mcp.cli.demo import training
from mlflow_mcp.cli.demo.logs import PLANTED, moment, write_logs

LLAMA, QWEN = "meta/llama-3.1-8b-instruct", "qwen/qwen2.5-7b-instruct"


@dataclass(frozen=True)
class Task:
    harness: str
    prefix: str  # of its metrics, and its name in results.yml: not always the task's
    samples: int
    max_new_tokens: int
    scale: int  # 1 or 100: what a perfect score is called
    scores: Mapping[tuple[str, str], float]  # (metric, score) -> how much easier than the task as a whole

    def values(self, skill: float, limit: int | None, luck: int) -> Iterator[tuple[str, str, float, dict[str, Any]]]:
        """(metric, score, value, stats) of one evaluation: so many samples right out of so many."""
        n = limit or self.samples
        for (metric, score), gain in self.scores.items():
            share = (round(n * (skill + gain)) + luck) / n
            stddev = self.scale * math.sqrt(share * (1 - share))
            stats = {
                "count": n,
                "mean": share * self.scale,
                "stddev": stddev,
                "stderr": stddev / math.sqrt(n),
            }
            yield metric, score, share * self.scale, stats


STRICT, INSTRUCTION = "prompt_level_strict_acc", "inst_level_strict_acc"
MMLU_SCORES = {("pass_at_1", "symbolic_correct"): 0.0, ("stem/math", "symbolic_correct"): 0.06}
TASKS = {
    "mmlu-pro": Task("simple_evals", "mmlu-pro", 12_032, 4_096, 1, MMLU_SCORES),
    "gpqa_diamond": Task(
        "simple_evals", "gpqa_diamond", 198, 8_192, 1, {("score", "micro"): 0, ("score", "macro"): -0.01}
    ),
    "aime_2025": Task("simple_evals", "AIME_2025", 480, 32_768, 100, {("pass_at_1", "avg-of-16"): 0}),
    "ifeval": Task(
        "lm-evaluation-harness",
        "ifeval",
        541,
        1_280,
        1,
        {(STRICT, STRICT): 0, (INSTRUCTION, INSTRUCTION): 0.07},
    ),
}
SKILL = {
    LLAMA: {"mmlu-pro": 0.5123, "gpqa_diamond": 0.328, "aime_2025": 0.0667, "ifeval": 0.7893},
    QWEN: {"mmlu-pro": 0.5634, "gpqa_diamond": 0.364, "aime_2025": 0.0979, "ifeval": 0.7209},
}


@dataclass(frozen=True)
class Export:
    """One run that the launcher exported: one task, or several in very old exports."""

    invocation: str
    experiment: str
    model: str
    day: int  # of October 2026
    tasks: tuple[str, ...]
    index: int = 0  # the job's number in its invocation
    invocation_tasks: tuple[str, ...] = ()  # those of all its jobs, when there are more than its own
    name: str | None = None
    limit: int | None = None
    luck: int = 0  # samples right beyond the model's skill
    reexport_luck: int | None = None
    tags: str = "invocation_id job_id task_name benchmark harness executor team purpose"
    config_params: bool = True
    config_file: str = "config.yml"
    secret: str | None = None
    reports: bool = False
    failed: bool = False
    log_bytes: int = 0

    @property
    def user(self) -> str:
        return "ben" if self.model == QWEN else "ana"

    @property
    def exported_at(self) -> int:
        return training.OCTOBER + (self.day - 1) * 24 * training.HOUR + self.index * training.HOUR // 12


# The launcher's settings: with the run's own, some 75 leaves, which are its `config.*` params.
_CONFIG = """
execution:
  {type: slurm, hostname: login.cluster.example, account: llm_eval, partition: batch, num_nodes: 1,
   ntasks_per_node: 1, gpus_per_node: 8, walltime: '04:00:00', max_retries: 3, poll_seconds: 30,
   subproject: evals, sbatch_comment: null, output_dir: /lustre/results, mounts: {mount_home: false},
   env_vars: {HF_HOME: /cache/hf, HF_HUB_OFFLINE: 0, NCCL_DEBUG: WARN}, auto_export: {destinations: [mlflow]}}
deployment:
  {type: vllm, image: 'vllm/vllm-openai:v0.11.0', port: 8000, tensor_parallel_size: 4,
   pipeline_parallel_size: 1, data_parallel_size: 2, gpu_memory_utilization: 0.92, max_model_len: 65536,
   max_num_seqs: 256, dtype: bfloat16, enable_prefix_caching: true, enforce_eager: false,
   trust_remote_code: false, seed: 0, extra_args: '--disable-log-requests', multiple_instances: false,
   endpoints: {chat: /v1/chat/completions, completions: /v1/completions, health: /health},
   env_vars: {VLLM_CACHE_ROOT: /cache/vllm, VLLM_USE_V1: 1}}
evaluation:
  nemo_evaluator_config:
    config: {params: {temperature: 0.6, top_p: 0.95, parallelism: 32, request_timeout: 3600, max_retries: 5}}
    target: {api_endpoint: {type: chat, stream: false, adapter_config: {
      use_caching: true, caching_dir: /cache/responses, use_reasoning: false, use_request_logging: true,
      max_logged_requests: 20, use_response_logging: true, max_logged_responses: 20, html_report_size: 5,
      log_failed_requests: true, use_progress_tracking: true, progress_tracking_interval: 50}}}
  env_vars: {OPENAI_API_KEY: JUDGE_KEY_NAME, HF_TOKEN: 'host:HF_TOKEN', JUDGE_URL: 'https://judge.example/v1'}
  container: {image: 'registry.example/eval-factory:25.09', pull: always}
export:
  mlflow: {tracking_uri: 'https://mlflow.example', log_metrics: all, log_logs: false, only_required: true,
           copy_artifacts: true, skip_existing: false, tags: {team: post-training, purpose: release}}
"""


def launcher_config(export: Export) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(_CONFIG)
    config["deployment"] |= {
        "checkpoint_path": f"/lustre/models/{export.model}",
        "served_model_name": export.model,
    }
    config["export"]["mlflow"]["experiment_name"] = export.experiment
    # The config of the whole invocation, in every run of it.
    config["evaluation"]["tasks"] = [
        {"name": task, "nemo_evaluator_config": {"config": {"params": {"max_new_tokens": TASKS[task].max_new_tokens}}}}
        for task in export.invocation_tasks or export.tasks
    ]
    # A full run either says None or does not say it at all: both are found.
    if export.limit or export.user == "ben":
        config["evaluation"]["nemo_evaluator_config"]["config"]["params"]["limit_samples"] = export.limit
    if export.secret:
        config["deployment"]["api_key"] = export.secret
    return config


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Leaves of a YAML tree under dotted paths, as strings."""
    if not isinstance(value, dict | list):
        yield path, str(value)
        return
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        yield from flat(child, f"{path}.{key}" if path else str(key))


def write_task(folder: Path, export: Export, name: str) -> dict[str, int]:
    """`<harness>.<task>` with its artifacts and, where there are any, logs: the counts of what those say."""
    task, artifacts = TASKS[name], folder / "artifacts"
    artifacts.mkdir(parents=True)
    luck = export.luck if export.reexport_luck is None else export.reexport_luck
    metrics: dict[str, Any] = {}
    for metric, score, value, stats in task.values(SKILL[export.model][name], export.limit, luck):
        metrics.setdefault(metric, {"scores": {}})["scores"][score] = {"value": value, "stats": stats}
    run_config = {
        "framework_name": task.harness,
        "pkg_name": task.harness.replace("-", "_"),
        "config": {
            "type": name,
            "output_dir": "/results",
            "params": {
                "limit_samples": export.limit,
                "max_new_tokens": task.max_new_tokens,
                "parallelism": 32,
                "request_timeout": 3600,
                "temperature": 0.6,
                "top_p": 0.95,
            },
        },
        "target": {
            "api_endpoint": {"model_id": export.model, "type": "chat", "url": "http://node-17:8000/v1"},
        },
    }
    results = {
        "command": f"{task.harness} run --task {name} --model {export.model} --out /results",
        "git_hash": "8d1f0c5b7a",
        **{key: run_config[key] for key in ("config", "target")},
        "results": {"groups": {}, "tasks": {task.prefix: {"metrics": metrics}}},
    }
    for file, content in {
        "results.yml": results,
        "run_config.yml": run_config,
        "metadata.yaml": {"versioning": {"launcher": "0.1.16", "image": "registry.example/eval-factory:25.09"}},
    }.items():
        (artifacts / file).write_text(yaml.safe_dump(content, sort_keys=False))
    factory = json.dumps(_factory_metrics(export, task), indent=2)
    (artifacts / "eval_factory_metrics.json").write_text(factory)
    if export.reports:
        (artifacts / "scores.png").write_bytes(_png())
        (artifacts / "report.json").write_text(json.dumps({"task": name, "samples": [{"answer": "4"}]}))
        (artifacts / "report.html").write_text(f"<html><body><h1>{name}</h1><p>2+2? <b>4</b></p></body></html>\n")
    if not export.log_bytes:
        return {}
    return write_logs(folder / "logs", export.invocation, task.samples, export.log_bytes, _evaluated(export, task))


def _evaluated(export: Export, task: Task) -> tuple[float, float]:
    """Start (seconds since the epoch) and duration of the evaluation, which was over before its export."""
    runtime = 180 + (export.limit or task.samples) / 8
    return export.exported_at / 1000 - 1_500 - runtime, runtime


def _factory_metrics(export: Export, task: Task) -> dict[str, Any]:
    """Latency, tokens, finish reasons, status codes and memory; and when the evaluation really ran."""
    rng = Random(f"{export.invocation}.{task.prefix}")  # noqa: S311 - made-up numbers, not secrets
    n = export.limit or task.samples
    # The largest run's numbers are those of its logs; the others' are in proportion.
    seen = {text: lines * n // TASKS["mmlu-pro"].samples for text, lines in PLANTED.items()}
    length = seen["finish_reason=length"]
    latency, prompt, completion = rng.uniform(2_000, 9_000), rng.randint(150, 900), rng.randint(300, 1_800)
    start, runtime = _evaluated(export, task)
    return {
        "response_stats": {
            "count": n,
            "successful_count": n,
            "cached_responses": seen["Returning cached response"],
            "avg_latency_ms": latency,
            "latency_ms": {
                "p50": latency * 0.83,
                "p95": latency * 2.4,
                "p99": latency * 3.9,
                "max": latency * 6.2,
            },
            "avg_prompt_tokens": prompt,
            "avg_completion_tokens": completion,
            "total_prompt_tokens": prompt * n,
            "total_completion_tokens": completion * n,
            "total_tokens": (prompt + completion) * n,
            "finish_reason": {"stop": n - length, "length": length},
            "status_codes": {"200": n, "429": seen["HTTP 429"], "500": seen["HTTP 500"]},
        },
        "evaluation": {
            "start_time": moment(start).isoformat(),
            "end_time": moment(start + runtime).isoformat(),
            "runtime_seconds": runtime,
            "inference_time_seconds": runtime - 180,
            "scoring_time_seconds": 31.5,
            "peak_memory_bytes": rng.randint(2, 6) * 1_073_741_824 + 917_504,
            "peak_tree_memory_bytes": rng.randint(7, 9) * 1_073_741_824,
        },
    }


def _png() -> bytes:
    """A grey gradient of 32 x 16 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = b"".join(b"\0" + bytes(range(0, 256, 8)) for _ in range(16))
    header = struct.pack(">IIBBBBB", 32, 16, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data
