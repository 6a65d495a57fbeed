"""Where each host keeps its servers, on each system."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlflow_mcp.cli.setup.failure import SetupFailure
from mlflow_mcp.cli.setup.hosts import HOSTS, Machine

PLACES = {
    "claude-code": (".claude.json",) * 3,
    "claude-desktop": (
        ".config/Claude/claude_desktop_config.json",
        "Library/Application Support/Claude/claude_desktop_config.json",
        "AppData/Roaming/Claude/claude_desktop_config.json",
    ),
    "cursor": (".cursor/mcp.json",) * 3,
    "vscode": (
        ".config/Code/User/mcp.json",
        "Library/Application Support/Code/User/mcp.json",
        "AppData/Roaming/Code/User/mcp.json",
    ),
    "gemini": (".gemini/settings.json",) * 3,
    "codex": (".codex/config.toml",) * 3,
    "windsurf": (".codeium/windsurf/mcp_config.json",) * 3,
    "zed": (".config/zed/settings.json", ".config/zed/settings.json", "AppData/Roaming/Zed/settings.json"),
}


def test_each_host_is_here():
    assert set(PLACES) == set(HOSTS)


@pytest.mark.parametrize("host", PLACES)
@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_the_usual_place(host, system, tmp_path):
    machine = Machine({"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}, tmp_path, system)
    expected = PLACES[host][["linux", "darwin", "win32"].index(system)]
    assert HOSTS[host].file(machine) == tmp_path / expected
    assert HOSTS[host].traces(machine) == []


@pytest.mark.parametrize("host", PLACES)
def test_a_host_is_found_by_its_folder(host, tmp_path):
    machine = Machine({"HOME": str(tmp_path)}, tmp_path, "linux")
    HOSTS[host].file(machine).parent.mkdir(parents=True, exist_ok=True)
    HOSTS[host].file(machine).touch()
    assert HOSTS[host].traces(machine)


@pytest.mark.parametrize(
    ("host", "variable", "expected"),
    [
        ("claude-code", "CLAUDE_CONFIG_DIR", ".claude.json"),
        ("codex", "CODEX_HOME", "config.toml"),
        ("vscode", "XDG_CONFIG_HOME", "Code/User/mcp.json"),
        ("zed", "XDG_CONFIG_HOME", "zed/settings.json"),
    ],
)
def test_a_variable_moves_the_place(host, variable, expected, tmp_path):
    machine = Machine({"HOME": "/nowhere", variable: str(tmp_path)}, tmp_path, "linux")
    assert HOSTS[host].file(machine) == tmp_path / expected


def test_the_packaged_claude_desktop_of_windows_reads_another_file(tmp_path):
    folder = tmp_path / "AppData/Local/Packages/Claude_abc123/LocalCache/Roaming/Claude"
    folder.mkdir(parents=True)
    machine = Machine({"USERPROFILE": str(tmp_path)}, tmp_path, "win32")
    assert HOSTS["claude-desktop"].file(machine) == folder / "claude_desktop_config.json"


@pytest.mark.parametrize(("system", "variable"), [("linux", "HOME"), ("darwin", "HOME"), ("win32", "USERPROFILE")])
def test_a_missing_home_is_told_by_its_variable(system, variable):
    with pytest.raises(SetupFailure, match=f"^{variable} is not set"):
        HOSTS["cursor"].file(Machine({}, Path(), system))


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_each_host_names_the_document_it_was_written_from(host):
    assert "." in host.source
    assert host.after.endswith(".")
