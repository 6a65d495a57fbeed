"""Take away runs, experiments, versions and traces."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from mlflow_mcp.client import Client
from mlflow_mcp.client.artifacts.held import files_held
from mlflow_mcp.client.marks import Target
from mlflow_mcp.client.removal import RESTORABLE, goes_with, state_of
from mlflow_mcp.client.removal import delete as request
from mlflow_mcp.client.writing import Write
from mlflow_mcp.text import safe_uri
from mlflow_mcp.tools.writes.outcome import Change, DryRun, Outcome, call_of, carry_out, confirmed
from mlflow_mcp.tools.writes.removal import Targets, named, signature, targets_of


def delete(client: Client, targets: Targets, dry_run: DryRun = False) -> Outcome:
    """Delete runs, experiments, model versions or traces, once the user has seen what goes with them and agreed. restore brings back runs
    and experiments only."""
    found = targets_of(client, targets)
    active = [on for on in found if state_of(client, on) == "active"]
    # Counted once: what is asked twice, and is to be the same, does not hang on how quick a listing is.
    files = files_held(client, [on.id for on in active if on.kind == "run"])
    if active and not dry_run:
        confirmed(client, lambda: _question(client, active, files))
    changes = [change for on in active for change in _changes(client, on, files)]
    back = [on.ref for on in active if on.kind in RESTORABLE]
    undo = call_of("restore", {"targets": back}) if back else None
    answer = carry_out(client, named(found), changes, undo, dry_run=dry_run)
    if active and (gone := [str(on) for on in found if on not in active]):
        answer.note(f"Deleted before: {'; '.join(gone)}.")
    if lost := [str(on) for on in active if on.kind not in RESTORABLE]:
        answer.note(f"Cannot be restored: {'; '.join(lost)}.")
    return answer


def _question(client: Client, active: list[Target], files: Mapping[str, str]) -> str:
    lines = [f"- {on}: {_goes_with(client, on, files)}" for on in active if state_of(client, on) == "active"]
    return "\n".join([f"Delete on {safe_uri(client.uri)}?", *lines])


def _goes_with(client: Client, on: Target, files: Mapping[str, str]) -> str:
    return "; ".join(goes_with(client, on, files.get(on.id)))


def _changes(client: Client, on: Target, files: Mapping[str, str]) -> list[Change]:
    step = Write(f"{on} deleted", partial(request, client, on), lambda: state_of(client, on) != "active")
    after = "deleted" if on.kind in RESTORABLE else "gone"
    deleted = Change(str(on), f"active; {_goes_with(client, on, files)}", after, step)
    return [*(signature(client, on) if on.kind in RESTORABLE else ()), deleted]
