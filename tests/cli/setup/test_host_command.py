"""What a host is told to start is what is installed: with its extras, by its whole path, never a package of that name."""

from __future__ import annotations

import json
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from mlflow_mcp import installation
from mlflow_mcp.installation import starts_a_stranger
from tests.cli.test_installation import ROOT, environment

STRANGERS = [
    ("uvx", ["mlflow-mcp"]),
    ("/usr/local/bin/uvx", ["mlflow-mcp@latest"]),
    ("C:\\tools\\uvx.exe", ["mlflow_mcp==0.3"]),
    ("uvx", ["--from", "mlflow-mcp[plots]", "mlflow-mcp"]),
    ("uvx", ["--from=mlflow-mcp>=1", "mlflow-mcp"]),
    ("uvx", ["--python", "3.12", "mlflow-mcp"]),
    ("uv", ["tool", "run", "mlflow-mcp"]),
    ("pipx", ["run", "--spec", "mlflow-mcp==1", "mlflow-mcp"]),
]
NO_STRANGERS = [
    ("uvx", ["--from", "/path/to/mlflow-mcp", "mlflow-mcp"]),
    ("uvx", ["--from=.", "mlflow-mcp"]),
    ("uvx", ["--from", "mlflow-mcp[plots] @ git+https://git.example.com/you/mlflow-mcp", "mlflow-mcp"]),
    ("uvx", ["mlflow-mcp-server"]),
    ("/home-of/env/bin/mlflow-mcp", []),
    ("python", ["-m", "mlflow_mcp"]),
    ("uv", ["run", "--directory", "/clone", "server"]),
]


@pytest.mark.parametrize(("command", "arguments"), STRANGERS)
def test_a_package_of_the_public_index_is_a_strangers(command, arguments):
    assert starts_a_stranger(command, arguments)


@pytest.mark.parametrize(("command", "arguments"), NO_STRANGERS)
def test_a_source_that_is_named_is_no_strangers(command, arguments):
    assert not starts_a_stranger(command, arguments)


def test_the_day_the_name_is_ours_nobody_is_a_stranger(monkeypatch):
    monkeypatch.setattr(installation, "NAME_ON_INDEX", "mlflow-mcp")
    assert not starts_a_stranger("uvx", ["mlflow-mcp"])


PRINT = """
import json, sys, mlflow_mcp.installation as installation
installation.NAME_ON_INDEX = json.loads(sys.argv[1])
print(json.dumps([installation.host_command(), installation.host_command(whole_path=True), installation.is_temporary()]))
"""


def told(env: Path, origin: dict[str, Any] | None, path: str = "", name_on_index: str | None = None) -> Any:
    (site_packages,) = env.glob("lib/python*/site-packages")
    metadata = site_packages / "mlflow_mcp-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(distribution("mlflow-mcp").read_text("METADATA") or "")
    (site_packages / "source.pth").write_text(str(ROOT / "src"))
    if origin is not None:
        (metadata / "direct_url.json").write_text(json.dumps(origin))
    words = [env / "bin" / "python", "-c", PRINT, json.dumps(name_on_index)]
    ended = subprocess.run(words, env={"PATH": path}, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(ended.stdout)


@pytest.fixture
def clone(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "clone").mkdir()
    return {"url": (tmp_path / "clone").as_uri(), "dir_info": {}}


@pytest.mark.slow
def test_an_extra_that_it_was_started_with_is_kept(clone, tmp_path):
    env = environment(tmp_path / "archive-v0" / "x", by_uv=True)
    (site_packages,) = env.glob("lib/python*/site-packages")
    (site_packages / "pyarrow-20.0.0.dist-info").mkdir()
    (site_packages / "pyarrow-20.0.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: pyarrow\nVersion: 20.0.0\n"
    )
    command, _, is_temporary = told(env, clone)
    assert command == ["uvx", "--from", f"{tmp_path / 'clone'}[parquet]", "mlflow-mcp"]
    assert not is_temporary


@pytest.mark.slow
def test_a_desktop_application_gets_the_whole_path(clone, tmp_path):
    program = tmp_path / "bin" / "uvx"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    command, whole, _ = told(environment(tmp_path / "env", by_uv=True), clone, path=str(program.parent))
    assert command[0] == "uvx"
    assert whole == [str(program), *command[1:]]


@pytest.mark.slow
def test_what_came_from_an_index_into_the_cache_is_temporary_until_the_name_is_ours(tmp_path):
    command, _, is_temporary = told(environment(tmp_path / "archive-v0" / "x", by_uv=True), None)
    assert command == [str(tmp_path / "archive-v0/x/bin/python"), "-m", "mlflow_mcp"]
    assert is_temporary
    version = distribution("mlflow-mcp").version
    command, _, is_temporary = told(
        environment(tmp_path / "archive-v0" / "y", by_uv=True), None, name_on_index="mlflow-mcp"
    )
    assert command == ["uvx", "--from", f"mlflow-mcp=={version}", "mlflow-mcp"]
    assert not is_temporary
