"""Writing a whole run: found again by its key, begun, filled by requests that MLflow takes, ended.

MLflow has no key of its own that two runs cannot share. A tag holds ours; who began a run looks again afterwards, and gives way
where another did the same at the same time. Two stay where one looked before the other was made, wrote nothing yet, and has the
greater id: both answers say so. Only a param would decide that for certain, because MLflow lets nobody change one; every run
would then show it, and every comparison of params.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from mlflow_mcp.client.artifacts.upload import check_takes_files
from mlflow_mcp.client.filters import equals
from mlflow_mcp.client.writing import BY_TAG, author, user_of
from mlflow_mcp.entities.run import PARENT_TAG
from mlflow_mcp.errors import Problem

if TYPE_CHECKING:
    from mlflow.entities import Run

    from mlflow_mcp.client import Client

T = TypeVar("T")
KEY_TAG = "mlflow_mcp.key"
# Which call began a run, by which a call whose answer was lost knows its own.
_CALL_TAG = "mlflow_mcp.log_run"
_USER_TAG = "mlflow.user"
LONGEST_PARAM = 6_000
LONGEST_TAG = 8_000
# What MLflow takes in one request.
_MOST_METRICS = 1_000
_MOST_PARAMS = _MOST_TAGS = 100
_LARGEST_REQUEST = 900_000
# A run that may still get its end.
OPEN = ("RUNNING", "SCHEDULED")


class Value(NamedTuple):
    """One value of a metric."""

    name: str
    step: int
    value: float


@dataclass(frozen=True)
class Beginning:
    """What a run is made with, and cannot be given later."""

    name: str
    start: int | None
    parent_id: str | None
    tags: Mapping[str, str] = field(default_factory=dict)


def runs_of_key(client: Client, experiment_id: str, key: str, *, deleted: bool = False) -> list[Run]:
    found, _ = client.runs.search([experiment_id], equals("tags", KEY_TAG, key), deleted=deleted)
    return [run for run in found if run.data.tags.get(KEY_TAG) == key]  # some databases compare without case


class NewExperiment:
    """An experiment to be made of this name."""

    def __init__(self, client: Client, name: str) -> None:
        self._client, self.name = client, name
        self.id = ""

    def make(self) -> None:
        mlflow = self._client.connection.mlflow
        self.id = str(mlflow.create_experiment(self.name, tags={BY_TAG: author(self._client)}))
        self._client.connection.experiments = None  # the list that is kept lacks it

    def is_made(self) -> bool:
        found = self._client.ask(lambda: self._client.connection.mlflow.get_experiment_by_name(self.name))
        self.id = str(found.experiment_id) if found else ""
        return found is not None and found.lifecycle_stage != "deleted"


class RunLog:
    """The run of a key, there or to be made. What changes something is for `client.writing.write`."""

    def __init__(self, client: Client, key: str, run: Run | None) -> None:
        self._client = client
        self.key = key
        self.run_id = str(run.info.run_id) if run else ""
        self._call = uuid.uuid4().hex
        self._tell_how_to_complete(str(run.info.status) if run else "")

    def begin(self, experiment_id: str, beginning: Beginning, *, has_files: bool) -> None:
        """Make the run. Raises Problem where another made one of this key meanwhile."""
        self._refuse_others(experiment_id)
        if has_files:
            check_takes_files(self._client, self._client.experiments.get(experiment_id))
        tags = {
            KEY_TAG: self.key,
            _CALL_TAG: self._call,
            BY_TAG: author(self._client),
            _USER_TAG: user_of(self._client),
        }
        tags |= {PARENT_TAG: beginning.parent_id} if beginning.parent_id else {}
        mlflow = self._client.connection.mlflow
        made = mlflow.create_run(experiment_id, beginning.start, {**beginning.tags, **tags}, beginning.name)
        self._is_ours(str(made.info.run_id))
        others = [run for run in runs_of_key(self._client, experiment_id, self.key) if run.info.run_id != self.run_id]
        if any(_goes_before(run, self.run_id) for run in others):
            mlflow.delete_run(self.run_id)  # it is empty, and was made a moment ago
            self._client.call.audit(f"run {self.run_id} deleted, which two calls began at once", "done")
            self.run_id = ""
            self._tell_how_to_complete("")
            raise self._made_by_another(others[0])

    def has_begun(self, experiment_id: str) -> bool:
        """Whether this call's own run is there."""
        found = runs_of_key(self._client, experiment_id, self.key)
        ours = next((run for run in found if run.data.tags.get(_CALL_TAG) == self._call), None)
        if ours is not None:
            self._is_ours(str(ours.info.run_id))
        return ours is not None

    def read(self) -> Run:
        return self._client.runs.get(self.run_id)

    def log(self, metrics: Sequence[Value], params: Mapping[str, str], tags: Mapping[str, str], at: int) -> None:
        """One request: what `batches` has made of everything."""
        from mlflow.entities import Metric, Param, RunTag

        self._client.connection.mlflow.log_batch(
            self.run_id,
            [Metric(each.name, each.value, at, each.step) for each in metrics],
            [Param(name, value) for name, value in params.items()],
            [RunTag(name, value) for name, value in tags.items()],
            synchronous=True,
        )

    def end(self, status: str, end: int | None) -> None:
        self._client.connection.mlflow.set_terminated(self.run_id, status, end)

    def _refuse_others(self, experiment_id: str) -> None:
        if found := runs_of_key(self._client, experiment_id, self.key):
            raise self._made_by_another(found[0])

    def _made_by_another(self, run: Run) -> Problem:
        return Problem(
            f"Another call began run {run.info.run_id} with the key '{self.key}' at the same time.",
            "Call again: it adds what is missing there.",
        )

    def _is_ours(self, run_id: str) -> None:
        self.run_id = run_id
        self._tell_how_to_complete("RUNNING")

    def _tell_how_to_complete(self, status: str) -> None:
        until = f"Run {self.run_id} is {status} until then." if self.run_id and status in OPEN else ""
        again = f"Call log_run again with the key '{self.key}': it looks first, and adds only what is missing."
        self._client.call.completes = f"{again} {until}".strip()


def _goes_before(other: Run, own_id: str) -> bool:
    """Whether another run of the key is the one to keep: the one with something in it, else the lesser id."""
    is_filled = bool(other.data.params or other.data.metrics) or str(other.info.status) not in OPEN
    return is_filled or str(other.info.run_id) < own_id


def batches_of_metrics(values: Sequence[Value]) -> list[list[Value]]:
    return list(_batches(values, _MOST_METRICS, lambda value: len(value.name) + 200))


def batches_of_texts(texts: Mapping[str, str]) -> list[dict[str, str]]:
    """Params or tags, as many to a request as MLflow takes."""
    most = min(_MOST_PARAMS, _MOST_TAGS)
    return [dict(part) for part in _batches(list(texts.items()), most, lambda pair: len(json.dumps(pair)) + 40)]


def _batches(items: Sequence[T], most: int, size_of: Callable[[T], int]) -> Iterator[list[T]]:
    part: list[T] = []
    size = 0
    for item in items:
        more = size_of(item)
        if part and (len(part) == most or size + more > _LARGEST_REQUEST):
            yield part
            part, size = [], 0
        part.append(item)
        size += more
    if part:
        yield part
