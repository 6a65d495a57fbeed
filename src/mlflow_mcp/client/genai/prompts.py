"""Prompts: registered models that a tag marks. MLflow's own methods for them tell any failure as absence."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from mlflow_mcp.client.filters import equals, quoted_value
from mlflow_mcp.client.transport.connection import token_of
from mlflow_mcp.entities.prompt import EXPERIMENTS, IS_PROMPT
from mlflow_mcp.errors import NotFound
from mlflow_mcp.text import hint, listed

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

    from mlflow_mcp.client import Client

_MARK = f"tags.`{IS_PROMPT}` = 'true'"
# Names compared with one that does not exist.
_NAMES_READ = 1_000


class PromptRef(NamedTuple):
    """What a text names: a prompt, and its version as a number, `@alias`, or None for the latest."""

    name: str
    version: str | None = None


def prompt_ref(text: str) -> PromptRef:
    """`name`, `name/3`, `name@alias`, each with or without `prompts:/`."""
    plain = text.strip()
    plain = unquote(plain.removeprefix("prompts:")).strip("/") if plain.startswith("prompts:") else plain
    name, at, alias = plain.rpartition("@")
    if at and name:
        return PromptRef(name, f"@{alias}" if alias != "latest" else None)
    name, _, version = plain.rpartition("/")
    return PromptRef(name, version) if name and version.isdigit() else PromptRef(plain)


class Prompts:
    """`client.genai.prompts`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def search(
        self, query: str, experiment_id: str | None, most: int, page_token: str | None = None
    ) -> tuple[list[RegisteredModel], str | None]:
        """One page of prompts, each with its latest version and its aliases, and the token of the next."""
        of_experiment = f"tags.`{EXPERIMENTS}` LIKE '%,{experiment_id},%'" if experiment_id else ""
        whole = " AND ".join(part for part in (query, of_experiment, _MARK) if part)
        return self._client.models.registry.search(whole, ["name ASC"], most, page_token)

    def named(self, name: str) -> RegisteredModel:
        """The prompt. Raises NotFound with the nearest names."""
        found, _ = self.search(f"name = {quoted_value(name)}", None, 1)
        if not found:
            raise self._unknown(name)
        return found[0]

    def names(self) -> list[str]:
        return [each.name for each in self.search("", None, _NAMES_READ)[0]]

    def versions(self, name: str, most: int) -> tuple[list[ModelVersion], bool]:
        """The newest versions, and whether there are more."""
        return self._versions(f"name = {quoted_value(name)}", most)

    def version(self, prompt: RegisteredModel, version: str | None) -> ModelVersion:
        """A version by its number or `@alias`; None for the latest. Raises NotFound with what there is instead."""
        number = (prompt.aliases or {}).get(version[1:]) if version and version[0] == "@" else version
        found: list[ModelVersion] = []
        if number or not version:
            of_number = f" AND version_number = {number}" if number else ""
            found, _ = self._versions(f"name = {quoted_value(prompt.name)}{of_number}", 1)
        if not found:
            raise self._unknown_version(prompt, version)
        return found[0]

    def _versions(self, query: str, most: int) -> tuple[list[ModelVersion], bool]:
        page = self._client.ask(
            lambda: self._client.connection.mlflow.search_model_versions(
                f"{query} AND {equals('tag', IS_PROMPT, 'true')}", max_results=most, order_by=["version_number DESC"]
            )
        )
        return list(page), bool(token_of(page))

    def _unknown(self, name: str) -> NotFound:
        if self._client.models.registry.has(name):
            return NotFound(f"'{name}' is a registered model, not a prompt.", f"get_model(model='{name}') reads it.")
        names = self.names()
        if not names:
            return NotFound(f"No prompt is called '{name}': there are none here.", "resolve_id finds what a name is.")
        near = hint(name, names)
        return NotFound(f"No prompt is called '{name}'.", f"{near} search_genai(kind='prompts') lists them.".strip())

    def _unknown_version(self, prompt: RegisteredModel, version: str | None) -> NotFound:
        newest, more = self.versions(prompt.name, 10)
        if not newest:
            return NotFound(
                f"The prompt '{prompt.name}' has no versions.", "search_genai(kind='prompts') lists others."
            )
        aliases = [f"@{alias}" for alias in prompt.aliases or ()]
        has = "Its versions: " + ", ".join(str(each.version) for each in newest) + (", …." if more else ".")
        has += f" Its aliases: {listed(aliases)}." if aliases else " It has no aliases."
        what = f"alias '{version}'" if str(version).startswith("@") else f"version '{version}'"
        return NotFound(f"The prompt '{prompt.name}' has no {what}.", f"{hint(str(version), aliases)} {has}".strip())
