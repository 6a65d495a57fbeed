"""Claude Code's own `claude mcp`, for the file that every running session of it writes: ~/.claude.json."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow_mcp.cli.setup.failure import SetupFailure

_LONGEST = 60


@dataclass(frozen=True)
class ClaudeCommand:
    program: str
    environ: Mapping[str, str]
    folder: Path

    def write(self, name: str, value: Any, *, is_there: bool) -> None:
        """Put the entry for all projects of the user, in the place of one that is there; None only takes that away."""
        if is_there:
            self._run("remove", "--scope", "user", name)
        if value is not None:
            self._run("add-json", "--scope", "user", name, json.dumps(value))

    def _run(self, *words: str) -> None:
        shown = f"claude mcp {words[0]}"
        try:
            ended = subprocess.run(  # noqa: S603  # no shell; the program was found on the PATH
                [self.program, "mcp", *words],
                cwd=self.folder,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=_LONGEST,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SetupFailure(f"`{shown}` did not end well ({type(error).__name__}).") from error
        if ended.returncode:
            output = (ended.stderr or ended.stdout).strip().splitlines()
            raise SetupFailure(f"`{shown}` failed: {output[-1] if output else f'exit code {ended.returncode}'}")
