"""One entry of one host put in, or put back as it was; nothing else in its file changes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow_mcp.cli.setup import files
from mlflow_mcp.cli.setup.claude_command import ClaudeCommand
from mlflow_mcp.cli.setup.entry import is_ours
from mlflow_mcp.cli.setup.failure import NotReadable, SetupFailure
from mlflow_mcp.cli.setup.hosts import Host


@dataclass(frozen=True)
class Place:
    """Where an entry stands. `command` writes it where the host's own command is the safer hand."""

    host: Host
    file: Path
    name: str
    is_private: bool  # a file of the user alone; else of a project
    command: ClaudeCommand | None = None

    def entries(self) -> dict[str, Any]:
        """All servers that the host has there."""
        return self._entries(files.read(self.file))

    def put(self, value: dict[str, Any], expected: Any) -> Path | None:
        """Write the entry where `expected` stood when the user decided. The copy of the file as it was, if there was one."""
        with self._alone():
            document = files.read(self.file)
            if self._entries(document).get(self.name) != expected:
                raise SetupFailure(f"{self.file} was changed meanwhile. Nothing was changed; run the command again.")
            text = self._with(document, value)
            backup = files.keep(self.file, self.name, document)
            try:
                self._write(document, text, value)
            except SetupFailure as failure:
                if backup is None:
                    raise
                if self.entries().get(self.name) != expected:  # `claude mcp` took the old entry away and added none
                    raise SetupFailure(f"{failure} The file as it was before: {backup}") from failure
                backup.unlink()
                raise
            return backup

    def undo(self) -> str:
        """Put back what stood there before the last set-up of this name. Says what was done."""
        with self._alone():
            document = files.read(self.file)
            now = self._entries(document).get(self.name)
            backup = files.newest_kept(self.file, self.name)
            kept = files.read(backup) if backup else None
            before = self._entries(kept).get(self.name) if kept else None
            if now is None and before is None and backup:
                backup.unlink()
                return f"{self.file} has no entry '{self.name}' any more. The copy from before it, {backup.name}, is removed."
            if now is None and before is None:
                raise SetupFailure(f"{self.file} has no entry '{self.name}': there is nothing to undo.")
            if now is not None and not is_ours(now):
                raise SetupFailure(
                    f"The entry '{self.name}' in {self.file} does not start mlflow-mcp. It was left as it is."
                )
            done = self._put_back(document, kept, now, before)
            if backup:
                backup.unlink()
            return done

    def _put_back(self, document: files.Document, kept: files.Document | None, now: Any, before: Any) -> str:
        if self.command is None and now is not None and self._is_what_was_written(document, kept, now):
            if kept is None or kept.raw is None:
                files.remove(self.file)
                return f"{self.file} was made by the set-up and is removed."
            files.write(self.file, kept.raw, is_private=self.is_private, instead_of=document.raw)
            return f"{self.file} is again as it was before."
        text = self._without(document) if before is None else self._with(document, before)
        self._write(document, text, before)
        done = "is removed from" if before is None else "is again as it was in"
        return f"The entry '{self.name}' {done} {self.file}."

    def _is_what_was_written(self, document: files.Document, kept: files.Document | None, now: Any) -> bool:
        """Whether the file is still, to the byte, what the set-up made of it."""
        earlier = kept or files.Document("", None, has_mark=False)
        written = self.host.form.with_entry(earlier.text, self.host.keys, self.name, now, earlier.newline)
        return earlier.encoded(written) == document.raw

    def _write(self, document: files.Document, text: str, value: Any) -> None:
        if self.command is not None:
            self.command.write(self.name, value, is_there=self.name in self._entries(document))
            if self.entries().get(self.name) != value:
                raise SetupFailure(f"`claude mcp` ended without an error, and {self.file} is not as it should be.")
            return
        content = document.encoded(text)
        files.write(self.file, content, is_private=self.is_private, instead_of=document.raw)

    def _with(self, document: files.Document, value: Any) -> str:
        text: str = self.host.form.with_entry(document.text, self.host.keys, self.name, value, newline=document.newline)
        expected = self.host.form.data(document.text)
        servers = expected
        for key in self.host.keys:
            servers = servers.setdefault(key, {})
        servers[self.name] = value
        return self._checked(text, expected)

    def _without(self, document: files.Document) -> str:
        expected = self.host.form.data(document.text)
        servers = expected
        for key in self.host.keys:
            servers = servers[key]
        del servers[self.name]
        text: str = self.host.form.without_entry(document.text, self.host.keys, self.name)
        if not servers and self.host.keys[-1] not in self.host.form.data(text):
            del expected[self.host.keys[-1]]  # a TOML table goes with its last member
        return self._checked(text, expected)

    def _checked(self, text: str, expected: dict[str, Any]) -> str:
        """The text, when it says what it should and nothing else changed."""
        if self.host.form.data(text) != expected:
            raise NotReadable("another part would change", 1)
        return text

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """No other set-up at work; what the format cannot change without harm is said to be so."""
        try:
            with files.alone(self.file):
                yield
        except NotReadable as error:
            raise SetupFailure(
                f"{self.file} is written in a way that cannot be changed safely. Nothing was changed; "
                "--print shows what to put into it by hand."
            ) from error

    def _entries(self, document: files.Document) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self.host.form.entries(document.text, self.host.keys, self.host.refused)
        except NotReadable as error:
            raise SetupFailure(
                f"{self.file}, line {error.line}: {error.what}, so {self.host.title} cannot read it. "
                "Nothing was changed. Correct it there first."
            ) from error
        return found
