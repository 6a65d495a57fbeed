"""The two sides of a comparison: the jobs that their ids mean, paired by task, and where the samples of each are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.matches import find_matches
from mlflow_mcp.client.ids.runs import IdRuns, groups_of
from mlflow_mcp.entities.launcher import Job, LauncherRun, are_copies, group_jobs
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import listed, plural
from mlflow_mcp.tools.runs.comparing.pairing import pair_jobs
from mlflow_mcp.tools.runs.samplewise import missing
from mlflow_mcp.tools.runs.samplewise.read.sources import Found, Looked, look

MOST_TASKS = 20
# The file and the score that are asked for, and the end of the folder that is looked into.
Asked = tuple[str | None, str | None, str | None]


@dataclass(frozen=True)
class Both:
    """One task of both sides: where its samples are."""

    label: str
    a: Found
    b: Found

    @property
    def sides(self) -> tuple[Found, Found]:
        return self.a, self.b


@dataclass
class Sides:
    """What can be compared, and what of the rest is to be told."""

    tasks: list[Both] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    partial: list[str] = field(default_factory=list)  # what was not read
    unlike: str = ""  # that two runs are of different tasks


def find_sides(client: Client, run_ids: Sequence[str], task_or_file: str | None, metric: str | None) -> Sides:
    """The tasks of both sides that have samples. Raises NotFound where there are none, and says what exports them."""
    if len(run_ids) != 2 or len(set(run_ids)) != 2:
        raise Problem(
            "Samples are compared between two different runs, jobs or invocations.",
            "Give run_ids two ids, the baseline first; compare_runs takes more.",
        )
    groups = groups_of(client, run_ids)
    _refuse_the_same(groups)
    sides = Sides()
    paired, task = _paired(groups, task_or_file, sides)
    keys = list(paired)[:MOST_TASKS]
    if len(paired) > len(keys):
        sides.partial.append(f"only the first {MOST_TASKS} of {len(paired)} tasks were read")
    path = None if task else task_or_file
    looks = client.run_concurrently(
        *(partial(_look, client, job, (path, metric, _folder(job, key))) for key in keys for job in paired[key])
    )
    by_key = {key: (looks[2 * at], looks[2 * at + 1]) for at, key in enumerate(keys)}
    for key, (a, b) in by_key.items():
        _add(sides, key, paired[key], a, b)
    if not sides.tasks:
        raise _nothing(by_key, paired, path, sides.unlike)
    without = [key for key, (a, b) in by_key.items() if not (a.found and b.found)]
    if without:
        why = missing.what_exports(_lacking({key: by_key[key] for key in without}, paired))
        sides.notes.append(f"Without samples on both sides: {', '.join(without[:8])}. {why}")
    return sides


def _refuse_the_same(groups: Sequence[IdRuns]) -> None:
    a, b = ({run.info.run_id for run in group.runs} for group in groups)
    if a == b:
        raise Problem(
            f"'{groups[0].id}' and '{groups[1].id}' are the same.", "Give run_ids two different runs or invocations."
        )


def _paired(
    groups: Sequence[IdRuns], task_or_file: str | None, sides: Sides
) -> tuple[dict[str, tuple[Job, Job]], bool]:
    """The jobs by task, and whether `wanted` names one of the tasks."""
    a, b = (group.jobs for group in groups)
    if len(a) == len(b) == 1:
        one, other = a[0].canonical, b[0].canonical
        if are_copies(one, other):
            sides.notes.append("A and B are exports of one job: their samples should be the same.")
        if one.task and other.task and one.task != other.task:
            sides.unlike = f"A is of task {one.task}, B of {other.task}"
        return {one.task or other.task or "": (a[0], b[0])}, False
    of_a, of_b = pair_jobs([a, b]).sides
    shared = {task: (job, of_b[task]) for task, job in of_a.items() if task in of_b}
    if not shared and ("" in of_a) != ("" in of_b):  # old exports hold all tasks in one run
        shared = {task: (of_a[""], job) for task, job in of_b.items()} if "" in of_a else {}
        shared = shared or {task: (job, of_b[""]) for task, job in of_a.items()}
    elif not shared:
        raise Problem(
            f"These invocations share no task: A has {listed(list(of_a), 8)}, B {listed(list(of_b), 8)}.",
            "Compare jobs of the same task.",
        )
    if not ("" in of_a or "" in of_b):
        alone = [f"{task} only in A" for task in of_a if task not in of_b]
        alone += [f"{task} only in B" for task in of_b if task not in of_a]
        sides.notes += [f"Not compared: {', '.join(alone[:8])}."] if alone else []
    named = {task: jobs for task, jobs in shared.items() if task_or_file == task}
    return named or shared, bool(named)


def _folder(job: Job, task: str) -> str | None:
    """Of a run that holds a whole invocation, the end of the folder with the files of one task."""
    run = job.canonical
    return f".{task}" if task and run.task is None and run.invocation_id else None


def _look(client: Client, job: Job, asked: Asked) -> Looked:
    """Where the score that is asked for is; where it is nowhere, the samples with other scores, which are told then."""
    path, metric, folder = asked
    looked = _look_in_copies(client, job, asked)
    return looked if looked.found or not metric else _look_in_copies(client, job, (path, None, folder))


def _look_in_copies(client: Client, job: Job, asked: Asked) -> Looked:
    """In all copies of the job; of a run that was named alone, in its other copies only where it has no samples."""
    looked = look(client, job.copies, *asked)
    if looked.found or job.others or not job.canonical.job_id:
        return looked
    id = job.canonical.job_id
    matches = client.experiments.search_all(lambda ids: find_matches(client, ids, id, ["job id"]))
    same = [each for each in group_jobs(LauncherRun.of(match.run) for match in matches) if _has(each, job)]
    others = [copy for each in same for copy in each.copies if copy.run_id != job.run_id]
    if not others:
        return looked
    elsewhere = look(client, others, *asked)
    elsewhere.paths = elsewhere.paths or looked.paths
    return elsewhere


def _has(job: Job, other: Job) -> bool:
    return other.run_id in [copy.run_id for copy in job.copies]


def _add(sides: Sides, key: str, jobs: tuple[Job, Job], a: Looked, b: Looked) -> None:
    if len(a.found) == len(b.found) == 1:
        sides.tasks.append(Both(key, a.found[0], b.found[0]))
    else:
        for found in a.found:
            same = [other for other in b.found if other.label == found.label or other.tasks & found.tasks]
            name = f"{key}: {found.label}" if key else found.label
            sides.tasks += [Both(name, found, same[0])] if same else []
    for label, job, looked in zip("AB", jobs, (a, b)):
        run_id = next((found.run.run_id for found in looked.found), job.run_id)
        if run_id != job.run_id:
            sides.notes.append(f"{label}: the samples{f' of {key}' if key else ''} are in copy {run_id} of this job.")
        if looked.skipped:
            count = plural(len(looked.skipped), "file")
            sides.partial.append(f"{count} of {label} without a sample that can be read: {listed(looked.skipped, 3)}")
        if looked.differing:
            differing = ", ".join(looked.differing)
            sides.notes.append(
                f"{label}: copy {differing} of this job has other samples under the same path; {run_id} was read."
            )
        if older := sum(found.older for found in looked.found):
            sides.notes.append(f"{label}: {older} older files of the same task were left out: the newest counts.")


def _nothing(
    by_key: dict[str, tuple[Looked, Looked]], paired: dict[str, tuple[Job, Job]], task_or_file: str | None, unlike: str
) -> Problem:
    """What is wrong where no task has samples on both sides."""
    looks = list(by_key.values())
    found = [[each for pair in looks for each in pair[at].found] for at in (0, 1)]
    if all(found):
        names = [listed([path for each in side for path in each.paths] or ["traces"], 6) for side in found]
        return Problem(
            f"Which samples belong together is not clear: A has {names[0]}, B {names[1]}.",
            "Name the file of both as artifact_path, by its end or a glob.",
        )
    lacking = _lacking(by_key, paired)
    unread = [text for pair in looks for looked in pair if not looked.found for text in looked.unread]
    failed = missing.failed(lacking, task_or_file)
    return NotFound(f"{unlike}. {failed}" if unlike else failed, missing.next_step(lacking, task_or_file, unread))


def _lacking(
    by_key: Mapping[str, tuple[Looked, Looked]], paired: Mapping[str, tuple[Job, Job]]
) -> list[missing.Lacking]:
    """The sides with jobs without samples."""
    sides = []
    for at, label in enumerate("AB"):
        keys = [key for key, pair in by_key.items() if not pair[at].found]
        runs = [paired[key][at].canonical for key in keys]
        if keys:
            sides.append(missing.Lacking(label, runs, [by_key[key][at].paths for key in keys]))
    return sides
