"""A client of several servers at once, for the tools that compare what lies on them.

Ids of all servers but the default one carry its name (`dev:71f3…`), in both directions: what is asked goes to the server that
the id names, and what is answered has the name before its ids. So a tool that takes several runs need not know of servers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from mlflow_mcp.client import Client
from mlflow_mcp.client.call import Call
from mlflow_mcp.client.spanning.experiments import SpanningExperiments
from mlflow_mcp.client.spanning.metrics import SpanningMetrics
from mlflow_mcp.client.spanning.models import SpanningModels
from mlflow_mcp.client.spanning.runs import SpanningRuns
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.client.transport.servers import Servers


class SpanningClient(Client):
    """What one call sees of these servers of a caller. `servers` are all there are."""

    def __init__(self, servers: Servers, asked: Sequence[Connection], call: Call) -> None:
        super().__init__(servers.default, call)
        self.on_servers = [Client(each, call, servers.prefix_of(each)) for each in asked]

    @property
    def is_http(self) -> bool:
        return False  # as a whole it has no address; each part knows its own

    @property
    def uris(self) -> list[str]:
        return [each.uri for each in self.on_servers]

    @property
    def watched(self) -> list[Client]:
        return [part for part in self.on_servers if part.is_http]

    def at(self, id: str) -> tuple[Client, str]:
        for part in self.on_servers:
            if part.prefix and id.startswith(part.prefix):
                return part, id.removeprefix(part.prefix)
        # The default server's name stands before a name that would begin with another one's.
        return self._default, id.removeprefix(f"{self.connection.name}:")

    @cached_property
    def _default(self) -> Client:
        """That of ids without a name."""
        return next((part for part in self.on_servers if not part.prefix), Client(self.connection, self.call))

    def by_server(self, ids: Iterable[str]) -> list[tuple[Client, list[str]]]:
        """The ids as each server knows them."""
        found: dict[str, tuple[Client, list[str]]] = {}
        for id in ids:
            part, own = self.at(id)
            found.setdefault(part.prefix, (part, []))[1].append(own)
        return list(found.values())

    @cached_property
    def experiments(self) -> SpanningExperiments:
        return SpanningExperiments(self)

    @cached_property
    def runs(self) -> SpanningRuns:
        return SpanningRuns(self)

    @cached_property
    def metrics(self) -> SpanningMetrics:
        return SpanningMetrics(self)

    @cached_property
    def models(self) -> SpanningModels:
        return SpanningModels(self)
