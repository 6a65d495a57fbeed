"""A logged model becomes a version of a registered one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.models import find_model
from mlflow_mcp.client.models.changes import LONGEST_DESCRIPTION, RegistryChanges
from mlflow_mcp.client.writing import Write, author, refuse_secret
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import safe_uri
from mlflow_mcp.tools.arguments import as_text
from mlflow_mcp.tools.writes.aliases import told, undo_of
from mlflow_mcp.tools.writes.notes import entry
from mlflow_mcp.tools.writes.outcome import Change, DryRun, Outcome, call_of, carry_out, confirmed

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel


def register_model(  # one parameter per argument of the tool
    client: Client,
    model: Annotated[str, BeforeValidator(as_text), Field(min_length=1, description="'m-…', or its run.")],
    name: Annotated[str, Field(min_length=1, description="Registered model.")],
    alias: Annotated[str | None, Field(description="To set on it.")] = None,
    note: Annotated[str | None, Field(description="Its description.")] = None,
    dry_run: DryRun = False,
) -> Outcome:
    """Register a logged model as the next version of a registered model, once; the user is asked first. search_models finds both."""
    registry = RegistryChanges(client)
    registry.check_name(name)
    alias = (alias or "").strip().removeprefix("@") or None
    if alias:
        registry.check_alias(alias)
    who = author(client)
    description = _description(client, note, who)
    logged = _finished(client, model)
    plan = _planned(registry, logged, name, alias)
    if not dry_run and (plan.is_new_version or plan.moves_alias):
        where = safe_uri(client.uri)
        confirmed(client, lambda: f"{_planned(registry, logged, name, alias).question}, on {where}?")
    changes = _changes(registry, logged, plan, description, who)
    undo = undo_of(name, alias, plan.alias_before) if alias and plan.moves_alias else None
    answer = carry_out(client, f"model '{name}'", changes, undo, dry_run=dry_run)
    if not dry_run or plan.version:
        version = plan.version or str(getattr(registry.version_of(name, logged), "version", "unknown"))
        answer.target = f"version {version} of model '{name}'"
    if plan.is_new_version and not dry_run:
        answer.note(_undone(client, answer.target, f"models:/{name}/{version}", is_alias_undone=undo is not None))
    if plan.version and note:
        answer.note(
            f"The version was there already, so the note was not written: annotate(target='models:/{name}/{plan.version}') does."
        )
    return answer


def _undone(client: Client, version: str, ref: str, *, is_alias_undone: bool) -> str:
    """How the version is taken back: `undo`, where there is one, moves the alias only."""
    how = (
        f"{call_of('delete', {'targets': [ref]})} does that"
        if "delete" in client.settings.allow_write
        else "MLflow's UI deletes it"
    )
    return f"{'undo takes back the alias only, not' if is_alias_undone else 'There is no undo for'} {version}: {how}."


@dataclass(frozen=True)
class Plan:
    """What is there now, and what will be done about it."""

    model_id: str
    name: str
    alias: str | None
    is_new_name: bool
    version: str | None  # which is made of the model already
    alias_before: str | None

    @property
    def is_new_version(self) -> bool:
        return self.version is None

    @property
    def moves_alias(self) -> bool:
        return self.alias is not None and (self.version is None or self.alias_before != self.version)

    @property
    def question(self) -> str:
        parts = []
        if self.is_new_version:
            kind = "new registered model" if self.is_new_name else "registered model"
            parts.append(f"Register {self.model_id} as a new version of the {kind} '{self.name}'")
        if self.moves_alias:
            parts.append(told(self.name, str(self.alias), self.alias_before, self.version or "the new version"))
        return ". ".join(parts)


def _planned(registry: RegistryChanges, logged: LoggedModel, name: str, alias: str | None) -> Plan:
    registered = registry.named(name)
    version = registry.version_of(name, logged) if registered else None
    return Plan(
        model_id=str(logged.model_id),
        name=name,
        alias=alias,
        is_new_name=registered is None,
        version=None if version is None else str(version.version),
        alias_before=registry.alias(name, alias) if alias and registered else None,
    )


def _changes(
    registry: RegistryChanges, logged: LoggedModel, plan: Plan, description: str | None, who: str
) -> list[Change]:
    """The name, the version, the alias: what fails leaves what was done before it whole."""
    name, changes = plan.name, []
    if plan.is_new_name:
        step = Write(
            f"registered model '{name}'",
            lambda: registry.create_name(name, who),
            lambda: registry.named(name) is not None,
        )
        changes.append(Change("registered model", None, name, step))
    if plan.is_new_version:
        step = Write(
            f"version of model '{name}' made of {plan.model_id}",
            lambda: registry.create_version(name, logged, description, who),
            lambda: registry.version_of(name, logged) is not None,
        )
        changes.append(Change("version", None, f"new, made of {plan.model_id}", step))
    if plan.alias and plan.moves_alias:
        changes.append(_alias(registry, logged, plan, plan.alias))
    return changes


def _alias(registry: RegistryChanges, logged: LoggedModel, plan: Plan, alias: str) -> Change:
    def number() -> str:
        version = plan.version or getattr(registry.version_of(plan.name, logged), "version", None)
        if version is None:
            raise Problem(f"The new version of '{plan.name}' is gone.", "get_model shows the versions.")
        return str(version)

    step = Write(
        f"alias @{alias} of model '{plan.name}'",
        lambda: registry.set_alias(plan.name, alias, number()),
        lambda: registry.alias(plan.name, alias) == number(),
    )
    return Change(f"alias @{alias}", plan.alias_before, plan.version or "the new version", step)


def _finished(client: Client, text: str) -> LoggedModel:
    """The logged model that is meant, whole. Raises Problem."""
    found = find_model(client, text)
    if found.logged is None:
        raise Problem(
            f"'{text}' is no logged model{f': {found.missing}' if found.missing else '.'}",
            "Give an id 'm-…' or the run that made one; search_models lists them.",
        )
    status = str(found.logged.status)
    if status != "READY":
        raise Problem(
            f"The logged model {found.logged.model_id} is {status}: it was not written whole.",
            "Register one that is READY; search_models shows them.",
        )
    return found.logged


def _description(client: Client, note: str | None, who: str) -> str | None:
    if not note or not note.strip():
        return None
    refuse_secret(client, note, "", "The note")
    text = entry(note, who, datetime.now(timezone.utc))
    if len(text) > LONGEST_DESCRIPTION:
        raise Problem(
            f"The note would have {len(text):,} characters; {LONGEST_DESCRIPTION:,} is the most for a version.",
            "Shorten it; nothing was written.",
        )
    return text
