"""What is handed out, unpacked in an empty folder and started: nothing that the server needs is left behind in the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mlflow_mcp import __version__
from scripts.pack_mcpb import pack
from tests.protocol.test_stdio import Host

pytestmark = pytest.mark.slow  # processes of their own

ROOT = Path(__file__).parents[2]


def wheel(folder: Path) -> Path:
    """The package as uvx and the container install it."""
    if shutil.which("uv") is None:
        pytest.skip("needs uv, to build a wheel")
    # A copy: the backend would leave files in the checkout.
    source = folder / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = ["uv", "build", "--quiet", "--wheel", "--out-dir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Failed to fetch" in done.stderr or "error sending request" in done.stderr:
        pytest.skip("needs a package index, for the build backend")
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.mark.parametrize(
    ("make", "arguments", "source"),
    [(wheel, ["-m", "mlflow_mcp"], "."), (pack, ["server.py"], "src")],
    ids=["wheel", "bundle"],
)
def test_a_package_has_everything_that_the_server_needs(
    make: Callable[[Path], Path], arguments: list[str], source: str, tmp_path: Path
):
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(make(tmp_path / "made")) as archive:
        archive.extractall(unpacked)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=unpacked,
        env=kept | {"PYTHONPATH": str(unpacked / source), "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    with process, closing(process.stdin):
        host = Host(process)
        assert host.initialize()["serverInfo"]["version"] == __version__
        assert len(host.ask("tools/list")["result"]["tools"]) >= 20
        prompts = {prompt["name"] for prompt in host.ask("prompts/list")["result"]["prompts"]}
        for topic in help_topics():
            text = host.ask("resources/read", {"uri": f"mlflow://help/{topic}"})["result"]["contents"][0]["text"]
            assert len(text) > 200

    assert prompts == {file.stem for file in (ROOT / "src/mlflow_mcp/server/prompts").glob("*.md")}


def help_topics() -> list[str]:
    return [file.stem for file in (ROOT / "src/mlflow_mcp/server/help").glob("*.md")]
