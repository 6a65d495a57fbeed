"""The runs that may be near: read page by page with the keys that are looked for, each evaluation job once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from mlflow_mcp.client import Client
from mlflow_mcp.client.values import RunValues, values_of
from mlflow_mcp.entities.flattened_config import model_in
from mlflow_mcp.text import plural, quoted
from mlflow_mcp.tools.runs.aggregates.jobs_once import canonicity, job_of
from mlflow_mcp.tools.runs.similar.config_files import config_params
from mlflow_mcp.tools.runs.similar.nearness import Information, has_enough
from mlflow_mcp.tools.runs.similar.profile import MODEL, Profile, has_config, profile_of, projected, same_model
from mlflow_mcp.tools.runs.similar.wanted import KEPT_TAGS, Wanted, task_of

MOST_RUNS = 50_000
# The config files of so many evaluations are read that have no flattened params.
_MOST_FILES = 40


@dataclass
class Candidate:
    """A run, or of an evaluation job the copy that counts; its values are those of the run `config_run`."""

    run: RunValues
    profile: Profile
    config_run: str
    file_params: Mapping[str, str] = field(default_factory=dict)  # where its config was read from a file


@dataclass
class Candidates:
    """What was read. `partial` says of how many runs, if not of all."""

    found: list[Candidate] = field(default_factory=list)
    information: Information = field(default_factory=Information)
    read: int = 0
    partial: str | None = None
    copies: int = 0
    too_different: int = 0  # with fewer than half of the keys
    without_config: int = 0  # evaluations whose config is nowhere, or was not read
    names: list[str] = field(default_factory=list)  # of params that were seen


def read_candidates(client: Client, ids: list[str], query: str, wanted: Wanted) -> Candidates:
    """All matching runs but the wanted one and its copies, as far as the time goes."""
    values = values_of(client, ids, query, wanted.selection(), MOST_RUNS)
    found = Candidates()
    jobs: dict[str, Candidate] = {}
    for page in values:
        for run in page:
            _take_in(found, jobs, run, wanted)
        if client.call.is_late and (values.total is None or found.read < values.total):
            # What is left of the time is for the nearest.
            found.partial = _partial(found.read, values.total, "time was up")
            break
    if values.stopped:
        found.partial = _partial(found.read, values.total, values.stopped)
    found.found = list(jobs.values())
    if wanted.is_export:
        _read_configs(client, found, wanted)
    else:
        found.names = values.names("params") if not wanted.is_run else []
    for candidate in found.found:
        found.information.add(candidate.profile.compared, wanted.profile.compared)
    near = [each for each in found.found if has_enough(wanted.profile, each.profile)]
    found.too_different = len(found.found) - len(near)
    found.found = near
    return found


def _partial(read: int, total: int | None, why: str) -> str:
    of_all = f"{total:,} matching runs" if total else "the matching runs"
    return f"compared with {read:,} of {of_all}: {why}"


def _take_in(found: Candidates, jobs: dict[str, Candidate], run: RunValues, wanted: Wanted) -> None:
    found.read += 1
    job = job_of(run)
    if run.run_id == wanted.run_id or (wanted.is_export and task_of(run.tags) != wanted.task):
        return
    if job is not None and job == wanted.job:
        found.copies += 1
        return
    profile = _projected(run, wanted)
    key = job or run.run_id
    other = jobs.get(key)
    if other is None:
        jobs[key] = Candidate(_without_values(run), profile, run.run_id)
        return
    found.copies += 1
    if canonicity(run) > canonicity(other.run):
        other.run = _without_values(run)
    if has_config(profile) and not has_config(other.profile):
        other.profile, other.config_run = profile, run.run_id
    if other.profile.model is None:
        other.profile = replace(other.profile, model=profile.model)


def _without_values(run: RunValues) -> RunValues:
    """The run without what is in its profile; of the tags only those that its profile needs are kept by the selection."""
    return run._replace(params={}, metrics={}, tags={name: run.tags[name] for name in KEPT_TAGS if name in run.tags})


def _projected(run: RunValues, wanted: Wanted) -> Profile:
    """The run's values of the wanted keys."""
    params = run.params if wanted.is_run else {**run.params, **_pseudo(run, wanted)}
    values = projected(params, run.tags, wanted.profile.compared, is_export=wanted.is_export)
    return Profile(values, {}, model_in(run.tags, run.params) if wanted.is_export else None)


def _pseudo(run: RunValues, wanted: Wanted) -> dict[str, str]:
    """What `model` and `task` mean for an evaluation, which has no params of these names."""
    found: dict[str, str | None] = {}
    if MODEL in wanted.profile.compared and MODEL not in run.params:
        model, given = model_in(run.tags, run.params), wanted.profile.compared[MODEL]
        found[MODEL] = given if model and same_model(model, given) else model
    if "task" in wanted.profile.compared and "task" not in run.params:
        found["task"] = task_of(run.tags)
    return {name: value for name, value in found.items() if value is not None}


def _read_configs(client: Client, found: Candidates, wanted: Wanted) -> None:
    """Give the newest evaluations without flattened params those of their config file."""
    bare = [each for each in found.found if not has_config(each.profile)]
    bare.sort(key=lambda each: canonicity(each.run), reverse=True)
    if any(name.startswith("config.") for name in wanted.profile.compared):
        read = [partial(_read_config, client, each, wanted) for each in bare[:_MOST_FILES]]
        client.parts("The config files of evaluations without flattened params", *read)
    found.without_config = sum(not has_config(each.profile) for each in bare)


def _read_config(client: Client, candidate: Candidate, wanted: Wanted) -> None:
    if params := config_params(client, candidate.run.run_id):
        candidate.file_params = params
        candidate.profile = profile_of(params, candidate.run.tags, wanted.ignoring, is_export=True)


def told(found: Candidates, wanted: Wanted) -> list[str]:
    """What was passed over."""
    notes = []
    if wanted.without_value:
        notes.append(f"Given without a value, and not compared: {quoted(wanted.without_value)}.")
    if found.too_different:
        half = f"fewer than half of the {plural(len(wanted.profile.compared), 'param')}"
        notes.append(
            f"{plural(found.too_different, 'run')} with {half} that are compared: too little in common, left out."
        )
    if found.copies and (wanted.is_export or not wanted.is_run):
        notes.append(f"{plural(found.copies, 'further copy', 'further copies')} of evaluation jobs left out.")
    if found.without_config:
        notes.append(
            f"{plural(found.without_config, 'evaluation')} of this task without flattened params whose config file was not read "
            f"(at most {_MOST_FILES} are): not compared."
        )
    return notes
