"""Where a curve is no number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_MOST_RANGES = 5


@dataclass
class OddSteps:
    """The steps at which values of one kind stand, as ranges; the first of them are kept, all are counted."""

    count: int = 0
    ranges: list[list[float]] = field(default_factory=list)
    more: bool = False

    def add(self, step: float, *, joins: bool) -> None:
        """One more. `joins`: the next step belongs to the range of this one."""
        self.count += 1
        if joins and self.ranges and self.ranges[-1][1] + 1 >= step >= self.ranges[-1][0]:
            self.ranges[-1][1] = max(self.ranges[-1][1], step)
        elif len(self.ranges) < _MOST_RANGES:
            self.ranges.append([step, step])
        else:
            self.more = True

    def facts(self) -> dict[str, Any]:
        ranges = [str(a) if a == b else f"{a}-{b}" for a, b in self.ranges]
        return {"count": self.count, "steps": ", ".join(ranges) + (", …" if self.more else "")}
