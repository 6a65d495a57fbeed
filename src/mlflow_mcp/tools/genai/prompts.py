"""Prompts as rows: the latest version of each, with all aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.entities.prompt import PromptView, prompt_tags
from mlflow_mcp.errors import Problem
from mlflow_mcp.text import iso
from mlflow_mcp.tools.genai.found import TEXT, Asked, Found, page_of
from mlflow_mcp.tools.traces.shown import text_of

if TYPE_CHECKING:
    from mlflow.entities.model_registry import RegisteredModel


def prompts(client: Client, asked: Asked) -> Found:
    if asked.experiment_ids and len(asked.experiment_ids) > 1:
        raise Problem("Prompts are found of one experiment or of all.", "Call once for each experiment.")
    experiment_id = asked.experiment_ids[0] if asked.experiment_ids else None
    page = page_of(
        "prompts",
        asked,
        lambda most, token: client.genai.prompts.search(asked.filter, experiment_id, most, token),
        lambda prompt: str(prompt.name),
    )
    columns = ["name", "latest", "aliases", "changed", "commit_message", "variables", "template", "tags", "description"]
    table = Table.of(columns, [_row(client, each) for each in page.rows], keep=("name", "latest"))
    return Found(table, page.more, page.cursor_after, client.genai.prompts.names)


def _row(client: Client, prompt: RegisteredModel) -> list[Any]:
    newest = max(prompt.latest_versions or (), key=lambda each: int(each.version), default=None)
    view = PromptView.of(newest) if newest else None
    aliases = [f"@{alias}={version}" for alias, version in sorted((prompt.aliases or {}).items())]
    return [
        prompt.name,
        view.version if view else None,
        ", ".join(aliases) or None,
        iso(view.created if view else prompt.creation_timestamp),
        text_of(client, view.commit_message, TEXT) if view else None,
        ", ".join(view.variables) or None if view else None,
        text_of(client, view.text, TEXT) if view else None,
        prompt_tags(prompt.tags or {}) or None,
        text_of(client, prompt.description, TEXT),
    ]
