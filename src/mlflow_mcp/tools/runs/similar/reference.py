"""What is looked for: a run with its params and config, or params that were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.matches import find_matches
from mlflow_mcp.client.ids.runs import run_id_of
from mlflow_mcp.client.values import Selection
from mlflow_mcp.client.values.run import of_entity
from mlflow_mcp.entities.flattened_config import MODEL_NAMES
from mlflow_mcp.entities.launcher import LauncherRun
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import plural
from mlflow_mcp.tools.evaluations.config_files import config_params
from mlflow_mcp.tools.runs.aggregates.jobs_once import JOB_TAGS, job_of
from mlflow_mcp.tools.runs.incidental import USUAL, Ignoring
from mlflow_mcp.tools.runs.similar.profile import HARNESS, MODEL, MOST_TASKS, Profile, has_config, normal, profile_of

_TASK_TAGS = ("benchmark", "task_name")
KEPT_TAGS = (*JOB_TAGS, *_TASK_TAGS, HARNESS, MODEL)
_MODEL_PARAMS = (
    *(
        "config.deployment.served_model_name",
        "config.target.api_endpoint.model_id",
        "config.deployment.hf_model_handle",
    ),
    *("config.model", *MODEL_NAMES),
)


@dataclass(frozen=True)
class Reference:
    """What is looked for. Of a run: its id, its job, whether a launcher exported it, and its task."""

    profile: Profile
    ignoring: Ignoring
    is_export: bool = False
    run_id: str | None = None
    name: str | None = None
    job: str | None = None
    task_tag: tuple[str, str] | None = None  # its name and value
    metrics: Mapping[str, float] = field(default_factory=dict)
    without_value: Sequence[str] = ()  # names that were given with no value to compare

    @property
    def task(self) -> str | None:
        return self.task_tag[1] if self.task_tag else None

    @property
    def is_run(self) -> bool:
        """Whether a run is looked for, of which every key counts, or single params."""
        return self.run_id is not None

    def selection(self) -> Selection:
        """What is read of each candidate."""
        names = set(self.profile.compared)
        for name in self.profile.compared:
            names.update(name.replace("<n>", str(number)) for number in range(MOST_TASKS) if "<n>" in name)
        if self.is_export or not self.is_run:
            names.update(_MODEL_PARAMS)
        return Selection((), sorted(names), KEPT_TAGS)


def task_of(tags: Mapping[str, str]) -> str | None:
    """The task that an evaluation's tags name."""
    return next((tags[name] for name in _TASK_TAGS if name in tags), None)


def given_params(params: Mapping[str, str], ignore: Sequence[str] | None) -> Reference:
    """Params that the caller names: the usual ones are not left out of these."""
    ignoring = Ignoring([])
    if ignore:
        left_out = Ignoring(ignore)
        params = {name: value for name, value in params.items() if not left_out.is_named(name)}
    values = {name.removeprefix("params."): normal(value) for name, value in params.items()}
    compared = {name: value for name, value in values.items() if value is not None}
    if not compared:
        raise Problem("None of these params has a value to compare.", "Give names with values: ['lr=0.1', 'model=x'].")
    return Reference(
        Profile(compared), ignoring, without_value=[name for name, value in values.items() if value is None]
    )


def reference_run(client: Client, id: str, ignore: Sequence[str] | None) -> Reference:
    """A run; of an evaluation with the config of whichever copy of its job has it, in its params or in a file."""
    entity = client.runs.get(run_id_of(client, id))
    run, ignoring = LauncherRun.of(entity), Ignoring(ignore)
    copies = [run, *_other_copies(client, run)]
    profiles = [
        profile_of(each.entity.data.params, each.entity.data.tags, ignoring, is_export=run.is_export) for each in copies
    ]
    profile = next(filter(has_config, profiles), profiles[0])
    if run.is_export and not has_config(profile):
        params = next(filter(None, (config_params(client, each.run_id) for each in copies)), {})
        from_file = profile_of(params, entity.data.tags, ignoring, is_export=True)
        profile = replace(profile, compared={**profile.compared, **from_file.compared}, model=from_file.model)
    profile = replace(profile, model=next((each.model for each in copies if each.model), profile.model))
    if not profile.compared:
        left = f": {plural(len(profile.ignored), 'param')} left out as {USUAL}" if profile.ignored else ""
        raise Problem(
            f"Run {run.run_id} has no params to compare{left}.",
            "ignore=[] compares these too." if profile.ignored else "query_runs finds runs by tags, names or metrics.",
        )
    tag = next(((name, entity.data.tags[name]) for name in _TASK_TAGS if name in entity.data.tags), None)
    return Reference(
        profile,
        ignoring,
        run.is_export,
        run.run_id,
        run.name,
        job_of(of_entity(entity)),
        tag if run.is_export else None,
        run.metrics,
    )


def _other_copies(client: Client, run: LauncherRun) -> list[LauncherRun]:
    job_id = run.job_id
    if not run.is_export or job_id is None:
        return []
    matches = client.experiments.search_all(lambda ids: find_matches(client, ids, job_id, ["job id"]))
    return [LauncherRun.of(match.run) for match in matches if match.run.info.run_id != run.run_id]
