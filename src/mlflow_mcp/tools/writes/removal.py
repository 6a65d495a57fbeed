"""What deleting and restoring share: their targets, and the tag that says who did it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.targets import target_of
from mlflow_mcp.client.marks import Marks, State, Target
from mlflow_mcp.client.removal import REMOVABLE
from mlflow_mcp.client.writing import BY_TAG, author
from mlflow_mcp.errors import Problem
from mlflow_mcp.tools.arguments import as_text, one_or_many
from mlflow_mcp.tools.writes.outcome import Change
from mlflow_mcp.tools.writes.tags import signed

MOST = 20
_MOST_NAMED = 3


def _texts(value: object) -> object:
    return [as_text(part) for part in value] if isinstance(value, list) else value


Targets = Annotated[
    list[str],
    BeforeValidator(_texts),
    BeforeValidator(one_or_many),
    Field(min_length=1, max_length=MOST, description="Ids, or 'models:/name/3'."),
]


def targets_of(client: Client, texts: list[str]) -> list[Target]:
    """What is meant, each once. Raises Problem for what can be neither deleted nor restored here."""
    found = {(on.kind, on.id, on.version): on for on in (target_of(client, text, deleted=True) for text in texts)}
    for on in found.values():
        if on.kind not in REMOVABLE:
            raise Problem(
                f"A {on.kind} is not deleted here: {on}.",
                "Name runs, experiments, traces, or versions as 'models:/name/3'.",
            )
    return list(found.values())


def named(targets: Sequence[Target]) -> str:
    """Which things an answer is about; what was to change in each, its table tells."""
    return "; ".join(str(on) for on in targets) if len(targets) <= _MOST_NAMED else f"{len(targets)} things"


def signature(client: Client, on: Target) -> list[Change]:
    """The tag that says who did it, as a change of its own."""
    marks = Marks(client, on)
    now = marks.read().tags.get(BY_TAG)
    return signed(marks, on, State("", {BY_TAG: now} if now else {}), author(client))
