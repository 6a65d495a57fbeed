"""One prompt: a version of it, its neighbours, and what changed between two."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.masking import mask_lines
from mlflow_mcp.answers.table import Table
from mlflow_mcp.client import Client
from mlflow_mcp.client.genai.prompts import prompt_ref
from mlflow_mcp.entities.prompt import PromptView, prompt_tags
from mlflow_mcp.text import iso
from mlflow_mcp.tools.genai.found import TEXT
from mlflow_mcp.tools.traces.shown import text_of

if TYPE_CHECKING:
    from mlflow.entities.model_registry import RegisteredModel

_MOST_VERSIONS = 10
_CONTEXT = 2

PromptName = Annotated[str, Field(min_length=1, description="'name' (latest), 'name/3' or 'name@alias'.")]
OtherVersion = Annotated[str | None, Field(min_length=1, description="Earlier version: '2', '@prod', 'other/1'.")]


class PromptChanges(BaseModel):
    """From `compare_to` to this version. Fields that are left out did not change."""

    since: str
    template: Annotated[str | None, Field(description="Unified diff.")] = None
    variables: list[str] | None = None
    settings: Any = None
    response_format: Any = None
    tags: Any = None


class Prompt(Answer):
    """A version of a prompt. `messages` instead of `template` for a chat."""

    prompt: str
    aliases: list[str] | None = None
    created: str | None = None
    user: str | None = None
    commit_message: str | None = None
    description: Annotated[str | None, Field(description="Of the prompt; so are `prompt_tags`.")] = None
    tags: dict[str, str] | None = None
    prompt_tags: dict[str, str] | None = None
    changes: PromptChanges | None = None
    variables: list[str] | None = None
    settings: Annotated[Any, Field(description="The model's.")] = None
    response_format: Any = None
    template: str | None = None
    messages: list[dict[str, Any]] | None = None
    versions: Annotated[Table | None, Field(description="The newest, when there are several.")] = None


def get_prompt(client: Client, prompt: PromptName, compare_to: OtherVersion = None) -> Prompt:
    """Read a prompt that search_genai finds: template, variables, model settings, versions; compare_to: a text diff of two."""
    ref = prompt_ref(prompt)
    registered = client.genai.prompts.named(ref.name)
    found: list[Any] = client.run_concurrently(
        lambda: PromptView.of(client.genai.prompts.version(registered, ref.version)),
        lambda: client.genai.prompts.versions(ref.name, _MOST_VERSIONS),
        lambda: _other(client, registered, compare_to) if compare_to else None,
    )
    view, (newest, more), other = found
    answer = Prompt(
        prompt=view.uri,
        aliases=_aliases(registered, view.version) or None,
        created=iso(view.created),
        user=view.user,
        commit_message=view.commit_message,
        description=registered.description or None,
        tags=dict(view.tags) or None,
        prompt_tags=prompt_tags(registered.tags or {}) or None,
        changes=_changes(client, other, view) if other else None,
        variables=view.variables or None,
        settings=view.settings,
        response_format=view.response_format,
        versions=_versions(client, registered, [PromptView.of(each) for each in newest]) if len(newest) > 1 else None,
    )
    if other is None:  # beside a difference the whole text would say most of it twice
        answer.template = None if view.messages else view.template
        answer.messages = [dict(each) for each in view.messages] if view.messages else None
    if answer.changes and answer.changes.model_dump(exclude_none=True).keys() == {"since"}:
        answer.note(f"Nothing differs between {answer.changes.since} and {answer.prompt}.")
    if more:
        answer.note(f"Only the newest {_MOST_VERSIONS} versions are listed; 'name/1' reads an older one.")
    return answer


def _other(client: Client, registered: RegisteredModel, text: str) -> PromptView:
    plain = text.strip()
    if plain.isdigit() or plain.startswith("@"):
        return PromptView.of(client.genai.prompts.version(registered, plain))
    ref = prompt_ref(plain)
    if not ref.version and plain in (registered.aliases or {}):
        return PromptView.of(client.genai.prompts.version(registered, f"@{plain}"))
    return PromptView.of(client.genai.prompts.version(client.genai.prompts.named(ref.name), ref.version))


def _changes(client: Client, before: PromptView, after: PromptView) -> PromptChanges:
    changes = PromptChanges(since=before.uri)
    old_lines, new_lines = _lines(client, before), _lines(client, after)
    diff = difflib.unified_diff(old_lines, new_lines, before.uri, after.uri, n=_CONTEXT, lineterm="")
    changes.template = "\n".join(diff) or None
    new = [f"+{name}" for name in after.variables if name not in before.variables]
    gone = [f"-{name}" for name in before.variables if name not in after.variables]
    changes.variables = [*new, *gone] or None
    for name in ("settings", "response_format", "tags"):
        old, now = getattr(before, name), getattr(after, name)
        if old != now:
            setattr(changes, name, _differing(old, now))
    return changes


def _lines(client: Client, view: PromptView) -> Sequence[str]:
    """Masked before they are compared: a part of a secret is not recognised as one."""
    return mask_lines(view.text) if client.settings.mask_secrets else view.text.split("\n")


def _differing(old: Any, now: Any) -> Any:
    """`{name: [before, after]}` of what differs; of other things than objects, both."""
    if not isinstance(old or {}, dict) or not isinstance(now or {}, dict):
        return [old, now]
    names = [*(old or {}), *(name for name in now or {} if name not in (old or {}))]
    pairs = {name: [(old or {}).get(name), (now or {}).get(name)] for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _aliases(registered: RegisteredModel, version: int) -> list[str]:
    return sorted(f"@{alias}" for alias, each in (registered.aliases or {}).items() if int(each) == version)


def _versions(client: Client, registered: RegisteredModel, views: Sequence[PromptView]) -> Table:
    rows = [
        [
            each.version,
            ", ".join(_aliases(registered, each.version)) or None,
            iso(each.created),
            text_of(client, each.commit_message, TEXT),
        ]
        for each in views
    ]
    return Table.of(["version", "aliases", "created", "commit_message"], rows, keep=("version",))
