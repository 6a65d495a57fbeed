"""Config files that single runs logged beside their params: the keys in which they differ. Evaluations record their settings
in files of their own, which are read elsewhere."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mlflow_mcp.answers.budget import encoded
from mlflow_mcp.answers.masking import mark_named, mask_at
from mlflow_mcp.client import Client
from mlflow_mcp.entities.recorded_settings import same_setting
from mlflow_mcp.errors import Problem, Unreachable
from mlflow_mcp.text import clipped, listed, plural, truncate
from mlflow_mcp.tools.artifacts.against_params import is_config
from mlflow_mcp.tools.artifacts.diff import NOTHING, differences
from mlflow_mcp.tools.artifacts.formats.detect import kind_by_name
from mlflow_mcp.tools.artifacts.formats.encoding import decoded
from mlflow_mcp.tools.artifacts.formats.structured import Unparsable, parse
from mlflow_mcp.tools.runs.comparing.sides import Side

_MOST_SIDES, _MOST_FOLDERS, _MOST_FILES, _MOST_KEYS = 4, 3, 3, 12
_LARGEST = 200_000
_LONGEST = 120


@dataclass
class ConfigDifferences:
    """Rows of differences, `conf/train.yaml: optim.lr` with a value of each side, and what the rows do not tell."""

    rows: list[list[Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def config_differences(client: Client, sides: Sequence[Side]) -> ConfigDifferences:
    """Of sides of one run each that are no evaluations."""
    found = ConfigDifferences()
    if len(sides) <= _MOST_SIDES and all(side.run_count == 1 and not side.is_export for side in sides):
        client.parts("The runs' config files", lambda: _add(client, sides, found))
    return found


def _add(client: Client, sides: Sequence[Side], found: ConfigDifferences) -> None:
    ids = [run.run_id for side in sides for run in list(side.runs.values())[:1]]
    if len(set(ids)) < len(sides):
        return
    listings: list[set[str]] = client.run_concurrently(*(partial(_configs_of, client, run_id) for run_id in ids))
    first, *others = listings
    common, every = first.intersection(*others), first.union(*others)
    shared = sorted(common, key=lambda path: (path.count("/"), path))
    for path in shared[:_MOST_FILES]:
        texts = client.run_concurrently(*(partial(_read, client, run_id, path) for run_id in ids))
        if None not in texts and len(set(texts)) > 1:
            documents = _parsed(path, [str(text) for text in texts])
            if documents is None:
                found.notes.append(f"'{clipped(path)}' differs between the sides: diff_artifacts shows its lines.")
            else:
                _add_keys(sides, path, documents, found, client.settings.mask_secrets)
    if len(shared) > _MOST_FILES:
        found.notes.append(f"Not compared of the config files: {listed(shared[_MOST_FILES:], 5)} (diff_artifacts).")
    if alone := sorted(every - common):
        found.notes.append(f"Config files that not all sides have: {listed(alone, 5)}.")


def _configs_of(client: Client, run_id: str) -> set[str]:
    """Paths at the root and in folders of configs; none where they cannot be listed, which the tools for files tell."""
    source = client.artifacts(run_id)
    try:
        root = source.entries()
        folders = [each.path for each in root if each.is_dir and is_config(f"{each.path}/any.json")][:_MOST_FOLDERS]
        below = [entry for path in folders for entry in source.entries(path)]
    except Unreachable:
        raise
    except Problem:
        return set()
    return {each.path for each in [*root, *below] if not each.is_dir and is_config(each.path)}


def _read(client: Client, run_id: str, path: str) -> str | None:
    """The file; None where it is too large or cannot be read."""
    try:
        content = client.artifacts(run_id).read(path, 0, _LARGEST)
    except Unreachable:
        raise
    except Problem:
        return None
    return decoded(content.data) if content.is_end else None


def _parsed(path: str, texts: Sequence[str]) -> list[Any] | None:
    try:
        return [parse(kind_by_name(path).name, text) for text in texts]
    except Unparsable:
        return None


def _add_keys(
    sides: Sequence[Side], path: str, documents: Sequence[Any], found: ConfigDifferences, mask_secrets: bool
) -> None:
    first, *others = [mark_named(each) for each in documents] if mask_secrets else documents
    by_key: dict[str, list[Any]] = {}
    for at, other in enumerate(others, 1):
        for change in differences(first, other):
            by_key.setdefault(change.path, [change.before] * len(documents))[at] = change.after
    untold = [(key, values) for key, values in by_key.items() if not _is_told(sides, key, values)]
    for key, values in untold[:_MOST_KEYS]:
        found.rows.append([f"{path}: {key}", *(_shown(key, value, mask_secrets) for value in values)])
    if more := len(untold) - _MOST_KEYS:
        found.notes += [f"{plural(more, 'more key')} of {clipped(path)} differ: diff_artifacts."] if more > 0 else []


def _is_told(sides: Sequence[Side], key: str, values: Sequence[Any]) -> bool:
    """Whether params of that name say the same."""
    params: list[Mapping[str, str]] = [next(iter(side.runs.values())).params for side in sides]
    names = (key, key.replace(".", "/"), posixpath.basename(key.replace(".", "/")))
    for name in names:
        if all(name in each for each in params):
            return all(same_setting(str(value), each[name]) for value, each in zip(values, params))
    return False


def _shown(key: str, value: Any, mask_secrets: bool) -> str | None:
    """The value as text: a table would shorten numbers that differ in a late digit."""
    if value is NOTHING:
        return None
    # Masked before anything is cut: a part of a secret cannot be told as one.
    masked = mask_at(value, key) if mask_secrets else value
    return truncate(masked if isinstance(masked, str) else encoded(masked), _LONGEST)
