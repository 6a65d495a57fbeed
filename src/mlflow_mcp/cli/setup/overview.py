"""`mlflow-mcp setup` without a host: what is found on this machine, and what a set-up would do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow_mcp.cli.setup.change import Place
from mlflow_mcp.cli.setup.entry import is_ours, is_strangers
from mlflow_mcp.cli.setup.failure import SetupFailure
from mlflow_mcp.cli.setup.hosts import HOSTS, Host, Machine
from mlflow_mcp.cli.terminal import Terminal
from mlflow_mcp.installation import shown


def show_overview(terminal: Terminal, machine: Machine, name: str) -> None:
    found = {host.name: host for host in HOSTS.values() if host.traces(machine)}
    terminal.paragraph("Hosts on this machine:" if found else "No host that setup knows was found here.", "bold")
    for host in found.values():
        terminal.paragraph(f"{host.name:<15} {_standing(terminal, host, machine, name)}", indent="  ", hanging=" " * 18)
    absent = [each for each in HOSTS if each not in found]
    if absent:
        terminal.paragraph(f"Not found: {', '.join(absent)}.")
    example = next(iter(found), "claude-code")
    terminal.say(f"To add this server: {shown('setup', example, '--uri', 'https://…')}")
    terminal.paragraph(
        "Nothing was changed. --print shows what would be written, --scope project writes for one folder."
    )


def _standing(terminal: Terminal, host: Host, machine: Machine, name: str) -> str:
    place = Place(host, host.file(machine), name, is_private=True)
    try:
        standing = place.entries()
    except SetupFailure as failure:
        return str(failure)
    warn_of_strangers(terminal, place.file, standing)
    ours = [each for each, entry in standing.items() if is_ours(entry) and not is_strangers(entry)]
    if ours:
        return f"has mlflow-mcp as {', '.join(ours)} in {place.file}"
    if name in standing:
        return f"has another server called '{name}' in {place.file}: choose a --name"
    return f"'{name}' would be added to {place.file}"


def warn_of_strangers(terminal: Terminal, file: Path, standing: Mapping[str, Any]) -> None:
    """Point out entries that take mlflow-mcp from the public package index, where it is another author's program."""
    for each, entry in standing.items():
        if is_strangers(entry):
            terminal.paragraph(
                f"'{each}' in {file} starts a package of the public index that is called mlflow-mcp and is another author's "
                "program, with the credentials that stand there. Remove it, or replace it with --name "
                f"{each} --force.",
                "red",
            )
