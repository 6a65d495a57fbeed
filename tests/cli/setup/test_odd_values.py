"""Values that a host would read in another sense than they are meant, and what is left behind when an entry is gone."""

from __future__ import annotations

import pytest

from .conftest import URI


@pytest.mark.parametrize("letter", ["\n", "\r\n", "\t", "\u2028", "\x00"])
@pytest.mark.parametrize("host", ["cursor", "codex"])
def test_an_address_of_several_lines_is_refused(host, letter, machine):
    said = machine.setup(host, "--force", "--uri", f"https://mlflow.{letter}example.com")

    assert said.code == 2
    assert "holds a line break or another character that is not written (U+" in said.err
    assert not list(machine.home.rglob("*.*"))


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("claude-code", "https://mlflow.example.com/${TEAM}"),
        ("cursor", "https://mlflow.example.com/${env:TEAM}"),
        ("vscode", "sqlite:////data/${workspaceFolder}/mlflow.db"),
        ("gemini", "https://mlflow.example.com/$TEAM"),
        ("windsurf", "/data/${HOME}/mlruns"),
    ],
)
@pytest.mark.parametrize("words", [(), ("--print",)])
def test_an_address_in_which_a_host_would_read_a_variable_is_refused(host, address, words, machine):
    said = machine.setup(host, "--force", "--uri", address, *words)

    assert said.code == 2
    assert "MLFLOW_TRACKING_URI holds a '$', and " in said.err
    assert said.err.endswith("would put the value of a variable there. In an address write %24 for it.")
    assert not list(machine.home.rglob("*.*"))


@pytest.mark.parametrize("host", ["codex", "claude-desktop", "zed"])
def test_a_host_that_reads_no_variables_is_given_the_address_as_it_is(host, machine):
    said = machine.setup(host, "--print", "--uri", "https://mlflow.example.com/${TEAM}/$x")

    assert said.code == 0
    assert "https://mlflow.example.com/${TEAM}/$x" in said.out


def test_a_dollar_that_no_host_takes_for_a_variable_stays(machine):
    said = machine.setup("cursor", "--print", "--uri", "https://mlflow.example.com/5$/x")

    assert "https://mlflow.example.com/5$/x" in said.out


def test_a_stored_secret_in_which_a_host_would_read_a_variable_is_refused_and_not_shown(machine, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "very$SECRET")
    said = machine.setup("gemini", "--print", "--uri", URI, "--store-secrets")

    assert said.code == 2
    assert "MLFLOW_TRACKING_TOKEN holds a '$'" in said.err
    assert said.err.endswith("or leave out --store-secrets.")
    assert "SECRET" not in said.out + said.err
    assert machine.setup("gemini", "--print", "--uri", URI).code == 0


def test_a_host_that_is_no_host_is_refused(machine):
    said = machine.setup("codex", "--print", "--uri", "https://$MLFLOW_HOST")

    assert said.code == 2
    assert "names no host" in said.err


def test_undo_takes_the_copy_away_when_the_user_has_taken_the_entry_out(machine):
    file = machine.file(".cursor/mcp.json", '{"mcpServers": {"other": {"command": "x"}}}')
    machine.setup("cursor", "--uri", URI)
    (copy,) = file.parent.glob("*.before-mlflow.*")
    file.write_text('{"mcpServers": {"another": {"command": "y"}}}')
    said = machine.setup("cursor", "--undo")
    again = machine.setup("cursor", "--undo")

    assert said.code == 0
    assert f"has no entry 'mlflow' any more. The copy from before it, {copy.name}, is removed." in said.out
    assert not copy.exists()
    assert file.read_text() == '{"mcpServers": {"another": {"command": "y"}}}'
    assert (again.code, "there is nothing to undo" in again.err) == (1, True)
