"""`mlflow-mcp wait`: silent until something happens to a run, then a short report and an exit code; for hours if need be.

A host starts it as a background task, and its agent reads nothing before the event. It judges as `check_run` does.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from mlflow_mcp.answers.masking import mask_text
from mlflow_mcp.client import Client
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.errors import NotFound, Problem, RejectedByMlflow, Unreachable
from mlflow_mcp.server.call.chosen import choose
from mlflow_mcp.settings import Settings
from mlflow_mcp.text import lasting
from mlflow_mcp.tools.live.judging.verdict import Verdict
from mlflow_mcp.tools.live.log_tail import Logs, last_errors
from mlflow_mcp.tools.live.reading import looks_at, runs_meant
from mlflow_mcp.tools.live.shown import in_full
from mlflow_mcp.tools.live.until import Condition
from mlflow_mcp.tools.live.waiting import Event, Watch, metrics_of

MET, FAILED, BAD_INPUT, PROBLEM, TIMEOUT, UNREACHABLE, UNMET = 0, 1, 2, 3, 4, 5, 6
EXIT_CODES = {
    MET: "the condition is met, or without one a run FINISHED",
    FAILED: "a run ended FAILED or KILLED",
    BAD_INPUT: "no such run, or a condition that cannot be read",
    PROBLEM: "a run diverged, is stuck (RUNNING but silent) or overfits, or its disk or memory is full",
    TIMEOUT: "--timeout is over",
    UNREACHABLE: "the server cannot be reached at the start, or has not answered for half an hour or at the time-out",
    UNMET: "a run FINISHED without meeting the condition",
    130: "ended by Ctrl-C",
}
# Seconds of failures in a row after which waiting makes no sense.
_GIVE_UP = 1_800.0
_RUNS_A_SECOND = 5
_MOST_TOLD = 5
_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}


@dataclass
class Waiting:
    """What was asked on the command line, and the runs."""

    settings: Settings
    run_ids: Sequence[str]
    condition: Condition | None
    timeout: float | None
    every: float
    ignores_problems: bool
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        chosen = choose(Connection(self.settings).servers, "check_run", {"run_ids": list(self.run_ids)})
        self.connection, self.run_ids = chosen.connection, chosen.arguments["run_ids"] or []

    @property
    def client(self) -> Client:
        """For one look: each has the time of a call."""
        return Client(self.connection)

    @property
    def left(self) -> float:
        return float("inf") if self.timeout is None else self.started + self.timeout - time.monotonic()

    def looks(self, run_ids: Sequence[str]) -> list[Verdict]:
        client = self.client
        runs, _ = runs_meant(client, run_ids, None)
        return [Verdict(look) for look in looks_at(client, runs, metrics_of(self.condition))] if runs else []


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Wait for the next event of runs: an end, a condition that is met, a new problem (diverged, stuck, overfits, disk\n"
        "full). Prints nothing before it, then a short report. Failures of the server in between are waited out."
    )
    parser.epilog = "exit codes:\n" + "\n".join(f"  {code:<4} {meaning}" for code, meaning in EXIT_CODES.items())
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="run ids, names or job ids; `running` for all RUNNING runs"
    )
    parser.add_argument("--until", metavar="COND", help="'end', 'step >= 5000' or 'val/loss < 0.3'")
    parser.add_argument(
        "--timeout", type=seconds_of, metavar="TIME", help="give up after: 90, 30m, 12h (default: never)"
    )
    parser.add_argument(
        "--every", type=seconds_of, default=30.0, metavar="TIME", help="between two looks (default: 30 seconds)"
    )
    parser.add_argument(
        "--ignore-problems", action="store_true", help="wait for the end or the condition alone, whatever the curves do"
    )


def seconds_of(text: str) -> float:
    match = re.fullmatch(r"(\d+\.?\d*)\s*(s|m|min|h|d|)", text.strip())
    if match is None or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time; write 90, 30m or 12h")
    return float(match[1]) * _SECONDS[match[2]]


def run_wait(settings: Settings, arguments: argparse.Namespace) -> int:
    """Wait, report on stdout, and return the exit code."""
    try:
        condition = Condition.of(arguments.until) if arguments.until else None
        waiting = Waiting(
            settings, arguments.runs, condition, arguments.timeout, arguments.every, arguments.ignore_problems
        )
        verdicts = waiting.looks(waiting.run_ids)
        if not verdicts:
            raise NotFound("No run has status RUNNING.", "Name a run.")
    except Unreachable as problem:
        return _failed(settings, str(problem), UNREACHABLE)
    except Problem as problem:
        return _failed(settings, str(problem), BAD_INPUT)
    waiting.started = time.monotonic()  # importing MLflow is no waiting
    watch = Watch.begun(verdicts, condition)
    watch.ignores_problems = waiting.ignores_problems
    found = watch.met_already() or ([] if waiting.ignores_problems else watch.problems_already())
    try:
        found = found or _next_events(waiting, watch)
    except _Ended as ended:
        return _failed(settings, ended.sentence, ended.code)
    return _report(waiting, watch, found)


class _Ended(Exception):
    """The wait ended without an event."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.sentence, self.code = sentence, code


def _next_events(waiting: Waiting, watch: Watch) -> list[Event]:
    """The first events that come. Raises _Ended when the time is over, or when the server has been away for too long."""
    every = max(waiting.every, len(watch.verdicts) / _RUNS_A_SECOND)
    failing: tuple[float, Problem] | None = None
    while True:
        if waiting.left <= 0:
            raise _time_over(waiting, failing[1] if failing else None)
        time.sleep(min(every, max(0.0, waiting.left)))
        try:
            if found := watch.events(waiting.client):
                return found
            failing = None
        except (NotFound, RejectedByMlflow) as problem:  # the run is gone: waiting does not bring it back
            raise _Ended(str(problem), BAD_INPUT) from problem
        except Problem as problem:
            failing = (failing[0] if failing else time.monotonic(), problem)
            if time.monotonic() - failing[0] > _GIVE_UP:
                raise _Ended(f"No answer for {lasting(_GIVE_UP)}: {problem}", UNREACHABLE) from problem


def _time_over(waiting: Waiting, problem: Problem | None) -> _Ended:
    after = f"Nothing happened in {lasting(waiting.timeout or 0)}"
    if problem is not None:
        return _Ended(f"{after} that was seen; at its end there was no answer: {problem}", UNREACHABLE)
    return _Ended(f"{after}.", TIMEOUT)


def _report(waiting: Waiting, watch: Watch, events: Sequence[Event]) -> int:
    """Print the events and how their runs are doing."""
    run_ids = list(dict.fromkeys(event.run_id for event in events))
    try:
        verdicts = {each.look.run_id: each for each in waiting.looks(run_ids[:_MOST_TOLD])}
    except Problem:  # the event is known; the rest of the report is not worth a failure
        verdicts = {run_id: watch.verdicts[run_id] for run_id in run_ids[:_MOST_TOLD]}
    waited = lasting(time.monotonic() - waiting.started)
    lines = [f"After {waited}:"]
    for run_id in run_ids[:_MOST_TOLD]:
        own_events = [event for event in events if event.run_id == run_id]
        lines.append(f"{own_events[0].run} ({run_id}): {'; '.join(dict.fromkeys(event.text for event in own_events))}")
        lines += _facts(waiting, verdicts[run_id], {event.text for event in own_events})
    if len(run_ids) > _MOST_TOLD:
        lines.append(f"and {len(run_ids) - _MOST_TOLD} more runs: check_run tells of them")
    _say(waiting.settings, "\n".join(lines))
    diverged = any("diverged" in each.state for each in verdicts.values()) and not waiting.ignores_problems
    return _code(watch, events, diverged=diverged)


def _facts(waiting: Waiting, verdict: Verdict, reported: set[str]) -> list[str]:
    try:
        logs = last_errors(waiting.client, verdict.look.run_id)
    except Problem:
        logs = Logs()
    check = in_full(verdict, logs)
    facts = {
        "state": [check.state],
        "evidence": [each for each in check.evidence or () if each not in reported],
        "progress": [each for each in (check.progress,) if each],
        "metrics": check.metrics or [],
        "log": check.log or [],
    }
    return [f"  {name}: {text}" for name, texts in facts.items() for text in texts]


def _code(watch: Watch, events: Sequence[Event], *, diverged: bool) -> int:
    """The worst of what happened decides."""
    ended = [event.status for event in events if event.kind == "ended"]
    if any(status in ("FAILED", "KILLED") for status in ended):
        return FAILED
    if diverged or any(event.kind == "problem" for event in events):
        return PROBLEM
    is_unmet = ended and watch.condition is not None and bool(watch.condition.comparison)
    return UNMET if is_unmet and not any(event.kind == "met" for event in events) else MET


def _failed(settings: Settings, sentence: str, code: int) -> int:
    _say(settings, sentence, stream="stderr" if code == BAD_INPUT else "stdout")
    return code


def _say(settings: Settings, text: str, stream: str = "stdout") -> None:
    shown = mask_text(text) if settings.mask_secrets else text
    print(shown, file=getattr(sys, stream), flush=True)  # what the command is for
