"""The demo's data: what an evaluation launcher leaves on an MLflow server, with its traps, in any store.

Everything is made up and always the same, except run ids and experiment ids, which the store chooses.
Written through MlflowClient alone, and MLflow is imported only when `seed` is called.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mlflow_mcp.cli.demo import agent, training
from mlflow_mcp.cli.demo.genai import PROMPT, seed_genai
from mlflow_mcp.cli.demo.launcher import LLAMA, QWEN, SKILL, TASKS, Export, flat, launcher_config, write_task
from mlflow_mcp.cli.demo.models import REGISTERED, seed_models
from mlflow_mcp.cli.demo.tracing import write

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

DEFAULT, ANA, BEN = "evals", "ana/llama-3.1-8b", "ben/qwen2.5-7b"
LOGS = "simple_evals.mmlu-pro/logs"
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
    models: Mapping[str, str]
    """Name of a logged model -> its id. The checkpoints of `training_base` and `training_spike`."""

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
    traces: int = len(agent.DEMO)
    """Of a support agent, in MLflow's Default experiment, as of clients that name none."""
    failed_trace: str = agent.ticket(22).trace_id
    """Its tool `search_orders` timed out."""
    retried_trace: str = agent.ticket(24).trace_id
    """The tool failed and succeeded the second time."""
    trace_session: str = "chat-05"
    """Four traces, one of which failed."""
    registered_model: str = REGISTERED
    """Version 1 is `@champion`; 2 is `@challenger`, better, but with a tag that says why not to deploy it."""
    prompt: str = PROMPT
    """Version 1 is `@production`; 2 has a rule more."""


def _exports(log_bytes: int) -> list[Export]:
    """Every evaluation run of the demo, oldest first."""

    def jobs(invocation: str, where: str, model: str, day: int, *tasks: str, **more: Any) -> list[Export]:
        return [
            Export(invocation, where, model, day, (t,), n, invocation_tasks=tasks, **more) for n, t in enumerate(tasks)
        ]

    old = "invocation_id job_id task_name executor"
    candidate = jobs(Seeded.candidate, ANA, LLAMA, 12, *TASKS, secret=SECRET, reports=True)
    baseline = jobs(Seeded.baseline, BEN, QWEN, 10, *TASKS, tags=Export.tags + " model")
    duplicated = jobs(Seeded.duplicated, DEFAULT, LLAMA, 7, "ifeval", "gpqa_diamond", luck=-4)
    friday = {"name": "gpqa-rerun-friday", "tags": "", "config_params": False}
    return [
        Export(
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
        Export(Seeded.broken, DEFAULT, LLAMA, 4, ("aime_2025",), 1, failed=True),
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
    trained = training.seed_training(client, experiments[Seeded.training_experiment])
    runs |= trained
    logged = seed_models(client, experiments[Seeded.training_experiment], trained)
    children, best = training.seed_sweep(client, experiments[Seeded.sweep_experiment])
    for number in agent.DEMO:
        write(tracking_uri, "0", agent.judged(number))
    seed_genai(client, "0")
    return Seeded(experiments, runs | children, log_counts, best, logged)


def _write(client: MlflowClient, experiment_id: str, export: Export) -> tuple[str, str, dict[str, int]]:
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
    config = launcher_config(export)
    params = {"invocation_id": export.invocation, "executor": "slurm"}
    params["timestamp"] = f"{training.OCTOBER / 1000 + (export.day - 1) * 86_400 + 7_200:.1f}"
    if "harness" in export.tags:  # not by old launchers
        params["launcher_command"] = (
            f"nemo-evaluator-launcher run --config /data/configs/{export.model.split('/')[-1]}.yaml"
        )
        folder = f"202610{export.day:02d}_020000-{export.invocation}/{TASKS[task].harness}.{task}.{export.index}"
        params["results_dir"] = f"login.cluster.example:/lustre/results/{folder}"
    if export.config_params:
        params |= {f"config.{key}": value for key, value in flat(config)}
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
            counts = write_task(Path(folder) / f"{TASKS[task].harness}.{task}", export, task)
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


def _metrics(export: Export, luck: int, timestamp: int) -> Iterator[Metric]:
    """`<task>_<metric>[_<score>]`: the score is left out where it has the metric's name."""
    from mlflow.entities import Metric

    for name in export.tasks:
        task = TASKS[name]
        for metric, score, value, _ in task.values(SKILL[export.model][name], export.limit, luck):
            key = "_".join([task.prefix, metric] + [score] * (score != metric))
            yield Metric(key, value, timestamp, 0)
