"""What stands in a host's configuration: the command, its flags, the address of MLflow; secrets by reference."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlflow_mcp.address import OTHERS, check_address, cleaned
from mlflow_mcp.cli.setup.failure import BAD_INPUT, SetupFailure
from mlflow_mcp.cli.setup.hosts import Host
from mlflow_mcp.errors import Problem
from mlflow_mcp.installation import starts_a_stranger

ADDRESS = "MLFLOW_TRACKING_URI"
# What MLflow's client lets itself in with. A user's name is no secret, and of no use without its password.
SECRETS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
OTHER_SECRETS = {"databricks": ("DATABRICKS_TOKEN", "DATABRICKS_CLIENT_ID", "DATABRICKS_CLIENT_SECRET")}
# What an address needs besides, where the shell of the set-up has it.
COPIED = (
    "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_TRACKING_SERVER_CERT_PATH",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    "MLFLOW_TRACKING_AUTH",
    "MLFLOW_WORKSPACE",
    "DATABRICKS_HOST",
    "DATABRICKS_CONFIG_PROFILE",
)


@dataclass(frozen=True)
class OurEntry:
    """One server, whatever the host: what is written for it differs from host to host."""

    words: tuple[str, ...]
    variables: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict)
    stores_secrets: bool = False

    def for_host(self, host: Host) -> dict[str, Any]:
        """The entry as this host reads it. Raises SetupFailure for a value in which the host would read a variable's name."""
        _check_literal(host, {"The command": " ".join(self.words), **self.variables})
        variables = dict(self.variables)
        if self.stores_secrets:
            _check_literal(host, self.secrets, " or leave out --store-secrets")
        if self.stores_secrets:
            variables |= self.secrets
        elif host.reference:
            variables |= {name: host.reference.format(name) for name in self.secrets}
        entry: dict[str, Any] = {**host.always, "command": self.words[0], "args": list(self.words[1:])}
        if variables:
            entry["env"] = variables
        if host.names_variables and self.secrets and not self.stores_secrets:
            entry["env_vars"] = list(self.secrets)
        return entry

    def left_out(self, host: Host) -> list[str]:
        """The secrets that this host gets neither by reference nor by value."""
        is_given = self.stores_secrets or host.reference or host.names_variables
        return [] if is_given else list(self.secrets)


def _check_literal(host: Host, values: Mapping[str, str], otherwise: str = "") -> None:
    for name, value in values.items():
        if host.reference and re.search(host.variable, value):
            raise SetupFailure(
                f"{name} holds a '$', and {host.title} would put the value of a variable there. "
                f"In an address write %24 for it{otherwise}.",
                BAD_INPUT,
            )


def usual_address(text: str, folder: Path) -> str:
    """The address as a host can use it, which starts the server in a folder of its own: local paths are made whole.

    Raises SetupFailure for what MLflow cannot take.
    """
    uri = cleaned(text)
    try:
        check_address(uri)
    except Problem as problem:
        raise SetupFailure(str(problem), BAD_INPUT) from problem
    if found := re.fullmatch(r"(sqlite(?:\+\w+)?:///)([^/].*)", uri):
        return f"{found[1]}{folder / found[2]}"
    has_scheme = re.match(r"[a-z][a-z0-9+-]+:", uri) is not None
    return uri if has_scheme or uri in OTHERS or not uri else str((folder / Path(uri).expanduser()).resolve())


def has_password(uri: str) -> bool:
    try:
        return bool(urlsplit(uri).password)
    except ValueError:
        return False


def secrets_of(environ: Mapping[str, str], uri: str) -> dict[str, str]:
    """The credentials in the environment that are meant for this address."""
    names = OTHER_SECRETS["databricks"] if uri.startswith("databricks") else SECRETS
    return {name: value for name in names if (value := environ.get(name, ""))}


def copied_of(environ: Mapping[str, str], uri: str) -> dict[str, str]:
    """What else the address needs. Databricks' own variables only where MLflow is there."""
    kind = "DATABRICKS" if uri.startswith("databricks") else "MLFLOW"
    return {name: value for name in COPIED if name.startswith(kind) and (value := environ.get(name, ""))}


def merged(now: Any, entry: dict[str, Any]) -> dict[str, Any]:
    """The entry with what an earlier one of ours has besides: a time limit, a switch, variables that the user set."""
    if not is_ours(now) or is_strangers(now):
        return entry
    kept: dict[str, Any] = {**now, **entry}
    if isinstance(now.get("env"), dict):
        kept["env"] = {**now["env"], **entry.get("env", {})}
    if isinstance(now.get("env_vars"), list):
        kept["env_vars"] = list(dict.fromkeys([*now["env_vars"], *entry.get("env_vars", [])]))
    return kept


def is_ours(entry: Any) -> bool:
    """Whether an entry starts a program of this name: ours, or a stranger's."""
    return any(re.search(r"mlflow[-_]mcp", word) for word in _words(entry))


def is_strangers(entry: Any) -> bool:
    words = _words(entry)
    return bool(words) and starts_a_stranger(words[0], words[1:])


def _words(entry: Any) -> Sequence[str]:
    """The command of an entry. Zed's older form has it one level deeper."""
    if not isinstance(entry, dict):
        return ()
    command: Any = entry.get("command")
    arguments: Any = entry.get("args")
    if isinstance(command, dict):
        command, arguments = command.get("path"), command.get("args")
    return [str(word) for word in [command, *(arguments if isinstance(arguments, list) else [])] if word]
