"""Asking the server as a host does: through the SDK's in-memory client, with one conversation kept open per read-only store."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import anyio
from anyio.from_thread import BlockingPortal
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError

if TYPE_CHECKING:
    from mcp.types import CallToolResult

    from mlflow_mcp.settings import Settings

NEVER = 120  # seconds after which a hanging call fails its test, not the suite


@dataclass(frozen=True)
class Answer:
    """What the host gets: `data` is structuredContent, `text` all text blocks, `result` the whole of it."""

    data: Any
    text: str
    is_error: bool
    result: CallToolResult
    call: str
    """The call as a reader would write it, for snapshots of errors."""

    @classmethod
    def of(cls, result: CallToolResult, tool: str, arguments: dict[str, Any]) -> Answer:
        text = "\n".join(block.text for block in result.content if block.type == "text")
        return cls(result.structured_content, text, bool(result.is_error), result, written(tool, arguments))


def written(tool: str, arguments: dict[str, Any]) -> str:
    return f"{tool}({', '.join(f'{name}={shortened(value)}' for name, value in arguments.items())})"


def shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:100]}… ({len(text):,} characters)"


class Ask(Protocol):
    def __call__(self, target: str | Settings | MCPServer, tool: str, /, **arguments: Any) -> Answer: ...


class AskOn(Protocol):
    def __call__(self, tool: str, /, **arguments: Any) -> Answer: ...


class AskMany(Protocol):
    def __call__(self, target: str | Settings | MCPServer, /, **options: Any) -> AbstractContextManager[AskOn]: ...


class Conversations:
    """Clients of in-memory servers. A store that is `shared` has one server and one client for the whole session."""

    def __init__(self, portal: BlockingPortal, open_until_the_end: ExitStack) -> None:
        self._portal = portal
        self._open_until_the_end = open_until_the_end
        self._shared: dict[str, AskOn | None] = {}

    def share(self, uri: str) -> None:
        """From now on all calls for this URI go to one server. Not for tests of caches, which need a server of their own."""
        self._shared.setdefault(uri, None)

    @contextmanager
    def with_server_of(self, target: str | Settings | MCPServer, /, **options: Any) -> Iterator[AskOn]:
        """`with ask_many(uri) as ask: ask("get_run", run_id=...)`: one server and one client for several calls.

        The calls may come from several threads at once. `options` go to the SDK's Client: `mode="legacy"` speaks
        the initialize handshake that today's hosts speak.
        """
        if isinstance(target, str) and target in self._shared and not options:
            yield self._kept(target)
        else:
            with self._opened(target, **options) as ask_on:
                yield ask_on

    def ask(self, target: str | Settings | MCPServer, tool: str, /, **arguments: Any) -> Answer:
        """`ask(uri, "get_run", run_id=...)` -> Answer. Instead of a URI also Settings, or a server."""
        with self.with_server_of(target) as ask_on:
            return ask_on(tool, **arguments)

    def _kept(self, uri: str) -> AskOn:
        kept = self._shared[uri]
        if kept is None:
            kept = self._shared[uri] = self._open_until_the_end.enter_context(self._opened(uri))
        return kept

    @contextmanager
    def _opened(self, target: str | Settings | MCPServer, /, **options: Any) -> Iterator[AskOn]:
        client = Client(server_of(target), raise_exceptions=options.get("mode") != "legacy", **options)

        async def call(tool: str, arguments: dict[str, Any]) -> Answer:
            with anyio.fail_after(NEVER):
                return Answer.of(await client.call_tool(tool, arguments), tool, arguments)

        with self._portal.wrap_async_context_manager(client):
            yield lambda tool, /, **arguments: self._portal.call(call, tool, arguments)


def server_of(target: str | Settings | MCPServer) -> MCPServer:
    if isinstance(target, MCPServer):
        return target
    from mlflow_mcp.server.app import build_server
    from mlflow_mcp.settings import Settings

    return build_server(Settings(tracking_uri=target) if isinstance(target, str) else target)


def conversation(settings: Settings, *steps: Callable[[Client], Awaitable[Any]], **options: Any) -> list[Any]:
    """What each of these steps of one client gives, in turn; of one that fails the sentence of its error. `options` are Client's."""

    async def run() -> list[Any]:
        results: list[Any] = []
        async with Client(server_of(settings), **options) as client:
            for step in steps:
                try:
                    results.append(await step(client))
                except MCPError as error:
                    results.append(error.error.message)
        return results

    return anyio.run(run)


# --- reading answers


def data_of(answer: Answer) -> dict[str, Any]:
    """The data of an answer that is no error."""
    assert not answer.is_error, answer.text
    data: dict[str, Any] = answer.data
    return data


def problem_of(answer: Answer) -> str:
    """The text of an answer that is an error."""
    assert answer.is_error, answer.data
    return answer.text


def rows_of(table: dict[str, Any]) -> list[dict[str, Any]]:
    """A table's rows as dicts, with what all of them have in common."""
    return [{**(table.get("common") or {}), **dict(zip(table["columns"], row))} for row in table["rows"]]


def six_digits(value: Any) -> float:
    """The number as answers show it; of large ones all digits before the point."""
    value = float(value)
    return round(value) if 1e6 <= abs(value) < 2**53 else float(f"{value:.6g}")
