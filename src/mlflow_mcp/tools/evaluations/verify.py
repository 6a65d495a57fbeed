"""Whether an invocation was delivered: every expected task, with values and files that were read and not only listed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.invocations import InvocationRuns
from mlflow_mcp.entities.launcher import Job, LauncherRun, group_jobs, metrics_by_task
from mlflow_mcp.entities.recorded_config import planned_tasks_of
from mlflow_mcp.text import plural
from mlflow_mcp.tools.evaluations.deleted_jobs import deleted_jobs
from mlflow_mcp.tools.evaluations.inspection import MOST_INSPECTED
from mlflow_mcp.tools.evaluations.lost_answers import NOT_LOOKED_FOR, lost_answers
from mlflow_mcp.tools.evaluations.verify_checks import add_lacking, check
from mlflow_mcp.tools.evaluations.verify_files import (
    BUNDLE,
    CONFIG,
    CUT_OFF,
    LOGS,
    RESULTS,
    ROWS,
    STATISTICS,
    Reader,
    TaskFiles,
    read_newer,
    read_tasks,
)
from mlflow_mcp.tools.evaluations.verify_task import DIFFERING, LIMITED, RUN, SAMPLES, SCORES, Copy, Task

_PARTS = (RUN, SCORES, CONFIG, RESULTS, BUNDLE, STATISTICS, ROWS, LOGS, SAMPLES)
_STATES = ("absent", "wrong", "unreachable")
_MOST_NAMED = 8


class Delivery(NamedTuple):
    """What get_invocation(verify=true) says."""

    verdict: str
    expected: str
    right: dict[str, str]
    problems: Table | None
    notes: list[str]


class _Expected(NamedTuple):
    """The tasks by their numbers, and what says so."""

    tasks: Mapping[str, str]
    evidence: str

    def without(self, numbers: Collection[str | None]) -> _Expected:
        return self._replace(tasks={number: name for number, name in self.tasks.items() if number not in numbers})


def verify(client: Client, found: InvocationRuns) -> Delivery:
    """Read what every copy of every job has, and judge it task by task."""
    reader = Reader(client)
    every_job = group_jobs(found.job_runs or found.runs)
    jobs, left_out = every_job[:MOST_INSPECTED], every_job[MOST_INSPECTED:]
    copies = [copy for job in jobs for copy in job.copies]
    parts = client.run_concurrently(
        *(partial(_read, reader, copy) for copy in copies), steps=client.call.steps("checked", "run")
    )
    read = dict(zip((copy.run_id for copy in copies), parts))
    configs = _configs(read)
    # A job that was not looked at is not absent.
    expected = _expected(found, jobs, read).without({job.canonical.task_number for job in left_out})
    tasks = _tasks(found, jobs, read, expected)
    deleted = None if all(task.copies for task in tasks) else deleted_jobs(client, found.invocation_id)
    for task in tasks:
        check(task, list(configs.values()), deleted.of(task.number) if deleted else None)
    add_lacking(tasks)
    unread = f"Only {MOST_INSPECTED} of {len(every_job)} jobs were verified." if left_out else ""
    return _told(tasks, expected.evidence, unread, lost_answers(tasks, found.job_id or found.invocation_id))


def _read(reader: Reader, copy: LauncherRun) -> dict[str, TaskFiles]:
    if not copy.invocation_id:  # of the newer launcher
        return {str(copy.task): read_newer(reader, copy)}
    return read_tasks(reader, copy)


def _configs(read: Mapping[str, Mapping[str, TaskFiles]]) -> dict[str, Mapping[str, Any]]:
    """The launcher's configs that were read, by run id."""
    first = {run_id: next(iter(of_run.values())).parts.get(CONFIG) for run_id, of_run in read.items()}
    return {run_id: part.content for run_id, part in first.items() if part and isinstance(part.content, dict)}


def _expected(found: InvocationRuns, jobs: Sequence[Job], read: Mapping[str, Mapping[str, TaskFiles]]) -> _Expected:
    """The tasks of the launcher's config file, else of the flattened params, else none."""
    for run_id, config in _configs(read).items():
        if tasks := planned_tasks_of(config):
            return _told_expected(found, tasks, f"evaluation.tasks in the config file of run {run_id[:8]}")
    for copy in (copy for job in jobs for copy in job.copies):
        if copy.planned_tasks:
            return _told_expected(found, copy.planned_tasks, f"config params of run {copy.run_id[:8]}")
    if not found.invocation_id:
        return _Expected({}, "this job: its launcher records no other tasks")
    return _Expected({}, "the jobs that have runs: no config that was read names the tasks, so others may be missing")


def _told_expected(found: InvocationRuns, tasks: Mapping[str, str], evidence: str) -> _Expected:
    if found.job_id is None:
        return _Expected(tasks, f"{plural(len(tasks), 'task')}, {evidence}")
    own = found.job_id.rpartition(".")[2]
    if own not in tasks:
        return _Expected({own: f"job .{own}"}, f"job .{own}, which is none of the {len(tasks)} of {evidence}")
    return _Expected({own: tasks[own]}, f"job .{own} of {len(tasks)}, {evidence}")


def _tasks(
    found: InvocationRuns, jobs: Sequence[Job], read: Mapping[str, Mapping[str, TaskFiles]], expected: _Expected
) -> list[Task]:
    """The expected tasks with their copies; those that no config expects after them."""
    there = [task for job in jobs for task in _of_job(job, read) if _is_asked_for(found, task)]
    tasks: list[Task] = []
    for number, name in expected.tasks.items():
        own = [task for task in there if task.number == number]
        own = own or [task for task in there if task.number is None and _is_called(task.label, name)]
        tasks.append(Task(own[0].label, number, own[0].copies) if own else Task(name, number, []))
        there = [task for task in there if task not in own]
        # An old run of a whole invocation may hold the task of a job once more; nothing proves that it is the same.
        again = [task for task in there if task.number is None and _is_called(task.label, name)]
        there = [task for task in there if task not in again]
        for task in [*own[1:], *again]:
            tasks[-1].remark("Not verified a second time", f"(run {task.copies[0].run.run_id[:8]} holds it too)")
    for task in there if expected.tasks else ():
        task.remark("Not named by the config", f"(run {task.copies[0].run.run_id[:8]})")
    tasks += there
    labels = [task.label for task in tasks]
    for task in tasks:
        if labels.count(task.label) > 1 and task.number is not None:
            task.label = f"{task.label} (.{task.number})"
    return tasks


def _is_asked_for(found: InvocationRuns, task: Task) -> bool:
    number = found.job_id.rpartition(".")[2] if found.job_id and found.invocation_id else None
    return number is None or task.number == number


def _of_job(job: Job, read: Mapping[str, Mapping[str, TaskFiles]]) -> list[Task]:
    """The task of a job; of an old run that holds a whole invocation, one for each of its folders."""
    folders = read[job.run_id]
    if job.canonical.task is not None or len(folders) < 2:
        copies = [Copy(copy, copy.metrics, _only(read[copy.run_id])) for copy in job.copies]
        label = job.canonical.task or next(iter(folders)).partition(".")[2] or "(no task named)"
        return [Task(label, job.canonical.task_number if job.canonical.invocation_id else None, copies)]
    names = {folder: folder.partition(".")[2] for folder in folders}
    metrics = metrics_by_task(job.canonical.metrics, list(names.values()))
    return [Task(name, None, [Copy(job.canonical, metrics[name], folders[folder])]) for folder, name in names.items()]


def _only(folders: Mapping[str, TaskFiles]) -> TaskFiles:
    return next(iter(folders.values()))


def _is_called(task: str, planned: str) -> bool:
    """Whether a task is one that the config names, there perhaps with its harness."""
    return planned == task or planned.endswith(f".{task}")


# --- what is said


def _told(tasks: Sequence[Task], expected: str, unread: str, lost: str) -> Delivery:
    whole = sum(task.is_whole for task in tasks)
    counts = {state: sum(read.state == state for task in tasks for read in task.findings.values()) for state in _STATES}
    of_all = f"{whole} of {plural(len(tasks), 'task')} arrived whole"
    if 0 < whole < len(tasks) and whole <= _MOST_NAMED:
        of_all += f" ({', '.join(task.label for task in tasks if task.is_whole)})"
    if counts["absent"] or counts["wrong"]:
        verdict = f"INCOMPLETE: {of_all}; of their parts " + ", ".join(
            f"{count} {state}" for state, count in counts.items()
        )
    elif counts["unreachable"] or unread or not tasks:
        verdict = (
            f"UNVERIFIED: {of_all}; {plural(counts['unreachable'], 'part')} unreachable, nothing found absent or wrong"
        )
    else:
        verdict = f"DELIVERED: {of_all}{NOT_LOOKED_FOR if lost else ''}"
    for about, template in (
        (DIFFERING, "copies of {} differ"),
        (LIMITED, "{} limited"),
        (CUT_OFF, "{} with a log that ends inside a line"),
    ):
        count = sum(any(about == each for each, _ in task.remarks) for task in tasks)
        verdict += f"; {template.format(count)}" if count else ""
    return Delivery(verdict, expected, _right(tasks), _problems(tasks), [unread, lost, *_remarks(tasks)])


def _remarks(tasks: Sequence[Task]) -> list[str]:
    """A sentence for each thing that remarks are about."""
    by_kind: dict[str, list[str]] = {}
    for about, text in (remark for task in tasks for remark in task.remarks):
        by_kind.setdefault(about, []).append(text)
    return [
        f"{about}: {', '.join(texts[:_MOST_NAMED])}"
        + (f" and {len(texts) - _MOST_NAMED} more." if len(texts) > _MOST_NAMED else ".")
        for about, texts in by_kind.items()
    ]


def _right(tasks: Sequence[Task]) -> dict[str, str]:
    """By part, for how many tasks it is right."""
    right = {}
    arrived = sum(bool(task.copies) for task in tasks)
    for part in _PARTS:
        reads = [task.findings[part] for task in tasks if part in task.findings]
        if not reads:
            continue
        fine = [read for read in reads if read.state == "ok"]
        summary = f"{len(fine)} of {len(tasks)}"
        if part == SCORES:
            summary += f", {plural(sum(read.content for read in fine), 'finite value')}"
        if part == LOGS and fine:
            summary += f", {plural(sum(read.content[0] for read in fine), 'file')}"
        if part in (RESULTS, BUNDLE) and fine:
            compared = sum(read.content is not None for read in fine)
            of_some = "" if compared == len(fine) else f" of {compared}"
            summary += f", scores{of_some} equal the metrics"
        not_exported = {read.detail for read in reads if read.state == "not exported"}
        if not_exported:
            summary += f"; {sum(read.state == 'not exported' for read in reads)} not exported: {', '.join(sorted(not_exported))}"
        if part == SAMPLES:
            summary = f"{len(fine)} of {arrived} agree with limit and responses"
            summary += f"; {arrived - len(reads)} not counted by anything" if len(reads) < arrived else ""
        right[part] = summary
    return right


def _problems(tasks: Sequence[Task]) -> Table | None:
    """What is absent, wrong or unreachable: equal findings of several tasks in one row, parts of the same tasks in one."""
    by_finding: dict[tuple[str, str, str], list[str]] = {}
    for task in tasks:
        for part, read in task.findings.items():
            if read.state in _STATES:
                by_finding.setdefault((read.state, read.detail, part), []).append(task.label)
    by_tasks: dict[tuple[str, tuple[str, ...], str], list[str]] = {}
    for (state, detail, part), labels in by_finding.items():
        by_tasks.setdefault((state, tuple(labels), detail), []).append(part)
    rows = [
        [state, ", ".join(parts), "all" if len(labels) == len(tasks) > 1 else ", ".join(labels), detail or None]
        for (state, labels, detail), parts in sorted(by_tasks.items(), key=lambda item: _STATES.index(item[0][0]))
    ]
    return Table.of(["state", "what", "tasks", "detail"], rows, keep=("state", "what", "tasks")) if rows else None
