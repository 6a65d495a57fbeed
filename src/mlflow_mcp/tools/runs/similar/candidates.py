"""The runs that may be near: read page by page with the keys that are looked for, each evaluation job once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from mlflow_mcp.client import Client
from mlflow_mcp.client.values import RunValues, values_of
from mlflow_mcp.text import plural, quoted
from mlflow_mcp.tools.evaluations.config_files import config_params
from mlflow_mcp.tools.runs.aggregates.jobs_once import canonicity, job_of
from mlflow_mcp.tools.runs.similar.nearness import Information, has_enough
from mlflow_mcp.tools.runs.similar.profile import (
    MODEL,
    Profile,
    evaluated_model,
    has_config,
    profile_of,
    projected,
    same_model,
)
from mlflow_mcp.tools.runs.similar.reference import KEPT_TAGS, Reference, task_of

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


def read_candidates(client: Client, ids: list[str], query: str, reference: Reference) -> Candidates:
    """All matching runs but the reference and its copies, as far as the time goes."""
    values = values_of(client, ids, query, reference.selection(), MOST_RUNS)
    found = Candidates()
    jobs: dict[str, Candidate] = {}
    for page in values:
        for run in page:
            _take_in(found, jobs, run, reference)
        if client.call.is_late and (values.total is None or found.read < values.total):
            # What is left of the time is for the nearest.
            found.partial = _partial(found.read, values.total, "time was up")
            break
    if values.stopped:
        found.partial = _partial(found.read, values.total, values.stopped)
    found.found = list(jobs.values())
    if reference.is_export:
        _read_configs(client, found, reference)
    else:
        found.names = values.names("params") if not reference.is_run else []
    for candidate in found.found:
        found.information.add(candidate.profile.compared, reference.profile.compared)
    near = [each for each in found.found if has_enough(reference.profile, each.profile)]
    found.too_different = len(found.found) - len(near)
    found.found = near
    return found


def _partial(read: int, total: int | None, why: str) -> str:
    of_all = f"{total:,} matching runs" if total else "the matching runs"
    return f"compared with {read:,} of {of_all}: {why}"


def _take_in(found: Candidates, jobs: dict[str, Candidate], run: RunValues, reference: Reference) -> None:
    found.read += 1
    job = job_of(run)
    if run.run_id == reference.run_id or (reference.is_export and task_of(run.tags) != reference.task):
        return
    if job is not None and job == reference.job:
        found.copies += 1
        return
    profile = _projected(run, reference)
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


def _projected(run: RunValues, reference: Reference) -> Profile:
    """The run's values of the keys of the reference."""
    params = run.params if reference.is_run else {**run.params, **_pseudo(run, reference)}
    values = projected(params, run.tags, reference.profile.compared, is_export=reference.is_export)
    return Profile(values, {}, evaluated_model(run.params, run.tags) if reference.is_export else None)


def _pseudo(run: RunValues, reference: Reference) -> dict[str, str]:
    """What `model` and `task` mean for an evaluation, which has no params of these names."""
    found: dict[str, str | None] = {}
    if MODEL in reference.profile.compared and MODEL not in run.params:
        model, given = evaluated_model(run.params, run.tags), reference.profile.compared[MODEL]
        found[MODEL] = given if model and same_model(model, given) else model
    if "task" in reference.profile.compared and "task" not in run.params:
        found["task"] = task_of(run.tags)
    return {name: value for name, value in found.items() if value is not None}


def _read_configs(client: Client, found: Candidates, reference: Reference) -> None:
    """Give the newest evaluations without flattened params those of their config file."""
    bare = [each for each in found.found if not has_config(each.profile)]
    bare.sort(key=lambda each: canonicity(each.run), reverse=True)
    if any(name.startswith("config.") for name in reference.profile.compared):
        read = [partial(_read_config, client, each, reference) for each in bare[:_MOST_FILES]]
        steps = client.call.steps("read", "config file")
        client.parts("The config files of evaluations without flattened params", *read, steps=steps)
    found.without_config = sum(not has_config(each.profile) for each in bare)


def _read_config(client: Client, candidate: Candidate, reference: Reference) -> None:
    if params := config_params(client, candidate.run.run_id):
        candidate.file_params = params
        candidate.profile = profile_of(params, candidate.run.tags, reference.ignoring, is_export=True)


def told(found: Candidates, reference: Reference) -> list[str]:
    """What was passed over."""
    notes = []
    if reference.without_value:
        notes.append(f"Given without a value, and not compared: {quoted(reference.without_value)}.")
    if found.too_different:
        half = f"fewer than half of the {plural(len(reference.profile.compared), 'param')}"
        notes.append(
            f"{plural(found.too_different, 'run')} with {half} that are compared: too little in common, left out."
        )
    if found.copies and (reference.is_export or not reference.is_run):
        notes.append(f"{plural(found.copies, 'further copy', 'further copies')} of evaluation jobs left out.")
    if found.without_config:
        notes.append(
            f"{plural(found.without_config, 'evaluation')} of this task without flattened params whose config file was not read "
            f"(at most {_MOST_FILES} are): not compared."
        )
    return notes
