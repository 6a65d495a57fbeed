"""Prompts: workflows as Markdown files in `prompts/`, one each, with their title, description and arguments on top."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import mcp_types as types
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError

from mlflow_mcp.server.unknown_tools import not_offered
from mlflow_mcp.servers import NamedServer
from mlflow_mcp.text import listed, nearest
from mlflow_mcp.tools.catalog import CATALOG, Entry
from mlflow_mcp.tools.session.completions import PLAIN

# Ids, names and dates; what is longer is no such thing.
_LONGEST_VALUE = 300
_QUOTED_NAME = re.compile(r"`([a-z_]+)`")
_TOOLS = {entry.name: entry for entry in CATALOG}


@dataclass(frozen=True)
class PromptFile:
    """A workflow. `arguments` are described by name; one with a default may be left out. `{name}` in the text is its value.
    `needs` are the tools without which it has no sense; of the others it does without those that are not offered."""

    name: str
    title: str
    description: str
    text: str
    needs: Sequence[str]
    arguments: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, written: str) -> PromptFile:
        import yaml  # not needed to start

        _, head, text = written.split("---\n", 2)
        return cls(name, text=text.strip(), **yaml.safe_load(head))

    @property
    def tools(self) -> list[str]:
        """The tools that it names, each once."""
        return list(dict.fromkeys(name for name in _QUOTED_NAME.findall(self.text) if name in _TOOLS))

    def listed(self) -> types.Prompt:
        arguments = [
            types.PromptArgument(name=name, description=text, required=name not in self.defaults)
            for name, text in self.arguments.items()
        ]
        return types.Prompt(name=self.name, title=self.title, description=self.description, arguments=arguments)

    def filled(self, values: Mapping[str, Any]) -> str:
        """The text with these values. Raises MCPError for a missing, unknown or unusable one."""
        if unknown := [name for name in values if name not in self.arguments]:
            raise _invalid(
                f"The prompt {self.name} has no argument {listed(unknown)}. It takes {listed(list(self.arguments))}."
            )
        given = {**self.defaults, **{name: str(value).strip() for name, value in values.items() if str(value).strip()}}
        if missing := [name for name in self.arguments if name not in given]:
            raise _invalid(f"The prompt {self.name} needs {listed(missing)}: {self.arguments[missing[0]]}")
        text = self.text
        for name, value in given.items():
            if len(value) > _LONGEST_VALUE or not value.isprintable():
                raise _invalid(f"'{name}' is an id, a name or a date: one line of up to {_LONGEST_VALUE} characters.")
            text = text.replace(f"{{{name}}}", value)
        return text


@cache
def prompt_files() -> dict[str, PromptFile]:
    """All workflows by their names, in the order of the names."""
    folder = files("mlflow_mcp.server") / "prompts"
    found = sorted((each.name.removesuffix(".md"), each) for each in folder.iterdir() if each.name.endswith(".md"))
    return {name: PromptFile.of(name, each.read_text("utf-8")) for name, each in found}


class Prompts:
    """Answers the two requests about prompts, and passes all others on: a middleware, as resources are. What needs a tool that
    is not among these `entries` is not listed."""

    def __init__(self, entries: Sequence[Entry], servers: Sequence[NamedServer] = ()) -> None:
        self._tools = {entry.name for entry in entries}
        self._servers = [server.name for server in servers]
        self._handlers: dict[str, Callable[[ServerRequestContext[Any, Any]], Awaitable[HandlerResult]]] = {
            "prompts/list": self._list,
            "prompts/get": self._get,
        }

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        handler = self._handlers.get(ctx.method)
        return await (handler(ctx) if handler else call_next(ctx))

    @cached_property
    def _offered(self) -> dict[str, PromptFile]:
        return {name: each for name, each in prompt_files().items() if self._tools.issuperset(each.needs)}

    async def _list(self, _: ServerRequestContext[Any, Any]) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=[each.listed() for each in self._offered.values()])

    async def _get(self, ctx: ServerRequestContext[Any, Any]) -> types.GetPromptResult:
        params = ctx.params or {}
        name, values = params.get("name"), params.get("arguments") or {}
        prompt = prompt_files().get(name) if isinstance(name, str) else None
        if prompt is None:
            close = nearest(str(name)[:_LONGEST_VALUE], list(self._offered), 1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise _invalid(f"There is no prompt '{str(name)[:80]}'.{hint} There are {', '.join(self._offered)}.")
        if lacking := [each for each in prompt.needs if each not in self._tools]:
            raise _invalid(f"The prompt {prompt.name} cannot be used: {not_offered(_TOOLS[lacking[0]])}")
        if not isinstance(values, Mapping):
            raise _invalid(f"The arguments of {prompt.name} are an object of names and texts.")
        parts = [prompt.filled(values), self._everywhere(prompt), self._left_out(prompt)]
        content = types.TextContent(type="text", text="\n\n".join(filter(None, parts)))
        return types.GetPromptResult(
            description=prompt.description, messages=[types.PromptMessage(role="user", content=content)]
        )

    def _everywhere(self, prompt: PromptFile) -> str:
        """How a question that no argument ties to a server is asked of all; empty where there is one."""
        if len(self._servers) < 2 or not PLAIN.issuperset(prompt.arguments):
            return ""
        default, *others = self._servers
        there = ", ".join(f'on {name} with experiment_id "{name}:" or run_ids ["{name}:running"]' for name in others)
        return f"There are {len(self._servers)} MLflow servers. As written the calls ask {default}; make them again {there}, and tell the servers apart."

    def _left_out(self, prompt: PromptFile) -> str:
        """The steps that cannot be taken here; empty when all can."""
        lacking = [f"`{name}`" for name in prompt.tools if name not in self._tools]
        if not lacking:
            return ""
        return f"Not offered by this server: {', '.join(lacking)}. Leave out what they are for, and say that it was left out."


def _invalid(message: str) -> MCPError:
    return MCPError(types.INVALID_PARAMS, message)
