"""What was delivered with the copies of a job, and what each experiment has of an invocation that others have not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from posixpath import basename

from mlflow_mcp.answers.masking import mask_at
from mlflow_mcp.client import Client
from mlflow_mcp.entities.launcher import LAUNCHER_TAGS, Job, LauncherRun
from mlflow_mcp.entities.metrics import same_value
from mlflow_mcp.entities.run import experiment_name, own_tags
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import listed, short
from mlflow_mcp.tools.evaluations.inspection import JobDetails

_DEPTH = 3  # the task's folder, its `artifacts`, and a folder named after the model
_NAMES_LISTED = 8
_MOST_JOBS = 3
_LONGEST_VALUE = 40
_NOTE = "mlflow.note.content"


def list_delivered(client: Client, copy: LauncherRun, details: JobDetails, *, deep: bool) -> None:
    """Which files a copy has in its task's folder: the top level, or with `deep` those below as well."""
    if not (copy.harness and copy.task):
        return
    folder = f"{copy.harness}.{copy.task}"
    with suppress(Problem):  # what cannot be listed is not claimed
        entries, _ = client.artifacts(copy.run_id).tree(folder, _DEPTH if deep else 1)
        paths = [entry.path.removeprefix(f"{folder}/") for entry in entries if not entry.is_dir]
        details.files[copy.run_id] = [path for path in paths if not path.startswith("logs/")]
        if any(entry.path == f"{folder}/logs" for entry in entries):
            details.with_logs.append(copy.run_id)


def without_logs(jobs: Sequence[Job], details: Mapping[str, JobDetails]) -> list[str]:
    """A sentence on the jobs of which every copy was listed and none has logs."""
    bare = [
        job
        for job in jobs
        if not details[job.run_id].with_logs and all(copy.run_id in details[job.run_id].files for copy in job.copies)
    ]
    if not bare:
        return []
    which = "" if len(bare) == len(jobs) else f" for {listed([str(job.canonical.task) for job in bare], _NAMES_LISTED)}"
    folders = [copy.entity.data.params.get("results_dir") for job in bare for copy in job.copies]
    named = next(filter(None, folders), None)
    where = f" results_dir of {bare[0].canonical.task}: {short(named, 200)}" if named else ""
    return [f"No logs were exported{which}.{where}"]


def places_of(
    jobs: Sequence[Job], details: Mapping[str, JobDetails], experiments: Mapping[str, str]
) -> dict[str, str] | None:
    """By experiment, in one line each, how many of the jobs it has and what of them the other experiments have not."""
    by_place: dict[str, list[LauncherRun]] = {}
    for copy in (copy for job in jobs for copy in job.copies):
        place = experiment_name(experiments, str(copy.entity.info.experiment_id))
        by_place.setdefault(place, []).append(copy)
    if len(by_place) < 2:
        return None
    jobs_of = {copy.run_id: job for job in jobs for copy in job.copies}
    files = {run_id: paths for each in details.values() for run_id, paths in each.files.items()}
    with_logs = {run_id for each in details.values() for run_id in each.with_logs}
    tags = {place: _tags(copies) for place, copies in by_place.items()}
    in_all = set.intersection(*(set(each) for each in tags.values()))
    parts: dict[str, list[str]] = {}
    for place, copies in sorted(by_place.items()):
        of_jobs = {jobs_of[copy.run_id].run_id for copy in copies}
        parts[place] = [
            _which_jobs(jobs, of_jobs),
            _of_some("logs", {_label(jobs_of[copy.run_id]): copy.run_id in with_logs for copy in copies}),
            _of_some("config params", {_label(jobs_of[copy.run_id]): copy.has_config for copy in copies}),
            _of_some(
                "description", {_label(jobs_of[copy.run_id]): bool(copy.entity.data.tags.get(_NOTE)) for copy in copies}
            ),
            _named("tags", [text for name, text in tags[place].items() if name not in in_all]),
            _named("files", _only_here(copies, jobs_of, files)),
            _named("other scores than the current ones of", _with_other_scores(copies, jobs_of)),
        ]
    everywhere = set.intersection(*(set(each[1:]) for each in parts.values()))
    lines = {
        place: "; ".join(part for part in each if part and part not in everywhere) for place, each in parts.items()
    }
    return lines if len(set(lines.values())) > 1 else None


def _which_jobs(jobs: Sequence[Job], here: Collection[str]) -> str:
    """`9 of 9 jobs`, or which are missing or there, whichever are fewer."""
    having = [_label(job) for job in jobs if job.run_id in here]
    lacking = [_label(job) for job in jobs if job.run_id not in here]
    count = f"{len(having)} of {len(jobs)} jobs"
    if not lacking:
        return count
    if len(lacking) <= len(having):
        return f"{count}, without {', '.join(lacking)}"
    return f"{count}: {', '.join(having[:_NAMES_LISTED])}" if len(having) <= _NAMES_LISTED else count


def _label(job: Job) -> str:
    number = f".{job.canonical.task_number}" if job.canonical.task_number else job.run_id[:8]
    return f"{job.canonical.task} ({number})" if job.canonical.task else number


def _with_other_scores(copies: Sequence[LauncherRun], jobs_of: Mapping[str, Job]) -> list[str]:
    """The jobs whose copy here has another value of a metric than the current copy."""
    current = {copy.run_id: jobs_of[copy.run_id].canonical.metrics for copy in copies}
    return [
        _label(jobs_of[copy.run_id])
        for copy in copies
        if any(not same_value(current[copy.run_id].get(name), value) for name, value in copy.metrics.items())
    ]


def _of_some(what: str, having: Mapping[str, bool]) -> str:
    """`logs`, `logs of gsm8k (.0)`, `logs of 12`, or nothing."""
    jobs = [job for job, has in having.items() if has]
    if not jobs or len(jobs) == len(having):
        return what if jobs else ""
    return f"{what} of {', '.join(jobs) if len(jobs) <= _MOST_JOBS else len(jobs)}"


def _named(what: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_LISTED} more" if len(names) > _NAMES_LISTED else ""
    return f"{what} {', '.join(names[:_NAMES_LISTED])}{more}" if names else ""


def _tags(copies: Iterable[LauncherRun]) -> dict[str, str]:
    """The users' tags by name, as `name=value` where all copies that have one agree."""
    values: dict[str, set[str]] = {}
    for copy in copies:
        for name, value in own_tags(copy.entity.data.tags).items():
            if name not in LAUNCHER_TAGS:
                values.setdefault(name, set()).add(str(mask_at(value, name)))
    return {
        name: f"{name}={short(next(iter(found)), _LONGEST_VALUE)}" if len(found) == 1 else name
        for name, found in sorted(values.items())
    }


def _only_here(
    copies: Sequence[LauncherRun], jobs_of: Mapping[str, Job], files: Mapping[str, Sequence[str]]
) -> list[str]:
    """The names of files that other copies of the same jobs, all listed, have not: those of most jobs first."""
    found: Counter[str] = Counter()
    here = {copy.run_id for copy in copies}
    for copy in copies:
        others = [other.run_id for other in jobs_of[copy.run_id].copies if other.run_id not in here]
        if copy.run_id in files and others and all(other in files for other in others):
            theirs = {path for other in others for path in files[other]}
            found.update({_kind(path) for path in files[copy.run_id] if path not in theirs})
    return [name for name, _ in sorted(found.items(), key=lambda item: (-item[1], item[0]))]


def _kind(path: str) -> str:
    """A file's path in the task's folder, without folders named after models; of samples, which are named after task and time,
    the kind."""
    folder = "artifacts/" if path.startswith("artifacts/") else ""
    return folder + re.sub(r"^samples_.+(\.\w+)$", r"samples_*\1", basename(path))
