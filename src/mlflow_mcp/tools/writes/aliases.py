"""The change of one alias: a row, a request, and the words of the question."""

from __future__ import annotations

from mlflow_mcp.client.models.changes import RegistryChanges
from mlflow_mcp.client.writing import Write
from mlflow_mcp.tools.writes.outcome import Change, call_of


def alias_change(registry: RegistryChanges, name: str, alias: str, before: str | None, after: str | None) -> Change:
    """`before` and `after` are version numbers; None: the alias is not there."""
    step = Write(
        f"alias @{alias} of model '{name}': {_version(before)} -> {_version(after)}",
        (lambda: registry.remove_alias(name, alias))
        if after is None
        else (lambda: registry.set_alias(name, alias, after)),
        lambda: registry.alias(name, alias) == after,
    )
    return Change(f"alias @{alias}", before, after, step)


def undo_of(name: str, alias: str, before: str | None) -> str:
    return call_of("set_model_alias", {"name": name, "alias": alias, "version": before})


def told(name: str, alias: str, before: str | None, after: str | None) -> str:
    if after is None:
        return f"Remove the alias @{alias} from model '{name}' (now {_version(before)})"
    if before is None:
        return f"Set the new alias @{alias} of model '{name}' to {_version(after)}"
    return f"Move the alias @{alias} of model '{name}' from {_version(before)} to {_version(after)}"


def _version(number: str | None) -> str:
    if number is None:
        return "nothing"
    return f"version {number}" if number.isdigit() else number
