"""What is said of the jobs of an invocation beside their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlflow_mcp.client import Client
from mlflow_mcp.entities.launcher import Job, LauncherRun
from mlflow_mcp.entities.metrics import headline, is_finite, same_value
from mlflow_mcp.entities.recorded_config import RecordedStatistics
from mlflow_mcp.entities.samples import Samples
from mlflow_mcp.entities.twins import without_twins
from mlflow_mcp.text import iso, number, plural, quoted
from mlflow_mcp.tools.evaluations.deleted_jobs import deleted_jobs
from mlflow_mcp.tools.evaluations.inspection import JobDetails, tasks_in_config
from mlflow_mcp.tools.evaluations.reexports import Reexport

_CHANGES_SHOWN = 6
_DISAGREEMENTS_SHOWN = 3
NOT_REACHED = "not reached"
_RECORDS = "results.yml and eval_factory_metrics.json"


def evidence_of(samples: Samples) -> str | None:
    """Where the numbers of the row are from, a limit apart: its remark names it."""
    counted, most = samples.counted, samples.at_most
    facts = [f"samples: {counted.evidence}"] if counted else []
    if samples.repeats and samples.repeats.value > 1:
        if most and not counted:
            facts.append(f"samples: {most.value:g} or fewer, {most.evidence} with their retries")
        facts.append(f"repeats: {samples.repeats.evidence}")
    return "; ".join(facts) or None


def remarks_on(job: Job, details: JobDetails, *, told_by_place: bool = False) -> list[str]:
    """What is to be known of a job's runs, the trial run first. Which copies have the logs is left out where the places tell it."""
    contradiction = details.contradiction
    # That a limit is there cannot be said where params and files disagree on it.
    remarks = [] if contradiction and contradiction.is_of_limit else of_trial(details.samples, details.statistics)
    remarks += [str(contradiction)] if contradiction else []
    if job.others:
        remarks += _of_copies(job, details.reexport)
    if details.with_logs and job.run_id not in details.with_logs and not told_by_place:
        remarks.append(f"its logs are in copy {details.with_logs[0]}")
    if (runs := details.statistics.runs) and runs > 1:
        remarks.append(
            f"run {runs} times, resumed (total_runs={runs} in eval_factory_metrics.json): {_of_attempts(details)}"
        )
    if details.reexport:
        remarks.append(_of_reexport(details.reexport))
    if job.canonical.status != "FINISHED":
        remarks.append(f"its export did not finish: {_missing_files(details)}")
    if details.lacks_results and not details.missing_files:
        remarks.append("no results.yml where the launcher puts it: files may be missing")
    if not job.canonical.has_invocation_tag:
        remarks.append("found by param, it has no invocation_id tag")
    return remarks


def _of_copies(job: Job, reexport: Reexport | None) -> list[str]:
    """Which of the exports of the job this is, where it is not plainly the latest that finished, and whether their scores agree."""
    remarks = (
        [] if job.canonical.status == "FINISHED" else [f"none of {len(job.copies)} copies finished, this is the latest"]
    )
    own, before = job.canonical.metrics, reexport.changed if reexport else {}
    disagreeing = {
        name: (copy, value)
        for copy in reversed(job.others)
        for name, value in copy.metrics.items()
        if name in own and not same_value(own[name], value)
    }
    if not disagreeing:
        return remarks
    if all(name in before and same_value(before[name][0], value) for name, (_, value) in disagreeing.items()):
        return [*remarks, "the other copies have the scores of before its re-export"]
    differences = [
        f"{name} {number(own[name])} here, {number(disagreeing[name][1])} in copy {disagreeing[name][0].run_id}"
        for name in headline({name: value for name, (_, value) in disagreeing.items()}, _DISAGREEMENTS_SHOWN)
    ]
    more = f", and {len(disagreeing) - len(differences)} more metrics" if len(disagreeing) > len(differences) else ""
    return [*remarks, f"the copies' scores disagree: {', '.join(differences)}{more}"]


def _of_attempts(details: JobDetails) -> str:
    later = details.statistics.later
    unlike = f"a request came at {later}, so `evaluated` leaves out an attempt; " if later else ""
    return f"{unlike}verify=true quotes how each attempt's log ends"


def _missing_files(details: JobDetails) -> str:
    if not details.missing_files:
        return "metrics and files may be incomplete"
    known = "metrics may be missing too"
    if details.read_config and "results.yml" not in details.missing_files:
        known = "results.yml is there, so the evaluation had finished; verify=true compares its scores with the metrics"
    return f"missing are {', '.join(details.missing_files)}, which its other tasks have; {known}"


def not_numbers(metrics: Mapping[str, float]) -> list[str]:
    """A remark on the values that are no score."""
    odd = [name for name, value in metrics.items() if not is_finite(value)]
    return (
        [f"no score: {', '.join(f'{name} is {number(metrics[name])}' for name in odd[:_DISAGREEMENTS_SHOWN])}"]
        if odd
        else []
    )


def of_trial(samples: Samples, statistics: RecordedStatistics) -> list[str]:
    """A limit, and whether it makes an evaluation unlike a full one."""
    limit, most = samples.limit, samples.at_most
    if limit is None:
        return []
    if below := not_reached(samples, statistics):
        return [f"{limit.evidence}, {below}"]
    kind = "canary" if samples.is_trial else "limited"
    share = f", a share of the dataset{f': {most.evidence}' if most else ''}" if limit.value < 1 else ""
    return [f"{kind} ({limit.evidence}{share}): not comparable with a full run"]


def not_reached(samples: Samples, statistics: RecordedStatistics) -> str:
    """Of a limit above the samples: how many there were, and whether responses failed. Empty where it was reached."""
    most = samples.at_most
    if not samples.is_below_limit or most is None:
        return ""
    found = f"{most.value:g} samples" if samples.counted else most.evidence
    responses, successful = statistics.responses, statistics.successful
    if not responses or successful is None or successful > responses:
        return f"{NOT_REACHED}: {found}"
    failed = f"{responses - successful} of {responses}" if successful < responses else f"none of {responses}"
    return f"{NOT_REACHED}: {found}; {failed} responses failed"


def _of_reexport(reexport: Reexport) -> str:
    sides = [{name: pair[at] for name, pair in reexport.changed.items()} for at in (0, 1)]
    changes = [
        f"{' = '.join([name, *twins])} {number(reexport.changed[name][0])} -> {number(reexport.changed[name][1])}"
        for name, twins in without_twins(sides, list(reexport.changed), fold=True)
    ]
    more = f" and {len(changes) - _CHANGES_SHOWN} more" if len(changes) > _CHANGES_SHOWN else ""
    changed = ", ".join(changes[:_CHANGES_SHOWN]) + more if changes else "no metric changed"
    return f"{changed}, re-exported {iso(reexport.at)}"


def sample_notes(jobs: Sequence[Job], details: Sequence[JobDetails]) -> list[str]:
    """What a missing limit or count means."""
    notes = []
    unlimited = [
        (job.canonical.task or "the run without a task", each)
        for job, each in zip(jobs, details)
        if not each.samples.is_limited and not each.of_folder
    ]
    of_folders = [samples for each in details for samples in each.of_folder.values()]
    unread = [each.unread for _, each in unlimited if each.unread and not each.read_config]
    if unread:
        notes.append(
            f"Whether {plural(len(unread), 'run')} had a sample limit is unknown, results.yml could not be read: {unread[0]}"
        )
    silent = [task for task, each in unlimited if not each.has_config and not each.unread]
    if silent:
        notes.append(f"Nothing records whether {quoted(silent)} had a sample limit: it may be a small trial.")
    by_params = [task for task, each in unlimited if each.has_config and not each.read_config and not each.unread]
    if by_params:
        notes.append(
            f"The params of {quoted(by_params)} set no sample limit; results.yml, which names one of the harness too, was not read."
        )
    if any(samples.is_below_limit for samples in (*(each.samples for each in details), *of_folders)):
        notes.append(
            f"{NOT_REACHED}: the dataset is smaller than the limit, or samples were lost; {_RECORDS} do not say which."
        )
    if any(each.read_config for _, each in unlimited) or not all(each.is_limited for each in of_folders):
        others = "else " if silent or unread or by_params else ""
        notes.append(f"Where {others}no limit is named, config files and params set none.")
    return notes


def not_exported(client: Client, jobs: Sequence[Job]) -> list[str]:
    """The tasks that the recorded config names and that have no run: pending, killed or never exported."""
    planned = {number: task for job in jobs for copy in job.copies for number, task in copy.planned_tasks.items()}
    arrived = {job.canonical.task_number for job in jobs}
    if None in arrived:
        return []
    # Without flattened params the config in the files tells; it is the same in all runs of an invocation.
    planned = planned or next(filter(None, (tasks_in_config(client, copy) for copy in jobs[0].copies)), {})
    missing = {number: task for number, task in sorted(planned.items()) if number not in arrived}
    if not missing:
        return []
    named = ", ".join(f"{task} (job .{number})" for number, task in missing.items())
    gone = deleted_jobs(client, jobs[0].canonical.invocation_id)
    deleted = [f"job .{number}: {gone.of(number)}" for number in missing if gone and gone.has(number)]
    return [f"In the config, but without a run here: {named}; {'; '.join(deleted) or 'nor is a deleted run of it'}."]


def may_repeat(task: str, metrics: Mapping[str, float], jobs: Sequence[Job]) -> list[str]:
    """A remark on a task of an old run that holds several, where another run of the invocation is of this task: nothing in
    them proves that it is the same evaluation."""
    of_task = [job.canonical for job in jobs if job.canonical.task == task]
    return [f"may repeat run {run.run_id} ({_likeness(run, metrics)})" for run in of_task]


def _likeness(run: LauncherRun, metrics: Mapping[str, float]) -> str:
    shared = [name for name in metrics if name in run.metrics]
    if not shared:
        return "it shares no metric"
    same = all(same_value(metrics[name], run.metrics[name]) for name in shared)
    return f"{'equal' if same else 'other'} values of the {plural(len(shared), 'metric')} of both"
