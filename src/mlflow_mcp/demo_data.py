"""The demo's data: what an evaluation launcher leaves on an MLflow server, with its traps, in any store.

Everything is made up and always the same, except run ids and experiment ids, which the store chooses.
Written through MlflowClient alone, and MLflow is imported only when `seed` is called.
"""

from __future__ import annotations

import json
import math
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import yaml

from mlflow_mcp import demo_training as training

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

DEFAULT, ANA, BEN = "evals", "ana/llama-3.1-8b", "ben/qwen2.5-7b"
LLAMA, QWEN = "meta/llama-3.1-8b-instruct", "qwen/qwen2.5-7b-instruct"
LOGS = "simple_evals.mmlu-pro/logs"
SLURM_JOB = "481516"
# Joined at run time, so that no scanner takes this file for a leak.
SECRET = "hf" + "_" + "".join(chr(97 + (7 * i * i + 3) % 26) for i in range(34))


@dataclass(frozen=True)
class Seeded:
    """What `seed` made: the ids that the demo's questions and the tests speak of."""

    experiments: Mapping[str, str]
    """Experiment name -> experiment id."""
    runs: Mapping[str, str]
    """Run name -> run id. The second run of a name is under `<name>#2`."""
    log_counts: Mapping[str, int]
    """Text -> on how many lines of `log_run`'s logs, all files together, it stands, literally."""
    sweep_best: str
    """Name of the sweep's child with the greatest accuracy; one is NaN, one has none, one was KILLED."""

    candidate: str = "71f3f3199ea5e1f0"
    """Four tasks of LLAMA in ANA, whole and clean: the invocation to ask about first."""
    baseline: str = "0c94be2d86a1f753"
    """The same four tasks of QWEN in BEN. The only invocation whose user asked for a `model` tag."""
    canary: str = "9d27c05be8f41a63"
    """Two tasks of 10 samples in ANA, scoring above the candidate; a config.* param says limit_samples 10."""
    canary_unmarked: str = "e5810f7a2bc94d36"
    """One task of 10 samples in DEFAULT without config.* params: only its artifacts say so."""
    duplicated: str = "b7d20e4c91f35a68"
    """ifeval exported twice (two runs, one job_id, slightly different values), and gpqa_diamond once."""
    two_homes: str = "a4e91c5417b2d903"
    """Two tasks, each exported to DEFAULT and (the `#2` runs) to BEN, with equal values."""
    reexported: str = "a4e91cd8603f2b7e"
    """One run whose metrics have two points at step 0: the later one, five samples better, is the latest."""
    broken: str = "2f6b8d1390c7e4a5"
    """mmlu-pro arrived; aime_2025's export broke: FAILED, with metrics and config.yml only."""
    old_short: str = "48e10937"
    """An 8-digit id from an old launcher: two tasks, config.yaml, few tags, no config.* params."""
    whole: str = "d03a5f7c"
    """Three tasks in ONE run, `eval-<id>`, without task_name and job_id, with three artifact folders."""
    param_only: str = "63be0a19f4d2c857"
    """One run, `gpqa-rerun-friday`, that says its invocation in a param and has no tags but MLflow's."""
    ambiguous_prefix: str = "a4e91c"
    """Begins both `two_homes` and `reexported`."""

    secret: str = SECRET
    """A fake token in the candidate's config.yml and config.* params; no answer should show it."""
    log_run: str = "eval-71f3f3199ea5e1f0-mmlu-pro"
    """Run with the large logs, under `log_path`; the baseline's mmlu-pro has a tenth of them."""
    log_path: str = LOGS
    png_path: str = "simple_evals.mmlu-pro/artifacts/scores.png"
    """A binary artifact of `log_run`."""
    training_experiment: str = "llm-training"
    training_base: str = training.BASE_RUN
    training_spike: str = training.SPIKE_RUN
    """train/loss is 9.75 at `spike_step` alone."""
    training_diverged: str = training.DIVERGED_RUN
    """train/loss is NaN from `nan_from_step` to the end (step 399)."""
    spike_step: int = training.SPIKE_STEP
    nan_from_step: int = training.NAN_FROM_STEP
    sweep_experiment: str = "sweeps"
    sweep_parent: str = training.SWEEP_PARENT


@dataclass(frozen=True)
class _Task:
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
    "mmlu-pro": _Task("simple_evals", "mmlu-pro", 12_032, 4_096, 1, MMLU_SCORES),
    "gpqa_diamond": _Task(
        "simple_evals", "gpqa_diamond", 198, 8_192, 1, {("score", "micro"): 0, ("score", "macro"): -0.01}
    ),
    "aime_2025": _Task("simple_evals", "AIME_2025", 480, 32_768, 100, {("pass_at_1", "avg-of-16"): 0}),
    "ifeval": _Task(
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
class _Export:
    """One run that the launcher exported: one task, or several in very old exports."""

    invocation: str
    experiment: str
    model: str
    day: int  # of October 2026
    tasks: tuple[str, ...]
    index: int = 0  # the job's number in its invocation
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


def _exports(log_bytes: int) -> list[_Export]:
    """Every evaluation run of the demo, oldest first."""

    def jobs(invocation: str, where: str, model: str, day: int, *tasks: str, **more: Any) -> list[_Export]:
        return [_Export(invocation, where, model, day, (t,), n, **more) for n, t in enumerate(tasks)]

    old = "invocation_id job_id task_name executor"
    candidate = jobs(Seeded.candidate, ANA, LLAMA, 12, *TASKS, secret=SECRET, reports=True)
    baseline = jobs(Seeded.baseline, BEN, QWEN, 10, *TASKS, tags=_Export.tags + " model")
    duplicated = jobs(Seeded.duplicated, DEFAULT, LLAMA, 7, "ifeval", "gpqa_diamond", luck=-4)
    friday = {"name": "gpqa-rerun-friday", "tags": "", "config_params": False}
    return [
        _Export(
            Seeded.whole,
            DEFAULT,
            LLAMA,
            1,
            ("mmlu-pro", "gpqa_diamond", "ifeval"),
            luck=-9,
            name=f"eval-{Seeded.whole}",
            tags="invocation_id executor",
            config_params=False,
        ),
        *jobs(
            Seeded.old_short,
            DEFAULT,
            LLAMA,
            2,
            "gpqa_diamond",
            "ifeval",
            luck=-6,
            tags=old,
            config_params=False,
            config_file="config.yaml",
        ),
        *jobs(Seeded.param_only, DEFAULT, LLAMA, 3, "gpqa_diamond", luck=-2, **friday),
        *jobs(Seeded.broken, DEFAULT, LLAMA, 4, "mmlu-pro", luck=-31),
        _Export(Seeded.broken, DEFAULT, LLAMA, 4, ("aime_2025",), 1, failed=True),
        *jobs(Seeded.two_homes, DEFAULT, QWEN, 5, "mmlu-pro", "ifeval", luck=-17),
        *jobs(Seeded.two_homes, BEN, QWEN, 5, "mmlu-pro", "ifeval", luck=-17),
        *jobs(Seeded.reexported, DEFAULT, LLAMA, 6, "gpqa_diamond", luck=-3, reexport_luck=2),
        *duplicated,
        replace(duplicated[0], day=8, luck=-2),
        replace(baseline[0], log_bytes=log_bytes // 10),
        *baseline[1:],
        *jobs(Seeded.canary_unmarked, DEFAULT, LLAMA, 11, "gpqa_diamond", limit=10, luck=3, config_params=False),
        *jobs(Seeded.canary, ANA, LLAMA, 11, "mmlu-pro", "gpqa_diamond", limit=10, luck=2),
        replace(candidate[0], log_bytes=log_bytes),
        *candidate[1:],
    ]  # fmt: skip - one line an invocation


def seed(tracking_uri: str, artifact_root: str | None = None, *, log_megabytes: float = 2.0) -> Seeded:
    """Fill a store with the demo's experiments and say what is where.

    `artifact_root`: a directory or file: URI under which the experiments keep their artifacts; None leaves
    that to the server. `log_megabytes`: size of the largest run's logs. MLflow refuses a store that was
    filled before (RESOURCE_ALREADY_EXISTS), and then nothing was written.
    """
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri)
    root = artifact_root
    if root is not None and not root.startswith("file:"):
        root = Path(root).resolve().as_uri()
    experiments: dict[str, str] = {}
    for name in (DEFAULT, ANA, BEN, Seeded.training_experiment, Seeded.sweep_experiment):
        location = None if root is None else f"{root.rstrip('/')}/{name.replace('/', '-')}"
        experiments[name] = client.create_experiment(name, location)
    runs: dict[str, str] = {}
    log_counts: dict[str, int] = {}
    for export in _exports(int(log_megabytes * 1_000_000)):
        name, run_id, counts = _write(client, experiments[export.experiment], export)
        runs[f"{name}#2" if name in runs else name] = run_id
        log_counts = counts or log_counts  # the largest comes last
    runs |= training.seed_training(client, experiments[Seeded.training_experiment])
    children, best = training.seed_sweep(client, experiments[Seeded.sweep_experiment])
    return Seeded(experiments, runs | children, log_counts, best)


def _write(client: MlflowClient, experiment_id: str, export: _Export) -> tuple[str, str, dict[str, int]]:
    """One run with all that belongs to it: its name, its id, and the counts of what its logs say."""
    task = export.tasks[0]
    known = {
        "invocation_id": export.invocation,
        "job_id": f"{export.invocation}.{export.index}",
        "task_name": task,
        "benchmark": task,
        "harness": TASKS[task].harness,
        "executor": "slurm",
        "team": "post-training",
        "purpose": "release",
        "model": export.model,
    }
    config = _launcher_config(export)
    params = {"invocation_id": export.invocation, "executor": "slurm"}
    params["timestamp"] = f"2026-10-{export.day:02d}T02:00:00"
    if export.config_params:
        params |= {f"config.{key}": value for key, value in _flat(config)}
    name = export.name or f"eval-{export.invocation}-{task}"
    end = export.exported_at + 4_000
    metrics = list(_metrics(export, export.luck, end - 3_000))
    if export.reexport_luck is not None:
        end += 26 * training.HOUR
        metrics += _metrics(export, export.reexport_luck, end - 3_000)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / export.config_file).write_text(yaml.safe_dump(config, sort_keys=False))
        counts: dict[str, int] = {}
        for task in () if export.failed else export.tasks:
            counts = _write_task(Path(folder) / f"{TASKS[task].harness}.{task}", export, task)
        run_id = training.record_run(
            client,
            experiment_id,
            name,
            start=export.exported_at,
            end=end,
            status="FAILED" if export.failed else "FINISHED",
            tags={key: known[key] for key in export.tags.split()} | {"mlflow.user": export.user},
            params=params,
            metrics=metrics,
            artifacts=Path(folder),
        )
    return name, run_id, counts


def _metrics(export: _Export, luck: int, timestamp: int) -> Iterator[Metric]:
    """`<task>_<metric>[_<score>]`: the score is left out where it has the metric's name."""
    from mlflow.entities import Metric

    for name in export.tasks:
        task = TASKS[name]
        for metric, score, value, _ in task.values(SKILL[export.model][name], export.limit, luck):
            key = "_".join([task.prefix, metric] + [score] * (score != metric))
            yield Metric(key, value, timestamp, 0)


# What the launcher was told: with the run's own, some 75 leaves, which are its `config.*` params.
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
  overrides:
    config: {params: {temperature: 0.6, top_p: 0.95, parallelism: 32, request_timeout: 3600, max_retries: 5}}
    target: {api_endpoint: {type: chat, stream: false, adapter_config: {
      use_caching: true, caching_dir: /cache/responses, use_reasoning: false, use_request_logging: true,
      max_logged_requests: 20, use_response_logging: true, max_logged_responses: 20, html_report_size: 5,
      log_failed_requests: true, use_progress_tracking: true, progress_tracking_interval: 50}}}
  env_vars: {OPENAI_API_KEY: JUDGE_KEY_NAME, JUDGE_URL: 'https://judge.example/v1'}
  container: {image: 'registry.example/eval-factory:25.09', pull: always}
export:
  mlflow: {tracking_uri: 'https://mlflow.example', log_metrics: all, log_logs: false, only_required: true,
           copy_artifacts: true, skip_existing: false, tags: {team: post-training, purpose: release}}
"""


def _launcher_config(export: _Export) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(_CONFIG)
    config["deployment"] |= {
        "checkpoint_path": f"/lustre/models/{export.model}",
        "served_model_name": export.model,
    }
    config["export"]["mlflow"]["experiment_name"] = export.experiment
    config["evaluation"]["tasks"] = [
        {"name": task, "overrides": {"config.params.max_new_tokens": TASKS[task].max_new_tokens}}
        for task in export.tasks
    ]
    # A full run either says None or does not say it at all: both are found.
    if export.limit or export.user == "ben":
        config["evaluation"]["overrides"]["config"]["params"]["limit_samples"] = export.limit
    if export.secret:
        config["deployment"]["api_key"] = export.secret
    return config


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Leaves of a YAML tree under dotted paths, as strings."""
    if not isinstance(value, dict | list):
        yield path, str(value)
        return
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _flat(child, f"{path}.{key}" if path else str(key))


def _write_task(folder: Path, export: _Export, name: str) -> dict[str, int]:
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
    return _write_logs(folder / "logs", export, task) if export.log_bytes else {}


def _evaluated(export: _Export, task: _Task) -> tuple[float, float]:
    """Start (seconds since the epoch) and duration of the evaluation, which was over before its export."""
    runtime = 180 + (export.limit or task.samples) / 8
    return export.exported_at / 1000 - 1_500 - runtime, runtime


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


def _factory_metrics(export: _Export, task: _Task) -> dict[str, Any]:
    """Latency, tokens, finish reasons, status codes and memory; and when the evaluation really ran."""
    rng = Random(f"{export.invocation}.{task.prefix}")  # noqa: S311 - made-up numbers, not secrets
    n = export.limit or task.samples
    # The largest run's numbers are those of its logs; the others' are in proportion.
    seen = {text: lines * n // TASKS["mmlu-pro"].samples for text, lines in _PLANTED.items()}
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
            "start_time": _moment(start).isoformat(),
            "end_time": _moment(start + runtime).isoformat(),
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


# What the logs say that a user looks for, and on how many lines; nothing else in them contains these texts.
_PLANTED = {
    "finish_reason=length": 37,
    "HTTP 429": 12,
    "HTTP 500": 3,
    "Returning cached response": 214,
    "OOM": 2,
}


def _write_logs(folder: Path, export: _Export, task: _Task) -> dict[str, int]:
    """client, server and slurm logs of `log_bytes` in all; returns what was planted in them."""
    rng = Random(export.invocation)  # noqa: S311 - made-up lines, not secrets
    info, warning, error = "\x1b[32mINFO\x1b[0m", "\x1b[33mWARNING\x1b[0m", "\x1b[31mERROR\x1b[0m"
    says = {
        "finish_reason=length": f"{warning} client: request {{}} finish_reason=length (max_new_tokens)",
        "HTTP 429": f"{warning} client: request {{}} HTTP 429 Too Many Requests, retry in 2.0 s",
        "HTTP 500": f"{error} client: request {{}} HTTP 500 Internal Server Error, retry in 4.0 s",
        "Returning cached response": "DEBUG cache: request {} Returning cached response",
        "OOM": f"{error} engine: CUDA out of memory (OOM), request {{}} preempted",
    }
    events = {text: [says[text].format(rng.randrange(task.samples)) for _ in range(n)] for text, n in _PLANTED.items()}
    preempted = events.pop("OOM")
    noticed = [line for lines in events.values() for line in lines]
    rng.shuffle(noticed)

    def client(n: int) -> str:
        if n % 60 == 59:  # a progress bar: many states of one line
            return "".join(f"\rEvaluating: {p:3d}%|{'█' * (p // 10):10s}|" for p in range(0, 101, 4))
        return f"{info} client: request {n} finish_reason=stop tokens={rng.randrange(40, 4000)}"

    def server(_: int) -> str:
        return f"{info} engine: running: {rng.randrange(8, 33)} reqs, {rng.uniform(900, 2400):.1f} tokens/s"

    folder.mkdir()
    times = _evaluated(export, task)
    slurm = "slurm: allocated node-17\nslurm: server healthy\nslurm: evaluation done\nslurm: exit code 0\n"
    (folder / f"slurm-{SLURM_JOB}.log").write_text(slurm)
    _write_log(folder / f"client-{SLURM_JOB}.log", export.log_bytes * 2 // 3, times, client, noticed)
    _write_log(folder / f"server-{SLURM_JOB}-0.log", export.log_bytes // 3, times, server, preempted)
    return dict(_PLANTED)


def _write_log(
    path: Path, size: int, times: tuple[float, float], filler: Callable[[int], str], events: Sequence[str]
) -> None:
    """About `size` bytes of filler with all the events spread evenly through it, in the evaluation's time."""
    written, done = 0, 0
    with path.open("wb") as file:
        for n in count():
            share = min(1.0, written / max(size, 1))
            if done < len(events) and share * (len(events) + 1) >= done + 1:
                line, done = events[done], done + 1
            elif share < 1:
                line = filler(n)
            else:
                return
            stamp = _moment(times[0] + times[1] * share).isoformat(" ", "milliseconds")[:-6]
            written += file.write(f"{stamp} {line}\n".encode())
