"""MCP clients of others. They need Node and a package registry; where one is missing, the tests say so and are skipped."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.node import found_node, installed
from tests.support.servers import server_environment

HERE = Path(__file__).parent
SECONDS = 150


@dataclass(frozen=True)
class NodeClients:
    """The folder of the installed packages, node itself, and our program for the SDKs' clients."""

    folder: Path
    node: str
    program: Path

    def conversation(self, sdk: int, era: str, env: dict[str, str], *steps: Any, elicits: bool = True) -> list[Any]:
        """What a TypeScript SDK's client was answered, step by step: `{"result": …}` or `{"error": message}`."""
        server = {"command": sys.executable, "args": ["-m", "mlflow_mcp"], "env": server_environment() | env}
        asked = {"sdk": sdk, "era": era, "elicits": elicits, "server": server, "steps": steps}
        answers: list[Any] = json.loads(self._ran([str(self.program)], json.dumps(asked)))
        return answers

    def inspected(self, env: dict[str, str], *options: str) -> Any:
        """What the Inspector's command line prints."""
        launcher = self.folder / "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
        variables = [part for name, value in env.items() for part in ("-e", f"{name}={value}")]
        server = [*variables, sys.executable, "-m", "mlflow_mcp"]
        return json.loads(self._ran([str(launcher), "--cli", "--format", "json", "--quiet", *options, *server], ""))[
            "result"
        ]

    def _ran(self, arguments: list[str], stdin: str) -> str:
        done = subprocess.run(
            [self.node, *arguments],
            input=stdin,
            cwd=self.folder,
            env=server_environment(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout


@pytest.fixture(scope="session")
def node_clients() -> NodeClients:
    node = found_node()
    packages = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]
    folder = installed(node, "clients", packages)
    # Beside the packages, where they are looked for; of its own name, because other checkouts use the same folder.
    program = folder / f"conversation-{_digest('conversation.mjs')}.mjs"
    shutil.copy(HERE / "conversation.mjs", program)
    return NodeClients(folder, node.program, program)


def _digest(name: str) -> str:
    return sha256((HERE / name).read_bytes()).hexdigest()[:12]
