"""What a run recorded of how to repeat it, and what it did not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from mlflow_mcp.client import Client
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.entities.run import RunView
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import plural, short
from mlflow_mcp.tools.artifacts.formats.structured import load_yaml

_LONGEST = 100
_MODELS_READ = 3
_NAMED = 2
_METADATA_BYTES = 64 * 1024
_PACKAGE_FILES = ("requirements.txt", "conda.yaml", "python_env.yaml", "environment.yml", "uv.lock", "poetry.lock")
_CONFIG_FILE = re.compile(r"(?i)(\w+[_-])?(config|hparams|hyperparameters|args)\.(ya?ml|json|toml|ini|py)|\.hydra/?")
_DIFF_FILE = re.compile(r"(?i).*\.(diff|patch)|(git|code)?[_-]?diff\.txt")
_SEED = re.compile(r"(?i)(^|[._/-])(seed|random_state|random_seed|randomseed)$|\w[_-]seed$")
_DIFF_TAGS = ("mlflow.source.git.diff", "mlflow.git.diff")
_MODELS_TAG = "mlflow.log-model.history"


def recipe_of(client: Client, run: RunView, launched: LauncherRun, files: Sequence[str] | None) -> dict[str, str]:
    """Only what is there, by what it is; `missing` is what an exact repeat would need besides. `files` are the names in the
    root of its artifacts, None where they could not be listed. What stands elsewhere in the answer is named, not repeated."""
    packages = [name for name in files or () if name in _PACKAGE_FILES]
    all_read = _look_for_packages(client, run, launched, packages) and files is not None
    noted = dict(run.made_by)
    diffs = [name for name in files or () if _DIFF_FILE.fullmatch(name)]
    diffs += [f"tag {name}" for name in _DIFF_TAGS if run.mlflow_tags.get(name)]
    found = {
        "command": _command(run, noted),
        "source_type": noted.get("type") if noted.get("type") != "LOCAL" else None,  # a script: what most runs are
        "run_type": noted.get("run_type"),
        "repository": noted.get("git_repository"),
        "commit": run.git_commit,
        "branch": noted.get("git_branch"),
        "dirty": noted.get("git_dirty"),
        "diff": _named(diffs),
        "image": noted.get("docker_image") or _named(_params_ending(run, "image"), "param "),
        "config": _config(launched, files or ()),
        "packages": _named(packages),
        "datasets": f"{plural(len(run.datasets), 'digest')} in `datasets`" if _has_digests(run) else None,
        "seed": _named(sorted(name for name in run.params if _SEED.search(name)), "param "),
    }
    recipe = {name: short(value, _LONGEST) for name, value in found.items() if value}
    missing = _missing(run, recipe, noted, in_files=all_read)
    return recipe | ({"missing": ", ".join(missing)} if missing else {})


def _look_for_packages(client: Client, run: RunView, launched: LauncherRun, packages: list[str]) -> bool:
    """Add what models and metadata name; whether all of them could be read."""
    looks = [partial(_add_packages, client, owner, folder, packages) for owner, folder in _model_places(run)]
    if launched.results_folder and not packages:
        looks.append(partial(_add_versions, client, launched, packages))
    done: list[bool] = []

    def look(add: Callable[[], None]) -> None:
        with suppress(Problem):  # what cannot be read is not claimed to be missing
            add()
            done.append(True)

    if looks:
        client.parts("What its models and metadata say of packages", *(partial(look, each) for each in looks))
    return len(done) == len(looks)


def _command(run: RunView, noted: dict[str, str]) -> str | None:
    if "launcher_command" in run.params:
        return "param launcher_command"
    entry_point = f" (entry point {noted['entry_point']})" if "entry_point" in noted else ""
    return f"{noted['name']}{entry_point}" if "name" in noted else None


def _named(names: Sequence[str], before: str = "") -> str | None:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{before}{', '.join(names[:_NAMED])}{more}" if names else None


def _params_ending(run: RunView, ending: str) -> list[str]:
    return sorted(name for name in run.params if re.split(r"[._/]", name)[-1] == ending)


def _config(launched: LauncherRun, files: Sequence[str]) -> str | None:
    named = [name for name in files if _CONFIG_FILE.fullmatch(name)]
    count = sum(name.startswith("config.") for name in launched.entity.data.params)
    return _named(named) or (plural(count, "config param") if count else None)


def _has_digests(run: RunView) -> bool:
    return bool(run.datasets) and all(each.digest for each in run.datasets)


def _missing(run: RunView, recipe: dict[str, str], noted: dict[str, str], *, in_files: bool) -> list[str]:
    """What an exact repeat needs and is not recorded; of what files may hold only where all were read (`in_files`)."""
    names = {
        "command": "command",
        "commit": "git commit",
        "packages": "packages",
        "datasets": "dataset digests",
        "seed": "seed",
    }
    missing = [name for key, name in names.items() if key not in recipe and (in_files or key != "packages")]
    # MLflow notes the script, and not how it was called.
    if "command" in recipe and "launcher_command" not in run.params and "entry_point" not in noted:
        missing.append("the command's arguments")
    dirty = recipe.get("dirty", "").lower()
    if "commit" in recipe and "diff" not in recipe and dirty != "false" and in_files:
        missing.append("the uncommitted changes" if dirty == "true" else "whether there were uncommitted changes")
    params = [run.params[name] for name in _params_ending(run, "image")]
    images = [noted["docker_image"]] if "docker_image" in noted else params
    if any("@sha256:" not in image for image in images):
        missing.append("the image's digest")
    return missing if in_files else [*missing, "(not all of its files could be read)"]


# --- packages


def _model_places(run: RunView) -> list[tuple[str, str]]:
    """Where the files of its models are: an owner of artifacts and a folder."""
    if run.models_made:
        return [(model, "") for model in run.models_made[-_MODELS_READ:]]
    try:
        logged = json.loads(run.mlflow_tags.get(_MODELS_TAG, "[]"))
        return [(run.run_id, str(logged[0]["artifact_path"]))] if logged else []
    except (ValueError, TypeError, KeyError, IndexError):  # a tag that somebody else wrote
        return []


def _add_packages(client: Client, owner: str, folder: str, packages: list[str]) -> None:
    names = {entry.path.rpartition("/")[2] for entry in client.artifacts(owner).entries(folder)}
    found = [name for name in _PACKAGE_FILES if name in names]
    packages += [f"{name} of {folder or owner}" for name in found[:1]]


def _add_versions(client: Client, launched: LauncherRun, packages: list[str]) -> None:
    """The versions of the launcher's packages, which its metadata.yaml has."""
    source, path = client.artifacts(launched.run_id), f"{launched.results_folder}/metadata.yaml"
    names = {entry.path for entry in source.entries(launched.results_folder or "")}
    content: Any = (
        load_yaml(source.read(path, 0, _METADATA_BYTES).data.decode("utf-8", "replace")) if path in names else None
    )
    versions = content.get("versioning") if isinstance(content, dict) else None
    if isinstance(versions, dict):
        packages += [f"{name} {version}" for name, version in versions.items()]
