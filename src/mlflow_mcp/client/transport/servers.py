"""The servers of one caller by name, and the names that stand before ids: `dev:71f3f3` is 71f3f3 on the server `dev`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlflow_mcp.servers import CREDENTIALS, VARIABLE
from mlflow_mcp.text import nearest

if TYPE_CHECKING:
    from mlflow_mcp.client.transport.connection import Connection

# In a model's or run's URI the name may also stand after the scheme: `models:/dev:name/3`.
_PREFIXED = re.compile(r"(models:/|runs:/|prompts:/)?([A-Za-z][A-Za-z0-9_-]{1,30}):(?!//)(.*)", re.S)
_TRACKING = re.compile(r"MLFLOW_TRACKING_(URI=|URI|USERNAME/PASSWORD|USERNAME|PASSWORD|TOKEN)(?![A-Z_])")


class Servers:
    """The default server first. Without MLFLOW_MCP_SERVERS it is alone and has no name, and nothing is a prefix."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []

    def add(self, connection: Connection) -> None:
        self.connections.append(connection)

    @property
    def default(self) -> Connection:
        return self.connections[0]

    @property
    def are_several(self) -> bool:
        return len(self.connections) > 1

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.connections if each.name]

    def named(self, name: str) -> Connection:
        return next(each for each in self.connections if each.name == name)

    def split(self, text: str) -> tuple[Connection | None, str]:
        """The server that an id or name says it is on, and the rest of it; None where it names no server.
        An MLflow URL of a server is of that server."""
        bare = text.strip()
        if "://" in bare:
            return self._of_url(bare), text
        found = _PREFIXED.fullmatch(bare)
        if found is None:
            return None, text
        meant = next((each for each in self.connections if each.name and each.name.lower() == found[2].lower()), None)
        return (None, text) if meant is None else (meant, (found[1] or "") + found[3])

    def prefix_of(self, connection: Connection) -> str:
        """What is written before the ids of a server: nothing for those of the default one."""
        return "" if connection is self.default else f"{connection.name}:"

    def hint(self, text: str) -> str:
        """The configured name nearest to what looks like a prefix of an id and is none."""
        found = _PREFIXED.fullmatch(text.strip())
        is_known = found is not None and found[2].lower() in map(str.lower, self.names)
        if found is None or is_known or "://" in text or not self.are_several:
            return ""
        close = nearest(found[2], self.names, 1)
        return f"There is no server '{found[2]}'; did you mean '{close[0]}:'?" if close else ""

    def _of_url(self, url: str) -> Connection | None:
        asked = urlsplit(url)
        fitting = [
            each for each in self.connections if each.is_http and _is_below(str(each.uri), asked.netloc, asked.path)
        ]
        # Several servers can stand behind one host: the longer path is the nearer.
        return max(fitting, key=lambda each: len(str(each.uri)), default=None) if self.are_several else None


def _is_below(uri: str, netloc: str, path: str) -> bool:
    own = urlsplit(uri)
    root = own.path.rstrip("/")
    is_same = own.netloc.rpartition("@")[2].lower() == netloc.rpartition("@")[2].lower()
    return is_same and (path.rstrip("/") == root or path.startswith(f"{root}/"))


def with_own_variables(text: str, connection: Connection) -> str:
    """A sentence that names MLflow's variables, with those that hold for a named server instead."""
    server, is_default = connection.server, connection is connection.servers.default
    if server is None or (is_default and connection.settings.tracking_uri):
        return text
    own = {"URI=": f"{VARIABLE}={server.name}=", "URI": f"{VARIABLE} (its {server.name})"}
    if not is_default:
        own |= {which: server.variable(which) for which in CREDENTIALS}
        own["USERNAME/PASSWORD"] = f"{own['USERNAME']}/PASSWORD"
    return _TRACKING.sub(lambda found: own.get(found[1], found[0]), text)
