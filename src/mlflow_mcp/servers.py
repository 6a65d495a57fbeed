"""Named MLflow servers, as MLFLOW_MCP_SERVERS lists them: their names, addresses and credentials. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit, urlunsplit

from mlflow_mcp.address import SERVERS, cleaned, names_host
from mlflow_mcp.text import nearest

VARIABLE = "MLFLOW_MCP_SERVERS"
# `MLFLOW_MCP_SERVER_DEV_TOKEN`: the credentials of one server.
OF_ONE = "MLFLOW_MCP_SERVER_"
CREDENTIALS = ("USERNAME", "PASSWORD", "TOKEN")
# The name of the server in MLFLOW_TRACKING_URI, where MLFLOW_MCP_SERVERS does not list it.
DEFAULT_NAME = "default"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{1,30}")
_NEXT_ENTRY = re.compile(r"[,\n](?=\s*[A-Za-z][\w-]*\s*=)")
# What stands before a colon in ids and addresses already.
_TAKEN = frozenset(
    (
        *("http", "https", "file", "sqlite", "postgresql", "mysql", "mssql", "databricks", "databricks-uc", "uc"),
        *(
            "models",
            "runs",
            "prompts",
            "trace",
            "mlflow",
            "mlflow-artifacts",
            "tags",
            "params",
            "metrics",
            "attributes",
        ),
        *("s3", "s3a", "gs", "wasbs", "abfss", "adls", "dbfs", "hdfs", "ftp", "sftp", "viewfs", "r2"),
    )
)


@dataclass(frozen=True)
class NamedServer:
    """A server and what it is called before the colon of an id. Its own credentials, where it has any."""

    name: str
    uri: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def is_http(self) -> bool:
        return self.uri.startswith(tuple(f"{scheme}://" for scheme in SERVERS))

    @property
    def has_credentials(self) -> bool:
        return bool(self.username or self.password or self.token)

    def variable(self, which: str) -> str:
        """The name of the variable with its `USERNAME`, `PASSWORD` or `TOKEN`."""
        return f"{OF_ONE}{_in_variable(self.name)}_{which}"


def parsed_servers(text: str) -> tuple[NamedServer, ...]:
    """The servers that `prod=https://…,dev=sqlite:///…` names. Raises ValueError, which shows no credentials."""
    parts = [part.strip(" ,\t\r\n") for part in _NEXT_ENTRY.split(text)]
    servers = [_entry(part) for part in parts if part]
    seen: dict[str, str] = {}
    for server in servers:
        other = seen.setdefault(_in_variable(server.name), server.name)
        if other is not server.name:
            raise ValueError(f"it names '{other}' and '{server.name}', which are too much alike")
    return tuple(servers)


def _entry(text: str) -> NamedServer:
    name, separator, address = (part.strip() for part in text.partition("="))
    if not separator or not address or "://" in name:
        raise ValueError(
            "each part is written name=address, as in prod=https://mlflow.example.com,dev=sqlite:///dev.db"
        )
    if not _NAME.fullmatch(name):
        raise ValueError(f"'{name[:40]}' is no name: use 2 to 31 letters, digits, '-' and '_', with a letter first")
    if name.lower() in _TAKEN:
        raise ValueError(f"'{name}' cannot be a server's name: '{name}:' already begins other things")
    server = without_user_info(NamedServer(name, cleaned(address)))
    if server.is_http and not names_host(server.uri):
        raise ValueError(
            f"the address of '{name}' names no host, or no valid port: write {name}=https://mlflow.example.com"
        )
    return server


def without_user_info(server: NamedServer) -> NamedServer:
    """`https://user:password@host` as its address and its credentials."""
    try:
        parts = urlsplit(server.uri)
    except ValueError:
        return server  # said by whoever opens it
    if not server.is_http or "@" not in parts.netloc:
        return server
    user_info, _, host = parts.netloc.rpartition("@")
    username, _, password = user_info.partition(":")
    return replace(
        server,
        uri=urlunsplit(parts._replace(netloc=host)),
        username=unquote(username) or None,
        password=unquote(password) or None,
    )


def without_credentials(server: NamedServer) -> NamedServer:
    return replace(server, username=None, password=None, token=None)


def with_credentials(servers: Sequence[NamedServer], environ: Mapping[str, str]) -> tuple[NamedServer, ...]:
    """The servers with what the variables of each hold. Raises ValueError, which begins with the variable's name."""
    return tuple(_with_own(server, environ) for server in servers)


def _with_own(server: NamedServer, environ: Mapping[str, str]) -> NamedServer:
    own = {which: environ.get(server.variable(which), "").strip() for which in CREDENTIALS}
    given = [which for which in CREDENTIALS if own[which]]
    if not given:
        return server
    if not server.is_http:
        raise ValueError(f"{server.variable(given[0])} is set, and the server '{server.name}' takes no credentials")
    if own["TOKEN"] and (own["USERNAME"] or own["PASSWORD"]):
        raise ValueError(f"{server.variable('TOKEN')} is set beside a user name or password: set one of both")
    if own["TOKEN"]:
        return replace(server, username=None, password=None, token=own["TOKEN"])
    username, password = own["USERNAME"] or server.username, own["PASSWORD"] or server.password
    if not username or not password:
        lacks = "USERNAME" if not username else "PASSWORD"
        raise ValueError(f"{server.variable(given[0])} is set without {server.variable(lacks)}")
    return replace(server, username=username, password=password)


def unknown_credentials(servers: Sequence[NamedServer], environ: Mapping[str, str]) -> list[str]:
    """A sentence for each variable of a server that there is not."""
    known = {server.variable(which): server.name for server in servers for which in CREDENTIALS}
    sentences = []
    for name in sorted(environ):
        if name.startswith(OF_ONE) and name not in known:
            close = nearest(name, known, 1)
            advice = f" Nearest: {close[0]}." if close else f" {VARIABLE} names the servers."
            sentences.append(f"{name} is of no server of {VARIABLE} and is ignored.{advice}")
    return sentences


def default_first(servers: Sequence[NamedServer], tracking_uri: str | None) -> tuple[NamedServer, ...]:
    """The servers with the default one first: that of MLFLOW_TRACKING_URI where it is set, else the first in the list.
    Raises ValueError where two servers would have one name."""
    if not servers or tracking_uri is None:
        return tuple(servers)
    own = without_user_info(NamedServer(DEFAULT_NAME, tracking_uri))
    same = [server for server in servers if server.uri.rstrip("/") == own.uri.rstrip("/")]
    if same:
        return (same[0], *(server for server in servers if server is not same[0]))
    if any(server.name.lower() == DEFAULT_NAME for server in servers):
        raise ValueError(f"its '{DEFAULT_NAME}' is another server than MLFLOW_TRACKING_URI, which has this name")
    # MLflow reads the user info of its own variable by itself.
    return (NamedServer(DEFAULT_NAME, tracking_uri), *servers)


def _in_variable(name: str) -> str:
    return name.upper().replace("-", "_")
