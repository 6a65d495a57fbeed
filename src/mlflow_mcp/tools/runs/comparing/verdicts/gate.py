"""How much worse a score may be: the tolerance of a caller, and whether a side keeps to it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mlflow_mcp.entities.direction import Mode
from mlflow_mcp.errors import Problem
from mlflow_mcp.statistics.differences import Difference, PairedDifference
from mlflow_mcp.text import clipped, listed

PASS, FAIL, INDETERMINATE = "PASS", "FAIL", "INDETERMINATE"
_FORM = re.compile(r"\+?(\d+\.?\d*|\.\d+)(?:e-?\d+)?\s*(pp|%)?", re.IGNORECASE)
# The chance of a wrong PASS of a task, and of a wrong FAIL among all of them.
_ERROR = 0.05
_NAMED = 6
# 0.55 - 0.54 is more than 0.01 to a computer.
_ROUNDING = 1 + 1e-9


@dataclass(frozen=True)
class Tolerance:
    """How far a score may fall: in points of 0-100, in percent of the baseline, or as it is."""

    value: float
    unit: Literal["pp", "%", ""]

    @classmethod
    def of(cls, text: str) -> Tolerance:
        """Raises Problem for a text of another form."""
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise Problem(
                f"'{clipped(text)}' is no tolerance.",
                "Write '1pp' (one point on a scale of 0-100), '2%' (of the baseline) or '0.01' (as the metric is given).",
            )
        unit = (found[2] or "").lower()
        units: dict[str, Literal["pp", "%", ""]] = {"pp": "pp", "%": "%", "": ""}
        return cls(float(text.strip().lower().removesuffix(unit)), units[unit])

    def __str__(self) -> str:
        return f"{self.value:g}{self.unit}"

    def allowed(self, base: float, scale: float | None) -> float | None:
        """How much worse than `base` is allowed; None for points where the scale is not known."""
        if self.unit == "%":
            return self.value / 100 * abs(base)
        if self.unit == "":
            return self.value
        return None if scale is None else self.value * scale / 100


def gate_of(difference: Difference | PairedDifference, mode: Mode, allowed: float, tests: int) -> str:
    """FAIL where the loss is surely larger than allowed, PASS where it surely is not. A FAIL anywhere fails the whole, so its
    bound is made for all tests; a PASS of the whole needs one of each."""
    _, most = loss_limits(difference, mode, _ERROR)
    least, _ = loss_limits(difference, mode, _ERROR / max(1, tests))
    if least > allowed:
        return FAIL
    return PASS if most <= allowed else INDETERMINATE


def observed_gate(delta: float, mode: Mode, allowed: float) -> str:
    """By the values alone, where nothing tells their errors."""
    return FAIL if lost(delta, mode) > allowed * _ROUNDING else PASS


def lost(delta: float, mode: Mode) -> float:
    """How much worse a value is; less than 0 where it is better."""
    return -delta if mode == "max" else delta


def loss_limits(difference: Difference | PairedDifference, mode: Mode, tail: float) -> tuple[float, float]:
    """Between which values the loss lies; each end is wrong with the chance `tail`."""
    low, high = difference.limits(tail)
    return (-high, -low) if mode == "max" else (low, high)


@dataclass(frozen=True)
class Gated:
    """The gate of one score, and what it rests on."""

    name: str
    gate: str
    is_over: bool  # by the value alone
    change: str  # in the tolerance's unit, with its interval
    why: str = ""  # there is no gate, or it is by the value alone
    # Of the loss, as a multiple of what is allowed; of the change where no side is known to be better.
    size: float = 0.0
    is_observed: bool = False  # nothing tells the errors of the values

    def __str__(self) -> str:
        return f"{self.gate} on the observed value only" if self.is_observed else self.gate

    @property
    def sentence(self) -> str:
        return f"'{clipped(self.name)}' {self.change}{': over the limit' if self.is_over else ''}"


def change(tolerance: Tolerance, allowed: float | None, delta: float, limits: tuple[float, float] | None) -> str:
    """`-1.38 points (95% -8.96 to 6.21)`: a change in the unit of the tolerance, which allows so much of the metric."""
    in_unit = allowed is not None and tolerance.value > 0
    factor = tolerance.value / allowed if in_unit and allowed else 1.0
    unit = {"pp": " points", "%": "%", "": ""}[tolerance.unit] if in_unit else ""
    interval = f"95% {limits[0] * factor:.3g} to {limits[1] * factor:.3g}" if limits else "error unknown"
    return f"{delta * factor:+.3g}{unit} ({interval})"


def summary(tolerance: Tolerance, gates: Sequence[Gated], without: Sequence[str]) -> str:
    """The gates of all scores in one sentence, each that does not pass with its change; `without` names the tasks that have none:
    they may hold the loss that is looked for."""
    of = {word: [each for each in gates if each.gate == word] for word in (FAIL, INDETERMINATE, PASS)}
    word = next((word for word in (FAIL, INDETERMINATE) if of[word]), PASS if gates and not without else INDETERMINATE)
    parts = [f"{len(of[PASS])} of {len(gates)} scores pass"]
    parts += [
        f"{len(of[each])} {verb}: {_named(of[each])}"
        for each, verb in ((FAIL, "fail"), (INDETERMINATE, "undecided"))
        if of[each]
    ]
    parts += [f"not judged, tasks: {listed(without, _NAMED)}"] if without else []
    return f"{word} at tolerance {tolerance} ({'; '.join(parts)})"


def _named(gates: Sequence[Gated]) -> str:
    """Those first whose value alone is over the limit, the largest losses before the others; each reason once, after all it is of."""
    ordered = sorted(gates, key=lambda each: (not each.is_over, -each.size))
    by_reason: dict[str, list[str]] = {}
    for each in ordered[:_NAMED]:
        by_reason.setdefault(each.why, []).append(each.sentence)
    reasons = [", ".join(sentences) + (f" [{why}]" if why else "") for why, sentences in by_reason.items()]
    more = f" and {len(ordered) - _NAMED} more" if len(ordered) > _NAMED else ""
    return ", ".join(reasons) + more
