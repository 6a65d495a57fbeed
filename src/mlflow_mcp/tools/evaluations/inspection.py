"""What is known of a launcher run only from its history, its folders and its results.yml. A few requests a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from mlflow_mcp.client import Client
from mlflow_mcp.entities.launcher import LauncherRun, RecordedConfig, Samples, is_canary
from mlflow_mcp.entities.metrics import headline
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.tools.artifacts.formats.structured import load_yaml

# More runs than this are not inspected: their details are what their params and metrics say.
MOST_INSPECTED = 40
_RESULTS_BYTES = 256 * 1024


@dataclass
class RunDetails:
    """What one run's params and metrics say, and what an inspection adds."""

    proved_samples: Samples | None = None
    model: str | None = None
    earlier: dict[str, float] = field(default_factory=dict)  # values before a re-export in place
    exports: int = 1
    folders: list[str] = field(default_factory=list)  # `<harness>.<task>`, where the run's tags do not name it
    has_config: bool = False  # whether config params or results.yml were there to name a sample limit
    unread: str | None = None  # why results.yml could not be read, when it should be there

    @classmethod
    def of(cls, run: LauncherRun) -> RunDetails:
        """Without any request."""
        return cls(run.proved_samples, run.model, has_config=run.has_config)

    @property
    def samples(self) -> int | None:
        return self.proved_samples.count if self.proved_samples else None


def inspect_runs(
    client: Client, runs: Sequence[LauncherRun], *, history: bool = True, counts: bool = False
) -> dict[str, RunDetails]:
    """Details by run id, the runs inspected at the same time. `history=False` spares the look for exports in place; with
    `counts` the number of samples is read also from runs whose config tells that there was no limit.

    Files are read only where params do not tell: the sample count of runs without a flattened config, and the model,
    which is the same in all of an invocation, from the first run that does not name it.
    """
    inspected = list(runs[:MOST_INSPECTED])
    first_without_model: dict[str, str] = {}
    for run in inspected:
        if run.model is None:
            first_without_model.setdefault(run.invocation_id, run.run_id)
    details = {run.run_id: RunDetails.of(run) for run in runs}
    requests: list[Callable[[], None]] = []
    for run in inspected:
        of_run, needs_model = details[run.run_id], run.run_id in first_without_model.values()
        if history:
            requests.append(partial(_find_reexport, client, run, of_run))
        needs_results = needs_model or (run.proved_samples is None and (counts or not run.has_config))
        if needs_results or run.results_folder is None:
            requests.append(partial(_inspect_files, client, run, of_run, needs_results))
    client.run_concurrently(*requests)
    return details


def _inspect_files(client: Client, run: LauncherRun, details: RunDetails, needs_results: bool) -> None:
    folder = run.results_folder
    if folder is None:  # old exports: the task folders themselves say which tasks the run holds
        folders: list[str] = []
        with suppress(Problem):  # a run whose files cannot be listed is shown by what its params say
            folders = [each.path for each in client.artifacts(run.run_id).entries() if each.is_dir]
        details.folders = [each for each in folders if "." in each]
        folder = _only_folder(run.task, details.folders)
    if folder and needs_results:
        _read_results(client, run, folder, details)
    elif len(details.folders) > 1:
        _read_results_of_all(client, run, details)


def _read_results_of_all(client: Client, run: LauncherRun, details: RunDetails) -> None:
    """The model of a run that holds a whole invocation, and the sample count of a task that was only a trial."""
    for folder in details.folders:
        of_task = RunDetails()
        _read_results(client, run, f"{folder}/artifacts", of_task)
        details.model = details.model or of_task.model
        details.has_config = details.has_config or of_task.has_config
        if is_canary(of_task.samples):
            details.proved_samples = of_task.proved_samples


def _only_folder(task: str | None, folders: Sequence[str]) -> str | None:
    own = [each for each in folders if task is None or each.endswith(f".{task}")]
    return f"{own[0]}/artifacts" if len(own) == 1 else None


def _find_reexport(client: Client, run: LauncherRun, details: RunDetails) -> None:
    """A second point at the same step is a second export in place: the latest value counts, the one before is kept."""
    for name in headline(run.metrics, 1):
        points = client.metrics.points(run.run_id, name, 20)
        if len(points) > 1 and len({point.step for point in points}) == 1:
            details.exports = len(points)
            by_time = sorted(points, key=lambda point: point.timestamp)
            details.earlier = {name: by_time[-2].value}


def _read_results(client: Client, run: LauncherRun, folder: str, details: RunDetails) -> None:
    """Sample count and model from the run's results.yml, where nothing else says them."""
    source = client.artifacts(run.run_id)
    try:
        piece = source.read(f"{folder}/results.yml", 0, _RESULTS_BYTES)
    except NotFound:
        return
    except Problem as problem:
        details.unread = str(problem)
        return
    recorded = RecordedConfig.of(load_yaml(piece.data.decode("utf-8", "replace")))
    details.has_config = details.has_config or not recorded.is_empty
    details.model = details.model or recorded.model
    if details.proved_samples is None:
        details.proved_samples = recorded.samples
