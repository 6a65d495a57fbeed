"""One question to every server, side by side: one that does not answer costs the others nothing but its own silence."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from mlflow_mcp.client import Client
from mlflow_mcp.client.call import Call, CallEnded
from mlflow_mcp.client.transport.failures import stalled
from mlflow_mcp.client.transport.servers import with_own_variables
from mlflow_mcp.client.transport.translate import problem_of
from mlflow_mcp.errors import NotFound, Problem, Unreachable
from mlflow_mcp.text import safe_uri

if TYPE_CHECKING:
    from mlflow_mcp.client.spanning import SpanningClient

T = TypeVar("T")
# Of the call's time; the rest is for the answer.
_SHARE = 0.8


@dataclass
class Outcome(Generic[T]):
    """What one server said: `found`, or the problem."""

    client: Client
    prefix: str  # of its ids
    found: T | None = None
    problem: Problem | None = None

    @property
    def name(self) -> str:
        return self.client.connection.name

    @property
    def says_none(self) -> bool:
        """Whether the server answered that it has no such thing."""
        return isinstance(self.problem, NotFound)

    @property
    def unknown(self) -> str:
        """Why nothing is known of this server; empty where it answered."""
        if self.problem is None or self.says_none:
            return ""
        return with_own_variables(str(self.problem), self.client.connection)


def ask_everywhere(client: SpanningClient, job: Callable[[Client], T]) -> list[Outcome[T]]:
    """What `job` finds on each server, the default one first. Each has a call of its own."""
    seconds = client.call.remaining * _SHARE
    outcomes: list[Outcome[T]] = [
        Outcome(
            Client(
                part.connection,
                Call(timeout=seconds, answered=client.call.answered, accepted=client.call.accepted),
            ),
            part.prefix,
        )
        for part in client.on_servers
    ]
    threads = [
        threading.Thread(target=copy_context().run, args=(_ask, each, job), name=f"ask {each.name}", daemon=True)
        for each in outcomes
    ]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + seconds
    try:
        for thread in threads:
            while thread.is_alive() and time.monotonic() < ends:
                thread.join(0.1)
                client.call.check()
    finally:
        for each in outcomes:
            each.client.call.ended.set()
    # What still runs may end later; it is not waited for and its result not taken.
    return [each if each.found is not None or each.problem else _late(each, seconds) for each in outcomes]


def _ask(outcome: Outcome[T], job: Callable[[Client], T]) -> None:
    client = outcome.client
    try:
        _ = client.connection.mlflow  # its import is no silence of the server's
        outcome.problem = _silence_of(client)
        outcome.found = job(client) if outcome.problem is None else None
    except CallEnded:
        return
    except Exception as error:
        outcome.problem = problem_of(error, client.connection.uri or "MLflow")


def _silence_of(client: Client) -> Problem | None:
    patience = client.settings.probe_timeout
    silent = client.is_http and not client.http.is_alive(patience)
    return stalled(safe_uri(client.uri), patience) if silent else None


def _late(outcome: Outcome[T], seconds: float) -> Outcome[T]:
    problem = Unreachable(f"It did not finish within {seconds:.0f} s.", "Ask it alone, by its name before the id.")
    return Outcome(outcome.client, outcome.prefix, problem=problem)
