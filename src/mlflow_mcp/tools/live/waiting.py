"""Waiting for the next event of runs: an end, a condition that is met, a new problem. By few and small requests."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from mlflow_mcp.client import Client
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.errors import Unreachable
from mlflow_mcp.tools.live.judging.look import Look, judged_mode
from mlflow_mcp.tools.live.judging.verdict import Verdict
from mlflow_mcp.tools.live.reading import looks_at, now_in_milliseconds
from mlflow_mcp.tools.live.until import END, Condition

if TYPE_CHECKING:
    from mlflow.entities import Run

# Seconds after which the curves of runs that go on logging are read again, and of those that look as if they had a problem.
_CURVES_EVERY, _SUSPECTS_EVERY = 60.0, 10.0


@dataclass(frozen=True)
class Event:
    """What ended a wait, in words, and of which run."""

    kind: Literal["met", "ended", "problem"]
    run_id: str
    run: str
    status: str
    text: str

    @classmethod
    def of(cls, kind: Literal["met", "ended", "problem"], look: Look, text: str) -> Event:
        return cls(kind, look.run_id, look.name, look.status, text)


@dataclass
class Watch:
    """Runs as they were when the wait began. What is news is later than `since` (milliseconds); `known` are the problems
    that are no news, by run id, kind and metric."""

    condition: Condition | None
    verdicts: dict[str, Verdict]
    since: int
    known: set[tuple[str, str, str]]
    ignores_problems: bool = False
    tolerates: int = 0  # so many polls in a row may find no server
    _failed: int = 0
    _begun: float = field(default_factory=time.monotonic)
    _read: dict[str, float] = field(default_factory=dict)

    @classmethod
    def begun(
        cls, verdicts: Sequence[Verdict], condition: Condition | None, before: Sequence[Verdict] | None = None
    ) -> Watch:
        """Runs as they are now. Their problems are known, or those that they had `before`."""
        known: set[tuple[str, str, str]] = set()
        for verdict in verdicts if before is None else before:
            known |= {(verdict.look.run_id, each.kind, each.about) for each in verdict.alarms}
        since = (before or verdicts)[0].look.now
        return cls(condition, {each.look.run_id: each for each in verdicts}, since, known)

    @property
    def going_on(self) -> list[str]:
        """The runs that had not ended when the wait began: only these can have an event."""
        return [run_id for run_id, verdict in self.verdicts.items() if not verdict.look.has_ended]

    def met_already(self) -> list[Event]:
        """The events of what the first look showed: a condition that holds, and an end of all runs."""
        looks = [each.look for each in self.verdicts.values()]
        if self.condition is not None and self.condition.name != END:
            met = [Event.of("met", look, text) for look in looks if (text := self.condition.met(look))]
            if met:
                return met
        return [] if self.going_on else [self._ended(look) for look in looks]

    def problems_already(self) -> list[Event]:
        """The problems that the first look showed."""
        return [
            Event.of("problem", verdict.look, alarm.text)
            for verdict in self.verdicts.values()
            if not verdict.look.has_ended
            for alarm in verdict.alarms
        ]

    def events(self, client: Client) -> list[Event]:
        """What has happened since: a request for each run, and more where something may have."""
        try:
            found = self._events(client)
        except Unreachable:
            self._failed += 1
            if self._failed > self.tolerates:
                raise
            return []
        self._failed = 0
        return found

    def _events(self, client: Client) -> list[Event]:
        runs = client.run_concurrently(*(partial(client.runs.get, run_id) for run_id in self.going_on))
        now = now_in_milliseconds()
        found: list[Event] = []
        for run in runs:
            look = Look.of(run, now, {})
            text = self.condition.met(look) if self.condition else None
            if look.has_ended:
                found.append(self._ended(look))
            elif text:
                found.append(Event.of("met", look, text))
        return found or self._problems(client, self._suspects(runs, now))

    def news(self, verdicts: Sequence[Verdict]) -> list[Event]:
        """What a whole look shows beyond what is known: new problems, and a condition that held for a moment."""
        found = []
        for verdict in verdicts:
            if self.condition and (text := self.condition.met(verdict.look, self.since)):
                kind: Literal["met", "ended"] = "ended" if self.condition.name == END else "met"
                found.append(Event.of(kind, verdict.look, text))
            for alarm in [] if self.ignores_problems or verdict.look.has_ended else verdict.alarms:
                if (verdict.look.run_id, alarm.kind, alarm.about) not in self.known:
                    found.append(Event.of("problem", verdict.look, alarm.text))
        return found

    def _ended(self, look: Look) -> Event:
        met = self.condition.met(look, self.since) if self.condition else None
        text = f"MLflow says {look.status}"
        if self.condition is None or self.condition.name == END:
            return Event.of("ended", look, text)
        return (
            Event.of("met", look, f"{met}; {text}")
            if met
            else Event.of("ended", look, f"{text}, before {self.condition}")
        )

    def _suspects(self, runs: Sequence[Run], now: int) -> list[Run]:
        """The runs whose curves are to be read: those that became silent or logged what is no number; after a while all."""
        found = []
        for run in runs:
            last = self._read.get(run.info.run_id)
            is_suspect = not self.ignores_problems and self._is_suspect(Look.of(run, now, {}))
            every = _SUSPECTS_EVERY if is_suspect else _CURVES_EVERY
            since = self._begun if every == _CURVES_EVERY else 0.0
            if time.monotonic() - (since if last is None else last) > every:
                found.append(run)
        return found

    def _is_suspect(self, look: Look) -> bool:
        pace = self.verdicts[look.run_id].pace
        is_silent = pace is not None and look.newest and replace(pace, last=look.newest).silence(look.now) == "silent"
        is_odd = any(judged_mode(name) and not is_finite(point.value) for name, point in look.latest.items())
        return (is_silent and not self._knows(look, "stuck")) or (is_odd and not self._knows(look, "diverging"))

    def _knows(self, look: Look, kind: str) -> bool:
        return any(known[:2] == (look.run_id, kind) for known in self.known)

    def _problems(self, client: Client, runs: Sequence[Run]) -> list[Event]:
        if not runs or (self.ignores_problems and not metrics_of(self.condition)):
            return []
        self._read |= {run.info.run_id: time.monotonic() for run in runs}
        return self.news([Verdict(look) for look in looks_at(client, runs, metrics_of(self.condition))])


def metrics_of(condition: Condition | None) -> list[str]:
    """The metrics that have to be read for a condition."""
    return condition.metrics if condition else []
