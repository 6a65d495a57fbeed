"""Which params say which run it is or how it was run, and nothing of what was computed: paths, seeds, times, ids, hosts. Pure.

Of a single run its name and value tell (`Ignoring`); of many runs all their values do (`reason_to_ignore`), so that a param which
has one value for each run is told from a choice among some.
"""

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

# --- what both go by

_SEEDS = {"seed", "seeds", "rng"}
_STATE = ("random", "state")
_ALONE = {"uuid", "guid", "pid", "nonce", "host", "hostname"}  # they name a run or a machine by themselves
_ID = re.compile(
    r"(?=.*[a-f])(?=.*\d)[0-9a-f]{8,64}|[0-9a-f]{16,64}|[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}|(sha\d+|md5):\S+",
    re.I,
)


@lru_cache(maxsize=2_000)
def _words(name: str) -> tuple[str, ...]:
    """The words of a flattened name's last part: `model.runName` is `run name`."""
    last = re.split(r"[./]", name)[-1] or name
    return tuple(word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", last))


# --- of a single run

# The last word of a name, or all of it.
_LAST = _ALONE | {"timestamp", "date", "datetime", "user", "username", "url", "uri", "port", "executor"}
# The same, where the value is no number: `drop_path` and `num_files` are settings.
_PLACES = {"dir", "directory", "folder", "file", "filename", "outdir", "logdir", "workdir", "rundir"}
# The last two words.
_PAIRS = {
    *("start_time", "end_time", "created_at", "run_id", "job_id", "run_name", "experiment_id", "experiment_name"),
    *("exp_name", "invocation_id", "task_id", "trial_id", "launcher_command", "jobs_count", "sdk_version", "local_rank"),
    *("output_root", "node_name", "config_hash", "n_results", "visible_devices"),
}  # fmt: skip
# A path to one of these says which one it is.
_MODELS = {"model", "pretrained", "tokenizer"}
_COMMANDS = {"command", "base_command"}
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


def _is_model(name: str) -> bool:
    """Whether one of the last two parts of its name says so: `model_path`, `model.path`."""
    return any(not _MODELS.isdisjoint(_words(part)) for part in re.split(r"[./]", name)[-2:])


def _is_named_so(words: tuple[str, ...], value: str) -> bool:
    if not words:
        return False
    if words[-1] in _LAST or words == ("id",) or "_".join(words[-2:]) in _PAIRS:
        return True
    if words[-1] in _SEEDS or words[-2:] == _STATE or words[-1].endswith("seed") or "timestamp" in words:
        return True
    is_place = words[-1] in _PLACES or (words[-1] in ("path", "paths") and "/" in value)
    return is_place and as_number(value.strip()) is None


def _looks_so(value: str) -> bool:
    text = value.strip()
    return names_a_place(text) or bool(_ID.fullmatch(text) or _MOMENT.fullmatch(text))


# --- of many runs

_TIMES = {"time", "timestamp", "date", "datetime", "created", "started", "finished"}
# What names a run by itself, and what does where nearly every run has one of its own.
_NAMED = {"run", "job", "invocation", "trial", "experiment", "session", "process"}
_NAMES = {"id", "ids", "name", "number"}
_OFTEN_OWN = {"id", "hash", "sha", "digest", "commit", "port", "trial", "index", "idx"}
# A choice, however it is written: `model_id`.
_CHOICES = {"model", "tokenizer", "dataset", "checkpoint", "base"}
_FEWEST = 5
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T _].*)?|\d{8}[-_T]\d{4,6}")
# Seconds and milliseconds of 2008 to 2039.
_EPOCHS = ((1.2e9, 2.2e9), (1.2e12, 2.2e12))
# Of the runs that have one of their own: below that, an id is a choice among some.
_MOSTLY = 0.8


def is_seed(name: str) -> bool:
    """Whether a param's name says that it holds a seed."""
    words = _words(name)
    return bool(_SEEDS & set(words)) or words[-2:] == _STATE


def reason_to_ignore(name: str, values: Sequence[str]) -> str | None:
    """`seeds`, `paths`, `times` or `ids`, where the param's name or all its values (one for each run) say that it is one."""
    words = _words(name)
    if is_seed(name):
        return "seeds"
    if all(map(names_a_place, set(values))):
        return "paths"
    if _are_times(words, values):
        return "times"
    return "ids" if _are_ids(words, values) else None


def _are_ids(words: Sequence[str], values: Sequence[str]) -> bool:
    *before, last = words or [""]
    if last in _ALONE or (last in _NAMES and before and before[-1] in _NAMED):
        return True
    if len(values) < _FEWEST or len(set(values)) < _MOSTLY * len(values):
        return False
    return all(map(_ID.fullmatch, values)) or (last in _OFTEN_OWN and not _CHOICES & set(before))


def _are_times(words: Sequence[str], values: Sequence[str]) -> bool:
    distinct = set(values)
    if all(map(_DATE.fullmatch, distinct)):
        return True
    numbers = map(as_number, distinct)
    in_epoch = all(
        number is not None and (number == 0 or any(low <= number <= high for low, high in _EPOCHS))
        for number in numbers
    )
    return in_epoch and (bool(_TIMES & set(words)) or len(distinct) == len(values) > 2)
