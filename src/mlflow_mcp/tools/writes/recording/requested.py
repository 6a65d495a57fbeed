"""What a run is to hold, checked before anything is written."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mlflow_mcp.client import Client
from mlflow_mcp.client.marks import LONGEST_NAME, check_name, is_reserved
from mlflow_mcp.client.moments import moment_of
from mlflow_mcp.client.run_log import LONGEST_PARAM, LONGEST_TAG, OPEN, Value
from mlflow_mcp.client.writing import refuse_secret
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import clipped
from mlflow_mcp.tools.writes.recording.files import InputFile


@dataclass(frozen=True)
class Times:
    """When the work began and ended, as far as the caller says, in MLflow's milliseconds."""

    start: int | None = None
    end: int | None = None

    @classmethod
    def of(cls, start: str | None, end: str | None, status: str) -> Times:
        """Raises Problem for what is no time, and for times that cannot be."""
        times = cls(_moment("start_time", start), _moment("end_time", end))
        if times.end is not None and times.start is None:
            raise Problem("end_time is given without start_time.", "Give both, or neither.")
        if times.end is not None and status in OPEN:
            raise Problem(f"A run that is {status} has no end_time.", "Leave it out, or give another status.")
        if times.start is not None and (times.end or _now()) < times.start:
            raise Problem("The run would end before it begins.", "Correct start_time or end_time; they are UTC.")
        return times


@dataclass(frozen=True)
class Requested:
    """What the caller says of the run; what it leaves out is not compared."""

    name: str | None
    status: str
    times: Times
    parent_id: str | None
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Sequence[Value] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[InputFile] = ()


def check_key(client: Client, key: str) -> str:
    """The key as it is kept. Raises Problem for one that MLflow could not find again."""
    key = key.strip()
    if not key or len(key) > LONGEST_NAME or not key.isprintable() or ("'" in key and '"' in key):
        raise Problem(
            f"'{clipped(key)}' cannot be a key.",
            f"Give 1 to {LONGEST_NAME} printable characters without both kinds of quotes, e.g. 'eval-2026-11-20-llama'.",
        )
    refuse_secret(client, key, "", "The key")
    return key


def check(client: Client, requested: Requested) -> None:
    """Raise Problem for what MLflow would refuse or cut, and for secrets."""
    _check_texts(client, "param", requested.params, LONGEST_PARAM)
    _check_texts(client, "tag", requested.tags, LONGEST_TAG)
    for name in dict.fromkeys(value.name for value in requested.metrics):
        check_name(client, name, "metric")
        refuse_secret(client, name, "", "The name of a metric")
    for name in requested.tags:
        if is_reserved(name):
            raise Problem(f"The tag '{clipped(name)}' is MLflow's or this server's own.", "Choose another name.")
    for file in requested.files:
        refuse_secret(client, file.path, "", "The path of a file")
    if requested.name:
        refuse_secret(client, requested.name, "", "The name")


def _check_texts(client: Client, kind: Literal["param", "tag"], texts: Mapping[str, str], longest: int) -> None:
    for name, value in texts.items():
        check_name(client, name, kind)
        refuse_secret(client, name, "", f"The name of a {kind}")
        if len(value) > longest:
            raise Problem(
                f"The {kind} '{name}' has {len(value):,} characters; {longest:,} is the most. Nothing was written.",
                "Shorten it, or write it to a file.",
            )
        refuse_secret(client, value, name, f"The {kind} '{name}'")


def _moment(argument: str, text: str | None) -> int | None:
    if text is None or not text.strip():
        return None
    moment = moment_of(text)
    found = moment.start if moment else 0
    if found <= 0 or text.strip().isdigit():  # Python 3.11 reads 20261120 as a day
        raise Problem(f"{argument} cannot be '{clipped(text)}'.", "Write it as '2026-11-20T14:05:00Z'.")
    if found > _now() + 60_000:
        raise Problem(f"{argument} '{clipped(text)}' is in the future.", "Times without a zone are taken for UTC.")
    return found


def _now() -> int:
    return round(time.time() * 1000)
