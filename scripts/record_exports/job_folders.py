"""Run inside a launcher's environment: leaves job folders as the launcher and its evaluator leave them.

Reads a JSON description from standard input. The launcher's config is composed by the launcher, run_config.yml,
results.yml and metadata.yaml are written by nemo-evaluator's own code, the execution database by the launcher's.
"""

from __future__ import annotations

import copy
import inspect
import json
import sys
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from nemo_evaluator.api.api_dataclasses import Evaluation, EvaluationResult
from nemo_evaluator.core.evaluate import _persist_metadata_and_build_results_block
from nemo_evaluator.core.input import prepare_output_directory
from nemo_evaluator_launcher.api.types import RunConfig
from nemo_evaluator_launcher.cli import version
from nemo_evaluator_launcher.common.execdb import ExecutionDB, JobData
from omegaconf import OmegaConf

# Stands in for the harness' own command. Like the real ones it names `limit_samples` whether or not there is a limit.
COMMAND = (
    "{harness} --model {{{{target.api_endpoint.model_id}}}} --task {{{{config.params.task}}}}"
    "{{% if config.params.limit_samples is not none %}} --limit {{{{config.params.limit_samples}}}}{{% endif %}}"
    " --parallelism {{{{config.params.parallelism}}}} --results-dir {{{{config.output_dir}}}}"
)


def main() -> None:
    description = json.load(sys.stdin)
    config = composed(Path(description["config_file"]), description["config"])
    for job in description["jobs"]:
        write_job(job, config, description)
    if description["register"]:
        register(description, config)


def composed(path: Path, user_config: dict[str, Any]) -> dict[str, Any]:
    """The user's config as the launcher resolves it with its defaults."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(user_config, sort_keys=False))
    if "config_dir" in inspect.signature(RunConfig.from_hydra).parameters:
        loaded = RunConfig.from_hydra(config_name=path.stem, config_dir=str(path.parent))
    else:
        loaded = RunConfig.from_hydra(config=str(path))
    resolved = OmegaConf.to_container(loaded, resolve=True)
    assert isinstance(resolved, dict)
    return resolved


def write_job(job: dict[str, Any], config: dict[str, Any], description: dict[str, Any]) -> None:
    artifacts = Path(job["folder"]) / "artifacts"
    artifacts.mkdir(parents=True, exist_ok=True)
    evaluation = Evaluation(**run_config(job, description["model"]))
    evaluation.config.output_dir = str(artifacts)  # where to write; the file itself names the container's folder
    shown = evaluation.model_copy(deep=True)
    shown.config.output_dir = "/results"
    prepare_output_directory(evaluation)
    (artifacts / "run_config.yml").write_text(yaml.dump(shown.model_dump()))

    metadata = {
        "launcher_resolved_config": config,
        "versioning": versions(),
        "launcher_command": description["command"],
    }
    metadata_block = _persist_metadata_and_build_results_block(str(artifacts), metadata)
    results = {
        "git_hash": "",
        "command": shown.render_command(),
        "config": shown.config.model_dump(exclude_none=True),
        "target": shown.target.model_dump(exclude_none=True),
        "results": EvaluationResult(**job["results"]).model_dump(exclude_none=True),
        **metadata_block,
    }
    (artifacts / "results.yml").write_text(yaml.dump(results))
    (artifacts / "launcher_unresolved_config.yaml").write_text(yaml.safe_dump(description["config"], sort_keys=False))
    if description["auto_export"]:  # a Slurm job writes these before it exports itself
        (artifacts / "config.yml").write_text(yaml.safe_dump(config, sort_keys=False))
        (artifacts / "export_config.yml").write_text(yaml.safe_dump({"export": config["export"]}, sort_keys=False))


def versions() -> dict[str, Any]:
    get_versions = getattr(version, "get_versions", None)  # the oldest launchers do not have it
    return dict(get_versions()) if get_versions else {}


def run_config(job: dict[str, Any], model: str) -> dict[str, Any]:
    """The framework's defaults for the task, with what the launcher's config changes."""
    defaults = framework_defaults(job["harness"], job["type"])
    merged = deep_merged(defaults, {"config": {"type": job["type"], "params": job["params"]}})
    merged["command"] = COMMAND.format(harness=job["harness"])
    merged["target"] = {
        "api_endpoint": {
            "url": "http://127.0.0.1:8000/v1/chat/completions",
            "model_id": model,
            "type": "chat",
            "api_key_name": "MODEL_API_KEY",
            "stream": False,
            "adapter_config": job["adapter_config"],
        }
    }
    return merged


def framework_defaults(harness: str, task: str) -> dict[str, Any]:
    for entry in listed_tasks():
        if entry["name"] == task and entry["harness"] == harness:
            return dict(copy.deepcopy(entry["defaults"]))
    package = harness.replace("-", "_")
    params = {"task": task, "parallelism": 16, "extra": {}}
    return {"framework_name": harness, "pkg_name": package, "config": {"params": params}}


@cache
def listed_tasks() -> list[dict[str, Any]]:
    """The tasks that the launcher's package knows with their defaults. The oldest lists no defaults."""
    listing = files("nemo_evaluator_launcher").joinpath("resources/all_tasks_irs.yaml")
    if not listing.is_file():
        return []
    tasks: list[dict[str, Any]] = yaml.load(listing.read_text(), Loader=yaml.CSafeLoader)["tasks"]
    return tasks


def deep_merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = deep_merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def register(description: dict[str, Any], config: dict[str, Any]) -> None:
    """In the execution database, as `nemo-evaluator-launcher run` does on the machine that it runs on."""
    for job in description["jobs"]:
        ExecutionDB().write_job(
            JobData(
                invocation_id=description["id"],
                job_id=job["job_id"],
                timestamp=description["timestamp"],
                executor=description["executor"],
                data={"output_dir": job["folder"], "container": f"client-{job['type']}", "eval_image": "harness:25.11"},
                config=config,
            )
        )


if __name__ == "__main__":
    main()
