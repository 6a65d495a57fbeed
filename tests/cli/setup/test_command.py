"""`mlflow-mcp setup`, in a home of its own: what it writes, what it leaves alone, and what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mlflow_mcp.__main__ import _parser
from mlflow_mcp.cli.setup.hosts import HOSTS
from mlflow_mcp.cli.setup.toml_text import data
from mlflow_mcp.installation import host_command
from tests.cli.setup.conftest import URI, Machine
from tests.support.servers import free_port

ROOT = Path(__file__).parents[3]
WORDS = [*host_command()]
CURSOR = ".cursor/mcp.json"
TOKEN = "tok-4f1e9a7c2b"


def written(machine: Machine, path: str, key: str = "mcpServers", name: str = "mlflow") -> dict:
    return machine.json(path)[key][name]


# --- what is written


@pytest.mark.parametrize("host", [name for name, host in HOSTS.items() if host.form.__name__.endswith("json_text")])
def test_each_host_gets_the_command_and_the_address(host, machine):
    machine.setup(host, "--uri", URI, "--force")
    file = HOSTS[host].file(here(machine))
    (servers,) = json.loads(file.read_text()).values()
    entry = servers["mlflow"]
    assert Path(entry["command"]).name == Path(WORDS[0]).name
    assert entry["args"] == WORDS[1:]
    assert entry["env"] == {"MLFLOW_TRACKING_URI": URI}
    assert {key: entry.get(key) for key in HOSTS[host].always} == HOSTS[host].always


def here(machine: Machine):
    from mlflow_mcp.cli.setup.hosts import Machine as Place

    return Place(os.environ, machine.project)


def test_codex_gets_a_table(machine):
    file = machine.file(".codex/config.toml", '# mine\nmodel = "x"\n')
    assert machine.setup("codex", "--uri", URI).code == 0
    assert file.read_text().startswith('# mine\nmodel = "x"\n\n[mcp_servers.mlflow]\n')
    entry = data(file.read_text())["mcp_servers"]["mlflow"]
    assert entry == {"command": WORDS[0], "args": WORDS[1:], "env": {"MLFLOW_TRACKING_URI": URI}}


def test_several_hosts_at_once(machine):
    machine.file(CURSOR)
    machine.file(".gemini/settings.json", "{}")
    assert machine.setup("cursor", "gemini", "--uri", URI).code == 0
    assert written(machine, CURSOR)
    assert written(machine, ".gemini/settings.json")


def test_flags_go_behind_the_command(machine):
    machine.file(CURSOR)
    machine.setup("cursor", "--uri", URI, "--toolsets", "lean", "--read-only", "--name", "mine")
    assert written(machine, CURSOR, name="mine")["args"] == [*WORDS[1:], "--toolsets", "lean", "--read-only"]


def test_a_toolset_that_does_not_exist_is_refused(machine):
    said = machine.setup("cursor", "--uri", URI, "--toolsets", "all,everything")
    assert said.code == 2
    assert "'everything' is no toolset" in said.err


def test_the_address_is_taken_from_the_environment(machine, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", URI)
    machine.file(CURSOR)
    assert machine.setup("cursor").code == 0
    assert written(machine, CURSOR)["env"] == {"MLFLOW_TRACKING_URI": URI}


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ("runs", "{}/runs"),
        ("./runs", "{}/runs"),
        ("sqlite:///runs.db", "sqlite:///{}/runs.db"),
        ("sqlite:////data/runs.db", "sqlite:////data/runs.db"),
        ("databricks", "databricks"),
        ('"HTTPS://x.example.com"', "https://x.example.com"),
    ],
)
def test_a_local_address_is_made_whole_since_hosts_start_elsewhere(given, whole, machine):
    machine.file(CURSOR)
    machine.setup("cursor", "--uri", given)
    assert written(machine, CURSOR)["env"]["MLFLOW_TRACKING_URI"] == whole.format(machine.project)


def test_a_project_gets_its_own_file(machine):
    said = machine.setup("claude-code", "cursor", "vscode", "codex", "--scope", "project", "--uri", URI)
    assert said.code == 0
    names = [".mcp.json", ".cursor/mcp.json", ".vscode/mcp.json", ".codex/config.toml"]
    assert all((machine.project / name).is_file() for name in names)
    assert "The command names a path of this machine" in said.out
    assert "Codex reads a project's file only where it was told to trust the project." in said.out
    assert list(machine.home.iterdir()) == []


def test_a_host_without_projects_says_so(machine):
    said = machine.setup("windsurf", "--scope", "project", "--uri", URI)
    assert (said.code, said.err) == (1, "Windsurf has no configuration per project: leave out --scope project.")


# --- secrets


@pytest.mark.parametrize(
    ("host", "path", "key", "reference"),
    [
        ("cursor", CURSOR, "mcpServers", "${env:MLFLOW_TRACKING_TOKEN}"),
        ("windsurf", ".codeium/windsurf/mcp_config.json", "mcpServers", "${env:MLFLOW_TRACKING_TOKEN}"),
        ("gemini", ".gemini/settings.json", "mcpServers", "${MLFLOW_TRACKING_TOKEN}"),
        ("claude-code", ".claude.json", "mcpServers", "${MLFLOW_TRACKING_TOKEN:-}"),
    ],
)
def test_a_secret_is_referred_to(host, path, key, reference, machine, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    said = machine.setup(host, "--uri", URI, "--force")
    assert written(machine, path, key)["env"]["MLFLOW_TRACKING_TOKEN"] == reference
    assert TOKEN not in everything_in(machine.home) + said.out + said.err
    assert "its value is not in the file" in said.out


def test_codex_is_given_the_names_of_secrets(machine, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ana")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", TOKEN)
    file = machine.file(".codex/config.toml")
    machine.setup("codex", "--uri", URI)
    entry = data(file.read_text())["mcp_servers"]["mlflow"]
    assert entry["env_vars"] == ["MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"]
    assert TOKEN not in file.read_text()


@pytest.mark.parametrize("host", ["claude-desktop", "zed"])
def test_a_host_without_references_gets_no_secret_and_it_is_said(host, machine, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    said = machine.setup(host, "--uri", URI, "--force")
    assert TOKEN not in everything_in(machine.home)
    assert "MLFLOW_TRACKING_TOKEN is not in the file. --store-secrets --force writes it there." in said.out


def test_secrets_are_stored_only_when_asked_for_and_then_for_the_user_alone(machine, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    machine.setup("claude-desktop", "--uri", URI, "--store-secrets", "--force")
    file = HOSTS["claude-desktop"].file(here(machine))
    assert json.loads(file.read_text())["mcpServers"]["mlflow"]["env"]["MLFLOW_TRACKING_TOKEN"] == TOKEN
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_address_with_a_password_is_refused(machine):
    machine.file(CURSOR)
    said = machine.setup("cursor", "--uri", f"https://ana:{TOKEN}@mlflow.example.com")
    assert said.code == 2
    assert "The address holds a password" in said.err
    assert TOKEN not in said.err
    assert (machine.home / CURSOR).read_text() == ""


def test_secrets_of_another_kind_of_server_are_not_named(machine, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    monkeypatch.setenv("DATABRICKS_HOST", "https://x.cloud.example.com")
    machine.file(CURSOR)
    machine.setup("cursor", "--uri", "databricks")
    assert written(machine, CURSOR)["env"] == {
        "MLFLOW_TRACKING_URI": "databricks",
        "DATABRICKS_HOST": "https://x.cloud.example.com",
        "DATABRICKS_TOKEN": "${env:DATABRICKS_TOKEN}",
    }


def everything_in(folder: Path) -> str:
    return "".join(each.read_text() for each in folder.rglob("*") if each.is_file())


# --- what stands there already


def test_the_same_again_changes_nothing(machine):
    file = machine.file(CURSOR)
    machine.setup("cursor", "--uri", URI)
    before = (file.read_bytes(), file.stat().st_mtime_ns, sorted(file.parent.iterdir()))
    said = machine.setup("cursor", "--uri", URI)
    assert said.code == 0
    assert "is already in" in said.out
    assert (file.read_bytes(), file.stat().st_mtime_ns, sorted(file.parent.iterdir())) == before


def test_a_different_entry_is_shown_and_left_alone(machine):
    text = json.dumps({"mcpServers": {"mlflow": {"command": "mine", "env": {"API_TOKEN": TOKEN}}}})
    file = machine.file(CURSOR, text)
    said = machine.setup("cursor", "--uri", URI)
    assert said.code == 3
    assert '- "command": "mine",' in said.err
    assert f'"MLFLOW_TRACKING_URI": "{URI}"' in said.err
    assert "--force replaces it" in said.err
    assert TOKEN not in said.err
    assert file.read_text() == text


def test_a_different_entry_is_replaced_by_force_and_comes_back(machine):
    text = '{"mcpServers": {"mlflow": {"command": "mlflow-mcp", "args": ["old"]}, "b": 1}}'
    file = machine.file(CURSOR, text)
    said = machine.setup("cursor", "--uri", URI, "--force")
    assert said.code == 0
    assert (file.parent / "mcp.json.before-mlflow.1").read_text() == text
    assert written(machine, CURSOR)["args"] == WORDS[1:]
    assert machine.setup("cursor", "--undo").code == 0
    assert file.read_text() == text
    assert [each.name for each in file.parent.iterdir()] == ["mcp.json"]


def test_what_the_user_added_to_our_entry_stays(machine):
    machine.file(CURSOR)
    machine.setup("cursor", "--uri", URI)
    text = (machine.home / CURSOR).read_text()
    added = text.replace('"env": {', '"timeout": 9, "env": {"MLFLOW_MCP_TIMEOUT": "30", ')
    machine.file(CURSOR, added)
    assert "is already in" in machine.setup("cursor", "--uri", URI).out
    assert machine.setup("cursor", "--uri", URI + "/b", "--read-only", "--force").code == 0
    entry = written(machine, CURSOR)
    assert (entry["timeout"], entry["args"]) == (9, [*WORDS[1:], "--read-only"])
    assert entry["env"] == {"MLFLOW_MCP_TIMEOUT": "30", "MLFLOW_TRACKING_URI": URI + "/b"}


def test_a_strangers_package_is_pointed_out(machine):
    strangers = {"command": "/usr/bin/" + "uvx", "args": ["mlflow-mcp"]}
    machine.file(CURSOR, json.dumps({"mcpServers": {"mlflow": strangers, "other": strangers}}))
    said = machine.setup("cursor", "--uri", URI)
    assert said.code == 3
    assert "It starts another author's program." in said.err
    for name in ("mlflow", "other"):
        assert f"'{name}' in {machine.home / CURSOR} starts a package of the public index" in said.out


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ('{\n "a": 1,,\n}', 2, 'a key in "quotes" or a closing } is missing'),
        ('{"mcpServers": []}', 1, '"mcpServers" is not an object'),
        ("<html>", 1, "a value is missing or not written as JSON"),
    ],
)
def test_a_file_that_is_not_json_is_not_touched(text, line, why, machine):
    file = machine.file(CURSOR, text)
    said = machine.setup("cursor", "--uri", URI, "--force")
    assert (said.code, said.err) == (
        1,
        f"{file}, line {line}: {why}, so Cursor cannot read it. Nothing was changed. Correct it there first.",
    )
    assert file.read_text() == text
    assert [each.name for each in file.parent.iterdir()] == ["mcp.json"]


def test_a_file_that_is_not_toml_is_not_touched(machine):
    file = machine.file(".codex/config.toml", "a = 1\n[b\n")
    said = machine.setup("codex", "--uri", URI)
    assert said.err.startswith(f"{file}, line 2: it is not written as TOML, so Codex cannot read it.")
    assert file.read_text() == "a = 1\n[b\n"


def test_a_table_that_cannot_be_changed_safely_is_not_touched(machine):
    text = 'mcp_servers = { other = { command = "x" } }\n'
    file = machine.file(".codex/config.toml", text)
    said = machine.setup("codex", "--uri", URI)
    assert said.code == 1
    assert "cannot be changed safely" in said.err
    assert file.read_text() == text


def test_a_file_nested_too_deep_is_not_touched(machine):
    text = '{"a": ' + "[" * 150 + "]" * 150 + "}"
    file = machine.file(CURSOR, text)
    said = machine.setup("cursor", "--uri", URI)
    assert said.code == 1
    assert "cannot be changed safely" in said.err
    assert file.read_text() == text


def test_a_comment_is_kept_where_the_host_reads_it_and_told_where_not(machine):
    machine.file(CURSOR, "{\n  // mine\n}")
    assert machine.setup("cursor", "--uri", URI).code == 0
    assert "// mine" in (machine.home / CURSOR).read_text()
    machine.file(".claude.json", "{\n  // mine\n}")
    said = machine.setup("claude-code", "--uri", URI)
    assert "line 2: a comment stands there, so Claude Code cannot read it." in said.err


def test_all_hosts_are_looked_at_before_one_is_written(machine):
    machine.file(CURSOR)
    machine.file(".gemini/settings.json", "nothing")
    assert machine.setup("cursor", "gemini", "--uri", URI).code == 1
    assert (machine.home / CURSOR).read_text() == ""


# --- undo


def test_undo_of_a_new_file_takes_it_away(machine):
    machine.file(".cursor/x")
    machine.setup("cursor", "--uri", URI)
    said = machine.setup("cursor", "--undo")
    assert said.out == f"Cursor: {machine.home / CURSOR} was made by the set-up and is removed."
    assert not (machine.home / CURSOR).exists()


def test_undo_gives_back_every_byte(machine):
    raw = b'\xef\xbb\xbf{\r\n\t"a" : 1, // x\r\n\t"mcpServers": { }\r\n}'
    file = machine.file(CURSOR, raw)
    machine.setup("cursor", "--uri", URI)
    assert file.read_bytes().startswith(b'\xef\xbb\xbf{\r\n\t"a" : 1, // x\r\n')
    assert b"\n" not in file.read_bytes().replace(b"\r\n", b"")
    machine.setup("cursor", "--undo")
    assert file.read_bytes() == raw


def test_undo_keeps_what_was_changed_since(machine):
    file = machine.file(CURSOR, '{"mcpServers": {"a": {"command": "x"}}}')
    machine.setup("cursor", "--uri", URI)
    file.write_text(file.read_text().replace('"x"', '"y"'))
    said = machine.setup("cursor", "--undo")
    assert said.out == f"Cursor: The entry 'mlflow' is removed from {file}."
    assert machine.json(CURSOR) == {"mcpServers": {"a": {"command": "y"}}}


def test_undo_goes_back_step_by_step(machine):
    file = machine.file(CURSOR, "{}")
    machine.setup("cursor", "--uri", URI)
    once = file.read_text()
    machine.setup("cursor", "--uri", URI + "/b", "--force")
    machine.setup("cursor", "--undo")
    assert file.read_text() == once
    machine.setup("cursor", "--undo")
    assert file.read_text() == "{}"
    said = machine.setup("cursor", "--undo")
    assert (said.code, said.err) == (1, f"{file} has no entry 'mlflow': there is nothing to undo.")


def test_undo_leaves_an_entry_that_is_not_ours(machine):
    text = '{"mcpServers": {"mlflow": {"command": "mine"}}}'
    file = machine.file(CURSOR, text)
    said = machine.setup("cursor", "--undo")
    assert (said.code, file.read_text()) == (1, text)
    assert "does not start mlflow-mcp" in said.err


def test_undo_of_a_toml_file(machine):
    text = '# mine\n[mcp_servers.other]\ncommand = "x"\n'
    file = machine.file(".codex/config.toml", text)
    machine.setup("codex", "--uri", URI)
    file.write_text(file.read_text() + "\n[tui]\na = 1\n")
    machine.setup("codex", "--undo")
    assert file.read_text() == text + "\n[tui]\na = 1\n"


# --- only looking


def test_print_writes_the_configuration_alone_to_stdout(machine):
    said = machine.setup("cursor", "--uri", URI, "--print")
    assert json.loads(said.out)["mcpServers"]["mlflow"]["args"] == WORDS[1:]
    assert said.err.startswith(f"Cursor reads this from {machine.home / CURSOR}: Or open this link on this machine: ")
    assert list(machine.home.iterdir()) == []


def test_without_a_host_it_says_what_is_found_and_changes_nothing(machine):
    machine.file(CURSOR, '{"mcpServers": {"lab": {"command": "/x/mlflow-mcp"}}}')
    machine.file(".gemini/settings.json", "{}")
    before = everything_in(machine.home)
    said = machine.setup()
    assert said.code == 0
    assert f"cursor has mlflow-mcp as lab in {machine.home / CURSOR}" in said.out
    assert f"gemini 'mlflow' would be added to {machine.home / '.gemini/settings.json'}" in said.out
    assert "Not found: claude-code, claude-desktop, vscode, codex, windsurf, zed." in said.out
    assert "setup cursor --uri" in said.out
    assert everything_in(machine.home) == before


def test_without_any_host_it_says_so(machine):
    assert "No host that setup knows was found here." in machine.setup().out


def test_every_call_in_the_documents_is_one_that_setup_takes():
    text = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "examples/configs/README.md"))
    calls = re.findall(r"mlflow-mcp (setup(?: [^`\n#]*)?)", text)
    assert len(calls) > 5
    for call in calls:
        words = shlex.split(call.replace("HOST", "cursor"))
        assert set(_parser(words).parse_args(words).hosts) <= set(HOSTS)


# --- what cannot be done


def test_a_host_that_is_not_here_is_told_with_the_way(machine):
    said = machine.setup("cursor", "--uri", URI)
    assert said.code == 1
    assert "Cursor was not found on this machine." in said.err
    assert "setup cursor --print` shows what to put into" in said.err
    assert list(machine.home.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["curser", "--uri", URI], "Nearest: cursor."),
        (["cursor", "--uri", URI, "--name", "a b"], "--name 'a b': use letters, digits, - and _."),
        (["cursor"], "Say where MLflow is: --uri https://…, or set MLFLOW_TRACKING_URI."),
        (["cursor", "--uri", "htps://x.example.com"], "Did you mean https://x.example.com?"),
        (["--undo"], "Name a host: claude-code,"),
        (["--print", "--uri", URI], "Name a host: claude-code,"),
    ],
)
def test_words_that_cannot_be_used(words, sentence, machine, monkeypatch):
    machine.file(CURSOR)
    said = machine.setup(*words)
    assert said.code == 2
    assert sentence in said.err


def test_without_a_home_it_says_what_to_do(machine, monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("USERPROFILE")
    said = machine.setup("cursor", "--uri", URI)
    assert said.code == 1
    assert "HOME is not set" in said.err or "USERPROFILE is not set" in said.err
    assert machine.setup("cursor", "--uri", URI, "--scope", "project").code == 0


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_told_before_anything_is_written(machine, monkeypatch):
    file = machine.file(CURSOR)
    uri = f"http://127.0.0.1:{free_port()}"
    said = machine.setup("cursor", "--uri", uri, check=True)
    assert said.code == 1
    assert "No, not yet." in said.out
    assert said.err == "Nothing was written. --force writes it without an answer."
    assert file.read_text() == ""
    assert machine.setup("cursor", "--uri", uri, "--force", check=True).code == 0
    assert written(machine, CURSOR)["env"]["MLFLOW_TRACKING_URI"] == uri


@pytest.mark.slow
def test_a_store_that_answers_is_checked_and_written(machine, store):
    machine.file(CURSOR)
    said = machine.setup("cursor", "--uri", store.uri, check=True)
    assert said.code == 0
    assert "Yes, it can." in said.out


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")
def test_on_a_terminal_the_address_is_asked_for(machine):
    import pty

    machine.file(CURSOR)
    person, terminal = pty.openpty()
    words = [sys.executable, "-m", "mlflow_mcp", "setup", "cursor", "--no-check"]
    with subprocess.Popen(words, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        os.write(person, f"{URI}\n".encode())
        out, err = process.communicate(timeout=60)
    os.close(person)
    os.close(terminal)
    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"Where is your MLflow?")
    assert written(machine, CURSOR)["env"] == {"MLFLOW_TRACKING_URI": URI}


# --- Claude Code's own command


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_claude_command_that_fails_is_told_in_its_words(machine, monkeypatch):
    program = machine.file("bin/claude", '#!/bin/sh\necho "no such scope" >&2\nexit 3\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin")
    file = machine.file(".claude.json", "{}")
    said = machine.setup("claude-code", "--uri", URI)
    assert (said.code, said.err) == (1, "`claude mcp add-json` failed: no such scope")
    assert (file.read_text(), sorted(each.name for each in machine.home.iterdir())) == ("{}", [".claude.json", "bin"])


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_an_entry_that_claude_took_away_and_did_not_replace_is_told_with_its_copy(machine, monkeypatch):
    empties = 'test "$2" = remove && echo "{}" > "$HOME/.claude.json"\n'
    program = machine.file("bin/claude", f"#!/bin/sh\n{empties}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin")
    text = '{"mcpServers": {"mlflow": {"command": "mine"}}}'
    machine.file(".claude.json", text)
    said = machine.setup("claude-code", "--uri", URI, "--force")
    backup = machine.home / ".claude.json.before-mlflow.1"
    assert said.err.endswith(f"The file as it was before: {backup}")
    assert backup.read_text() == text


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_claude_command_that_does_nothing_is_noticed(machine, monkeypatch):
    program = machine.file("bin/claude", "#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin")
    said = machine.setup("claude-code", "--uri", URI)
    assert said.code == 1
    assert "is not as it should be" in said.err
