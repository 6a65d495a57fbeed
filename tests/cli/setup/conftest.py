"""A home of its own for every test, and `mlflow-mcp setup` called in it as from a shell."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlflow_mcp.__main__ import main

URI = "https://mlflow.example.com"
MOVED = ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME", "APPDATA", "LOCALAPPDATA")


@dataclass
class Said:
    code: int
    out: str
    err: str


@dataclass
class Machine:
    """The test's machine: a home, a project's folder, nothing on the PATH."""

    home: Path
    project: Path
    capsys: pytest.CaptureFixture[str]

    def setup(self, *words: str, check: bool = False) -> Said:
        """Call the command. Without `check` no MLflow server is asked."""
        self.capsys.readouterr()
        code = main(["setup", *words, *([] if check else ["--no-check"])])
        said = self.capsys.readouterr()
        return Said(code, *(" ".join(text.split()) for text in said))

    def file(self, path: str, text: str | bytes = "") -> Path:
        """A file in the home, which also shows that its host is installed."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def json(self, path: str) -> Any:
        return json.loads((self.home / path).read_text(encoding="utf-8"))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch, capsys) -> Machine:
    for name in os.environ:
        if name.startswith(("MLFLOW_", "DATABRICKS_")) or name in MOVED:
            monkeypatch.delenv(name)
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("PATH", str(tmp_path / "no-bin"))
    monkeypatch.chdir(project)
    return Machine(home, project, capsys)
