"""What log_run answers: what was written, what was left, what is uncertain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.marks import Target
from mlflow_mcp.client.run_log import OPEN, RunLog, runs_of_key
from mlflow_mcp.text import listed, plural
from mlflow_mcp.tools.runs.run_url import run_url
from mlflow_mcp.tools.writes.outcome import Outcome, call_of
from mlflow_mcp.tools.writes.recording.place import Place
from mlflow_mcp.tools.writes.recording.plan import Plan, not_as_written
from mlflow_mcp.tools.writes.recording.requested import Requested


class LoggedRun(Outcome):
    """The run of the key, and what this call changed in it."""

    run_id: Annotated[str | None, Field(description="null: a dry run of a new run.")] = None
    url: str | None = None
    differs: Annotated[Table | None, Field(description="What is there with another value; it was left.")] = None


def logged(client: Client, place: Place, log: RunLog, plan: Plan, done: Outcome) -> LoggedRun:
    """The answer to what `carry_out` did."""
    is_dry = done.outcome.startswith("dry run")
    answer = LoggedRun(**dict(done), differs=_differs(plan))
    answer.outcome = _outcome(done, place, plan, is_dry=is_dry)
    if log.run_id:
        answer.run_id = log.run_id
        answer.url = run_url(client, place.experiment_id, log.run_id)
    answer.note(*_of_times(plan.missing, place), *_of_values(plan.missing))
    if plan.by_size:
        answer.note(f"Compared by size alone, not by content: {listed(plan.by_size)}.")
    if done.changes is not None and not is_dry:
        _checked(client, answer, place, log, plan)
        _undone(client, answer, place)
    return answer


def target(place: Place, requested: Requested, key: str) -> str:
    """What the call is about, before anything is written."""
    run = place.run
    name = run.info.run_name if run else requested.name or key
    on = Target("run", str(run.info.run_id), str(name or "")) if run else f"new run '{name}'"
    return f"{on} in experiment '{place.name}'"


def _differs(plan: Plan) -> Table | None:
    columns = ["what", "there", "given"]
    return Table.of(columns, [list(each) for each in plan.conflicts], keep=columns) if plan.conflicts else None


def _outcome(done: Outcome, place: Place, plan: Plan, *, is_dry: bool) -> str:
    if place.run is None:
        return done.outcome
    count = len(plan.conflicts)
    left = f"{plural(count, 'value')} there {'differs' if count == 1 else 'differ'} and {'is' if is_dry else 'was' if count == 1 else 'were'} left, see differs"
    left = left.replace("is left", "would be left")
    if done.changes is None:
        return (
            f"unchanged: this key has a run; {left}"
            if plan.conflicts
            else "unchanged: this key has a run, which holds all of it"
        )
    begin = "dry run: nothing was written; this key has a run already" if is_dry else "added to the run of this key"
    if not plan.conflicts:
        return begin if is_dry else f"written: {begin}"
    return f"{begin}; {left}" if is_dry else f"written in part: {begin}; {left}"


def _of_times(missing: Requested, place: Place) -> list[str]:
    if place.run is not None:
        return []
    if missing.status in OPEN:
        return ["The run stays RUNNING: the same key with another status ends it."]
    if missing.times.start is None:
        return ["No times were given: the run's start and end are those of this call, not of the work."]
    return [] if missing.times.end else ["end_time was not given: the run ends with this call."]


def _of_values(missing: Requested) -> list[str]:
    odd = sorted({value.name for value in missing.metrics if not math.isfinite(value.value)})
    return [f"NaN or infinite in {listed(odd)}: kept as such; no tool here takes them for best."] if odd else []


def _checked(client: Client, answer: LoggedRun, place: Place, log: RunLog, plan: Plan) -> None:
    """Read it once more: two may write at the same time, and MLflow tells neither."""
    run = log.read()
    answer.target = f"{Target('run', log.run_id, str(run.info.run_name or ''))} in experiment '{place.name}'"
    if other := not_as_written(run, plan.missing, ended=plan.ends):
        answer.note(
            f"Not there as written: {', '.join(other[:10])}: somebody wrote at the same time, or the server cut it."
        )
    twins = [str(each.info.run_id) for each in runs_of_key(client, place.experiment_id, log.key)]
    if others := [id_ for id_ in twins if id_ != log.run_id]:
        answer.note(
            f"Another call made a run with this key at the same time: {', '.join(others)}. Keep one of them, and delete the others."
        )


def _undone(client: Client, answer: LoggedRun, place: Place) -> None:
    if place.run is not None:
        answer.note("There is no call that undoes it: MLflow keeps params, metrics and files that were added.")
    elif "delete" in client.settings.allow_write:
        ids: Sequence[str] = [str(answer.run_id), *([] if place.id else [place.experiment_id])]
        answer.undo = call_of("delete", {"targets": list(ids)})
    else:
        answer.note("It is undone by hand: MLflow's UI deletes the run.")
