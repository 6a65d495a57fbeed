"""How runs are doing: alive, stuck, diverging, done; and what happens next."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field

from mlflow_mcp import installation
from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.traces.window import second_of, window_of
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import clipped, hint, iso, listed, plural
from mlflow_mcp.tools.arguments import as_text, one_or_many
from mlflow_mcp.tools.live.judging.look import Look
from mlflow_mcp.tools.live.judging.verdict import Verdict
from mlflow_mcp.tools.live.log_tail import Logs, last_errors
from mlflow_mcp.tools.live.reading import (
    MOST_FOUND,
    RUNNING,
    SHALLOW,
    is_deep,
    looks_at,
    now_in_milliseconds,
    runs_meant,
)
from mlflow_mcp.tools.live.shown import RunCheck, has_new_facts, in_full, not_read, states_of, table_of, what_is_new
from mlflow_mcp.tools.live.until import Condition
from mlflow_mcp.tools.live.waiting import Event, Watch, metrics_of

# Seconds kept of the call's time for the last look, and between two requests for a run while waiting.
_LAST_LOOK, _EVERY = 5.0, 3.0
# So many polls in a row may fail: a server that restarts is no reason to forget the wait.
_FAILED_POLLS = 3
# While many runs are waited for, so many requests a second.
_RUNS_A_SECOND = 5
_MOST_EVENTS = 10
_MOST_NEW = 40
_AS_OF = "Pass as_of of the last answer, e.g. '2026-11-22T02:00:00Z', or '24h'."

WatchedRuns = Annotated[
    list[str],
    Field(min_length=1, description="Run ids, names or job ids; ['running']: all with status RUNNING."),
    BeforeValidator(lambda value: [as_text(part) for part in value] if isinstance(value, list) else as_text(value)),
    BeforeValidator(one_or_many),
]
WaitSeconds = Annotated[float, Field(ge=0, le=45, description="Wait up to 45 s for the next event.")]
Until = Annotated[str | None, Field(description="'end', 'step >= 5000' or 'val/loss < 0.3'.")]
Since = Annotated[str | None, Field(description="as_of of the last answer: tell only what is new.")]


class Checks(Answer):
    """How runs are doing as of `as_of`: a few in full, more as a table. `event` says what a wait ended with."""

    partial: str | None = None
    as_of: str
    event: str | None = None
    states: dict[str, int] | None = None
    runs: list[RunCheck] | None = None
    table: Table | None = None


def check_run(
    client: Client, run_ids: WatchedRuns, wait_s: WaitSeconds = 0, until: Until = None, since: Since = None
) -> Checks:
    """Tell how runs are doing: alive, slow, stuck (RUNNING but silent), diverging, overfitting, levelled off or finished, with
    the evidence, time left, errors in logs. wait_s waits for the next event: the end, a condition, a new problem.
    get_metric_history shows curves."""
    condition = Condition.of(until) if until else None
    earlier = _moment(since)
    runs, in_all = runs_meant(client, run_ids, earlier)
    if not runs:
        return _none_running(since)
    verdicts = [Verdict(look) for look in looks_at(client, runs, metrics_of(condition))]
    before = {each.look.run_id: Verdict(each.look.before(earlier)) for each in verdicts} if earlier else None
    outcome: Outcome | None = None
    if wait_s or condition:
        outcome, verdicts = _waited(client, verdicts, condition, wait_s, before)
    answer = _answer(client, verdicts, before)
    answer.event = outcome.told(several=len(verdicts) > 1) if outcome else None
    if in_all > len(runs):
        answer.partial = f"the {len(runs)} newest of {in_all:,}{' or more' if in_all >= MOST_FOUND else ''} such runs"
    if wait_s and outcome and not outcome.is_met and any(not each.look.has_ended for each in verdicts):
        answer.note(_waits_on(run_ids, condition, answer.as_of))
    answer.note(*_not_logged(verdicts, condition))
    return answer


def _answer(client: Client, verdicts: Sequence[Verdict], before: dict[str, Verdict] | None) -> Checks:
    answer = Checks(as_of=str(iso(verdicts[0].look.now)))
    if before is not None and not is_deep(len(verdicts)):
        new = [each for each in verdicts if has_new_facts(each, before[each.look.run_id])]
        answer.runs = [what_is_new(each, before[each.look.run_id]) for each in new[:_MOST_NEW]] or None
        answer.note(
            f"{len(new)} of {plural(len(verdicts), 'run')} have news beyond new points; {len(answer.runs or ())} are told."
        )
    elif before is not None:
        answer.runs = [what_is_new(each, before[each.look.run_id]) for each in verdicts]
    elif is_deep(len(verdicts)):
        logs: dict[str, Logs] = {}
        read = (partial(_read_errors, client, each.look, logs) for each in verdicts)
        client.parts("The logs", *read)
        answer.runs = [in_full(each, logs.get(each.look.run_id, Logs())) for each in verdicts]
        answer.note(*(not_read(each.look) for each in verdicts))
    else:
        answer.table = table_of(verdicts)
        answer.note(f"{SHALLOW} check_run of up to three runs reads more.")
    answer.states = states_of(verdicts) if len(verdicts) > 1 else None
    return answer


def _read_errors(client: Client, look: Look, logs: dict[str, Logs]) -> None:
    knows_times = look.has_ended and not look.is_export
    logs[look.run_id] = last_errors(client, look.run_id, (look.start, look.end) if knows_times else (None, None))


# -- waiting


@dataclass(frozen=True)
class Outcome:
    """What a wait ended with: events, or none within so many seconds. None: it did not wait."""

    events: Sequence[Event]
    seconds: int | None
    condition: Condition | None

    @property
    def is_met(self) -> bool:
        return any(each.kind == "met" for each in self.events)

    def told(self, *, several: bool) -> str:
        if not self.events:
            return f"{self.condition} is not met" if self.seconds is None else f"nothing new in {self.seconds} s"
        when = "already" if self.seconds is None else f"after {self.seconds} s"
        texts = [f"{each.run}: {each.text}" if several else each.text for each in self.events[:_MOST_EVENTS]]
        more = f" and {len(self.events) - _MOST_EVENTS} more" if len(self.events) > _MOST_EVENTS else ""
        return f"{when}: {'; '.join(dict.fromkeys(texts))}{more}"


def _waited(
    client: Client,
    verdicts: list[Verdict],
    condition: Condition | None,
    wait_s: float,
    before: dict[str, Verdict] | None,
) -> tuple[Outcome, list[Verdict]]:
    """What happened, and the verdicts after it."""
    watch = Watch.begun(verdicts, condition, list(before.values()) if before else None)
    watch.tolerates = _FAILED_POLLS
    found = watch.met_already() or (watch.news(verdicts) if before else watch.problems_already())
    if found or not wait_s:
        return Outcome(found, None, condition), verdicts
    started = time.monotonic()
    end = started + min(wait_s, max(0.0, client.call.remaining - _LAST_LOOK))
    every = max(_EVERY, len(verdicts) / _RUNS_A_SECOND)
    steps = client.call.steps("waited", "second", round(end - started))
    while not found and (left := end - time.monotonic()) > 0:
        steps.advance(round(time.monotonic() - started) - steps.done, ", no event yet")
        client.call.ended.wait(min(every, left))
        found = watch.events(client)
    runs, _ = runs_meant(client, [each.look.run_id for each in verdicts], None)
    newest = {each.look.run_id: each.look.newest for each in verdicts}
    looks = looks_at(client, runs, metrics_of(condition))
    after = [Verdict(look, has_moved=look.newest != newest[look.run_id]) for look in looks]
    return Outcome(found or watch.news(after), round(time.monotonic() - started), condition), after


# -- around


def _moment(since: str | None) -> int | None:
    if since is None or not since.strip():
        return None
    if not second_of(since) and not re.match(r"\d{4}-\d\d-\d\d", since.strip()):
        raise Problem(f"since '{clipped(since)}' is no time.", _AS_OF)
    now = now_in_milliseconds()
    moment = window_of(since if second_of(since) else f"{since}..", now).start
    if moment is None or moment > now:
        raise Problem(f"since '{since}' is not in the past.", _AS_OF)
    return moment


def _none_running(since: str | None) -> Checks:
    answer = Checks(as_of=str(iso(now_in_milliseconds())))
    answer.event = f"no run has status {RUNNING.upper()}" + (f", and none ended since {since}" if since else "")
    answer.note("query_runs(order_by=['attributes.start_time DESC']) lists the newest runs.")
    return answer


def _waits_on(run_ids: Sequence[str], condition: Condition | None, as_of: str) -> str:
    """The call that continues a wait, and the command that does so for hours."""
    shown = list(run_ids)[:5]
    until = f", until='{condition}'" if condition else ""
    command = installation.shown("wait", *shown, *(("--until", str(condition)) if condition else ()))
    return (
        f"check_run(run_ids={shown}, wait_s=45{until}, since='{as_of}') waits on. For hours, as a background task with this "
        f"server's environment: `{command}`"
    )


def _not_logged(verdicts: Sequence[Verdict], condition: Condition | None) -> list[str]:
    notes = []
    for name in metrics_of(condition):
        without = [each.look for each in verdicts if name not in each.look.latest]
        if without:
            close = hint(name, without[0].latest)
            notes.append(f"No point of '{name}' yet in {listed([look.name for look in without], 3)}. {close}".strip())
    return notes
