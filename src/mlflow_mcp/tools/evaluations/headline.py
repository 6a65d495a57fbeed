"""Which metric of a task is the one that its score is quoted by, as far as anything proves it.

Harnesses do not mark their main score, and a table of what they usually quote would be a guess. What counts as proof: the
experiment names it as its primary metric; it is the task's only score once twins, errors, counts and costs are set aside; or
all other scores are parts of it by their names (`mmlu_exact_match`, `mmlu_law_exact_match`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlflow_mcp.entities.metrics import is_minor
from mlflow_mcp.entities.twins import without_twins

HOW_KNOWN_WITHOUT_TAG = (
    "the only score beside twins, errors and counts, or the one that all others are parts of by their names"
)
HOW_KNOWN = f"the experiment's primary metric, else {HOW_KNOWN_WITHOUT_TAG}"
# Fewer may be variants of one score (`strict`, `loose`) and no parts.
_FEWEST_PARTS = 4


def headline_of(metrics: Mapping[str, float], primary: str | None) -> str | None:
    """The proved headline metric of a task with these metrics; `primary` is the experiment's own."""
    if primary in metrics:
        return primary
    scores = [name for name in metrics if not is_minor(name)]
    folded = [name for name, _ in without_twins([metrics], scores, fold=True)]
    if len(folded) == 1:
        return folded[0]
    total, (_, parts) = next(iter(parts_of(folded).items()), ("", ("", [])))
    return total if parts and len(parts) == len(folded) - 1 else None


def parts_of(names: Sequence[str]) -> dict[str, tuple[str, list[str]]]:
    """The scores that many others are parts of by their names: each with a glob of the parts, and the parts."""
    found: dict[str, tuple[str, list[str]]] = {}
    left = sorted(names, key=lambda name: (len(name), name))
    while left:
        total, *longer = left
        places = {name: at for name in longer if (at := _set_in(total, name))}
        left = [name for name in longer if len(places) < _FEWEST_PARTS or name not in places]
        if len(places) >= _FEWEST_PARTS:
            at = min(places.values())
            found[total] = (f"{total[:at]}*{total[max(places.values()) :]}", list(places))
    return found


def parts_of_total(total: str, names: Sequence[str]) -> list[str]:
    """Those of these names that are parts of this one score; none where they are too few to be parts."""
    found = [name for name in names if len(name) > len(total) and _set_in(total, name)]
    return found if len(found) >= _FEWEST_PARTS else []


def _set_in(total: str, name: str) -> int | None:
    """Where a name has words set into the total's: `mmlu_law_acc` and `mmlu_acc`; None where it is no such name."""
    if name.startswith(total):
        return None
    same = next(at for at, (a, b) in enumerate(zip(total, name + " ")) if a != b)
    return next((at for at in range(1, same + 1) if total[at - 1] in "_/-" and name.endswith(total[at:])), None)
