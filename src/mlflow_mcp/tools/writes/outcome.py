"""What a tool that changes MLflow answers: before, after, and the call that undoes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.writing import Write, write
from mlflow_mcp.errors import Problem

DryRun = Annotated[bool, Field(description="Write nothing.")]


class Change(NamedTuple):
    """One row of an answer, and the request that makes it so."""

    what: str
    before: Any
    after: Any
    step: Write


class Outcome(Answer):
    """What was changed."""

    outcome: Annotated[str, Field(description="'written', 'unchanged' or 'dry run'.")]
    target: str
    changes: Annotated[Table | None, Field(description="null: there was, or is, nothing.")] = None
    undo: Annotated[str | None, Field(description="The call that undoes it.")] = None


def confirmed(client: Client, question: Callable[[], str]) -> None:
    """Ask the user. What they agreed to is what will be done: where it changed meanwhile, Problem is raised."""
    asked = question()
    client.call.confirm(asked)
    if question() != asked:
        raise Problem(
            "What the user was asked about changed while they were asked. Nothing was written.",
            "Call again to ask anew.",
        )


def carry_out(client: Client, target: str, changes: Sequence[Change], undo: str | None, *, dry_run: bool) -> Outcome:
    """Make the changes in their order, unless there are none or only they are asked for."""
    rows = [[change.what, change.before, change.after] for change in changes]
    table = Table.of(["what", "before", "after"], rows, keep=("what", "before", "after")) if rows else None
    if not changes:
        return Outcome(outcome="unchanged: everything was so already", target=target)
    if dry_run:
        return Outcome(outcome="dry run: nothing was written", target=target, changes=table)
    remarks = [write(client, change.step) for change in changes]
    answer = Outcome(outcome="written", target=target, changes=table, undo=undo)
    answer.note(*remarks)
    return answer


def call_of(tool: str, arguments: Mapping[str, Any]) -> str:
    """A call as answers write it."""
    given = (
        f"{name}={json.dumps(value, ensure_ascii=False)}"
        for name, value in arguments.items()
        if value not in (None, [], "")
    )
    return f"{tool}({', '.join(given)})"
