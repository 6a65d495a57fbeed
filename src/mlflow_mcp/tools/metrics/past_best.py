"""Whether a metric of unseen data is past its best. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from mlflow_mcp.client.metrics import Point
from mlflow_mcp.entities.direction import better
from mlflow_mcp.entities.metrics import is_finite, is_validation
from mlflow_mcp.text import number


def past_best(name: str, best: Point, last: Point, points: Sequence[Point]) -> str | None:
    """That the last value of a metric of unseen data is worse than its best, and whether it only got worse in between. `points`:
    those of the curve that no later attempt went over again, as far as they are known."""
    if not is_validation(name) or not is_finite(last.value) or last.value == best.value:
        return None
    after = sorted(point for point in points if point.step > best.step)
    sign = 1 if better(name) == "min" else -1
    values = [best.value, *(point.value for point in after)]
    falls = len(after) > 1 and all(sign * (b - a) > 0 for a, b in pairwise(values))
    steadily = f", each of the {len(after)} later points worse than the one before" if falls else ""
    return (
        f"best {number(best.value)} at step {best.step}, last {number(last.value)} at step {last.step}: "
        f"worse by {number(abs(last.value - best.value))}{steadily}"
    )
