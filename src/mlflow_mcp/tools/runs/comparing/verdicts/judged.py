"""The verdict on each score of each side against the baseline: is it better, worse, or noise. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlflow_mcp.entities.direction import Mode, is_share
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.entities.scales import two_scales
from mlflow_mcp.statistics.differences import Difference, PairedDifference
from mlflow_mcp.statistics.exact import ERROR, holm
from mlflow_mcp.tools.runs.comparing.comparable import Inequality
from mlflow_mcp.tools.runs.comparing.primary import mode_of, without_dataset
from mlflow_mcp.tools.runs.comparing.sides import Side
from mlflow_mcp.tools.runs.comparing.verdicts.estimates import Known, estimate_of, paired_by_seed, scale_of
from mlflow_mcp.tools.runs.comparing.verdicts.gate import INDETERMINATE, Tolerance, gate_of, observed_gate

IMPROVED, REGRESSED, NOISE, CANNOT_TELL = "IMPROVED", "REGRESSED", "WITHIN NOISE", "CANNOT TELL"


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
    p: float | None = None  # adjusted to the family
    verdict: str = CANNOT_TELL
    why: str = ""  # of CANNOT TELL
    gate: str | None = None
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
    tested = [(each, found) for each in judged if each.mode and not each.forbidden and (found := each.difference)]
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
    finite = [(None, value) for value in judged.values if value is not None and is_finite(value)]
    if not judged.forbidden and two_scales(name, finite):
        judged.forbidden = "two scales: shares and percent"
    return judged


def _decided(each: Judged, tests: int) -> tuple[str, str]:
    """The verdict, and why there is none."""
    if each.forbidden:
        return CANNOT_TELL, each.forbidden
    difference = each.difference
    if difference is None:
        return CANNOT_TELL, _without_error(each)
    if each.mode is None or each.p is None:
        return CANNOT_TELL, "the name does not say whether higher is better"
    low, high = difference.limits(ERROR / 2)
    if low <= 0 <= high:
        return NOISE, ""
    if each.p > ERROR:
        alone = f"p={difference.p:.2g} alone"
        return CANNOT_TELL, f"{alone}, not enough among {tests} tests" if tests > 1 else alone
    return (IMPROVED if (difference.delta > 0) == (each.mode == "max") else REGRESSED), ""


def _without_error(each: Judged) -> str:
    """Why a difference cannot be tested."""
    labels = (each.base.label, each.side.label)
    reasons = {label: known.source for label, known in zip(labels, each.known) if known.estimate is None}
    if not reasons:
        return "repeats without any difference: they show no error"
    if len(reasons) == 2 and len(set(reasons.values())) == 1:
        return next(iter(reasons.values()))
    return "; ".join(f"{reason} on {label}" for label, reason in reasons.items())


def _gate(each: Judged, tolerance: Tolerance, tests: int) -> str:
    base, value = each.values
    if each.forbidden or each.mode is None or base is None or value is None:
        return INDETERMINATE
    if not (is_finite(base) and is_finite(value)):
        return INDETERMINATE
    name = without_dataset(each.names[0])
    points = each.scale if is_share(name) else 100.0 if max(abs(base), abs(value)) > 1 else None
    allowed = tolerance.allowed(base, points)
    if allowed is None:
        return INDETERMINATE
    if each.difference is None:
        return observed_gate(value - base, each.mode, allowed)
    return gate_of(each.difference, each.mode, allowed, tests)
