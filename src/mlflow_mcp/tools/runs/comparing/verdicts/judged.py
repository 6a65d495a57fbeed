"""The verdict on each score of each side against the baseline: is it better, worse, or noise. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_mcp.entities.direction import Mode, is_rate_of_attacks, is_share
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.entities.scales import two_scales
from mlflow_mcp.statistics.differences import Difference, PairedDifference
from mlflow_mcp.statistics.exact import ERROR, holm
from mlflow_mcp.tools.runs.comparing.comparable import Inequality
from mlflow_mcp.tools.runs.comparing.parts import other_parts
from mlflow_mcp.tools.runs.comparing.primary import mode_of, without_dataset
from mlflow_mcp.tools.runs.comparing.sides import Side
from mlflow_mcp.tools.runs.comparing.verdicts.estimates import Known, estimate_of, paired_by_seed, scale_of
from mlflow_mcp.tools.runs.comparing.verdicts.gate import (
    FAIL,
    INDETERMINATE,
    Gated,
    Tolerance,
    change,
    gate_of,
    lost,
    observed_gate,
)

IMPROVED, REGRESSED, NOISE, CANNOT_TELL = "IMPROVED", "REGRESSED", "WITHIN NOISE", "CANNOT TELL"
# Of a difference that is no noise, where nothing tells which values are better.
HIGHER, LOWER = "HIGHER", "LOWER"
DIRECTION_UNKNOWN = "whether higher is better is unknown"
_PERCENT = 100.0
# Behind these where repeated answers show it for the questions that were asked, and not for others like them.
_HERE = " (these questions only)"


@dataclass
class Judged:
    """One score of one side against the baseline's."""

    task: str
    names: list[str]  # of the metric, its twins after it
    base: Side
    side: Side
    known: tuple[Known, Known]  # the baseline's and the side's
    mode: Mode | None
    scale: float
    is_headline: bool
    forbidden: str = ""  # why no verdict may be given
    incomparable: bool = False  # not even the values can be set side by side
    unlike: Sequence[str] = ()  # settings that change answers, which the sides have unlike
    p: float | None = None  # adjusted to the family
    verdict: str = CANNOT_TELL
    why: str = ""  # of CANNOT TELL, HIGHER and LOWER
    gate: Gated | None = None
    paired_by: str = ""  # the param whose values pair the runs of both sides
    pairs: tuple[float, ...] = ()  # of the runs paired so, the side's value less the baseline's

    @property
    def difference(self) -> Difference | PairedDifference | None:
        """None where a side has no error."""
        if self.pairs and not (paired := PairedDifference(self.pairs)).cannot_be_tested:
            return paired
        base, other = (known.estimate for known in self.known)
        found = Difference(base, other) if base and other else None
        return None if found is None or found.cannot_be_tested else found

    @property
    def by_question(self) -> Difference | None:
        """The same where repeated answers count as one; None where no side counts them one by one."""
        if self.difference is None or not any(known.by_question for known in self.known):
            return None
        base, other = (known.by_question or known.estimate for known in self.known)
        return Difference(base.without_counts, other.without_counts) if base and other else None

    @property
    def values(self) -> tuple[float | None, float | None]:
        base, value = (side.metrics(self.task).get(self.names[0]) for side in (self.base, self.side))
        return base, value

    @property
    def is_compared(self) -> bool:
        return all(value is not None for value in self.values)


@dataclass(frozen=True)
class Score:
    """A metric of a task, by all of its names, to give a verdict on."""

    task: str
    names: list[str]
    is_headline: bool


def judge(
    scores: Sequence[Score], sides: Sequence[Side], base: Side, unequal: Inequality, tolerance: Tolerance | None
) -> list[Judged]:
    """A verdict for each score and each side that has it as the baseline has; p adjusted over all that can have one."""
    judged = [
        each
        for score in scores
        for side in sides
        if side is not base and (each := _known(score, sides, base, side, unequal)).is_compared
    ]
    tested = [(each, found) for each in judged if not each.incomparable and (found := each.difference)]
    for (each, _), p in zip(tested, holm([found.p for _, found in tested])):
        each.p = p
    for each in judged:
        each.verdict, each.why = _decided(each, len(tested))
        if tolerance is not None:
            each.gate = _gate(each, tolerance, len(tested))
    return judged


def _known(score: Score, sides: Sequence[Side], base: Side, side: Side, unequal: Inequality) -> Judged:
    name = without_dataset(score.names[0])
    scale = scale_of((base, side), score.task, score.names)
    known = [
        estimate_of(each, score.task, score.names, is_headline=score.is_headline, scale=scale) for each in (base, side)
    ]
    mode = mode_of(score.task, score.names, sides)
    judged = Judged(score.task, score.names, base, side, (known[0], known[1]), mode, scale, score.is_headline)
    judged.paired_by, judged.pairs = paired_by_seed(base, side, score.task, score.names[0])
    judged.forbidden = unequal.forbids(score.task, side.label, base.label)
    judged.incomparable = bool(unequal.incomparable(score.task, side.label, base.label))
    judged.unlike = unequal.unlike(score.task, side.label, base.label)
    finite = [(None, value) for value in judged.values if value is not None and is_finite(value)]
    if not judged.forbidden and two_scales(name, finite):
        judged.forbidden, judged.incomparable = "two scales: shares and percent", True
    if not judged.incomparable and (other := other_parts(score.task, score.names, (base, side))):
        judged.forbidden, judged.incomparable = other, True
    return judged


def _decided(each: Judged, tests: int) -> tuple[str, str]:
    """The verdict, and why there is none."""
    difference = each.difference
    if each.incomparable:
        return CANNOT_TELL, each.forbidden
    if difference is None or each.p is None:
        unknown = DIRECTION_UNKNOWN if each.mode is None else ""
        return CANNOT_TELL, "; ".join(filter(None, (each.forbidden, _without_error(each), unknown)))
    if not _leaves_out_zero(difference):
        return NOISE, ""
    if each.forbidden:
        return CANNOT_TELL, each.forbidden
    if each.p > ERROR:
        alone = f"p={difference.p:.2g} alone"
        return CANNOT_TELL, f"{alone}, not enough among {tests} tests" if tests > 1 else alone
    here = "" if each.by_question is None or _leaves_out_zero(each.by_question) else _HERE
    if each.mode is None:
        return (HIGHER if difference.delta > 0 else LOWER) + here, DIRECTION_UNKNOWN
    return (IMPROVED if (difference.delta > 0) == (each.mode == "max") else REGRESSED) + here, ""


def _leaves_out_zero(difference: Difference | PairedDifference) -> bool:
    low, high = difference.limits(ERROR / 2)
    return not low <= 0 <= high


def _without_error(each: Judged) -> str:
    """Why a difference cannot be tested."""
    labels = (each.base.label, each.side.label)
    reasons = {label: known.source for label, known in zip(labels, each.known) if known.estimate is None}
    if not reasons:
        return "repeats without any difference: they show no error"
    if len(reasons) == 2 and len(set(reasons.values())) == 1:
        return next(iter(reasons.values()))
    return "; ".join(f"{reason} on {label}" for label, reason in reasons.items())


def _gate(each: Judged, tolerance: Tolerance, tests: int) -> Gated:
    base, value = each.values
    name = each.names[0]
    if base is None or value is None or not (is_finite(base) and is_finite(value)):
        return Gated(name, INDETERMINATE, False, "is no number")
    allowed = tolerance.allowed(base, _points(each, max(abs(base), abs(value))))
    delta, found = value - base, each.difference
    size_of_change = change(tolerance, allowed, delta, found.limits(ERROR / 2) if found else None)
    if each.incomparable or each.mode is None or allowed is None:
        why = (each.forbidden, "its scale is not known" if each.mode else DIRECTION_UNKNOWN)
        reason = each.forbidden if each.incomparable else ", ".join(filter(None, why))
        return Gated(name, INDETERMINATE, False, size_of_change, reason, abs(delta) / (allowed or math.inf))
    observed = observed_gate(delta, each.mode, allowed)
    gate = observed if found is None else gate_of(found, each.mode, allowed, tests)
    # A loss is one, whosever it is; that there is none may be the prompt's doing.
    gate = INDETERMINATE if each.forbidden and gate != FAIL else gate
    loss = lost(delta, each.mode) / (allowed or 1.0)
    is_observed = found is None and gate != INDETERMINATE
    return Gated(name, gate, observed == FAIL, size_of_change, each.forbidden, loss, is_observed)


def _points(each: Judged, largest: float) -> float | None:
    """Of which scale a point is a hundredth; None where that is not known, as of sums that exceed 100."""
    if largest > _PERCENT or (largest > 1 and each.mode is None):
        return None
    plain = without_dataset(each.names[0])
    if is_share(plain) or is_rate_of_attacks(plain):
        return each.scale
    return _PERCENT if largest > 1 else None
