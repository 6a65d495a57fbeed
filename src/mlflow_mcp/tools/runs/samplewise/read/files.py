"""Which files of a run may hold a row for each sample, by their names; what they hold decides. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_mcp.client.artifacts.store import ArtifactEntry
from mlflow_mcp.tools.artifacts.formats.detect import kind_by_name
from mlflow_mcp.tools.artifacts.paths import matches_glob

# lm-evaluation-harness: `samples_<task>_<time>.jsonl`, in a folder named after the model.
_HARNESS = re.compile(r"samples_(?P<task>.+?)_(?P<time>\d{4}-\d{2}-\d{2}T[\d.:-]+)\.jsonl")
# nemo-skills: `output-rs3.jsonl`, a file for each repeat.
_REPEAT = re.compile(r"(?P<task>.*?)[-_](?:rs|seed|run|repeat|epoch)(?P<repeat>\d+)\.jsonl")
_NAMES = re.compile(
    r"(?i)(?:.*(?:samples?|results?|outputs?|predictions?|generations?|eval|examples?|answers?|scored|details|per_item|rollouts).*)"
)
_NEVER = re.compile(
    r"(?i)(results\.ya?ml|eval_factory_metrics\.json|run_config\..*|config\..*|metadata\..*|MLmodel|conda\.yaml|"
    r".*requirements.*|export_config.*|runtime_\d+\.json|model_card.*|omni-info.*|export_.*|traces\.json)"
)
_KINDS = ("jsonl", "json", "csv", "tsv", "parquet")
_MOST_GUESSED = 12


@dataclass(frozen=True)
class SampleFile:
    """A file that may hold samples. Files of one `task` with different `repeat` belong together; of one task and repeat the
    newest counts, and `older` says how many others there are."""

    entry: ArtifactEntry
    task: str = ""
    repeat: str | None = None
    older: int = 0

    @property
    def path(self) -> str:
        return self.entry.path


def sample_files(entries: Sequence[ArtifactEntry], named_path: str | None = None) -> list[tuple[int, list[SampleFile]]]:
    """The files in the order in which they are tried, with a number for their kind; those in one list are parts of one
    evaluation. `wanted` is a path, its end or a glob."""
    files = [entry for entry in entries if not entry.is_dir and entry.size != 0 and _may_hold_rows(entry.path)]
    if named_path:
        exact = [entry for entry in files if entry.path == named_path]
        # The name of the other side's file holds another time.
        task = _described_name(posixpath.basename(named_path))[0] or named_path
        files = (
            exact
            or [entry for entry in files if _is_named(entry.path, named_path)]
            or [entry for entry in files if _described_name(posixpath.basename(entry.path))[0] == task]
        )
    groups: dict[tuple[int, str, str], list[SampleFile]] = {}
    for entry in files:
        file = _described(entry)
        folder, name = posixpath.split(entry.path)
        if _HARNESS.fullmatch(name):
            key = (0, folder, "samples")
        elif file.repeat is not None:
            key = (1, folder, file.task)
        else:
            key = (_rank(entry.path, named=bool(named_path)), entry.path, "")
        groups.setdefault(key, []).append(file)
    ordered = [(key[0], _newest(groups[key])) for key in sorted(groups)]
    return ordered if named_path else ordered[:_MOST_GUESSED]


def _may_hold_rows(path: str) -> bool:
    name = posixpath.basename(path)
    return kind_by_name(path).name in _KINDS and not _NEVER.fullmatch(name) and "/logs/" not in f"/{path}"


def _is_named(path: str, named_path: str) -> bool:
    return path.endswith(f"/{named_path.strip('/')}") or matches_glob(path, named_path)


def _rank(path: str, *, named: bool) -> int:
    """Names that per-sample files have come first, then JSON lines and tables; Parquet needs an extra."""
    kind = _KINDS.index(kind_by_name(path).name)
    return 2 + kind + (0 if named or _NAMES.fullmatch(posixpath.basename(path)) else 10)


def _described(entry: ArtifactEntry) -> SampleFile:
    task, repeat = _described_name(posixpath.basename(entry.path))
    return SampleFile(entry, task, repeat)


def _described_name(name: str) -> tuple[str, str | None]:
    """The task and the repeat that a file's name says."""
    if found := _HARNESS.fullmatch(name):
        return found["task"], None
    if found := _REPEAT.fullmatch(name):
        return found["task"], found["repeat"]
    return "", None


def _newest(files: Sequence[SampleFile]) -> list[SampleFile]:
    """Of several files of one task and repeat, the one whose name says the latest time."""
    by_part: dict[tuple[str, str | None], list[SampleFile]] = {}
    for file in files:
        by_part.setdefault((file.task, file.repeat), []).append(file)
    return [
        SampleFile(of_part[-1].entry, task, repeat, older=len(of_part) - 1)
        for (task, repeat), of_part in sorted(by_part.items(), key=lambda pair: (pair[0][0], pair[0][1] or ""))
        for of_part in [sorted(of_part, key=lambda file: file.path)]
    ]
