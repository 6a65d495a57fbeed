"""`mlflow-mcp setup`: what the user asked for, decided and done, host by host."""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow_mcp.answers.masking import mask_text
from mlflow_mcp.cli.setup import entry as entries
from mlflow_mcp.cli.setup.change import Place
from mlflow_mcp.cli.setup.claude_command import ClaudeCommand
from mlflow_mcp.cli.setup.entry import OurEntry
from mlflow_mcp.cli.setup.examples import EXAMPLE_ADDRESS, configuration
from mlflow_mcp.cli.setup.failure import BAD_INPUT, NEEDS_FORCE, NOT_DONE, SetupFailure
from mlflow_mcp.cli.setup.hosts import HOSTS, Host, Machine
from mlflow_mcp.cli.setup.links import install_link
from mlflow_mcp.cli.setup.overview import show_overview, warn_of_strangers
from mlflow_mcp.cli.terminal import Terminal
from mlflow_mcp.installation import host_command, is_temporary, shown
from mlflow_mcp.settings import Settings
from mlflow_mcp.text import nearest, safe_uri


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("hosts", nargs="*", metavar="HOST", help=f"{', '.join(HOSTS)}; none: say what is found here")
    parser.add_argument("--uri", help="where MLflow is; else MLFLOW_TRACKING_URI, else you are asked")
    parser.add_argument(
        "--scope", choices=("user", "project"), default="user", help="for all your projects, or this folder's"
    )
    parser.add_argument("--name", default="mlflow", help="what the host calls the server (default: %(default)s)")
    parser.add_argument(
        "--print", action="store_true", dest="only_print", help="print the configuration, write nothing"
    )
    parser.add_argument("--undo", action="store_true", help="put back what stood there before")
    parser.add_argument(
        "--force", action="store_true", help="replace another entry of that name; write without an answer of MLflow"
    )
    parser.add_argument("--no-check", action="store_true", help="do not ask the MLflow server before writing")
    parser.add_argument(
        "--store-secrets", action="store_true", help="write credentials into the file instead of references to them"
    )


def run_setup(settings: Settings, arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """0 done, or nothing to do; 1 not done; 2 arguments that cannot be used; 3 something stands there, --force replaces it."""
    try:
        return Setup(settings, arguments, Machine(environ, Path.cwd())).run()
    except SetupFailure as failure:
        _complain(str(failure))
        return failure.code


class Setup:
    """One call of the command."""

    def __init__(self, settings: Settings, arguments: argparse.Namespace, machine: Machine) -> None:
        self.settings, self.arguments, self.machine = settings, arguments, machine
        self.terminal = Terminal()

    def run(self) -> int:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", self.arguments.name):
            raise SetupFailure(f"--name {self.arguments.name!r}: use letters, digits, - and _.", BAD_INPUT)
        hosts = [_host(name) for name in dict.fromkeys(self.arguments.hosts)]
        if self.arguments.undo:
            return self._each(hosts, self._undo)
        if not hosts and not self.arguments.only_print:
            show_overview(self.terminal, self.machine, self.arguments.name)
            return 0
        ours = self._our_entry()
        if self.arguments.only_print:
            return self._each(hosts, lambda host: self._print(host, ours))
        decided = [(place, *self._decision(place, ours)) for place in map(self._installed_place, hosts)]
        if any(now != entry for _, now, entry in decided):
            self._check(ours.variables[entries.ADDRESS])
        for place, now, entry in decided:
            self._put(place, now, entry, ours)
        return 0

    def _each(self, hosts: Sequence[Host], action: Callable[[Host], None]) -> int:
        if not hosts:
            raise SetupFailure(f"Name a host: {', '.join(HOSTS)}.", BAD_INPUT)
        for host in hosts:
            action(host)
        return 0

    # -- what to write ---------------------------------------------------------------------------------------------

    def _our_entry(self) -> OurEntry:
        uri = self._address()
        environ = self.machine.environ
        if entries.has_password(uri) and not self.arguments.store_secrets:
            raise SetupFailure(
                "The address holds a password, which would stand in the file. Leave it out and set "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or give --store-secrets.",
                BAD_INPUT,
            )
        variables = {entries.ADDRESS: uri, **entries.copied_of(environ, uri)}
        secrets = entries.secrets_of(environ, uri)
        return OurEntry(self._flags(), variables, secrets, stores_secrets=self.arguments.store_secrets)

    def _flags(self) -> tuple[str, ...]:
        flags = []
        for option in ("toolsets", "tools"):
            if value := getattr(self.arguments, option, None):
                flags += [f"--{option}", value]
        return (*flags, "--read-only") if getattr(self.arguments, "read_only", None) else tuple(flags)

    def _address(self) -> str:
        given = self.arguments.uri or self.settings.tracking_uri
        if not given and self.arguments.only_print:
            given = EXAMPLE_ADDRESS
        if not given and sys.stdin.isatty():
            given = input("Where is your MLflow? (https://…, sqlite:///…, a folder) ")
        if not given or not given.strip():
            raise SetupFailure("Say where MLflow is: --uri https://…, or set MLFLOW_TRACKING_URI.", BAD_INPUT)
        return entries.usual_address(given, self.machine.folder)

    def _entry(self, host: Host, ours: OurEntry) -> dict[str, Any]:
        whole_path = host.is_desktop and self.arguments.scope == "user"
        words = (*host_command(whole_path=whole_path), *ours.words)
        return OurEntry(words, ours.variables, ours.secrets, ours.stores_secrets).for_host(host)

    # -- where to write it -----------------------------------------------------------------------------------------

    def _place(self, host: Host) -> Place:
        is_private = self.arguments.scope == "user"
        file = host.place(self.machine, self.arguments.scope)
        program = self.machine.command("claude") if host.name == "claude-code" and is_private else None
        # A batch file takes no JSON as a word, and a stored secret does not belong on a command line.
        usable = program and not program.lower().endswith((".cmd", ".bat")) and not self.arguments.store_secrets
        command = ClaudeCommand(program, self.machine.environ, self.machine.folder) if program and usable else None
        return Place(host, file, self.arguments.name, is_private, command)

    def _installed_place(self, host: Host) -> Place:
        place = self._place(host)
        if self.arguments.scope == "user" and not host.traces(self.machine) and not self.arguments.force:
            raise SetupFailure(
                f"{host.title} was not found on this machine. `{shown('setup', host.name, '--print')}` shows what to put into "
                f"{place.file}; --force writes it there."
            )
        return place

    def _decision(self, place: Place, ours: OurEntry) -> tuple[Any, dict[str, Any]]:
        """What stands there and what should. Raises SetupFailure where only the user can decide."""
        standing = place.entries()
        now = standing.get(place.name)
        entry = entries.merged(now, self._entry(place.host, ours))
        warn_of_strangers(self.terminal, place.file, standing)
        if now is not None and now != entry and not self.arguments.force:
            stranger = " It starts another author's program." if entries.is_strangers(now) else ""
            raise SetupFailure(
                f"{place.file} already has an entry '{place.name}', and it is different:\n{_difference(now, entry)}\n"
                f"Nothing was changed.{stranger} --force replaces it, --name gives this server another name.",
                NEEDS_FORCE,
            )
        return now, entry

    # -- doing it --------------------------------------------------------------------------------------------------

    def _check(self, uri: str) -> None:
        if self.arguments.no_check:
            return
        from mlflow_mcp.cli.doctor import run_doctor  # it imports the tools

        if run_doctor(self.settings.model_copy(update={"tracking_uri": uri})) == 0:
            return
        question = "Write the configuration all the same? [y/N] "
        if self.arguments.force or (sys.stdin.isatty() and input(question).strip().lower() in ("y", "yes")):
            return
        raise SetupFailure("Nothing was written. --force writes it without an answer.", NOT_DONE)

    def _put(self, place: Place, now: Any, entry: dict[str, Any], ours: OurEntry) -> None:
        say = self.terminal.paragraph
        if now == entry:
            say(f"{place.host.title}: '{place.name}' is already in {place.file} as it should be. Nothing was changed.")
            return
        backup = place.put(entry, now)
        hand = " by `claude mcp`" if place.command else ""
        say(f"{place.host.title}: '{place.name}' is now in {place.file}{hand}.", "green")
        if backup:
            say(f"As it was before: {backup}", indent="  ")
        for note in self._notes(place, ours):
            say(note, indent="  ")
        again = [] if self.arguments.scope == "user" else ["--scope", self.arguments.scope]
        named = [] if place.name == "mlflow" else ["--name", place.name]
        self.terminal.say(f"  To take it back: {shown('setup', place.host.name, *again, *named, '--undo')}")
        say(place.host.after, indent="  ")

    def _notes(self, place: Place, ours: OurEntry) -> list[str]:
        host, notes = place.host, []
        if left_out := ours.left_out(host):
            notes.append(
                f"{host.title} takes no value from the environment: {', '.join(left_out)} is not in the file. "
                "--store-secrets --force writes it there."
            )
        elif ours.secrets and not ours.stores_secrets:
            notes.append(
                f"{', '.join(ours.secrets)} is taken from the environment that {host.title} is started in; "
                "its value is not in the file."
            )
        if not place.is_private:
            notes.append("The command names a path of this machine: who shares the file needs the same one.")
            notes += [host.in_project] if host.in_project else []
        if is_temporary():
            notes.append("This program runs from a cache that may be cleared. Set it up from a clone to be sure of it.")
        return notes

    def _undo(self, host: Host) -> None:
        self.terminal.paragraph(f"{host.title}: {self._place(host).undo()}")

    def _print(self, host: Host, ours: OurEntry) -> None:
        """The configuration on stdout; where it goes, and a link that puts it there, on stderr."""
        place = self._place(host)
        entry = self._entry(host, ours)
        _complain(f"{host.title} reads this from {place.file}:")
        self.terminal.say(configuration(host, self.arguments.name, entry), end="")
        link = install_link(host.name, self.arguments.name, entry)
        if link and not ours.stores_secrets:  # a link is kept in histories and sent on
            _complain(f"Or open this link on this machine: {link}")


def _host(name: str) -> Host:
    if name not in HOSTS:
        close = nearest(name, HOSTS, 1)
        advice = f" Nearest: {close[0]}." if close else ""
        raise SetupFailure(f"{name!r} is no host that setup knows: {', '.join(HOSTS)}.{advice}", BAD_INPUT)
    return HOSTS[name]


def _difference(now: Any, entry: Any) -> str:
    """What stands there (-) against what would (+), secrets hidden."""
    old, new = (json.dumps(each, indent=2, ensure_ascii=False, default=str).splitlines() for each in (now, entry))
    lines = [line for line in difflib.ndiff(old, new) if not line.startswith("?")]
    return "\n".join(safe_uri(mask_text(f"  {line}")) for line in lines)


def _complain(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
