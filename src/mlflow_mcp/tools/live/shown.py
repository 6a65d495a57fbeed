"""A verdict in words: in full for a few runs, as a row for many, and what is new since an earlier moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field

from mlflow_mcp.answers.budget import encoded
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client.metrics import Point
from mlflow_mcp.entities.metrics import is_finite, is_validation
from mlflow_mcp.text import iso, lasting, number, plural
from mlflow_mcp.tools.live.judging.look import Look, judged_mode
from mlflow_mcp.tools.live.judging.machine import PREFIX
from mlflow_mcp.tools.live.judging.pace import Remaining
from mlflow_mcp.tools.live.judging.series import Series
from mlflow_mcp.tools.live.judging.verdict import CANNOT_TELL, Verdict
from mlflow_mcp.tools.live.log_lines import rendered
from mlflow_mcp.tools.live.log_tail import Logs

# Of one run, in characters of JSON: an answer about one stays below 1,200. Whole parts are left out, and no text is cut here:
# half a secret would not be known as one.
_ROOM = 1_000
_MOST_EVIDENCE, _MOST_METRICS = 5, 4


class RunCheck(BaseModel):
    """One run. `status` is MLflow's word, `state` the judgement, `evidence` what proves it."""

    run_id: str
    run: str
    status: str
    state: str
    evidence: list[str] | None = None
    last_point: Annotated[str | None, Field(description="When it logged last, of a run that may have stopped.")] = None
    progress: str | None = None
    at_its_former_pace: str | None = None
    machine: Annotated[dict[str, str] | None, Field(description="Its tags that say where it runs.")] = None
    left: Annotated[
        str | None,
        Field(
            description="Time left by the pace of its last 200 points; in brackets by their fastest and slowest eighth."
        ),
    ] = None
    metrics: list[str] | None = None
    log: Annotated[
        list[str] | None,
        Field(description="Error lines of its logs, the first and the last of what was read; or that there is none."),
    ] = None
    news: Annotated[list[str] | None, Field(description="With `since`: what is new.")] = None


def in_full(verdict: Verdict, logs: Logs) -> RunCheck:
    """All that is known of a run, as far as there is room."""
    check = _head(verdict)
    check.evidence = [each.text for each in verdict.findings[:_MOST_EVIDENCE]]
    if not any(each.kind in ("stuck", "quiet") for each in verdict.findings):
        has_proof = bool(verdict.findings) and verdict.findings[0].kind != "note"
        check.evidence.insert(int(has_proof), sign_of_life(verdict))  # what proves the state is left out last
    elif verdict.pace is not None:
        check.last_point = iso(verdict.pace.last.timestamp)
        left = _left_in_words(verdict.remaining)
        check.at_its_former_pace = f"{left} would be left" if left else None
    check.progress, check.left = progress(verdict), time_left(verdict)
    check.metrics = _metrics(verdict.look)[:_MOST_METRICS] or None
    may_have_stopped = not verdict.look.has_ended and not verdict.is_moving
    errors = list(logs.errors)
    check.log = rendered(errors) or ([logs.missing] if logs.missing and may_have_stopped else None)
    check.machine = dict(verdict.look.machine) or None if may_have_stopped else None
    for name in ("metrics", "evidence"):
        parts = getattr(check, name)
        while parts and len(parts) > 1 and not _fits(check):
            parts.pop()
    while len(errors) > 1 and not _fits(check):
        errors.pop(len(errors) // 2)  # the first and the last stay longest
        check.log = rendered(errors)
    return check


def _fits(check: RunCheck) -> bool:
    return len(encoded(check.model_dump(exclude_none=True))) <= _ROOM


def what_is_new(verdict: Verdict, before: Verdict) -> RunCheck:
    """Only what changed since the earlier verdict."""
    check = _head(verdict)
    points = _new_points(verdict.look, before.look) if verdict.silence != "future" else []
    check.news = [*_new_facts(verdict, before), *points] or ["nothing new"]
    check.left = time_left(verdict) if verdict.is_moving else None
    return check


def has_new_facts(verdict: Verdict, before: Verdict) -> bool:
    """Whether more is new than points."""
    return bool(_new_facts(verdict, before))


def _new_facts(verdict: Verdict, before: Verdict) -> list[str]:
    look, earlier = verdict.look, before.look
    if look.start and look.start > earlier.now:
        return [f"started at {iso(look.start)}", *(each.text for each in verdict.findings)]
    news = [f"MLflow says {look.status} now, {earlier.status} then"] if look.status != earlier.status else []
    news += [f"state: {before.state} → {verdict.state}"] if verdict.state != before.state else []
    known = {(each.kind, each.about) for each in before.findings}
    changed = verdict.state != before.state
    new = [
        each for each in verdict.findings if (each.kind, each.about) not in known or (changed and each.kind == "stuck")
    ]
    return news + [each.text for each in new[:_MOST_EVIDENCE]]


def table_of(verdicts: Sequence[Verdict]) -> Table:
    """A row for each run, those with problems first."""
    rows = [_row(each) for each in sorted(verdicts, key=lambda each: (_urgency(each), each.look.name))]
    return Table.of(
        ["run", "run_id", "status", "state", "why", "progress", "left"], rows, keep=("run", "run_id", "state")
    )


def states_of(verdicts: Sequence[Verdict]) -> dict[str, int]:
    return dict(Counter(each.state for each in verdicts).most_common())


def not_read(look: Look) -> str:
    """How many metrics that training is judged by were left out, where a run has very many."""
    count = sum(judged_mode(name) is not None for name in look.latest) - sum(
        judged_mode(name) is not None for name in look.series
    )
    return (
        f"{plural(count, 'more metric')} of {look.name} not read; get_metric_history reads them." if count > 0 else ""
    )


def sign_of_life(verdict: Verdict) -> str:
    """When the run logged last, beside its usual gap; of one that has ended, when it did."""
    look, pace = verdict.look, verdict.pace
    if look.has_ended:
        took = f" after {lasting((look.end - look.start) / 1000)}" if look.end and look.start else ""
        times = "; these are the times of the export" if look.is_export else ""
        return f"ended{took}, at {iso(look.end)}{times}" if look.end else "ended, MLflow has no time"
    if pace is None:
        return "no metrics"
    gap = f", {pace.told_gap}" if pace.told_gap else ""
    return f"last point {lasting(max(0.0, pace.age(look.now)))} ago{gap}"


def progress(verdict: Verdict) -> str | None:
    left, look = verdict.remaining, verdict.look
    if left is None:
        step = max((point.step for name, point in look.latest.items() if not name.startswith(PREFIX)), default=0)
        return f"step {step:,}" if step else None
    assumed = f", if {left.assumes}" if left.assumes else ""
    share = f"{100 * left.done / left.total.count:.3g}%"
    return f"{left.total.unit} {number(left.done, 4)} of {number(left.total.count)} ({share}; param {left.total.param}{assumed})"


def time_left(verdict: Verdict) -> str | None:
    """Nothing for a run that is silent: it has no pace."""
    return _left_in_words(verdict.remaining) if verdict.is_moving else None


def _left_in_words(left: Remaining | None) -> str | None:
    if left is None or left.seconds is None:
        return None
    if left.fastest is None or left.slowest is None:
        return f"about {lasting(left.seconds)}"
    fastest, slowest = lasting(left.fastest), lasting(left.slowest)
    return f"about {lasting(left.seconds)}" + (f" ({fastest} to {slowest})" if fastest != slowest else "")


def _head(verdict: Verdict) -> RunCheck:
    look = verdict.look
    return RunCheck(run_id=look.run_id, run=look.name, status=look.status, state=verdict.state)


def _metrics(look: Look) -> list[str]:
    """The metrics that training is judged by, validation first: the newest value, and the best one where that is another."""
    judged = [name for name in look.series if judged_mode(name)]
    judged.sort(key=lambda name: ("loss" not in name.lower(), not is_validation(name), len(name), name))
    return [_metric(look.series[name]) for name in judged]


def _metric(series: Series) -> str:
    last, mode = series.points[-1], judged_mode(series.name)
    text = f"{series.name} {number(last.value, 5)}"
    numbers = series.finite
    if not numbers or len(series.points) == 1:
        return text
    best: Point = (min if mode == "min" else max)(numbers, key=lambda point: point.value)
    if best == last:
        return f"{text}, its best"
    of = "" if series.is_whole else " of a sample"
    at = f" at step {best.step:,}" if series.has_steps else ""
    return f"{text}, best{of} {number(best.value, 5)}{at}"


def _row(verdict: Verdict) -> list[Any]:
    first = next(iter(verdict.findings), None)
    is_proof = first is not None and (first.kind != "note")
    why = first.text if first is not None and is_proof else sign_of_life(verdict)
    look = verdict.look
    return [
        look.name,
        look.run_id,
        look.status,
        verdict.state,
        why,
        progress(verdict),
        time_left(verdict),
    ]


def _urgency(verdict: Verdict) -> int:
    order = ("diverging", "stuck", "failed", "overfitting", "slow", "plateau", CANNOT_TELL)
    return next((at for at, word in enumerate(order) if word in verdict.state), len(order))


def _new_points(look: Look, earlier: Look) -> list[str]:
    """How far the steps have come, and what the metrics that training is judged by were and are."""
    clock, newest, before = look.clock, look.newest, earlier.newest
    if newest is None or newest == before or clock is None:
        return []
    # Of a sample the new points cannot be counted.
    count = sum(point.timestamp > earlier.now for point in clock.logged) if clock.is_whole else 0
    changes = [f"{plural(count, 'new point')} of {clock.name}"] if count else []
    changes += [f"step {before.step:,} → {newest.step:,}"] if before and newest.step != before.step else []
    for name in [name for name in look.series if judged_mode(name)][:_MOST_METRICS]:
        old, new = earlier.series.get(name), look.series[name]
        if old and old.points[-1] != new.points[-1] and is_finite(old.points[-1].value):
            changes.append(f"{name} {number(old.points[-1].value, 5)} → {number(new.points[-1].value, 5)}")
    return changes
