"""Whether values of one metric seem to be of two scales: shares (0 to 1) and percent."""

from __future__ import annotations

from collections.abc import Iterable

from mlflow_mcp.entities.direction import is_share
from mlflow_mcp.entities.metrics import is_finite
from mlflow_mcp.text import clipped, number

_NAMED = 3
_ABOVE_SHARES = 1.5


def two_scales(metric: str, values: Iterable[tuple[str | None, float]]) -> str:
    """A sentence that says so, with the evidence; nothing where the metric's name names no share or all values are on one
    side. `values` with the names of their runs, where these are known."""
    finite = [(name, value) for name, value in values if is_finite(value)]
    if not finite or not is_share(metric) or not all(0 <= value <= 100 for _, value in finite):
        return ""
    shares = [each for each in finite if 0 < each[1] <= 1]
    percents = [each for each in finite if each[1] > _ABOVE_SHARES]
    if not shares or not percents:
        return ""
    few, many, of_many = (
        (percents, shares, "at most 1") if len(percents) <= len(shares) else (shares, percents, "above 1.5")
    )
    named = ", ".join(
        f"'{clipped(name)}' {number(value)}" if name else str(number(value)) for name, value in few[:_NAMED]
    )
    more = f" and {len(few) - _NAMED} more" if len(few) > _NAMED else ""
    are = f"{len(many)} other {'value is' if len(many) == 1 else 'values are'} {of_many}"
    return (
        f"'{metric}' may be of two scales, shares and percent: {named}{more}, while {are}. Check before comparing them."
    )
