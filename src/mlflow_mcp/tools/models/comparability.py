"""What is told of two models beside their tables: whether the metrics are of the same data, and whether callers of one can
call the other. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlflow_mcp.text import listed
from mlflow_mcp.tools.models.facts import ModelFacts

_MOST_NAMES = 4
_TRAINING = {"train", "training"}


def unknown_data(sides: Sequence[ModelFacts]) -> Iterator[str]:
    """The compared metrics that name no dataset on either side, unless both source runs recorded one and the same."""
    ours, theirs = sides
    compared = sorted(
        {each.metric for each in ours.scores if each in theirs.scores and not (each.dataset or each.digest)}
    )
    if compared and not _measured_on(ours) & _measured_on(theirs):
        yield (
            f"No dataset is recorded for {listed(compared, _MOST_NAMES)}: nothing shows that both sides were measured on "
            "the same data."
        )


def _measured_on(facts: ModelFacts) -> set[str]:
    """The digests of the source run's datasets that are not said to be for training."""
    datasets = facts.run.datasets if facts.run else ()
    return {each.digest for each in datasets if each.digest and (each.context or "").lower() not in _TRAINING}


def interface_changes(sides: Sequence[ModelFacts]) -> Iterator[str]:
    """What a caller of B has to give A, and gets from it no more; or that the signatures are equal."""
    ours, theirs = (facts.package for facts in sides)
    if not ours.signature or not theirs.signature:
        return
    if ours.signature == theirs.signature:
        yield "The signatures are equal."
    for side, verb in (("inputs", "take"), ("outputs", "return")):
        columns, others = ours.required.get(side, {}), theirs.required.get(side, {})
        if not columns or not others:
            continue
        if side == "inputs" and (needed := [name for name, must in columns.items() if must and not others.get(name)]):
            yield f"A requires inputs that callers of B need not give: {listed(needed)}."
        if gone := [name for name in others if name not in columns]:
            yield f"A does not {verb} {side} that B {verb}s: {listed(gone)}."
