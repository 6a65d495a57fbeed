"""Which version an alias means."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from mlflow_mcp.client import Client
from mlflow_mcp.client.ids.parse import model_ref
from mlflow_mcp.client.marks import Marks, Target
from mlflow_mcp.client.models.changes import RegistryChanges
from mlflow_mcp.client.writing import author
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import safe_uri
from mlflow_mcp.tools.arguments import as_text
from mlflow_mcp.tools.writes.aliases import alias_change, told, undo_of
from mlflow_mcp.tools.writes.outcome import DryRun, Outcome, carry_out, confirmed
from mlflow_mcp.tools.writes.tags import signed


def set_model_alias(
    client: Client,
    name: Annotated[str, Field(min_length=1, description="Registered model.")],
    alias: Annotated[str, Field(min_length=1, description="E.g. 'champion'.")],
    version: Annotated[str | None, BeforeValidator(as_text), Field(description="Number. Omitted: remove it.")] = None,
    dry_run: DryRun = False,
) -> Outcome:
    """Set, move or remove an alias of a registered model; the user is asked first. get_model shows versions and aliases."""
    alias = alias.strip().removeprefix("@")
    registry = RegistryChanges(client)
    registry.check_alias(alias)
    ref = model_ref(name)
    if ref.model_id or ref.version:
        raise Problem(f"'{name}' is no registered model's name.", "Give the name alone, and the version as version=.")
    model = str(client.models.registry.named(str(ref.name)).name)
    after = str(client.models.registry.version(model, version.strip()).version) if version and version.strip() else None
    before = registry.alias(model, alias)
    on = Target("registered model", model)
    if before == after:
        return carry_out(client, str(on), [], None, dry_run=dry_run)
    if not dry_run:
        where = safe_uri(client.uri)
        confirmed(
            client,
            lambda: (
                f"{told(model, alias, registry.alias(model, alias), after)}, on {where}? "
                f"Who loads models:/{model}@{alias} gets {'an error' if after is None else 'that version'} from then on."
            ),
        )
    marks = Marks(client, on)
    changes = [
        *signed(marks, on, marks.read(), author(client)),
        alias_change(registry, model, alias, before, after),
    ]
    return carry_out(client, str(on), changes, undo_of(model, alias, before), dry_run=dry_run)
