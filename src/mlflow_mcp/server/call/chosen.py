"""Which of the named servers a call is for: read out of its arguments once, before the tool runs, which then knows nothing of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlflow_mcp.answers.base import Answer
from mlflow_mcp.answers.located import located_problem
from mlflow_mcp.client import Client
from mlflow_mcp.client.call import Call
from mlflow_mcp.client.spanning import SpanningClient
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.client.transport.servers import Servers, with_own_variables
from mlflow_mcp.errors import NotFound, Problem
from mlflow_mcp.text import listed, safe_uri

# The arguments that hold ids or names of what a server has. Under other tools a name may be anything.
IDS = frozenset(
    [
        "run_id",
        "run_ids",
        "parent_run_id",
        "experiment_id",
        "invocation_id",
        "trace_id",
        "session",
        "id",
        "model",
        "prompt",
        "target",
        "targets",
        "baseline",
        "cursor",
    ]
)
IDS_OF_TOOL: Mapping[str, tuple[str, ...]] = {
    "search_experiments": ("name",),
    "register_model": ("name",),
    "set_model_alias": ("name",),
    "get_model": ("compare_to",),
    "get_prompt": ("compare_to",),
    "get_dataset": ("dataset",),
    "completions": ("text", "given"),
}
# Names that need not exist: without a server's name they are of the server of the other arguments.
NEW_NAMES: Mapping[str, tuple[str, ...]] = {"register_model": ("name",)}
# Where the name of a server alone stands for all that it has.
WHOLE_SERVER: Mapping[str, tuple[str, ...]] = {
    "search_experiments": ("name",),
    "completions": ("text", "given"),
}
# The tools whose experiment has to be one.
ONE_EXPERIMENT = frozenset(("describe_experiment", "log_run"))
# The tools whose ids may be of several servers.
SPANNING = frozenset(["compare_runs", "compare_samples", "diff_artifacts", "export_runs", "find_similar_runs"])
# The functions that ask every server, unless an id names one.
OF_ALL = frozenset(("get_server_info", "resolve_id", "completions", "recent"))
_RUN_IN_FILTER = re.compile(r"'([A-Za-z][\w-]+):((?:tr-|m-)?[0-9a-f]{32})'")
_BARE_RUN = re.compile(r"'((?:tr-|m-)?[0-9a-f]{32})'")


@dataclass(frozen=True)
class Chosen:
    """The server of a call, or the several of one that compares; and its arguments without the servers' names."""

    servers: Servers
    connections: tuple[Connection, ...]
    arguments: dict[str, Any]
    hint: str = ""

    @property
    def connection(self) -> Connection:
        return self.connections[0]

    def client(self, call: Call) -> Client:
        if len(self.connections) > 1:
            return SpanningClient(self.servers, self.connections, call)
        return Client(self.connection, call)

    @property
    def name(self) -> str:
        """The one server's name, where that is not the default one."""
        alone = self.connection if len(self.connections) == 1 else self.servers.default
        return self.servers.prefix_of(alone).removesuffix(":")

    def located(self, answer: Answer) -> Answer:
        answer._server = self.name
        return answer

    def question(self, question: str) -> str:
        """What a person is asked before a change, with the server that is changed."""
        if not self.servers.are_several:
            return question
        return f"On the MLflow server '{self.connection.name}' ({safe_uri(self.connection.uri or '')}): {question}"

    def told(self, problem: Problem) -> Problem:
        """The failure with the server's name before its ids, and where else there is to look."""
        if not self.servers.are_several:
            return problem
        if len(self.connections) > 1:
            about = [each for each in self.connections if each.uri and safe_uri(each.uri) in problem.failed]
            next_step = with_own_variables(problem.next_step, about[0]) if about else problem.next_step
            return type(problem)(problem.failed, next_step)
        name = self.name
        found = located_problem(problem, f"{name}:") if name else problem
        failed = f"On server {name}: {found.failed}" if name else found.failed
        next_step = with_own_variables(found.next_step, self.connection)
        if isinstance(problem, NotFound):
            others = listed([f"{each}:" for each in self.servers.names if each != self.connection.name], 8)
            asked = f"Only the server '{self.connection.name}' was asked"
            further = f" (every further call about it needs '{name}:' too)" if name else ""
            where = f"{asked}{further}: ids of others begin with {others}; resolve_id asks all."
            next_step = " ".join(part for part in (next_step, self.hint or where) if part)
        return type(problem)(with_own_variables(failed, self.connection), next_step)


def choose(servers: Servers, tool: str, arguments: Mapping[str, Any]) -> Chosen:
    """The server that the arguments name; the default one where they name none.
    Raises Problem where they name several and the tool reads one at a time."""
    if not servers.names:
        return Chosen(servers, (servers.default,), dict(arguments))
    reading = _Reading(servers, tool)
    bare = {name: reading.of(name, value, reading.stripped) for name, value in arguments.items()}
    named = list(dict.fromkeys(reading.named))
    if tool in OF_ALL and not any(named):
        return Chosen(servers, tuple(servers.connections), bare)
    if tool == "completions":  # what is typed is of the server of the values before it
        named = [each for each in named if each is not None]
    connections = tuple(dict.fromkeys(each or servers.default for each in named)) or (servers.default,)
    if len(connections) == 1:
        return Chosen(servers, connections, bare, reading.hint)
    if tool not in SPANNING:
        raise _mixed(tool, connections)
    return Chosen(
        servers, connections, {name: reading.of(name, value, reading.qualified) for name, value in arguments.items()}
    )


class _Reading:
    """What the arguments of a call say of servers."""

    def __init__(self, servers: Servers, tool: str) -> None:
        self._servers, self._tool = servers, tool
        self._ids = frozenset((*IDS, *IDS_OF_TOOL.get(tool, ())))
        self.named: list[Connection | None] = []  # of each id; None where it names none
        self.hint = ""

    def of(self, name: str, value: Any, change: Callable[[str], str]) -> Any:
        if name in self._ids and isinstance(value, str):
            # A page of a comparison of several servers is of none of them.
            may_be_free = name in NEW_NAMES.get(self._tool, ()) or (name == "cursor" and self._tool in SPANNING)
            is_free = may_be_free and self._servers.split(value)[0] is None
            return value if is_free else self._checked(name, value, change(value))
        if name in self._ids and isinstance(value, list):
            changed = [self._checked(name, each, change(each)) if isinstance(each, str) else each for each in value]
            return [each for each in changed if each != ""] or None
        if name in self._ids and isinstance(value, dict):
            return {key: change(each) if isinstance(each, str) else each for key, each in value.items()}
        if name == "query" and isinstance(value, str):
            return self._filter(value, change)
        return value

    def _filter(self, query: str, change: Callable[[str], str]) -> str:
        """A filter whose ids are of one server: where one names it, the others mean the default one, as in arguments."""
        before = len(self.named)
        changed = _RUN_IN_FILTER.sub(lambda found: f"'{change(found[0][1:-1])}'", query)
        if any(self.named[before:]) and _BARE_RUN.search(query):
            self.named.append(None)
        return changed

    def _checked(self, name: str, text: str, rest: str) -> str:
        may_be_whole = name in WHOLE_SERVER.get(self._tool, ()) or (
            name == "experiment_id" and self._tool not in ONE_EXPERIMENT
        )
        if text.strip() and not rest and not may_be_whole:
            raise Problem(
                f"'{text}' in {name} names a server, and nothing on it.", f"Write it before an id: '{text}71f3f3'."
            )
        return rest

    def stripped(self, text: str) -> str:
        return self._changed(text, lambda connection, rest: rest)

    def qualified(self, text: str) -> str:
        """The id as a client of several servers takes it: without the name of the default one, unless another's follows."""

        def change(connection: Connection, rest: str) -> str:
            is_needed = self._servers.split(rest)[0] is not None
            return f"{connection.name}:{rest}" if is_needed else f"{self._servers.prefix_of(connection)}{rest}"

        return self._changed(text, change)

    def _changed(self, text: str, change: Callable[[Connection, str], str]) -> str:
        # Repeats of one side, each with its server: `dev:a+dev:b`. A name may hold `+` itself.
        parts = text.split("+")
        are_named = "://" not in text and any(self._servers.split(part)[0] for part in parts[1:])
        return "+".join(self._one(part, change) for part in (parts if are_named else [text]))

    def _one(self, text: str, change: Callable[[Connection, str], str]) -> str:
        connection, rest = self._servers.split(text)
        self.named.append(connection)
        self.hint = self.hint or self._servers.hint(text)
        return text if connection is None else change(connection, rest)


def _mixed(tool: str, connections: tuple[Connection, ...]) -> Problem:
    names = " and ".join(each.name for each in connections)
    return Problem(
        f"{tool} works on one MLflow server at a time, and these arguments name {names} (what has no name before it is of "
        f"{connections[0].servers.default.name}).",
        "Write the same name before every id, or call it once for each server. Ids of several servers take "
        f"{', '.join(sorted(SPANNING))}.",
    )
