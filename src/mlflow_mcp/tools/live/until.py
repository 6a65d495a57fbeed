"""What is waited for: the end of a run, a step, a value of a metric."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from mlflow_mcp.client.metrics import Point
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import as_number, clipped, number
from mlflow_mcp.tools.live.judging.look import Look

END, STEP = "end", "step"
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_CONDITION = re.compile(r"(.+?)\s*(<=|>=|<|>)\s*(\S+)")
FORMS = "Write 'end', 'step >= 5000' or 'val/loss < 0.3'."


@dataclass(frozen=True)
class Condition:
    """`end`, or a comparison of the step or of a metric with a number."""

    name: str
    comparison: str = ""
    value: float = 0.0

    @classmethod
    def of(cls, text: str) -> Condition:
        """Raises Problem for what is no condition."""
        if text.strip().lower() == END:
            return cls(END)
        match = _CONDITION.fullmatch(text.strip())
        value = as_number(match[3]) if match else None
        if match is None or value is None:
            raise Problem(f"'{clipped(text)}' cannot be waited for.", FORMS)
        return cls(re.sub(r"^metrics\.", "", match[1]).strip("`'\""), match[2], value)

    def __str__(self) -> str:
        return END if self.name == END else f"{self.name} {self.comparison} {number(self.value)}"

    @property
    def metrics(self) -> list[str]:
        """The metric that has to be read for it."""
        return [] if self.name in (END, STEP) else [self.name]

    def met(self, look: Look, since: int | None = None) -> str | None:
        """What of the run meets it, in words; None where nothing does. `since` (milliseconds): also a point logged later
        than that, whatever came after it."""
        if self.name == END:
            return f"the run ended {look.status}" if look.has_ended else None
        if self.name == STEP and STEP not in look.latest:
            newest = max(look.latest.values(), key=lambda point: point.step, default=None)
            return f"step {newest.step:,}" if newest and self._holds(newest.step) else None
        latest = look.latest.get(self.name)
        series = look.series.get(self.name)
        later = [point for point in series.logged if since and point.timestamp > since] if series else []
        for point in [*([latest] if latest else []), *later]:
            if self._holds(point.value):
                return f"{self.name} = {number(point.value)} at step {point.step:,}{_then(point, latest)}"
        return None

    def _holds(self, value: float) -> bool:
        return is_finite(value) and _COMPARED[self.comparison](value, self.value)


def _then(point: Point, latest: Point | None) -> str:
    return "" if latest is None or latest == point else f", {number(latest.value)} now"
