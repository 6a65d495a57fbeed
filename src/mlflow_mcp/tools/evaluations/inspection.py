"""What only a closer look at a launcher run tells: its history, its folders, its results.yml. A few requests a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from mlflow_mcp.client import Client
from mlflow_mcp.entities import launcher
from mlflow_mcp.entities.metrics import headline
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.tools.artifacts.formats.structured import load_yaml

if TYPE_CHECKING:
    from mlflow.entities import Run

# More runs than this are not looked at: their facts are what their params and metrics say.
MOST_LOOKED_AT = 40
_RESULTS_BYTES = 256 * 1024


@dataclass
class Facts:
    """What looking at one run closer told."""

    samples: int | None = None
    model: str | None = None
    earlier: dict[str, float] = field(default_factory=dict)  # values before a re-export in place
    exports: int = 1
    folders: list[str] = field(default_factory=list)
    unread: str | None = None  # why results.yml could not be read, when it should be there
    told: bool = False  # whether config params or results.yml were there to name a sample limit


def look_at(client: Client, runs: Sequence[Run], *, history: bool = True, counts: bool = False) -> dict[str, Facts]:
    """Facts by run id, the runs looked at side by side. `history=False` spares the look for exports in place; with
    `counts` the number of samples is read also from runs whose config tells that there was no limit.

    Files are read only where params do not tell: the sample count of runs without a flattened config, and the model,
    which is the same in all of an invocation, from the first run that does not name it.
    """
    asked = list(runs[:MOST_LOOKED_AT])
    nameless: dict[str, str] = {}
    for run in asked:
        if launcher.model_of(run) is None:
            nameless.setdefault(launcher.invocation_id_of(run), run.info.run_id)
    facts = {run.info.run_id: _told_by_params(run) for run in runs}
    jobs: list[Callable[[], None]] = []
    for run in asked:
        of_run, wants_model = facts[run.info.run_id], run.info.run_id in nameless.values()
        if history:
            jobs.append(partial(_look_for_reexport, client, run, of_run))
        wants_results = wants_model or (of_run.samples is None and (counts or not launcher.tells_its_config(run)))
        if wants_results or launcher.results_folder(run) is None:
            jobs.append(partial(_look_into_files, client, run, of_run, wants_results))
    client.run_concurrently(*jobs)
    return facts


def _told_by_params(run: Run) -> Facts:
    return Facts(launcher.sample_count(run), launcher.model_of(run), told=launcher.tells_its_config(run))


def _look_into_files(client: Client, run: Run, facts: Facts, wants_results: bool) -> None:
    folder = launcher.results_folder(run)
    if folder is None:  # old exports: the task folders themselves say which tasks the run holds
        folders: list[str] = []
        with suppress(Problem):  # a run whose files cannot be listed is shown by what its params say
            folders = [each.path for each in client.artifacts(run.info.run_id).entries() if each.is_dir]
        facts.folders = [each for each in folders if "." in each]
        folder = _only_folder(launcher.task_of(run), facts.folders)
    if folder and wants_results:
        _read_results(client, run, folder, facts)
    elif len(facts.folders) > 1:
        _read_results_of_all(client, run, facts)


def _read_results_of_all(client: Client, run: Run, facts: Facts) -> None:
    """The model of a run that holds a whole invocation, and the sample count of a task that was only a trial."""
    for folder in facts.folders:
        of_task = Facts()
        _read_results(client, run, f"{folder}/artifacts", of_task)
        facts.model = facts.model or of_task.model
        facts.told = facts.told or of_task.told
        if of_task.samples is not None and of_task.samples <= launcher.CANARY:
            facts.samples = of_task.samples


def _only_folder(task: str | None, folders: Sequence[str]) -> str | None:
    own = [each for each in folders if task is None or each.endswith(f".{task}")]
    return f"{own[0]}/artifacts" if len(own) == 1 else None


def _look_for_reexport(client: Client, run: Run, facts: Facts) -> None:
    """A second point at the same step is a second export in place: the latest value counts, the one before is told."""
    for name in headline(run.data.metrics, 1):
        points = client.metrics.points(run.info.run_id, name, 20)
        if len(points) > 1 and len({point.step for point in points}) == 1:
            facts.exports = len(points)
            by_time = sorted(points, key=lambda point: point.timestamp)
            facts.earlier = {name: by_time[-2].value}


def _read_results(client: Client, run: Run, folder: str, facts: Facts) -> None:
    """Sample count and model from the run's results.yml, which only it may tell."""
    source = client.artifacts(run.info.run_id)
    try:
        piece = source.read(f"{folder}/results.yml", 0, _RESULTS_BYTES)
    except NotFound:
        return
    except Problem as problem:
        facts.unread = str(problem)
        return
    told = launcher.read_results(load_yaml(piece.data.decode("utf-8", "replace")))
    facts.told = facts.told or bool(told)
    facts.model = facts.model or told.get("model")
    if facts.samples is None:
        facts.samples = told.get("samples")
