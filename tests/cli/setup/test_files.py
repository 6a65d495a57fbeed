"""A configuration file keeps its mode, its links and its bytes, and two set-ups at once lose nothing of each other."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mlflow_mcp.cli.setup import files
from mlflow_mcp.cli.setup.failure import SetupFailure
from tests.cli.setup.conftest import URI, Machine

CURSOR = ".cursor/mcp.json"
SETUP = [sys.executable, "-m", "mlflow_mcp", "setup", "cursor", "--uri", URI, "--no-check"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_mode_stays_also_in_the_copy(mode, machine: Machine):
    file = machine.file(CURSOR, "{}")
    file.chmod(mode)
    machine.setup("cursor", "--uri", URI)
    assert [stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()] == [mode, mode]


def test_a_new_file_of_the_user_is_for_the_user_alone_and_one_of_a_project_is_not(machine: Machine):
    machine.setup("cursor", "--uri", URI, "--force")
    assert stat.S_IMODE((machine.home / CURSOR).stat().st_mode) == 0o600
    before = os.umask(0o022)
    try:
        machine.setup("cursor", "--uri", URI, "--scope", "project")
    finally:
        os.umask(before)
    assert stat.S_IMODE((machine.project / CURSOR).stat().st_mode) == 0o644


def test_a_symbolic_link_stays_one_and_its_target_is_changed(machine: Machine):
    """As people keep the files of their home in a repository."""
    target = machine.file("dotfiles/cursor.json", '{"a": 1}')
    link = machine.home / CURSOR
    link.parent.mkdir()
    link.symlink_to("../dotfiles/cursor.json")
    machine.setup("cursor", "--uri", URI)
    assert link.is_symlink()
    assert list(json.loads(target.read_text())) == ["a", "mcpServers"]
    machine.setup("cursor", "--undo")
    assert link.is_symlink()
    assert target.read_text() == '{"a": 1}'


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_told(machine: Machine):
    file = machine.file(CURSOR, "{}")
    file.chmod(0o400)
    said = machine.setup("cursor", "--uri", URI)
    assert (said.code, file.read_text()) == (1, "{}")
    assert "may not be written by this user" in said.err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give files away")
def test_under_sudo_the_file_and_its_copy_stay_their_owners(machine: Machine):
    file = machine.file(CURSOR, "{}")
    os.chown(file, 1234, 1235)
    machine.setup("cursor", "--uri", URI)
    owners = [(each.stat().st_uid, each.stat().st_gid) for each in file.parent.iterdir()]
    assert owners == [(1234, 1235)] * 2


def test_a_folder_that_cannot_be_made_is_told(machine: Machine):
    (machine.home / ".cursor").write_text("a file where the folder should be")
    said = machine.setup("cursor", "--uri", URI)
    assert said.code == 1
    assert said.err.endswith("Nothing was changed.")
    assert str(machine.home / ".cursor") in said.err


def test_a_file_that_is_a_folder_is_told(machine: Machine):
    (machine.home / CURSOR).mkdir(parents=True)
    said = machine.setup("cursor", "--uri", URI)
    assert said.err == f"{machine.home / CURSOR} cannot be read (Is a directory). Nothing was changed."


def test_a_file_in_another_encoding_is_not_touched(machine: Machine):
    file = machine.file(CURSOR, '{"ä": 1}'.encode("utf-16"))
    said = machine.setup("cursor", "--uri", URI)
    assert said.err == f"{file} is not written in UTF-8. Nothing was changed."
    assert file.read_bytes() == '{"ä": 1}'.encode("utf-16")


def test_what_another_program_wrote_meanwhile_is_not_overwritten(tmp_path):
    file = tmp_path / "mcp.json"
    file.write_bytes(b"{}")
    document = files.read(file)
    file.write_bytes(b'{"new": 1}')
    with pytest.raises(SetupFailure, match="was changed by another program meanwhile"):
        files.write(file, b"ours", is_private=True, instead_of=document.raw)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("mcp.json", b'{"new": 1}')]


def test_a_second_set_up_waits_for_the_first_and_then_says_so(tmp_path):
    file = tmp_path / "mcp.json"
    with (
        files.alone(file),
        pytest.raises(SetupFailure, match=r"Another set-up is changing .*mcp\.json\. Nothing was changed"),
        files.alone(file, patience=0.05),
    ):
        raise AssertionError("two at once")
    with files.alone(file, patience=0):
        pass


@pytest.mark.slow
def test_two_set_ups_at_once_both_keep_their_entry(machine: Machine):
    """Real processes. Without the lock one of them would write what it read before the other."""
    file = machine.file(CURSOR, '{"mcpServers": {"old": {"command": "x"}}}')
    names = [f"s{number}" for number in range(6)]
    started = [
        subprocess.Popen([*SETUP, "--name", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=machine.project)
        for name in names
    ]
    ended = [(process.communicate(timeout=120), process.returncode) for process in started]
    assert [code for _, code in ended] == [0] * len(names), ended
    assert sorted(json.loads(file.read_text())["mcpServers"]) == ["old", *names]
    assert sorted(each.name for each in file.parent.iterdir()) == sorted(
        ["mcp.json", *(f"mcp.json.before-{name}.1" for name in names)]
    )


@pytest.mark.slow
def test_a_set_up_that_waits_for_the_lock_writes_what_it_then_finds(machine: Machine):
    """The file changes while a real process waits: its entry goes into the new file, and nothing of that is lost."""
    file = machine.file(CURSOR, "{}")
    with files.alone(file):
        process = subprocess.Popen(SETUP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=machine.project)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=2)
        file.write_text('{"mcpServers": {"other": {"command": "x"}}}')
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert list(json.loads(file.read_text())["mcpServers"]) == ["other", "mlflow"]


def test_no_draft_is_left_behind(machine: Machine):
    file: Path = machine.file(CURSOR, "{}")
    machine.setup("cursor", "--uri", URI)
    assert sorted(each.name for each in file.parent.iterdir()) == ["mcp.json", "mcp.json.before-mlflow.1"]
