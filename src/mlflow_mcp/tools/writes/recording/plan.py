"""What of it is missing in the run that is there, and what is there otherwise. Nothing that is there is ever replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mlflow_mcp.client import Client
from mlflow_mcp.client.run_log import OPEN, Value
from mlflow_mcp.entities.metrics import same_value
from mlflow_mcp.entities.run import PARENT_TAG
from mlflow_mcp.text import iso, number, size, truncate
from mlflow_mcp.tools.writes.recording.files import LARGEST_COMPARED, InputFile, difference, entry_of
from mlflow_mcp.tools.writes.recording.requested import Requested

if TYPE_CHECKING:
    from mlflow.entities import Run

_LONGEST_SHOWN = 200
# MLflow keeps infinities as its largest number.
_INFINITE = 1.797e308


class Conflict(NamedTuple):
    """Something that is there with another value than the caller's."""

    what: str
    there: Any
    given: Any


@dataclass(frozen=True)
class Plan:
    """`missing` is what is to be written. `ends` tells whether the run is to get its status and end; `by_size` names the files
    that were compared by their size alone."""

    missing: Requested
    ends: bool
    conflicts: list[Conflict] = field(default_factory=list)
    by_size: list[str] = field(default_factory=list)


def planned(client: Client, run: Run | None, requested: Requested) -> Plan:
    """`run` is the one that the key has already."""
    if run is None:
        return Plan(requested, requested.status not in OPEN)
    conflicts = _of_facts(run, requested)
    params = _texts(client, "param", run.data.params, requested.params, conflicts)
    tags = _texts(client, "tag", run.data.tags, requested.tags, conflicts)
    metrics = _values(client, run, requested, conflicts)
    files = _files(client, str(run.info.run_id), requested.files, conflicts)
    missing = replace(requested, params=params, tags=tags, metrics=metrics, files=files)
    by_size = [file.path for file in requested.files if file.size > LARGEST_COMPARED and file not in files]
    return Plan(missing, str(run.info.status) in OPEN and requested.status not in OPEN, conflicts, by_size)


def not_as_written(run: Run, written: Requested, *, ended: bool) -> list[str]:
    """What is not there as it was written: somebody wrote at the same time, or the server cut it."""
    other = [f"param '{name}'" for name, value in written.params.items() if run.data.params.get(name) != value]
    other += [f"tag '{name}'" for name, value in written.tags.items() if run.data.tags.get(name) != value]
    other += sorted({f"metric '{value.name}'" for value in written.metrics if value.name not in run.data.metrics})
    return other + (["status"] if ended and str(run.info.status) != written.status else [])


def _of_facts(run: Run, requested: Requested) -> list[Conflict]:
    info, times = run.info, requested.times
    found = [
        ("name", info.run_name, requested.name),
        ("parent_run_id", run.data.tags.get(PARENT_TAG), requested.parent_id),
        ("start_time", iso(info.start_time), iso(times.start)),
    ]
    if str(info.status) not in OPEN:
        found += [("status", str(info.status), requested.status), ("end_time", iso(info.end_time), iso(times.end))]
    return [Conflict(*each) for each in found if each[2] is not None and each[1] != each[2]]


def _texts(
    client: Client, kind: str, there: Mapping[str, str], given: Mapping[str, str], conflicts: list[Conflict]
) -> dict[str, str]:
    for name, value in given.items():
        if there.get(name, value) != value:
            shown = [truncate(client.masked(text, name), _LONGEST_SHOWN) for text in (there[name], value)]
            conflicts.append(Conflict(f"{kind} {name}", *shown))
    return {name: value for name, value in given.items() if name not in there}


def _values(client: Client, run: Run, requested: Requested, conflicts: list[Conflict]) -> list[Value]:
    """The values of steps that have none."""
    names = [name for name in dict.fromkeys(each.name for each in requested.metrics) if name in run.data.metrics]
    histories = client.run_concurrently(*(partial(steps_of, client, str(run.info.run_id), name) for name in names))
    there = dict(zip(names, histories))
    missing = []
    for each in requested.metrics:
        logged = there.get(each.name, {}).get(each.step)
        if logged is None:
            missing.append(each)
        elif not is_logged(logged, each.value):
            at = f"metric {each.name}" + (f" at step {each.step}" if each.step else "")
            conflicts.append(Conflict(at, number(logged[-1], None), number(each.value, None)))
    return missing


def steps_of(client: Client, run_id: str, name: str) -> dict[int, list[float]]:
    """Every value of a metric by its step, in the order of their times."""
    found: dict[int, list[float]] = {}
    for page in client.metrics.every_point(run_id, name):
        for point in page:
            found.setdefault(point.step, []).append(point.value)
    return found


def is_logged(there: Iterable[float], value: float) -> bool:
    return any(same_value(each, value) or _both_infinite(each, value) for each in there)


def _both_infinite(one: float, other: float) -> bool:
    return min(abs(one), abs(other)) >= _INFINITE and (one > 0) == (other > 0)


def _files(client: Client, run_id: str, given: Iterable[InputFile], conflicts: list[Conflict]) -> list[InputFile]:
    missing = []
    for file in given:
        entry = entry_of(client, run_id, file.path)
        if entry is None:
            missing.append(file)
        elif other := difference(client, run_id, file, entry):
            conflicts.append(Conflict(f"file {file.path}", other, size(file.size)))
    return missing
