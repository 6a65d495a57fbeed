"""Which metric of a task is the one that its score is quoted by, as far as anything proves it.

Harnesses do not mark their main score, and a table of what they usually quote would be a guess. What counts as proof: the
experiment names it as its primary metric; it is the task's only score once twins, errors, counts and costs are set aside; or
all other scores are parts of it by their names (`mmlu_exact_match`, `mmlu_law_exact_match`).
"""

from __future__ import annotations

from collections.abc import Mapping

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
    if len(folded) <= _FEWEST_PARTS:
        return None
    total = min(folded, key=lambda name: (len(name), name))
    return total if all(_is_part(total, other) for other in folded if other != total) else None


def _is_part(total: str, name: str) -> bool:
    """Whether a name is the total's with words set in: `mmlu_law_acc` for `mmlu_acc`."""
    same = next(at for at, (a, b) in enumerate(zip(total, name + " ")) if a != b) if not name.startswith(total) else 0
    return any(total[at - 1] in "_/-" and name.endswith(total[at:]) for at in range(1, same + 1))
