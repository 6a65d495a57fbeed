"""Bring back deleted runs and experiments."""

from __future__ import annotations

from functools import partial

from mlflow_mcp.client import Client
from mlflow_mcp.client.marks import Target
from mlflow_mcp.client.removal import RESTORABLE, comes_with, state_of
from mlflow_mcp.client.removal import restore as request
from mlflow_mcp.client.writing import Write
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import safe_uri
from mlflow_mcp.tools.writes.outcome import Change, DryRun, Outcome, call_of, carry_out, confirmed
from mlflow_mcp.tools.writes.removal import Targets, named, targets_of


def restore(client: Client, targets: Targets, dry_run: DryRun = False) -> Outcome:
    """Restore deleted runs, or experiments with all their runs; the user is asked first. query_runs(deleted=true) lists them."""
    found = targets_of(client, targets)
    for on in found:
        if on.kind not in RESTORABLE:
            raise Problem(f"A {on.kind} cannot be restored, and this one is not deleted: {on}.", "Leave it out.")
    deleted = [on for on in found if state_of(client, on) == "deleted"]
    if deleted and not dry_run:
        confirmed(client, lambda: _question(client, deleted))
    changes = [_change(client, on) for on in deleted]
    undo = call_of("delete", {"targets": [on.ref for on in deleted]})
    answer = carry_out(client, named(found), changes, undo, dry_run=dry_run)
    if deleted and (there := [str(on) for on in found if on not in deleted]):
        answer.note(f"Not deleted: {'; '.join(there)}.")
    return answer


def _question(client: Client, deleted: list[Target]) -> str:
    lines = [f"- {on}, {comes_with(client, on)}" for on in deleted if state_of(client, on) == "deleted"]
    return "\n".join([f"Restore on {safe_uri(client.uri)}?", *lines])


def _change(client: Client, on: Target) -> Change:
    step = Write(f"{on} restored", partial(request, client, on), lambda: state_of(client, on) == "active")
    return Change(str(on), "deleted", f"active, {comes_with(client, on)}", step)
