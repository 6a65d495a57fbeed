"""The requests that make a run hold what it is to hold, a row of the answer each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.upload import upload
from mlflow_mcp.client.run_log import Beginning, RunLog, Value, batches_of_metrics, batches_of_texts
from mlflow_mcp.client.writing import Write
from mlflow_mcp.text import clipped, iso, number, plural, size, truncate
from mlflow_mcp.tools.writes.outcome import Change
from mlflow_mcp.tools.writes.recording.files import InputFile, check_unchanged, is_written
from mlflow_mcp.tools.writes.recording.plan import Plan, is_logged, steps_of
from mlflow_mcp.tools.writes.recording.requested import Requested

_LONGEST_LIST = 300


class Changes:
    """The changes of one call; `log` knows the run as soon as there is one."""

    def __init__(self, client: Client, log: RunLog) -> None:
        self._client, self._log = client, log
        self._of = f"(key '{clipped(log.key)}')"
        # One time for all values: when each was measured is not known.
        self._now = round(time.time() * 1000)

    def begin(self, experiment: str, experiment_id: Callable[[], str], requested: Requested) -> Change:
        name = requested.name or self._log.key
        beginning = Beginning(name, requested.times.start, requested.parent_id)
        step = Write(
            f"run '{clipped(name)}' with the key '{clipped(self._log.key)}' begun in experiment '{experiment}'",
            lambda: self._log.begin(experiment_id(), beginning, has_files=bool(requested.files)),
            lambda: self._log.has_begun(experiment_id()),
            made=lambda: self._log.run_id,
        )
        start = iso(requested.times.start) or "now"
        parent = f", child of {requested.parent_id}" if requested.parent_id else ""
        return Change("run", None, f"'{clipped(name)}' in experiment '{experiment}', started {start}{parent}", step)

    def fill(self, plan: Plan, before: str | None) -> list[Change]:
        """What is missing, and at last the end."""
        missing = plan.missing
        at = missing.times.end or self._now
        found = [self._texts("param", part) for part in batches_of_texts(missing.params)]
        found += [self._texts("tag", part) for part in batches_of_texts(missing.tags)]
        found += [self._values(part, at) for part in batches_of_metrics(missing.metrics)]
        found += [self._file(file) for file in missing.files]
        return [*found, self._end(missing, before)] if plan.ends else found

    def _texts(self, kind: str, part: dict[str, str]) -> Change:
        params, tags = (part, {}) if kind == "param" else ({}, part)

        def is_done() -> bool:
            data = self._log.read().data
            there = data.params if kind == "param" else data.tags
            return all(there.get(name) == value for name, value in part.items())

        what = plural(len(part), kind)
        shown = (f"{name}={self._client.masked(value, name)}" for name, value in part.items())
        step = Write(f"{what} {self._of}", lambda: self._log.log((), params, tags, self._now), is_done)
        return Change(what, None, _list(shown), step)

    def _values(self, part: Sequence[Value], at: int) -> Change:
        names = list(dict.fromkeys(value.name for value in part))

        def is_done() -> bool:
            there = {name: steps_of(self._client, self._log.run_id, name) for name in names}
            return all(is_logged(there[each.name].get(each.step, ()), each.value) for each in part)

        what = f"{plural(len(part), 'value')} of {plural(len(names), 'metric')}"
        step = Write(f"{what} {self._of}", lambda: self._log.log(part, {}, {}, at), is_done)
        return Change(what, None, _list(_shown(value) for value in part), step)

    def _file(self, file: InputFile) -> Change:
        def send() -> None:
            check_unchanged(file)
            upload(self._client, self._log.read(), file.place, file.path)

        step = Write(
            f"file '{clipped(file.path)}' {self._of}",
            send,
            lambda: is_written(self._client, self._log.run_id, file),
        )
        return Change(f"file {file.path}", None, size(file.size), step)

    def _end(self, requested: Requested, before: str | None) -> Change:
        step = Write(
            f"status {requested.status} {self._of}",
            partial(self._log.end, requested.status, requested.times.end),
            lambda: str(self._log.read().info.status) == requested.status,
        )
        after: Any = f"{requested.status}, ended {iso(requested.times.end) or 'now'}"
        return Change("status", before, after, step)


def _shown(value: Value) -> str:
    at = f"@{value.step}" if value.step else ""
    return f"{value.name}{at}={number(value.value)}"


def _list(parts: Iterable[str]) -> str:
    return truncate(", ".join(parts), _LONGEST_LIST)
