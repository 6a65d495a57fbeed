"""What is known of a job only from its copies' histories, folders and results.yml. A few requests a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

from mlflow_mcp.client import Client
from mlflow_mcp.entities.launcher import Job, LauncherRun, shared_model
from mlflow_mcp.entities.recorded_config import RecordedConfig, RecordedStatistics, planned_tasks_of
from mlflow_mcp.entities.recorded_scores import ScoreCount, StandardError
from mlflow_mcp.entities.samples import Samples
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import short_id
from mlflow_mcp.tools.artifacts.formats.structured import load_yaml
from mlflow_mcp.tools.evaluations.contradictions import Contradiction, contradiction_of
from mlflow_mcp.tools.evaluations.missing_files import looks_for_missing_files
from mlflow_mcp.tools.evaluations.reexports import Reexport, reexport_of

# More jobs than this are not inspected: their details are what their params and metrics say.
MOST_INSPECTED = 40
_RESULTS_BYTES = 256 * 1024
_CONFIGS = ("config.yml", "config.yaml")
_TRIED_FOR_MODEL = 3
_RUN_CONFIG = "run_config.yml"
_STATISTICS = "eval_factory_metrics.json"


@dataclass
class JobDetails:
    """What the params and metrics of a job's copies say, and what an inspection adds."""

    samples: Samples
    model: str | None
    has_config: bool  # whether flattened params or a config file were there to name a sample limit
    read_config: bool = (
        False  # whether results.yml or run_config.yml was read: params lack what a harness limits by default
    )
    reexport: Reexport | None = None
    folders: list[str] = field(default_factory=list)  # `<harness>.<task>`, where the run's tags do not name it
    of_folder: dict[str, Samples] = field(default_factory=dict)  # by folder, where a run holds several tasks
    statistics_of: dict[str, RecordedStatistics] = field(default_factory=dict)  # likewise
    settings_of: dict[str, Mapping[str, str]] = field(default_factory=dict)  # likewise
    files: dict[str, list[str]] = field(default_factory=dict)  # of each copy whose task folder was listed, logs apart
    with_logs: list[str] = field(default_factory=list)  # the ids of the copies that have logs
    lacks_results: bool = False  # whether results.yml was looked for and no copy has it
    statistics: RecordedStatistics = field(default_factory=RecordedStatistics)
    missing_files: list[str] = field(default_factory=list)  # of an export that did not finish, as other tasks have them
    errors: dict[str, StandardError] = field(
        default_factory=dict
    )  # of scores by metric name, where results.yml was read
    score_counts: dict[str, ScoreCount] = field(default_factory=dict)  # likewise
    settings: dict[str, str] = field(default_factory=dict)  # as results.yml or run_config.yml has them, of one task
    contradiction: Contradiction | None = None  # of params and files
    model_from: str | None = None  # the tag, the param or the key of a file that names the model
    unread: str | None = None  # why results.yml could not be read, when it should be there

    @classmethod
    def of(cls, job: Job) -> JobDetails:
        """Without any request."""
        named = job.named_model
        return cls(job.samples, job.model, job.has_config, model_from=named[1] if named else None)

    def of_held_tasks(self) -> dict[str, JobDetails]:
        """What is known of each task that a run without a task of its own holds, as its folders name them."""
        only = len(self.folders) == 1
        return {folder.partition(".")[2]: self if only else self.of_one(folder) for folder in self.folders}

    def of_one(self, folder: str) -> JobDetails:
        """What is known of the task of one folder of a run that holds several."""
        statistics = self.statistics_of.get(folder, RecordedStatistics())
        samples, settings = self.of_folder.get(folder, Samples()) | statistics.samples, self.settings_of.get(folder, {})
        return replace(self, samples=samples, statistics=statistics, settings=dict(settings), folders=[folder])

    def add(self, recorded: RecordedConfig) -> None:
        self.samples |= recorded.samples
        if not self.model:
            self.model, self.model_from = recorded.model, recorded.model_from
        self.errors = {**recorded.errors, **self.errors}
        self.score_counts = {**recorded.counts, **self.score_counts}
        self.settings = {**recorded.settings, **self.settings}
        self.read_config = self.read_config or not recorded.is_empty
        self.has_config = self.has_config or self.read_config


def inspect_jobs(
    client: Client, jobs: Sequence[Job], *, history: bool = True, counts: bool = False, scores: bool = False
) -> dict[str, JobDetails]:
    """Details by the run id of each job's canonical copy, all inspected at the same time. `history=False` spares the look for
    exports in place, and results.yml and statistics where params tell: with `counts` only where they tell the limit and the
    count; `scores` reads results.yml and statistics of all. The model is the same in all of an invocation: the first job that does not name it is read for it.
    """
    inspected = list(jobs[:MOST_INSPECTED])
    first_without_model: dict[str, str] = {}
    for job in inspected:
        if job.model is None:
            first_without_model.setdefault(job.canonical.invocation_id, job.run_id)
    details = {job.run_id: JobDetails.of(job) for job in jobs}
    requests: list[Callable[[], None]] = []
    for job in inspected:
        of_job, needs_model = details[job.run_id], job.run_id in first_without_model.values()
        if history:
            requests.append(partial(_find_reexport, client, job, of_job))
            requests.append(partial(_read_statistics, client, job, of_job))
        elif scores or (counts and job.samples.count is None):
            requests.append(partial(_read_statistics, client, job, of_job))
        needs_results = history or scores or needs_model or not job.has_config or (counts and job.samples.count is None)
        if needs_results or job.canonical.results_folder is None:
            to_read = _FilesToRead(results=needs_results, statistics=history or scores or counts)
            requests.append(partial(_inspect_files, client, job, of_job, to_read))
    if history:
        requests += looks_for_missing_files(
            client, inspected, {id_: each.missing_files for id_, each in details.items()}
        )
    steps = client.call.steps("read", "file or history", things="files and histories")
    client.parts("What files and histories tell of these jobs", *requests, steps=steps)
    for of_job in details.values():
        of_job.samples |= of_job.statistics.samples
    return details


def inspect_samples(client: Client, runs: Sequence[LauncherRun]) -> dict[str, Samples]:
    """What is proved of the samples of single runs, by run id: out of their files where they are a launcher's."""
    jobs = [Job(run) for run in runs if run.invocation_id]
    details = inspect_jobs(client, jobs, history=False, counts=True)
    return {run.run_id: details[run.run_id].samples if run.run_id in details else run.samples for run in runs}


def model_of(client: Client, run: LauncherRun) -> tuple[str | None, str | None]:
    """The evaluated model of one run and what names it: where tags and params do not, its results.yml."""
    known = inspect_jobs(client, [Job(run)], history=False)[run.run_id]
    return known.model, known.model_from


def models_of(client: Client, jobs: Mapping[str, Sequence[Job]]) -> dict[str, str | None]:
    """The evaluated models of invocations by their ids: what the params of their jobs name, else what the results.yml of
    the first of their jobs that has one records."""
    models = {id_: shared_model(job.model for job in of_invocation) for id_, of_invocation in jobs.items()}
    for at in range(_TRIED_FOR_MODEL):  # uploads can have broken
        left = {id_: jobs[id_][at] for id_, model in models.items() if model is None and at < len(jobs[id_])}
        details = inspect_jobs(client, list(left.values()), history=False)
        models |= {id_: details[job.run_id].model for id_, job in left.items()}
    return models


def tasks_in_config(client: Client, run: LauncherRun) -> dict[str, str]:
    """The tasks of the run's invocation by their numbers, as the launcher's config in the run's root lists them; none where
    it cannot be read."""
    for path in _CONFIGS:
        with suppress(Problem):
            return planned_tasks_of(_read_yaml(client, run, path))
    return {}


def _find_reexport(client: Client, job: Job, details: JobDetails) -> None:
    details.reexport = reexport_of(client, job.canonical)


# --- files


def _read_statistics(client: Client, job: Job, details: JobDetails) -> None:
    """The statistics of the first copy that has them."""
    for copy in job.copies:
        details.statistics = _statistics_in(client, copy, copy.results_folder)
        if details.statistics != RecordedStatistics():
            return


def _statistics_in(client: Client, run: LauncherRun, folder: str | None) -> RecordedStatistics:
    """Those of a run's folder; nothing is claimed of what cannot be read."""
    for each in _folders(folder):
        with suppress(Problem):
            return RecordedStatistics.of(_read_yaml(client, run, f"{each}/{_STATISTICS}"))
    return RecordedStatistics()


def _folders(folder: str | None) -> list[str]:
    """Where a task's files may be: the oldest launchers have no `artifacts` folder."""
    return [folder, folder.removesuffix("/artifacts")] if folder else []


def _read_yaml(client: Client, run: LauncherRun, path: str) -> Any:
    content = client.artifacts(run.run_id).read(path, 0, _RESULTS_BYTES)
    return load_yaml(content.data.decode("utf-8", "replace"))


class _FilesToRead(NamedTuple):
    """What is read of a job's files; the statistics are those of a run that holds several tasks."""

    results: bool
    statistics: bool


def _inspect_files(client: Client, job: Job, details: JobDetails, to_read: _FilesToRead) -> None:
    run, folder = job.canonical, job.canonical.results_folder
    if folder is None:  # old exports: the task folders themselves say which tasks the run holds
        folders: list[str] = []
        with suppress(Problem):  # a run whose files cannot be listed is shown by what its params say
            folders = [each.path for each in client.artifacts(run.run_id).entries() if each.is_dir]
        details.folders = [each for each in folders if "." in each]
        own = [each for each in details.folders if run.task is None or each.endswith(f".{run.task}")]
        if len(own) != 1:
            _read_results_of_all(client, run, details)
            if to_read.statistics:
                _read_statistics_of_all(client, run, details)
            return
        folder = f"{own[0]}/artifacts"
    if to_read.results:
        _read_first_results(client, job, folder, details)


def _read_first_results(client: Client, job: Job, folder: str, details: JobDetails) -> None:
    """What the results.yml of the canonical copy records, or that of the first copy that has one."""
    for copy in job.copies:
        recorded = _read_results(client, copy, folder, details)
        if recorded is not None:
            if copy is not job.canonical:
                samples = recorded.samples.from_copy(f"copy {short_id(copy.run_id)}")
                recorded = replace(recorded, samples=samples)
            details.contradiction = contradiction_of(job, recorded, "results.yml")
            details.add(recorded)
            return
    details.lacks_results = details.unread is None
    _read_run_config(client, job, folder, details)


def _read_run_config(client: Client, job: Job, folder: str, details: JobDetails) -> None:
    for copy in job.copies:
        with suppress(Problem):  # what cannot be read is not claimed
            recorded = RecordedConfig.of(_read_yaml(client, copy, f"{folder}/{_RUN_CONFIG}"), _RUN_CONFIG)
            details.contradiction = contradiction_of(job, recorded, _RUN_CONFIG)
            details.add(recorded)
            return


def _read_results_of_all(client: Client, run: LauncherRun, details: JobDetails) -> None:
    """The model of a run that holds a whole invocation, and the samples of each of its tasks."""
    read = [partial(_read_results, client, run, f"{folder}/artifacts", details) for folder in details.folders]
    for folder, recorded in zip(details.folders, client.run_concurrently(*read)):
        if recorded is not None:
            details.of_folder[folder], details.settings_of[folder] = recorded.samples, recorded.settings
            details.add(replace(recorded, samples=Samples(), settings={}))
            details.has_config = True


def _read_statistics_of_all(client: Client, run: LauncherRun, details: JobDetails) -> None:
    read = [partial(_statistics_in, client, run, f"{folder}/artifacts") for folder in details.folders]
    details.statistics_of = dict(zip(details.folders, client.run_concurrently(*read)))


def _read_results(client: Client, run: LauncherRun, folder: str, details: JobDetails) -> RecordedConfig | None:
    for path in (f"{each}/results.yml" for each in _folders(folder)):
        try:
            content = _read_yaml(client, run, path)
        except NotFound:
            continue
        except Problem as problem:
            details.unread = str(problem)
            return None
        return RecordedConfig.of(content)
    return None
