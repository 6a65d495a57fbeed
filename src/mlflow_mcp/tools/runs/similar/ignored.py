"""Which params say nothing of what was computed: paths, seeds, times, ids, hosts, and how a launcher ran it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from mlflow_mcp.answers.secrets.names import names_a_secret
from mlflow_mcp.entities.labels import names_a_place
from mlflow_mcp.text import as_number
from mlflow_mcp.tools.runs.tables.launcher_params import HOW_IT_WAS_RUN

USUAL = "paths, seeds, times, ids, hosts, credentials, output folders"
# The last word of a name, or all of it.
_WORDS = {
    *("seed", "seeds", "timestamp", "date", "datetime", "uuid", "guid", "nonce", "pid"),
    *("host", "hostname", "user", "username", "url", "uri", "port", "executor"),
}  # fmt: skip
# The same, where the value is no number: `drop_path` and `num_files` are settings.
_PLACES = {"dir", "directory", "folder", "file", "filename", "outdir", "logdir", "workdir", "rundir"}
# The last two words.
_PAIRS = {
    *("random_state", "start_time", "end_time", "created_at", "run_id", "job_id", "run_name", "experiment_id", "experiment_name"),
    *("exp_name", "invocation_id", "task_id", "trial_id", "launcher_command", "jobs_count", "sdk_version", "local_rank"),
    *("output_root", "node_name", "config_hash", "n_results", "visible_devices"),
}  # fmt: skip
# A path to one of these says which one it is.
_MODELS = {"model", "pretrained", "tokenizer"}
_COMMANDS = {"command", "base_command"}
_ID = re.compile(r"(?=.*[a-f])(?=.*\d)[0-9a-f]{8,64}|[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}|(sha\d+|md5):\S+", re.I)
_MOMENT = re.compile(r"\d{4}-?\d\d-?\d\d[T_ -]?\d\d[:-]?\d\d.*")  # a date alone may be a version


@dataclass(frozen=True)
class Ignoring:
    """What is left out: the usual, and names or globs; nothing at all for an empty list."""

    patterns: Sequence[str] | None

    def leaves_out(self, name: str, value: str, *, of_launcher: bool) -> bool:
        if self.patterns is not None and not self.patterns:
            return False
        if self.is_named(name):
            return True
        if of_launcher and (name.startswith(HOW_IT_WAS_RUN) or name.rpartition(".")[2] in _COMMANDS):
            return True
        if names_a_secret(name):  # whose key it was changes no result
            return True
        if _is_model(name) and "/" in value:
            return False
        return _is_named_so(_words(name), value) or _looks_so(value)

    def is_named(self, name: str) -> bool:
        """Whether the caller's own patterns mean the name."""
        return any(fnmatchcase(name, pattern.removeprefix("params.")) for pattern in self.patterns or ())


@lru_cache(maxsize=20_000)
def as_compared(name: str, value: str) -> str:
    """The value; of the path of a model its last part, which is the same wherever the model lies."""
    if "/" in value and _is_model(name) and names_a_place(value):
        return value.strip().rstrip("/").rpartition("/")[2]
    return value


@lru_cache(maxsize=2_000)
def _words(name: str) -> list[str]:
    """The words of the last part of a dotted name."""
    return _split(re.split(r"[./]", name)[-1])


def _split(part: str) -> list[str]:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", part).lower().replace("-", "_").split("_")


def _is_model(name: str) -> bool:
    """Whether one of the last two parts of its name says so: `model_path`, `model.path`."""
    return any(_MODELS & set(_split(part)) for part in re.split(r"[./]", name)[-2:])


def _is_named_so(words: Sequence[str], value: str) -> bool:
    if words[-1] in _WORDS or words == ["id"] or "_".join(words[-2:]) in _PAIRS:
        return True
    if words[-1].endswith("seed") or "timestamp" in words:
        return True
    is_place = words[-1] in _PLACES or (words[-1] in ("path", "paths") and "/" in value)
    return is_place and as_number(value.strip()) is None


def _looks_so(value: str) -> bool:
    text = value.strip()
    return names_a_place(text) or bool(_ID.fullmatch(text) or _MOMENT.fullmatch(text))
