"""How a run is doing: one state in a word, with the findings that prove it; MLflow's status beside what contradicts it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from mlflow_mcp.text import lasting, plural
from mlflow_mcp.tools.live.judging import findings
from mlflow_mcp.tools.live.judging.findings import Finding, Kind
from mlflow_mcp.tools.live.judging.look import Look
from mlflow_mcp.tools.live.judging.pace import Pace, Remaining, Silence, remaining, slower, totals_of

CANNOT_TELL = "cannot tell"
# A point that young is a sign of life whatever the usual gap is, in seconds.
_FRESH = 60.0
# What ends a wait when it is new.
ALARMS = ("diverging", "stuck", "over", "overfitting", "full")
_ONE_OF = ("slow", "overfitting", "plateau")
_ENDED_AS = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "killed"}
_CLOCK_TICKS = 60_000


@dataclass(frozen=True)
class Verdict:
    """The judgement on one look at a run."""

    look: Look
    has_moved: bool = False  # whether points came while it was watched, whatever their dates say

    @cached_property
    def pace(self) -> Pace | None:
        clock, newest = self.look.clock, self.look.newest
        return Pace.of(clock, newest) if clock is not None and newest is not None else None

    @cached_property
    def silence(self) -> Silence:
        found = self.pace.silence(self.look.now) if self.pace else "unknown"
        return "no" if self.has_moved else found

    @cached_property
    def findings(self) -> list[Finding]:
        """All that was found, what proves the state first."""
        found = list(self._about_time()) + findings.of_curves(self.look)
        found += [] if self.look.has_ended else findings.of_machine(self.look)
        if self.look.has_ended:
            found = [each for each in found if each.kind != "plateau"]
        order = ("diverging", "stuck", "over", "quiet", "slow", "overfitting", "plateau", "full", "idle", "note")
        return sorted(found, key=lambda each: order.index(each.kind))

    @cached_property
    def state(self) -> str:
        kinds = [each.kind for each in self.findings]
        if self.look.has_ended:
            return _ENDED_AS[self.look.status] + (", diverged" if "diverging" in kinds else "")
        worst = [kind for kind in ("stuck", "diverging") if kind in kinds]
        if worst:
            return ", ".join(worst)
        if not self._shows_life:
            return CANNOT_TELL
        return next((kind for kind in _ONE_OF if kind in kinds), "alive")

    @property
    def alarms(self) -> list[Finding]:
        """The problems that somebody who waits wants to be woken for."""
        return [each for each in self.findings if each.kind in ALARMS]

    @cached_property
    def remaining(self) -> Remaining | None:
        """How much is left; of a run that is silent or has ended only how far it is."""
        clock = self.look.clock
        if clock is None:
            return None
        return remaining(totals_of(self.look.params), clock, self.look.series.get("epoch"))

    @property
    def is_moving(self) -> bool:
        return not self.look.has_ended and self._shows_life

    @property
    def _shows_life(self) -> bool:
        if self.look.status != "RUNNING" or self.pace is None:
            return False
        return self.silence == "no" or (self.silence == "unknown" and self.pace.age(self.look.now) < _FRESH)

    def _about_time(self) -> Iterator[Finding]:
        yield from self._about_end() if self.look.has_ended else self._about_silence()
        clock = self.look.clock
        if clock is None:
            return
        if not self.look.has_ended and (slow := slower(clock)):
            unit = "step" if clock.has_steps else "point"
            text = f"{lasting(slow.now)} per {unit} over the last {slow.over:,} steps, {lasting(slow.before)} before"
            yield Finding("slow", clock.name, text)
        yield from findings.of_resume(self.look, clock)
        if clock.writers > 1:
            yield Finding(
                "note", "writers", f"{clock.writers} points a step: several processes write it; medians are judged"
            )
        if not clock.has_steps and len(clock.logged) > 2:
            yield Finding("note", "steps", f"all points are at step {clock.logged[0].step}: ordered by time")

    def _about_end(self) -> Iterator[Finding]:
        newest, end, left = self.look.newest, self.look.end, self.remaining
        if newest and end and newest.timestamp > end + _CLOCK_TICKS:
            yield Finding(
                "note", "end", f"it logged {lasting((newest.timestamp - end) / 1000)} after the end that MLflow has"
            )
        if (
            self.look.status == "FINISHED"
            and left
            and left.total.unit == "step"
            and left.done < 0.98 * left.total.count
        ):
            text = (
                f"MLflow says FINISHED, at step {left.done:,.0f} of {left.total.count:,.0f} (param {left.total.param})"
            )
            yield Finding("note", "short", text)

    def _about_silence(self) -> Iterator[Finding]:
        run_pace, look = self.pace, self.look
        if run_pace is None:
            yield self._without_metrics()
            return
        age = run_pace.age(look.now)
        if self.silence == "future":
            yield Finding("quiet", "", f"its last point is dated {lasting(-age)} in the future: the clocks differ")
        elif self.silence in ("quiet", "silent"):
            kind: Kind = "stuck" if self.silence == "silent" else "quiet"
            text = f"MLflow says {look.status}; {self._gaps(age)}{self._machine()}"
            left = self.remaining
            if kind == "stuck" and left and left.is_reached:
                unit, total = left.total.unit, left.total
                text += f"; {unit} {left.done:,.0f} of {total.count:,.0f} (param {total.param}): it may have ended without saying so"
                kind = "over"
            yield Finding(kind, "", text)
        elif self.has_moved and age > 2 * _FRESH:
            yield Finding("note", "clock", f"points came while waiting, dated {lasting(age)} ago: its clock is behind")
        elif not self._shows_life:
            few = f"points at {plural(run_pace.gaps + 1, 'moment')} only do not show how often it logs"
            yield Finding("quiet", "", f"MLflow says {look.status}; last point {lasting(age)} ago; {few}")

    def _without_metrics(self) -> Finding:
        look = self.look
        since = f", started {lasting((look.now - look.start) / 1000)} ago" if look.start else ""
        text = f"MLflow says {look.status}; it has logged no metric{since}"
        if look.children:
            count = ", ".join(f"{number} {status}" for status, number in sorted(look.children.items()))
            text += f"; its {plural(sum(look.children.values()), 'child run')}: {count}"
        return Finding("quiet", "", text)

    def _gaps(self, age: float) -> str:
        assert self.pace is not None
        usual, longest = self.pace.usual_gap or 0, self.pace.pause or 0
        pause = f", longest pause before {lasting(longest)}" if longest > 2 * usual else ""
        return f"last point {lasting(age)} ago, {self.pace.told_gap}{pause}"

    def _machine(self) -> str:
        """Whether the process that writes system metrics still does."""
        seen = self.look.machine_seen
        if seen is None:
            return ""
        age = (self.look.now - seen) / 1000
        return f"; system metrics {'still come' if age < _FRESH else 'stopped too'} ({lasting(max(age, 0))} ago)"
