"""`mlflow-mcp doctor`: a line per check, whether the configured MLflow can be used, and what to set when not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlflow_mcp.answers.masking import mask_text
from mlflow_mcp.cli.terminal import Terminal
from mlflow_mcp.client import Client
from mlflow_mcp.client.experiments import EXPERIMENTS_PER_REQUEST
from mlflow_mcp.client.transport.connection import Connection
from mlflow_mcp.client.transport.failures import stalled
from mlflow_mcp.client.transport.local_store import local_path
from mlflow_mcp.client.transport.servers import Servers, with_own_variables
from mlflow_mcp.client.transport.translate import problem_of
from mlflow_mcp.installation import shown
from mlflow_mcp.settings import Settings
from mlflow_mcp.text import listed, plural, safe_uri
from mlflow_mcp.tools.catalog import access_of, offered

# Someone sits and waits: silence is reported after this, whatever an agent's call may take.
PATIENCE = 3.0
LONGEST = 20.0
RUNS_TRIED = 10
# What it finds, or None where it does not apply.
Check = Callable[[Client], "str | None"]


def run_doctor(settings: Settings, warnings: Sequence[str] = ()) -> int:
    """Print the warnings and what the checks find, up to the first that fails; 0 when none does, else 1."""
    terminal = Terminal()
    terminal.paragraph("Can an agent use the configured MLflow?", "bold")
    for warning in warnings:
        _tell(terminal, settings, "!!", "settings", warning)
    hurried = {"timeout": min(settings.timeout, LONGEST), "probe_timeout": min(settings.probe_timeout, PATIENCE)}
    servers = Connection(settings.model_copy(update=hurried)).servers
    if not servers.are_several:
        unchecked = _first_failure(terminal, Client(servers.default), CHECKS)
        terminal.paragraph(f"No, not yet.{unchecked}" if unchecked is not None else "Yes, it can.", "bold")
    else:
        unchecked = _of_several(terminal, servers)
    if unchecked is not None:
        return 1
    terminal.say(f"A host starts this server as: {shown()}")  # not broken into lines: it is there to be copied
    return 0


def _of_several(terminal: Terminal, servers: Servers) -> str | None:
    """Check every server, also behind one that fails."""
    failed = []
    for connection in servers.connections:
        what = "the default server" if connection is servers.default else f"its ids are written {connection.name}:…"
        terminal.paragraph(f"{connection.name}, {what}", "bold")
        checks = {name: check for name, check in CHECKS.items() if check is not _tools or connection is servers.default}
        if _first_failure(terminal, Client(connection), checks) is not None:
            failed.append(connection.name)
    usable = [name for name in servers.names if name not in failed]
    if not failed:
        terminal.paragraph("Yes, it can use all of them.", "bold")
        return None
    terminal.paragraph(f"Not all of them: {listed(failed)} cannot be used, {listed(usable) or 'none'} can.", "bold")
    return ""


def _first_failure(terminal: Terminal, client: Client, checks: Mapping[str, Check]) -> str | None:
    """Tell what the checks find, up to the first that fails: then which were not made. None where none fails."""
    settings = client.settings
    for name, check in checks.items():
        try:
            if check is _address:
                client.connection.load()  # the import of mlflow may take longer than a server is waited for
            found = _patiently(client, check)
        except Exception as error:
            problem = str(problem_of(error, client.connection.uri or "MLflow"))
            _tell(terminal, settings, "NO", name, with_own_variables(problem, client.connection))
            unchecked = list(checks)[list(checks).index(name) + 1 :]
            return f" Not checked: {', '.join(unchecked)}." if unchecked else ""
        if found:
            _tell(terminal, settings, "ok", name, found)
    return None


def _tell(terminal: Terminal, settings: Settings, verdict: str, name: str, found: str) -> None:
    text = mask_text(found) if settings.mask_secrets else found
    terminal.paragraph(text, "red" if verdict == "NO" else "", indent=f"  {verdict}  {name:<13}", hanging=" " * 19)


def _patiently(client: Client, check: Check) -> str | None:
    """What the check finds or raises; errors.Unreachable once the server is silent: its thread is then left behind."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(check(client))
        except Exception as error:  # raised again in the thread that waits
            outcome.append(error)

    patience = client.settings.probe_timeout
    deadline = time.monotonic() + client.settings.timeout
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(patience + 0.5)  # a request that was given `patience` has then ended by itself
    while thread.is_alive():
        silent = client.is_http and not client.http.is_alive(patience)
        if silent or time.monotonic() > deadline:
            raise stalled(safe_uri(client.uri))
        thread.join(patience)
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    found: str | None = outcome[0]
    return found


# -- the checks: each says what it found, or None where it does not apply ------------------------------------------------


def _address(client: Client) -> str:
    """Also opens the store, where there is one without a server."""
    uri = safe_uri(client.uri)
    client.ask(lambda: client.connection.mlflow)
    return uri if client.settings.default_uri else f"{uri}, of this folder: MLFLOW_TRACKING_URI is not set"


def _answer(client: Client) -> str | None:
    if not client.is_http:
        return None
    started = time.monotonic()
    client.http.get("/health", timeout=client.settings.probe_timeout)
    return f"after {time.monotonic() - started:.2f} s"


def _credentials(client: Client) -> str | None:
    """Whether MLflow's API lets these credentials in; also that it is MLflow's API which answers."""
    if not client.is_http:
        return None
    client.http.get_json("/api/2.0/mlflow/experiments/search", {"max_results": 1})
    sent = client.connection.host_credentials()
    if sent.token:
        return "accepted: a token"
    if sent.username or "@" in client.uri:
        return "accepted: a user name with its password"
    return "none set, and none asked for"


def _version(client: Client) -> str:
    installed = f"MLflow's client here is {client.connection.mlflow_version}"
    if not client.is_http:
        return installed
    return f"the server is {client.http.server_version() or 'one that does not tell its version'}, {installed}"


def _experiments(client: Client) -> str:
    names = list(client.experiments.reread().values())
    return f"{len(names)} active" + (f", the newest {listed(names, 3)}" if names else "")


def _artifacts(client: Client) -> str:
    """Lists the files of the newest run that has any, and reads the first byte of one."""
    ids = list(client.experiments.names())[:EXPERIMENTS_PER_REQUEST]
    runs, _ = client.runs.search(ids, order_by=["attributes.start_time DESC"], max_results=RUNS_TRIED)
    for run in runs:
        source = client.artifacts(run.info.run_id)
        entries = source.entries()
        files = [entry.path for entry in entries if not entry.is_dir]
        if files:
            source.read(files[0], 0, 1)
        if entries:
            read = f"'{files[0]}' of run '{run.info.run_name}' can be read" if files else "can be listed"
            return f"{read}, {_place(client, str(run.info.artifact_uri))}"
    return f"none to try: the {plural(len(runs), 'newest run', 'newest runs')} have no files" if runs else "no runs yet"


def _place(client: Client, root: str) -> str:
    if root.startswith(("mlflow-artifacts:", "http:", "https:")):
        return "served by the MLflow server"
    if client.is_http:
        return f"kept under {safe_uri(root)} and served by the MLflow server"
    folder = local_path(root)
    return f"kept in {folder}" if folder else f"read from {safe_uri(root)} without the MLflow server"


def _tools(client: Client) -> str:
    entries = offered(client.settings)
    return f"{plural(len(entries), 'tool')}: {access_of(entries)}"


CHECKS: dict[str, Check] = {
    "tools": _tools,
    "address": _address,
    "answer": _answer,
    "credentials": _credentials,
    "version": _version,
    "experiments": _experiments,
    "artifacts": _artifacts,
}
